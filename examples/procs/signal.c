/* SPDX-License-Identifier: MIT */
/*
 * signal.c - a handler of the process is run in the middle of whatever it does. What it did is put
 * on its stack, and comes back when the handler returns.
 */
#include "examples/procs/procs.h"

enum { SIGNAL_MAX = 63, SIGNAL_KILL = 9, STATUS_SIGNAL = 128, RED_ZONE = 128 };

int64_t
signal_raise(uint32_t number, uint32_t signal)
{
    struct proc *p;
    bool ends = false;

    if (signal > SIGNAL_MAX)
        return -E_INVAL;
    lock_take(&procs_lock);
    p = proc_by_number(number);
    if (p) {
        ends = signal == SIGNAL_KILL || !p->handler;
        if (!ends)
            p->signals |= (uint64_t)1 << signal;
        else
            p->killed = 1, p->status = STATUS_SIGNAL + (int32_t)signal;
    }
    lock_drop(&procs_lock);
    if (!p)
        return -E_NOENT;
    sched_rouse(p);
    return 0;
}

/* The lowest that is raised, taken; 0: none. */
static uint32_t
signal_take(struct proc *p)
{
    uint64_t set;

    lock_take(&procs_lock);
    set = p->signals;
    p->signals = set & (set - 1);
    lock_drop(&procs_lock);
    return set ? (uint32_t)__builtin_ctzll(set) : 0;
}

void
signal_deliver(struct task *t, struct save_area *save)
{
    struct proc *p = t->proc;
    uint32_t signal = signal_take(p);
    uint64_t rsp = (save->rsp - RED_ZONE - sizeof(*save)) & ~(uint64_t)15;

    if (!signal)
        return;
    if (memory_copy(p, rsp, save, sizeof(*save), true)) {
        proc_kill(p, STATUS_SIGNAL + (int32_t)signal); /* no stack for it */
        return;
    }
    save->rip = p->handler;
    save->rdi = signal;
    save->rsp = rsp;
}

int64_t
signal_return(struct task *t, struct save_area *save)
{
    if (memory_copy(t->proc, save->rsp, save, sizeof(*save), false))
        proc_kill(t->proc, STATUS_SIGNAL + SIGNAL_KILL);
    return (int64_t)save->rax;
}
