/* SPDX-License-Identifier: MIT */
/* proc.c - the records of processes and their tasks: who is free, who is whose. */
#include "abi/exposed.h"
#include "examples/procs/procs.h"

enum { VECTORS_ALIGN = 64 };

struct lock procs_lock;
struct proc procs[PROCS_MAX];
static struct task tasks[TASKS_MAX];
static uint8_t hands[TASKS_MAX][HAND_BYTES];
static struct proc *proc_first;
static struct task *task_first;
static uint32_t n_procs;

bool
procs_begin(void)
{
    uint64_t n = ((const struct machine_page *)EXPOSED_MACHINE)->vector_bytes;

    for (uint32_t i = PROCS_MAX; i-- > 0;) {
        procs[i].number = i;
        procs[i].next_free = proc_first;
        proc_first = &procs[i];
    }
    for (uint32_t i = TASKS_MAX; i-- > 0;) {
        tasks[i].vectors = aligned_alloc(VECTORS_ALIGN, n);
        if (!tasks[i].vectors)
            return false;
        memset(tasks[i].vectors, 0, n);
        tasks[i].hand = hands[i];
        tasks[i].next = task_first;
        task_first = &tasks[i];
    }
    return true;
}

/* What stays with a record: its tables, and its number, which grows by PROCS_MAX each time. */
static void
record_clear(struct proc *p)
{
    p->killed = 0;
    p->status = 0;
    p->child = p->sibling = NULL;
    p->signals = p->handler = p->turns = p->ran = 0;
    p->handled = p->handling = 0;
    lock_take(&run_lock);
    p->number += PROCS_MAX;
    lock_drop(&run_lock);
}

struct proc *
proc_make(struct proc *parent, struct task *maker)
{
    struct proc *p;

    lock_take(&procs_lock);
    p = proc_first;
    if (p) {
        proc_first = p->next_free;
        n_procs++;
        record_clear(p);
        p->state = PROC_MAKING;
        p->parent = parent;
        p->maker = maker;
        if (parent) {
            p->sibling = parent->child;
            parent->child = p;
        }
        if (maker)
            maker->making = p;
    }
    lock_drop(&procs_lock);
    return p;
}

void
proc_free(struct proc *p)
{
    p->state = PROC_FREE;
    p->next_free = proc_first;
    proc_first = p;
    n_procs--;
}

struct task *
task_make(struct proc *p)
{
    struct task *t = task_first;

    if (!t)
        return NULL;
    task_first = t->next;
    t->state = TASK_WAITING;
    t->place = NULL;
    t->ends = t->again = 0;
    t->making = NULL;
    t->proc = p;
    t->sibling = p->tasks;
    p->n_tasks++;
    lock_take(&run_lock);
    p->tasks = t;
    lock_drop(&run_lock);
    return t;
}

void
task_free(struct task *t)
{
    struct task **at = &t->proc->tasks;

    while (*at != t)
        at = &(*at)->sibling;
    lock_take(&run_lock);
    *at = t->sibling;
    lock_drop(&run_lock);
    t->proc->n_tasks--;
    t->state = TASK_FREE;
    t->next = task_first;
    task_first = t;
}

struct proc *
proc_by_number(uint64_t number)
{
    struct proc *p = &procs[number % PROCS_MAX];

    return p->number == number && p->state == PROC_RUNNING ? p : NULL;
}

uint32_t
procs_left(void)
{
    return __atomic_load_n(&n_procs, __ATOMIC_ACQUIRE);
}
