/* SPDX-License-Identifier: MIT */
/* proc.c - processes and their tasks begin and end. */
#include "abi/exposed.h"
#include "examples/procs/procs.h"

enum { VECTORS_ALIGN = 64, VECTORS_MXCSR = 24, MXCSR_START = 0x1f80, FLAGS_START = 0x202 };

struct lock procs_lock;
struct proc procs[PROCS_MAX];
struct task tasks[TASKS_MAX];
static uint32_t next_number = 1, next_proc, next_task;
static struct proc *finishing[CONTEXTS_MAX]; /* what a context is about when it has no task */

/* ---- records ---- */

/* The bytes of vector registers that have their first values. */
static void *
vectors_make(void)
{
    uint64_t n = ((const struct machine_page *)EXPOSED_MACHINE)->vector_bytes;
    uint8_t *v = aligned_alloc(VECTORS_ALIGN, n);

    return v ? memset(v, 0, n) : NULL;
}

struct task *
task_make(struct proc *p)
{
    struct task *t = NULL;

    lock_take(&procs_lock);
    for (uint32_t i = 0; i < TASKS_MAX && !t; i++, next_task = (next_task + 1) % TASKS_MAX)
        if (tasks[next_task].state == TASK_FREE)
            t = &tasks[next_task];
    if (t && !t->vectors)
        t->vectors = vectors_make();
    if (t && t->vectors) {
        const uint32_t mxcsr = MXCSR_START;

        t->proc = p;
        t->state = TASK_WAITING;
        t->place = NULL;
        t->ends = 0;
        t->fs = 0;
        memset(t->vectors, 0, ((const struct machine_page *)EXPOSED_MACHINE)->vector_bytes);
        memcpy((char *)t->vectors + VECTORS_MXCSR, &mxcsr, sizeof(mxcsr));
        p->n_tasks++;
    }
    lock_drop(&procs_lock);
    return t && t->vectors ? t : NULL;
}

struct proc *
proc_make(struct proc *parent)
{
    struct proc *p = NULL;

    lock_take(&procs_lock);
    for (uint32_t i = 0; i < PROCS_MAX && !p; i++, next_proc = (next_proc + 1) % PROCS_MAX)
        if (procs[next_proc].state == PROC_FREE)
            p = &procs[next_proc];
    if (p) {
        *p = (struct proc){.state = PROC_MAKING, .number = next_number++, .parent = parent};
        if (parent)
            parent->making = p;
    }
    lock_drop(&procs_lock);
    return p;
}

struct proc *
proc_by_number(uint32_t number)
{
    for (uint32_t i = 0; i < PROCS_MAX; i++)
        if (procs[i].number == number && procs[i].state == PROC_RUNNING)
            return &procs[i];
    return NULL;
}

uint32_t
procs_left(void)
{
    uint32_t n = 0;

    lock_take(&procs_lock);
    for (uint32_t i = 0; i < PROCS_MAX; i++)
        n += procs[i].state != PROC_FREE;
    lock_drop(&procs_lock);
    return n;
}

void
registers_begin(struct save_area *save, uint64_t fn, uint64_t argument, uint64_t rsp)
{
    uint16_t cs, ss;

    __asm__("mov %%cs, %0" : "=r"(cs));
    __asm__("mov %%ss, %0" : "=r"(ss));
    *save = (struct save_area){
        .rip = fn, .rdi = argument, .rsp = rsp, .rflags = FLAGS_START, .cs = cs, .ss = ss};
}

struct proc *
proc_start(program *fn, uint64_t argument)
{
    struct proc *p = proc_make(NULL);
    struct task *t = p && tables_make(p) ? task_make(p) : NULL;

    if (!t) {
        if (p)
            proc_finish(p);
        return NULL;
    }
    registers_begin(&t->save, (uintptr_t)fn, argument, PROC_END - 8);
    p->state = PROC_RUNNING;
    sched_ready(t);
    return p;
}

/* ---- the end ---- */

/* The last task has gone: who waits for the children hears of it. procs_lock is held. */
static void
children_leave(struct proc *p)
{
    for (uint32_t i = 0; i < PROCS_MAX; i++) {
        if (procs[i].parent != p || procs[i].state == PROC_FREE)
            continue;
        procs[i].parent = NULL;
        if (procs[i].state == PROC_ENDED)
            procs[i].state = PROC_FREE;
    }
}

void
proc_finish(struct proc *p)
{
    struct proc *making = p->making, *parent = NULL;

    sched_stand_aside();
    if (making && making->state == PROC_MAKING)
        proc_finish(making);
    pipes_close(p);
    memory_drop(p);
    while (!tables_give(p))
        call_yield(SLOT_NOTHING); /* a context that has just put a task of it off stands there */
    lock_take(&procs_lock);
    finishing[context_here()->index] = NULL;
    if (p->state != PROC_ENDED && p->state != PROC_FREE) {
        children_leave(p);
        parent = p->parent;
        p->state = p->state == PROC_ENDING && parent ? PROC_ENDED : PROC_FREE;
    }
    lock_drop(&procs_lock);
    if (parent)
        sched_wake(&parent->waiting);
}

void
task_end(struct task *t)
{
    struct proc *p = t->proc;
    uint32_t context = context_here()->index;

    lock_take(&procs_lock);
    t->state = TASK_FREE;
    task_forget(context);
    if (--p->n_tasks == 0) {
        p->state = PROC_ENDING;
        finishing[context] = p;
    }
    lock_drop(&procs_lock);
    if (finishing[context])
        proc_finish(p);
    else
        sched_wake(&p->alone);
}

void
proc_kill(struct proc *p, int32_t status)
{
    lock_take(&procs_lock);
    if (p->state == PROC_RUNNING && !p->killed) {
        p->killed = 1;
        p->status = status;
    }
    lock_drop(&procs_lock);
    sched_rouse(p);
}

void
proc_lost(uint32_t context)
{
    enum { STATUS_LOST = 137 };
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
child_reap(struct task *t)
{
    int64_t found = -E_NOENT;

    lock_take(&procs_lock);
    for (uint32_t i = 0; i < PROCS_MAX && found <= 0; i++) {
        if (procs[i].state == PROC_FREE || procs[i].parent != t->proc)
            continue;
        found = 0;
        if (procs[i].state == PROC_ENDED) {
            found = (int64_t)procs[i].status << 32 | procs[i].number;
            procs[i].state = PROC_FREE;
        }
    }
    if (found == 0)
        sched_sleep(t, &t->proc->waiting);
    lock_drop(&procs_lock);
    return found;
}
