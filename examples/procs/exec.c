/* SPDX-License-Identifier: MIT */
/*
 * exec.c - another program in the same process. Its other tasks may be running elsewhere: they are
 * told to end, and the memory goes when the last of them is off its processor.
 */
#include "examples/procs/procs.h"

/* The other tasks are told to end. Is t the only one? If not it sleeps until it may be. */
static bool
alone(struct task *t)
{
    struct proc *p = t->proc;
    bool is;

    lock_take(&procs_lock);
    for (uint32_t i = 0; i < TASKS_MAX && p->n_tasks > 1; i++)
        if (tasks[i].proc == p && tasks[i].state != TASK_FREE && &tasks[i] != t)
            tasks[i].ends = 1;
    lock_drop(&procs_lock);
    sched_rouse(p);
    lock_take(&procs_lock);
    is = p->n_tasks == 1;
    if (!is)
        sched_sleep(t, &p->alone);
    lock_drop(&procs_lock);
    return is;
}

int64_t
call_exec(struct task *t, struct save_area *save, uint64_t fn, uint64_t argument)
{
    struct save_area again = *save;

    restart(&again);
    task_put_off(t, &again);
    if (!alone(t))
        return AGAIN;
    memory_drop(t->proc);
    t->proc->handler = 0;
    registers_begin(save, fn, argument, PROC_END - 8);
    return (int64_t)save->rax;
}

int64_t
call_thread(struct task *t, uint64_t fn, uint64_t argument, uint64_t rsp)
{
    struct task *new = task_make(t->proc);

    if (!new)
        return -E_NOMEM;
    registers_begin(&new->save, fn, argument, rsp);
    sched_ready(new);
    return 0;
}
