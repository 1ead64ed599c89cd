/* SPDX-License-Identifier: MIT */
/*
 * kit_linux.c - lengths of Linux' short paths, in guest instructions. Prints `name value` lines.
 *
 * Under -icount shift=0 on one processor rdtsc counts guest instructions. Each figure is the median
 * of ROUNDS measurements, each of which is (rdtsc after - rdtsc before) - the same with nothing in
 * between, divided by the repetitions. "to handler" is from the trapping instruction to the first
 * instruction of the handler: the instruction itself and the rdtsc that ends the span count once.
 */
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

enum { ROUNDS = 101, PAGE = 4096, UNASSIGNED_CALL = 1023 };

__attribute__((used)) static uint64_t handler_tsc;
static char *fault_page;
static char dispatch_selector = SYSCALL_DISPATCH_FILTER_ALLOW;

static inline uint64_t
tsc_read(void)
{
    uint32_t low, high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high) : : "memory");
    return (uint64_t)high << 32 | low;
}

static inline long
call_bare(long n)
{
    long r;
    __asm__ volatile("syscall" : "=a"(r) : "a"(n) : "rcx", "r11", "memory");
    return r;
}

static int
order_u64(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

/* Prints the median of `round`, less what an empty span costs. */
static void
figure_print(const char *name, uint64_t (*round)(void))
{
    uint64_t v[ROUNDS], empty[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
        uint64_t t = tsc_read();
        empty[i] = tsc_read() - t;
        v[i] = round();
    }
    qsort(v, ROUNDS, sizeof v[0], order_u64);
    qsort(empty, ROUNDS, sizeof empty[0], order_u64);
    printf("%s %lu\n", name, v[ROUNDS / 2] - empty[ROUNDS / 2]);
}

static uint64_t
round_bare(void)
{
    uint64_t t = tsc_read();
    call_bare(UNASSIGNED_CALL);
    return tsc_read() - t;
}

static uint64_t
round_getppid(void)
{
    uint64_t t = tsc_read();
    call_bare(SYS_getppid);
    return tsc_read() - t;
}

/* The next page of a mapping too small for a large page: a fault that is served with a fresh frame.
 */
static uint64_t
round_anonymous_write(void)
{
    static char *next;
    if (!next)
        next =
            mmap(NULL, ROUNDS * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    uint64_t t = tsc_read();
    *(volatile char *)next = 1;
    t = tsc_read() - t;
    next += PAGE;
    return t;
}

/* Steps over what trapped: the three bytes of fault_take's store, the two of ud2. */
__attribute__((used)) static void
handler_finish(int sig, siginfo_t *info, ucontext_t *uc)
{
    if (sig == SIGSEGV)
        uc->uc_mcontext.gregs[REG_RIP] += 3;
    else if (sig == SIGILL)
        uc->uc_mcontext.gregs[REG_RIP] += 2;
    else
        dispatch_selector = SYSCALL_DISPATCH_FILTER_ALLOW;
    (void)info;
}

/* The handler of every signal: saves the one argument that rdtsc destroys, and stamps. */
void handler_entry(int sig, siginfo_t *info, void *context);
__asm__("handler_entry:\n\t"
        "mov %rdx, %rcx\n\t"
        "rdtsc\n\t"
        "shl $32, %rdx\n\t"
        "or %rdx, %rax\n\t"
        "mov %rax, handler_tsc(%rip)\n\t"
        "mov %rcx, %rdx\n\t"
        "jmp handler_finish");

static void
fault_take(void)
{
    __asm__ volatile("movb $1, (%0)" : : "a"(fault_page) : "memory"); /* c6 00 01 */
}

static uint64_t
round_fault_resume(void)
{
    uint64_t t = tsc_read();
    fault_take();
    return tsc_read() - t;
}

static uint64_t
round_fault_enter(void)
{
    uint64_t t = tsc_read();
    fault_take();
    return handler_tsc - t;
}

static uint64_t
round_exception_enter(void)
{
    uint64_t t = tsc_read();
    __asm__ volatile("ud2" : : : "memory");
    return handler_tsc - t;
}

/* The nearest that Linux has to a foreign call: system calls of a thread delivered to it as SIGSYS.
 */
static uint64_t
round_dispatch_enter(void)
{
    dispatch_selector = SYSCALL_DISPATCH_FILTER_BLOCK;
    uint64_t t = tsc_read();
    call_bare(UNASSIGNED_CALL);
    return handler_tsc - t;
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

int
main(void)
{
    fault_page = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    handler_set(SIGSEGV);
    handler_set(SIGILL);
    handler_set(SIGSYS);

    figure_print("bare_call", round_bare);
    figure_print("getppid", round_getppid);
    figure_print("anonymous_write_fault", round_anonymous_write);
    figure_print("fault_resume", round_fault_resume);
    figure_print("fault_enter", round_fault_enter);
    figure_print("exception_enter", round_exception_enter);
    if (prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_ON, 0, 0, &dispatch_selector)) {
        perror("prctl");
        return 1;
    }
    figure_print("dispatch_enter", round_dispatch_enter);
    return 0;
}
