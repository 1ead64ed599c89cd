/* SPDX-License-Identifier: MIT */
/*
 * kit_linux.c - the bench's kit on Linux: what kit.c is on the other side. Here: the part `paths`.
 * Under -icount shift=0 on one processor rdtsc counts guest instructions.
 */
#include "bench/kit_linux.h"
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "bench/spans.h"

enum { PAGE = 4096, UNASSIGNED_CALL = 1023 };

static char dispatch_selector = SYSCALL_DISPATCH_FILTER_ALLOW;

/* Steps over what trapped. Called by handler_entry alone. */
void handler_finish(int sig, siginfo_t *info, ucontext_t *uc);
void
handler_finish(int sig, siginfo_t *info, ucontext_t *uc)
{
    if (sig == SIGSEGV)
        uc->uc_mcontext.gregs[REG_RIP] += SPAN_STORE_BYTES;
    else if (sig == SIGILL)
        uc->uc_mcontext.gregs[REG_RIP] += SPAN_UD2_BYTES;
    else
        dispatch_selector = SYSCALL_DISPATCH_FILTER_ALLOW;
    (void)info;
}

/* The handler of every signal. rdtsc destroys an argument; it lies above the return address too. */
void handler_entry(int sig, siginfo_t *info, void *context);
__asm__(".globl handler_entry\n"
        "handler_entry:\n\t"
        "rdtsc\n\t"
        "shl $32, %rdx\n\t"
        "or %rdx, %rax\n\t"
        "mov %rax, span_handler_tsc(%rip)\n\t"
        "lea 8(%rsp), %rdx\n\t"
        "jmp handler_finish");

/*
 * The nearest that Linux has to a foreign call: a thread's system calls delivered to it as SIGSYS.
 */
static uint64_t
span_dispatch_enter(uint64_t number)
{
    dispatch_selector = SYSCALL_DISPATCH_FILTER_BLOCK;
    return span_call_enter(number);
}

void
value_print(const char *name, uint64_t value)
{
    printf("%s %lu\n", name, value);
}

void
span_print(const char *name, uint64_t (*span)(uint64_t))
{
    value_print(name, span_measure_c(span));
}

static void
path_print(const char *name, uint64_t (*span)(uint64_t), uint64_t argument, uint64_t step)
{
    value_print(name, span_measure(span, argument, step));
}

static void
handler_set(int sig)
{
    struct sigaction sa;
    memset(&sa, 0, sizeof sa);
    sa.sa_sigaction = handler_entry;
    sa.sa_flags = SA_SIGINFO;
    if (sigaction(sig, &sa, NULL)) {
        perror("sigaction");
        exit(1);
    }
}

uint64_t
pages_map(size_t bytes, int protection)
{
    void *p = mmap(NULL, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) {
        perror("mmap");
        exit(1);
    }
    return (uintptr_t)p;
}

static int to_peer[2], from_peer[2];

/* A byte to the other process and one back. */
static uint64_t
span_pipe(uint64_t argument)
{
    char byte = (char)argument;
    uint64_t from = span_stamp();

    if (write(to_peer[1], &byte, 1) != 1 || read(from_peer[0], &byte, 1) != 1)
        exit(1);
    return span_stamp() - from;
}

/* Another process that answers each byte with one. */
static void
peer_begin(void)
{
    char byte;

    if (pipe(to_peer) || pipe(from_peer)) {
        perror("pipe");
        exit(1);
    }
    fflush(stdout);
    if (fork())
        return;
    close(to_peer[1]);
    while (read(to_peer[0], &byte, 1) == 1 && write(from_peer[1], &byte, 1) == 1)
        ;
    _exit(0);
}

static int
kit_paths(void)
{
    uint64_t refused = pages_map(PAGE, PROT_NONE);
    /* Too small for a large page: each page is a fault of its own. */
    uint64_t fresh = pages_map((size_t)SPAN_ROUNDS * PAGE, PROT_READ | PROT_WRITE);
    handler_set(SIGSEGV);
    handler_set(SIGILL);
    handler_set(SIGSYS);

    path_print("bare_call", span_call, UNASSIGNED_CALL, 0);
    path_print("getppid", span_call, SYS_getppid, 0);
    path_print("anonymous_write_fault", span_store, fresh, PAGE);
    path_print("fault_resume", span_store, refused, 0);
    path_print("fault_enter", span_store_enter, refused, 0);
    path_print("exception_enter", span_illegal_enter, 0, 0);
    peer_begin();
    span_print("pipe_round_trip", span_pipe);
    close(to_peer[1]);
    if (prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_ON, 0, 0, &dispatch_selector)) {
        perror("prctl");
        return 1;
    }
    path_print("dispatch_enter", span_dispatch_enter, UNASSIGNED_CALL, 0);
    return 0;
}

/* The counter's cycles a second, by the kernel's clock over a tenth of one. */
uint64_t
counter_hz(void)
{
    enum { SPAN_NS = 100000000, NS = 1000000000 };
    struct timespec from, now;
    uint64_t begun, ns;

    clock_gettime(CLOCK_MONOTONIC, &from);
    begun = span_stamp();
    do {
        clock_gettime(CLOCK_MONOTONIC, &now);
        ns = (uint64_t)(now.tv_sec - from.tv_sec) * NS + (uint64_t)now.tv_nsec -
             (uint64_t)from.tv_nsec;
    } while (ns < SPAN_NS);
    return (uint64_t)((double)(span_stamp() - begun) * NS / (double)ns);
}

/* The memory that the kernel has to give out. */
static int
kit_machine(void)
{
    struct sysinfo info;

    if (sysinfo(&info))
        return 1;
    value_print("total_bytes", info.totalram * info.mem_unit);
    return 0;
}

static const struct part {
    const char *name;
    int (*run)(void);
} parts[] = {{"paths", kit_paths},    {"memory", kit_memory}, {"threads", kit_threads},
             {"envs", kit_envs},      {"wake", kit_wake},     {"procs", kit_procs},
             {"machine", kit_machine}};

int
main(int argc, char **argv)
{
    value_print("counter_hz", counter_hz());
    for (int i = 1; i < argc; i++)
        for (size_t j = 0; j < sizeof(parts) / sizeof(parts[0]); j++)
            if (strcmp(argv[i], parts[j].name) == 0 && parts[j].run())
                return 1;
    return 0;
}
