/* SPDX-License-Identifier: MIT */
/*
 * life.c - how processes and their tasks begin and end. The last task of a process takes it back,
 * in steps that whoever finds the context dead may go through again (P1).
 */
#include "examples/procs/procs.h"

enum { VECTORS_MXCSR = 24, VECTORS_HELD = 512, MXCSR_START = 0x1f80 };
enum { STATUS_LOST = 137 };

static struct proc *finishing[CONTEXTS_MAX]; /* what a context is about when it has no task */

/* ---- beginning ---- */

void
task_begin(struct task *t, uint64_t rip, uint64_t argument, uint64_t rsp)
{
    const uint32_t mxcsr = MXCSR_START;
    uint16_t cs, ss;

    __asm__("mov %%cs, %0" : "=r"(cs));
    __asm__("mov %%ss, %0" : "=r"(ss));
    t->fs = 0;
    memset((char *)t->vectors + VECTORS_HELD, 0,
           sizeof(uint64_t)); /* all have their first values */
    memcpy((char *)t->vectors + VECTORS_MXCSR, &mxcsr, sizeof(mxcsr));
    t->save = (struct save_area){
        .rip = rip, .rdi = argument, .rsp = rsp, .rflags = FLAGS_START, .cs = cs, .ss = ss};
}

struct proc *
proc_start(enum image image, uint64_t argument)
{
    struct proc *p = proc_make(NULL, NULL);
    struct task *t = NULL;

    if (p && tables_make(p)) {
        lock_take(&procs_lock);
        t = task_make(p);
        lock_drop(&procs_lock);
    }
    if (!t) {
        if (p)
            proc_finish(p);
        return NULL;
    }
    task_begin(t, image_enter(p, image), argument, PROC_END - sizeof(uint64_t));
    p->state = PROC_RUNNING;
    sched_ready(t);
    return p;
}

/* ---- the end ---- */

/* Its children have no parent any more; who ended and was not asked about goes. procs_lock is held.
 */
static void
children_leave(struct proc *p)
{
    while (p->child) {
        struct proc *c = p->child;

        p->child = c->sibling;
        c->parent = NULL;
        if (c->state == PROC_ENDED)
            proc_free(c);
    }
}

static void
child_remove(struct proc *c)
{
    struct proc **at = &c->parent->child;

    while (*at != c)
        at = &(*at)->sibling;
    *at = c->sibling;
    c->parent = NULL;
}

/* The last step. Its parent, which may wait for it, or null. procs_lock is held. */
static struct proc *
proc_close(struct proc *p)
{
    struct proc *parent = p->parent;

    finishing[context_here()->index] = NULL;
    if (p->maker)
        p->maker->making = NULL;
    children_leave(p);
    if (p->state == PROC_ENDING && parent) {
        p->state = PROC_ENDED;
        return parent;
    }
    if (parent)
        child_remove(p);
    p->maker = NULL;
    proc_free(p);
    return NULL;
}

void
proc_finish(struct proc *p)
{
    struct proc *parent;

    pipes_close(p);
    memory_drop(p);
    lock_take(&procs_lock);
    while (p->tasks)
        task_free(p->tasks); /* PROC_MAKING: it has never run */
    parent = proc_close(p);
    if (parent)
        sched_wake(&parent->waiting); /* P5 */
    lock_drop(&procs_lock);
}

void
task_end(struct task *t)
{
    struct proc *p = t->proc;
    uint32_t context = context_here()->index;
    bool last;

    if (t->making)
        proc_finish(t->making);
    lock_take(&procs_lock);
    task_forget(context);
    task_free(t);
    last = p->n_tasks == 0;
    if (last) {
        lock_take(&run_lock);
        p->state = PROC_ENDING;
        lock_drop(&run_lock);
        finishing[context] = p;
    } else {
        sched_wake(&p->alone); /* P5 */
    }
    lock_drop(&procs_lock);
    if (last)
        proc_finish(p);
}

void
proc_kill(struct proc *p, int32_t status)
{
    uint64_t poke;

    lock_take(&run_lock);
    if (p->state == PROC_RUNNING && !p->killed) {
        p->killed = 1;
        p->status = status;
    }
    poke = sched_stir(p);
    sched_poke(poke);
    lock_drop(&run_lock);
}

void
proc_lost(uint32_t context)
{
    struct task *t = task_current(context);
    struct proc *p = finishing[context];

    finishing[context] = NULL;
    task_forget(context);
    if (t) {
        proc_kill(t->proc, STATUS_LOST);
        task_end(t);
    }
    if (p)
        proc_finish(p);
}

int64_t
child_reap(struct task *t, struct save_area *save)
{
    int64_t found;
    struct proc *c;

    lock_take(&procs_lock);
    c = t->proc->child;
    while (c && c->state != PROC_ENDED)
        c = c->sibling;
    if (c) {
        found = (int64_t)c->status << 32 | c->number;
        child_remove(c);
        proc_free(c);
    } else {
        found = t->proc->child ? sched_sleep(t, save, &t->proc->waiting, NULL) : -E_NOENT;
    }
    lock_drop(&procs_lock);
    return found;
}
