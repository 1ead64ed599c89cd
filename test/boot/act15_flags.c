/* SPDX-License-Identifier: MIT */
/*
 * act15_flags.c - hostile act 15: flags that no library may have do not come back from the kernel;
 * TF, AC and DF are the context's own, and reach neither the kernel nor another context.
 */
#include "test/boot/kit.h"
#include "abi/account.h"

enum flag {
    FLAG_FIXED = 1 << 1,
    FLAG_TF = 1 << 8,
    FLAG_IF = 1 << 9,
    FLAG_DF = 1 << 10,
    FLAG_IOPL = 3 << 12,
    FLAG_NT = 1 << 14,
    FLAG_RF = 1 << 16,
    FLAG_VM = 1 << 17,
    FLAG_AC = 1 << 18,
    FLAG_VIF = 1 << 19,
    FLAG_VIP = 1 << 20,
    FLAG_ID = 1 << 21,
};
enum { SPINS = 3 * 1000 * 1000, PATTERN = 0x5151 };

/* Sets these flags, makes the call with two arguments, gives the flags back and clears them. */
static uint64_t
flags_across(uint64_t flags, uint64_t call, uint64_t a, uint64_t b)
{
    uint64_t after, rax = CALL_BASE + call;

    __asm__ volatile("push %2\n\tpopfq\n\tsyscall\n\tpushfq\n\tpop %0\n\tpush $0x202\n\tpopfq"
                     : "=&b"(after), "+a"(rax)
                     : "r"(flags), "D"(a), "S"(b)
                     : "rcx", "rdx", "r8", "r9", "r10", "r11", "memory", "cc");
    return after;
}

/* The same without a call: what came of them in the time of many interrupts. */
static uint64_t
flags_through_time(uint64_t flags)
{
    uint64_t after, n = SPINS;

    __asm__ volatile("push %2\n\tpopfq\n1:\tdec %1\n\tjnz 1b\n\tpushfq\n\tpop %0\n\t"
                     "push $0x202\n\tpopfq"
                     : "=&b"(after), "+c"(n)
                     : "r"(flags)
                     : "memory", "cc");
    return after;
}

/* No way back from the kernel brings privilege, a nested task or virtual interrupts. */
static void
privileged_flags(void)
{
    static const uint64_t asked[] = {FLAG_IOPL,
                                     FLAG_NT,
                                     FLAG_VM,
                                     FLAG_RF,
                                     FLAG_VIF,
                                     FLAG_VIP,
                                     FLAG_IOPL | FLAG_NT | FLAG_VM | FLAG_VIF | FLAG_VIP};
    const uint64_t never = FLAG_IOPL | FLAG_VM | FLAG_RF | FLAG_VIF | FLAG_VIP;

    for (uint32_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
        uint64_t calm = flags_across(asked[i] | FLAG_IF, CALL_null, 0, 0);
        uint64_t resumed = flags_across(asked[i] | FLAG_IF, CALL_yield, SLOT_NOTHING, 0);
        uint64_t later = flags_through_time(asked[i] | FLAG_IF);

        hold(!((calm | resumed | later) & never), "a flag that no library may have");
        hold(!(resumed & FLAG_NT), "a nested task after a resume");
        hold((calm & resumed & later & FLAG_IF) != 0, "interrupts stay on");
    }
    hold((flags_across(0, CALL_yield, SLOT_NOTHING, 0) & FLAG_IF) != 0, "interrupts cannot be off");
}

static void
own_flags(void)
{
    static const uint64_t own[] = {FLAG_DF, FLAG_AC, FLAG_ID, FLAG_DF | FLAG_AC | FLAG_ID};

    for (uint32_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
        expect((flags_across(own[i] | FLAG_IF, CALL_null, 0, 0) & own[i]) == own[i],
               "kept by a call");
        expect((flags_across(own[i] | FLAG_IF, CALL_yield, SLOT_NOTHING, 0) & own[i]) == own[i],
               "kept by a slice end");
        expect((flags_through_time(own[i] | FLAG_IF) & own[i]) == own[i], "kept by interrupts");
    }
}

/* The kernel copies upward, whatever our direction flag says. */
static void
direction_in_kernel(void)
{
    struct around {
        uint64_t before[8];
        struct account_state state;
        uint64_t after[8];
    } a, calm;

    memset(&calm, PATTERN & 0xff, sizeof(calm));
    fine(call_account_read(SLOT_ACCOUNT, (uintptr_t)&calm.state).value, "account_read");
    memset(&a, PATTERN & 0xff, sizeof(a));
    flags_across(FLAG_DF | FLAG_IF, CALL_account_read, SLOT_ACCOUNT, (uintptr_t)&a.state);
    hold(!memcmp((const char *)&a, (const char *)&calm, sizeof(a)), "the kernel copied downward");
    hold(flags_across(FLAG_DF | FLAG_AC | FLAG_IF, CALL_wait, 1, 0x7fffffff) != 0,
         "a call returns");
}

extern const char stepped_call[], stepped_end[];

/* Sets TF before a call: the step is seen behind it. */
static void
step_over_call(uint64_t call)
{
    uint64_t rax = CALL_BASE + call;

    __asm__ volatile(
        "push $0x302\n\tpopfq\nstepped_call:\n\tsyscall\n\tnop\n\tnop\nstepped_end:\n\t"
        "push $0x202\n\tpopfq"
        : "+a"(rax)
        :
        : "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "memory", "cc");
}

static void
trace_in_kernel(void)
{
    static const uint64_t calls[] = {CALL_null, CALL_yield, CALL_deadline_set};

    for (uint32_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        struct trap t = trap_catch(step_over_call, calls[i]);

        hold(t.vector == VECTOR_DEBUG, "a step is ours to see");
        hold(t.rip > (uintptr_t)stepped_call && t.rip <= (uintptr_t)stepped_end,
             "and lies behind the call");
    }
}

int
exo_main(const struct start_page *start)
{
    (void)start;
    privileged_flags();
    own_flags();
    direction_in_kernel();
    trace_in_kernel();
    return done();
}
