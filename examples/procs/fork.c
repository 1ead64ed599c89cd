/* SPDX-License-Identifier: MIT */
/*
 * fork.c - a copy of a process: its frames are shared until somebody writes. The page tables either
 * are copied, entry by entry in one call, or the child's tree is given the parent's own leaf.
 *
 * The parent's other tasks may be writing meanwhile, on other processors. Their faults wait for the
 * parent's lock, which is held until the epoch has passed in which the last right to write in the
 * old way is gone; before that nothing is copied, and the child does not begin.
 */
#include "examples/procs/procs.h"

/* The epoch, or an error. The lock of `from` is held. */
static int64_t
memory_share(struct proc *from, struct proc *to, enum fork_way way)
{
    if (way == FORK_SHARE) {
        if (!from->leaf && !leaf_own(from))
            return -E_NOMEM;
        pages_share(to->page, from->page);
        return leaf_share(from, to);
    }
    if (!leaf_own(from) || !leaf_own(to))
        return -E_NOMEM;
    pages_share(to->page, from->page);
    return leaf_copy(from->leaf, to->leaf);
}

static bool
memory_fork(struct proc *from, struct proc *to, enum fork_way way)
{
    int64_t epoch;

    lock_take(&from->lock);
    epoch = memory_share(from, to, way);
    if (epoch > 0)
        epoch_wait((uint64_t)epoch);
    lock_drop(&from->lock);
    return epoch >= 0;
}

/* The child's task goes on as t does. */
static void
child_begin(struct task *t, struct proc *child, struct task *first, const struct save_area *save)
{
    registers_keep(first, save);
    vectors_load(first->vectors); /* t's own, which were used for it */
    first->save.rax = 0;
    child->handler = t->proc->handler;
    child->handling = t->proc->handling;
    pipes_share(t->proc, child);
    lock_take(&procs_lock);
    child->state = PROC_RUNNING;
    child->maker = NULL;
    t->making = NULL;
    sched_ready(first);
    lock_drop(&procs_lock);
}

int64_t
call_fork(struct task *t, struct save_area *save)
{
    struct proc *child = proc_make(t->proc, t);
    enum fork_way way = save->rdi == FORK_SHARE ? FORK_SHARE : FORK_COPY;
    struct task *first = NULL;
    uint32_t number = child ? child->number : 0;

    if (child && tables_make(child) && memory_fork(t->proc, child, way)) {
        lock_take(&procs_lock);
        first = task_make(child);
        lock_drop(&procs_lock);
    }
    if (!first) {
        if (child)
            proc_finish(child);
        return -E_NOMEM;
    }
    child_begin(t, child, first, save);
    return number; /* the child may be another's record by now */
}
