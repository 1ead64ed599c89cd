/* SPDX-License-Identifier: MIT */
/*
 * fork.c - a copy of a process: its frames are shared until somebody writes. The page tables either
 * are copied, entry by entry in one call, or the child's tree is given the parent's own leaf.
 *
 * The parent's other tasks may be writing meanwhile, on other processors. What page[] says is
 * changed with the parent's lock held, so that their faults wait; and the child does not begin
 * before the epoch in which the last right to write in the old way is gone.
 */
#include "examples/procs/procs.h"

/* With the parent's lock: every frame has one user more, and is to be copied when it is written. */
static void
pages_share(struct proc *from, struct proc *to)
{
    for (uint32_t i = 0; i < PAGES; i++) {
        if (!from->page[i].frame)
            continue;
        from->page[i].flags = to->page[i].flags = PAGE_COPY;
        frame_share(&to->page[i].frame, from->page[i].frame);
    }
}

/* The epoch to wait for, or an error. */
static int64_t
memory_fork(struct proc *from, struct proc *to, bool share)
{
    int64_t r = -E_NOMEM;

    lock_take(&from->lock);
    if (share && (from->shared || leaf_own(from))) {
        pages_share(from, to);
        r = leaf_share(from, to);
    } else if (!share && leaf_own(from) && leaf_own(to)) {
        pages_share(from, to);
        r = leaf_copy(from->leaf, to->leaf);
    }
    lock_drop(&from->lock);
    return r;
}

int64_t
call_fork(struct task *t, const struct save_area *save, bool share)
{
    struct proc *p = t->proc, *child = proc_make(p);
    struct task *first = NULL;
    int64_t epoch = -E_NOMEM;

    if (child && tables_make(child))
        epoch = memory_fork(p, child, share);
    if (epoch >= 0) {
        epoch_wait((uint64_t)epoch);
        first = task_make(child);
    }
    if (!first) {
        if (child)
            proc_finish(child);
        return -E_NOMEM;
    }
    first->save = *save;
    first->save.rax = 0;
    __asm__ volatile("rdfsbase %0" : "=r"(first->fs));
    __asm__ volatile("xsave64 (%0)" ::"r"(first->vectors), "a"(-1), "d"(-1) : "memory");
    child->handler = p->handler;
    pipes_share(p, child);
    lock_take(&procs_lock);
    child->state = PROC_RUNNING;
    p->making = NULL;
    sched_ready(first);
    lock_drop(&procs_lock);
    return child->number;
}
