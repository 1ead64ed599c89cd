/* SPDX-License-Identifier: MIT */
/*
 * signal.c - a handler of the process is run in the middle of whatever it does. What it did is put
 * on its stack, all registers, and comes back when the handler returns.
 */
#include "abi/exposed.h"
#include "examples/procs/procs.h"

enum { SIGNAL_MAX = 63, SIGNAL_KILL = 9, STATUS_SIGNAL = 128, RED_ZONE = 128, VECTORS_ALIGN = 64 };
enum { VECTORS_HEAD = 512 };
_Static_assert(sizeof(struct save_area) % VECTORS_ALIGN == 0, "vectors lie behind it");

static uint64_t
frame_bytes_needed(void)
{
    return sizeof(struct save_area) + ((const struct machine_page *)EXPOSED_MACHINE)->vector_bytes;
}

FLAT int64_t
signal_raise(struct task *t, struct save_area *save)
{
    uint64_t signal = save->rsi, poke = 0;
    struct proc *p;

    (void)t;
    if (signal == 0 || signal > SIGNAL_MAX)
        return -E_INVAL;
    lock_take(&run_lock);
    p = proc_by_number(save->rdi);
    if (p) {
        if (signal != SIGNAL_KILL && p->handler)
            __atomic_fetch_or(&p->signals, (uint64_t)1 << signal, __ATOMIC_SEQ_CST);
        else if (!p->killed)
            p->killed = 1, p->status = STATUS_SIGNAL + (int32_t)signal;
        poke = sched_stir(p);
    }
    sched_poke(poke);
    lock_drop(&run_lock);
    return p ? 0 : -E_NOENT;
}

/* The lowest that is raised, taken; 0: none, or another task is about it. */
static uint32_t
signal_take(struct proc *p)
{
    uint64_t set;

    do {
        if (__atomic_exchange_n(&p->handling, 1, __ATOMIC_SEQ_CST))
            return 0;
        set = __atomic_load_n(&p->signals, __ATOMIC_SEQ_CST); /* nobody else takes one now */
        if (set)
            break;
        __atomic_store_n(&p->handling, 0, __ATOMIC_SEQ_CST);
    } while (p->signals); /* who was woken for it meanwhile may have seen `handling` */
    if (!set)
        return 0;
    p->handled = 1; /* before it is gone from `signals`: who is about to pause sees either */
    __atomic_fetch_and(&p->signals, ~(set & -set), __ATOMIC_SEQ_CST);
    return (uint32_t)__builtin_ctzll(set);
}

/* The call that the signal ends: its result is found behind the handler. */
static void
pause_end(struct proc *p, struct save_area *save)
{
    save->rip += SYSCALL_BYTES;
    save->rax = (uint64_t)-E_INTR;
    p->handled = 0;
}

/* Where nothing was kept before: what XSAVE leaves of the head, and XRSTOR looks at, must be 0. */
static void
vectors_keep_new(void *at)
{
    uint64_t *head = (uint64_t *)at + VECTORS_HEAD / sizeof(uint64_t);

    head[0] = head[1] = head[2] = 0;
    vectors_keep(at);
}

FLAT void
signal_deliver(struct task *t, struct save_area *save)
{
    uint64_t n = frame_bytes_needed();
    uint64_t rsp = (save->rsp - RED_ZONE - n) & ~(uint64_t)(VECTORS_ALIGN - 1);
    struct save_area *at = (struct save_area *)rsp;
    uint32_t signal = signal_take(t->proc);

    if (!signal)
        return; /* another task has it */
    if (!memory_allows(rsp, n)) {
        proc_kill(t->proc, STATUS_SIGNAL + (int32_t)signal); /* no stack for it */
        return;
    }
    if (t->again && save->rax == P_PAUSE)
        pause_end(t->proc, save);
    t->again = 0; /* the handler returns to the call itself */
    vectors_keep_new(at + 1);
    registers_move(at, save); /* what the handler finds in vector registers is of no meaning */
    save->rip = t->proc->handler;
    save->rdi = signal;
    save->rsp = rsp;
}

/* Words that the process has spoiled are its own end: the exception that they raise here. */
FLAT int64_t
signal_return(struct task *t, struct save_area *save)
{
    const struct save_area *at = (const struct save_area *)save->rsp;

    if (!memory_allows(save->rsp, frame_bytes_needed()) || save->rsp % VECTORS_ALIGN)
        return -E_FAULT;
    registers_move(save, at);
    vectors_load(at + 1);
    t->proc->handling = 0;
    return (int64_t)save->rax;
}

FLAT int64_t
signal_pause(struct task *t, struct save_area *save)
{
    struct proc *p = t->proc;

    if (!p->handled)
        return sched_sleep(t, save, &p->pausing, &p->handled);
    __atomic_store_n(&p->handled, 0, __ATOMIC_SEQ_CST);
    return -E_INTR;
}
