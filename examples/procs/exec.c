/* SPDX-License-Identifier: MIT */
/*
 * exec.c - another program in the same process. Its other tasks may be running elsewhere: they are
 * told to end, and the memory goes when the last of them is off its processor. Where two become
 * another program at once, the first tells the second to end.
 */
#include "examples/procs/procs.h"

/* The other tasks are told to end, and the current one sleeps until they have: 0, or AGAIN. */
static int64_t
alone(struct task *t, struct save_area *save)
{
    struct proc *p = t->proc;
    bool told = false;
    int64_t r = 0;

    lock_take(&procs_lock);
    for (struct task *other = t->ends ? NULL : p->tasks; other; other = other->sibling)
        if (other != t && !other->ends) {
            other->ends = 1;
            told = true;
        }
    lock_drop(&procs_lock);
    if (told)
        sched_rouse(p);
    lock_take(&procs_lock);
    if (p->n_tasks > 1)
        r = sched_sleep(t, save, &p->alone, NULL);
    lock_drop(&procs_lock);
    return r;
}

int64_t
call_exec(struct task *t, struct save_area *save)
{
    struct proc *p = t->proc;
    uint64_t image = save->rdi, argument = save->rsi;
    int64_t r;

    if (image >= IMAGES)
        return -E_NOENT;
    r = alone(t, save);
    if (r)
        return r;
    memory_drop(p);
    p->handler = 0;
    p->handling = 0;
    task_begin(t, image_enter(p, (enum image)image), argument, PROC_END - sizeof(uint64_t));
    registers_load(t, save);
    return 0;
}

/* In one section: one that is not ready yet would be nobody's (P5). */
int64_t
call_thread(struct task *t, struct save_area *save)
{
    struct task *new;

    lock_take(&procs_lock);
    new = task_make(t->proc);
    if (new) {
        task_begin(new, save->rdi, save->rsi, save->rdx);
        sched_ready(new);
    }
    lock_drop(&procs_lock);
    return new ? 0 : -E_NOMEM;
}
