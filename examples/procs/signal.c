/* SPDX-License-Identifier: MIT */
/*
 * signal.c - a handler of the process is run in the middle of whatever it does. What it did is put
 * on its stack, all registers, and comes back when the handler returns.
 */
#include "abi/exposed.h"
#include "examples/procs/procs.h"

enum { SIGNAL_MAX = 63, SIGNAL_KILL = 9, STATUS_SIGNAL = 128, RED_ZONE = 128, VECTORS_ALIGN = 64 };
enum { VECTORS_HEAD = 512, VECTORS_HEAD_BYTES = 64 };
_Static_assert(sizeof(struct save_area) % VECTORS_ALIGN == 0, "vectors lie behind it");

static uint64_t
frame_bytes_needed(void)
{
    return sizeof(struct save_area) + ((const struct machine_page *)EXPOSED_MACHINE)->vector_bytes;
}

int64_t
signal_raise(uint64_t number, uint64_t signal)
{
    struct proc *p;

    if (signal == 0 || signal > SIGNAL_MAX)
        return -E_INVAL;
    lock_take(&procs_lock);
    p = proc_by_number(number);
    if (p && signal != SIGNAL_KILL && p->handler)
        p->signals |= (uint64_t)1 << signal;
    else if (p && !p->killed)
        p->killed = 1, p->status = STATUS_SIGNAL + (int32_t)signal;
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
    set = p->handling ? 0 : p->signals;
    p->signals &= ~(set & -set);
    if (set)
        p->handled = p->handling = 1;
    lock_drop(&procs_lock);
    return set ? (uint32_t)__builtin_ctzll(set) : 0;
}

void
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
    t->again = 0; /* the handler returns to the call itself */
    *at = *save;
    memset((char *)(at + 1) + VECTORS_HEAD, 0, VECTORS_HEAD_BYTES);
    __asm__ volatile("xsave64 (%0)" ::"r"(at + 1), "a"(-1), "d"(-1) : "memory");
    save->rip = t->proc->handler;
    save->rdi = signal;
    save->rsp = rsp;
}

/* Words that the process has spoiled are its own end: the exception that they raise here. */
int64_t
signal_return(struct task *t, struct save_area *save)
{
    const struct save_area *at = (const struct save_area *)save->rsp;

    if (!memory_allows(save->rsp, frame_bytes_needed()) || save->rsp % VECTORS_ALIGN)
        return -E_FAULT;
    __asm__ volatile("xrstor64 (%0)" ::"r"(at + 1), "a"(-1), "d"(-1) : "memory");
    *save = *at;
    t->proc->handling = 0;
    return (int64_t)save->rax;
}

int64_t
signal_pause(struct task *t, struct save_area *save)
{
    struct proc *p = t->proc;
    int64_t r = -E_INTR;

    lock_take(&procs_lock);
    if (p->handled)
        p->handled = 0;
    else
        r = sched_sleep(t, save, &p->pausing);
    lock_drop(&procs_lock);
    return r;
}
