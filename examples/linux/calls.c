/* SPDX-License-Identifier: MIT */
/*
 * calls.c - every call by number; the process, its time and signals; the beginning.
 */
#include "abi/account.h"
#include "abi/cap.h"
#include "lib/string.h"
#include "examples/linux/linux.h"
#include "call_stubs.h"

enum { CALLS = 512, SIGNALS = 64, SIGNAL_KILL = 9, STATUS_SIGNAL = 128, STATUS_NOEXEC = 126 };
enum { PROCESS = 1, SECOND_NS = 1000000000 };
static const uint64_t FOREVER_S = 1ull << 33;

extern const char *const linux_names[CALLS]; /* made from the C library's header */

static uint32_t missing[CALLS];
static struct action {
    uint64_t handler, flags, restorer, mask;
} actions[SIGNALS + 1];
struct time {
    uint64_t s, fraction; /* nanoseconds or microseconds */
};

static void __attribute__((noreturn)) program_end(int status)
{
    for (uint32_t i = 0; i < CALLS; i++)
        if (missing[i] > 0)
            report_line(&exo_console, "missing %s %u", linux_names[i] ? linux_names[i] : "unknown",
                        missing[i]);
    exo_exit(status & 255);
}

/* A signal to ourselves: ignored, harmless (CHLD, CONT .. TTOU, URG, WINCH), or the end. */
int64_t
signal_raise(uint64_t number)
{
    enum { DEFAULT, IGNORE, HARMLESS = 1 << 17 | 0x1f << 18 | 1 << 23 | 1 << 28 };
    uint64_t handler = actions[number].handler;
    if (handler != IGNORE && !(handler == DEFAULT && (1ull << number & HARMLESS)))
        program_end(STATUS_SIGNAL + (int)number);
    return 0;
}

static void
on_signals(uint64_t set)
{
    for (; set != 0; set &= set - 1)
        signal_raise((uint64_t)__builtin_ctzll(set));
}

/* kill, tkill, tgkill (234). */
static int64_t
linux_kill(const struct save_area *s)
{
    uint64_t number = s->rax == 234 ? s->rdx : s->rsi;
    if (number > SIGNALS)
        return -E_INVAL;
    if ((int32_t)s->rdi > PROCESS)
        return -L_ESRCH;
    return number ? signal_raise(number % SIGNALS) : 0;
}

static int64_t
linux_sigaction(const struct save_area *s)
{
    struct action *a = &actions[s->rdi <= SIGNALS ? s->rdi : 0], old = *a;
    if (s->rdi == 0 || s->rdi > SIGNALS || s->rdi == SIGNAL_KILL)
        return -E_INVAL;
    if (s->rsi && !region_covers(s->rsi, sizeof(*a), MAP_READ))
        return -E_FAULT;
    if (s->rsi)
        memcpy(a, (const void *)s->rsi, sizeof(*a));
    return s->rdx ? user_put(s->rdx, &old, sizeof(old)) : 0;
}

/* No handler is ever called, so that nothing is held back. */
static int64_t
linux_sigprocmask(const struct save_area *s)
{
    uint64_t none = 0;
    return s->rdx ? user_put(s->rdx, &none, sizeof(none)) : 0;
}

static int64_t
linux_exit(const struct save_area *s)
{
    program_end((int)s->rdi);
}

static int64_t
linux_arch_prctl(const struct save_area *s)
{
    enum { ARCH_SET_FS = 0x1002 };
    if (s->rdi != ARCH_SET_FS || s->rsi >= REGION_TOP)
        return -E_INVAL;
    __asm__ volatile("wrfsbase %0" : : "r"(s->rsi));
    return 0;
}

static int64_t
linux_uname(const struct save_area *s)
{
    static const char names[6][65] = {"Linux", "tessera", "6.1.0", "Tessera", "x86_64", "(none)"};
    return user_put(s->rdi, names, sizeof(names));
}

static int64_t
linux_getcwd(const struct save_area *s)
{
    int64_t error = s->rsi < 2 ? -E_RANGE : user_put(s->rdi, "/", 2);
    return error ? error : 2;
}

/* prlimit64: 8 MiB of stack, else no limit. */
static int64_t
linux_prlimit(const struct save_area *s)
{
    enum { RESOURCE_STACK = 3 };
    uint64_t limit[2] = {s->rsi == RESOURCE_STACK ? PROGRAM_STACK_BYTES : UINT64_MAX, UINT64_MAX};
    return s->r10 ? user_put(s->r10, limit, sizeof(limit)) : 0;
}

static int64_t
linux_sysinfo(const struct save_area *s)
{
    const volatile struct account_state *account = &account_shown()->state;
    uint64_t info[14] = {[4] = account->limit_frames, [10] = PROCESS, [13] = PAGE};
    info[0] = clock_ns() / SECOND_NS;
    info[5] = account->limit_frames - account->used_frames;
    return user_put(s->rdi, info, sizeof(info));
}

static int64_t
linux_getrandom(const struct save_area *s)
{
    if (!region_covers(s->rdi, s->rsi, MAP_WRITE))
        return -E_FAULT;
    return random_fill((void *)s->rdi, s->rsi) ? (int64_t)s->rsi : -E_NOSYS;
}

/* clock_gettime (228), gettimeofday (96), time (201). */
static int64_t
linux_time(const struct save_area *s)
{
    uint64_t now = clock_ns(), va = s->rax == 228 ? s->rsi : s->rdi;
    if (s->rax != 228 || s->rdi == 0)
        now += (uint64_t)call_clock_wall(SLOT_MACHINE).value;
    struct time t = {now / SECOND_NS, now % SECOND_NS / (s->rax == 96 ? 1000 : 1)};
    int64_t error = va ? user_put(va, &t, s->rax == 201 ? 8 : sizeof(t)) : 0;
    return s->rax != 201 || error ? error : (int64_t)t.s;
}

/* nanosleep (35), clock_nanosleep. */
static int64_t
linux_sleep(const struct save_area *s)
{
    uint64_t va = s->rax == 35 ? s->rdi : s->rdx;
    if (!region_covers(va, sizeof(struct time), MAP_READ))
        return -E_FAULT;
    struct time t = *(const struct time *)va;
    if (t.s > INT64_MAX || t.fraction >= SECOND_NS)
        return -E_INVAL;
    uint64_t end = (t.s < FOREVER_S ? t.s : FOREVER_S) * SECOND_NS + t.fraction;
    if (s->rax == 35 || s->rsi == 0)
        end += clock_ns();
    else if (s->rdi == 0)
        end -= (uint64_t)call_clock_wall(SLOT_MACHINE).value;
    clock_sleep_until(end);
    return 0;
}

/* A function, or known to give always the same: one user, one thread, no other files. */
static const struct {
    linux_call *call;
    int32_t known, value;
} calls[CALLS] = {
    /* clang-format off */
    [0] = {linux_read},         [1] = {linux_write},        [2] = {linux_open},
    [3] = {linux_close},        [4] = {linux_stat},         [5] = {linux_stat},
    [6] = {linux_stat},         [7] = {linux_poll},         [8] = {linux_pipe_only},
    [9] = {linux_mmap},         [10] = {linux_mprotect},    [11] = {linux_munmap},
    [12] = {linux_brk},         [13] = {linux_sigaction},   [14] = {linux_sigprocmask},
    [16] = {linux_pipe_only},   [17] = {linux_pipe_only},   [18] = {linux_pipe_only},
    [19] = {linux_vector},      [20] = {linux_vector},      [21] = {0, 1, -E_NOENT}, /* access */
    [24] = {0, 1, 0}, /* sched_yield */                     [25] = {linux_mremap},
    [28] = {linux_madvise},     [32] = {linux_fcntl},       [33] = {linux_dup2},
    [35] = {linux_sleep},       [39] = {0, 1, PROCESS},     [40] = {linux_pipe_only},
    [60] = {linux_exit},        [62] = {linux_kill},        [63] = {linux_uname},
    [72] = {linux_fcntl},       [79] = {linux_getcwd},      [89] = {0, 1, -E_NOENT}, /* readlink */
    [95] = {0, 1, 022}, /* umask */                         [96] = {linux_time},
    [99] = {linux_sysinfo},     [102] = {0, 1, 0}, /* getuid, getgid, geteuid, getegid, getppid: */
    [104] = {0, 1, 0},          [107] = {0, 1, 0},          [108] = {0, 1, 0},
    [110] = {0, 1, 0},          [111] = {0, 1, PROCESS}, /* getpgrp */
    [131] = {0, 1, 0}, /* sigaltstack */                    [157] = {0, 1, -E_INVAL}, /* prctl */
    [158] = {linux_arch_prctl},
    [186] = {0, 1, PROCESS}, /* gettid */                   [200] = {linux_kill},
    [201] = {linux_time},       [202] = {0, 1, 0}, /* futex: nobody to wake or to wait for */
    [218] = {0, 1, PROCESS}, /* set_tid_address */          [221] = {linux_pipe_only},
    [228] = {linux_time},       [230] = {linux_sleep},      [231] = {linux_exit},
    [234] = {linux_kill},       [257] = {linux_open},       [262] = {linux_stat},
    [267] = {0, 1, -E_NOENT}, /* readlinkat, faccessat, faccessat2: */
    [269] = {0, 1, -E_NOENT},   [273] = {0, 1, 0}, /* set_robust_list */
    [292] = {linux_dup2},       [302] = {linux_prlimit},    [318] = {linux_getrandom},
    [334] = {0, 1, -E_NOSYS}, /* rseq */                    [439] = {0, 1, -E_NOENT},
    /* clang-format on */
};

static void
on_foreign(struct save_area *s)
{
    uint64_t n = s->vector == VECTOR_FOREIGN && s->rax < CALLS ? s->rax : CALLS - 1;
    if (calls[n].call) {
        s->rax = (uint64_t)calls[n].call(s);
        return;
    }
    missing[n] += !calls[n].known;
    s->rax = (uint64_t)(int64_t)(calls[n].known ? calls[n].value : -E_NOSYS);
}

static void
on_fault(struct save_area *s)
{
    uint32_t need = s->error & PAGE_FAULT_WRITE ? MAP_WRITE : MAP_READ;
    int error = region_touch(s->address, s->error & PAGE_FAULT_FETCH ? MAP_EXEC : need);
    if (error == 0)
        return;
    if (error == -E_FAULT)
        exo_die_of(s);
    report_memory(&exo_console, SIGNAL_KILL);
    program_end(STATUS_SIGNAL + SIGNAL_KILL);
}

int
exo_main(const struct start_page *start)
{
    struct program program;
    const char *why = "";
    exo_on_fault = on_fault;
    exo_on_foreign = on_foreign;
    exo_on_signals = on_signals;
    if (!start->program_bytes)
        why = "it runs a Linux executable: name that one, by its path";
    else if (program_load(start, &program, &why) == 0) {
        brk_begin(program.end);
        exo_enter(program.rip, program.rsp);
    }
    report_line(&exo_console, "died 0 %s", why);
    return STATUS_NOEXEC;
}
