/* SPDX-License-Identifier: MIT */
/*
 * calls.c - what processes ask for by a `syscall` that is not the kernel's, and their faults. All
 * of it runs in the upcall, and sched_leave finds whatever came up meanwhile.
 */
#include "abi/exposed.h"
#include "examples/procs/procs.h"

enum { STATUS_FAULT = 139, STATUS_SIGNAL = 128, MEET_SPINS = 1000 };

/* Another process in here on another processor, while this one is? */
static int64_t
meet(void)
{
    static uint32_t inside, met;
    uint32_t before = __atomic_load_n(&met, __ATOMIC_SEQ_CST);
    bool with = __atomic_fetch_add(&inside, 1, __ATOMIC_SEQ_CST) > 0;

    if (with)
        __atomic_fetch_add(&met, 1, __ATOMIC_SEQ_CST);
    for (uint32_t i = 0; i < MEET_SPINS && !with; i++) {
        with = __atomic_load_n(&met, __ATOMIC_SEQ_CST) != before;
        __builtin_ia32_pause();
    }
    __atomic_fetch_sub(&inside, 1, __ATOMIC_SEQ_CST);
    return with;
}

static int64_t
report(uint64_t value)
{
    uint64_t i = __atomic_fetch_add(&n_values, 1, __ATOMIC_SEQ_CST);

    if (i < VALUES)
        scene_values[i] = value;
    return (int64_t)i;
}

int64_t
call_serve(struct task *t, struct save_area *s)
{
    switch ((enum call)s->rax) {
    case P_EXIT:
        proc_kill(t->proc, (int32_t)s->rdi);
        return 0;
    case P_FORK:
        return call_fork(t, s);
    case P_EXEC:
        return call_exec(t, s);
    case P_WAIT:
        return child_reap(t, s);
    case P_PIPE:
        return pipe_make(t->proc);
    case P_WRITE:
        return pipe_write(t, s);
    case P_READ:
        return pipe_read(t, s);
    case P_KILL:
        return signal_raise(s->rdi, s->rsi);
    case P_HANDLE:
        t->proc->handler = s->rdi;
        return 0;
    case P_RETURN:
        return signal_return(t, s);
    case P_PAUSE:
        return signal_pause(t, s);
    case P_THREAD:
        return call_thread(t, s);
    case P_NUMBER:
        return t->proc->number;
    case P_PARENT:
        return t->proc->parent ? t->proc->parent->number : 0;
    case P_YIELD:
        context_here()->preempt |= TASK_OVER;
        return 0;
    case P_MEET:
        return meet();
    case P_REPORT:
        return report(s->rdi);
    default:
        return -E_NOSYS;
    }
}

static void
on_foreign(struct save_area *save)
{
    int64_t r = call_serve(task_current(context_here()->index), save);

    if (r != AGAIN)
        save->rax = (uint64_t)r;
    sched_leave(save);
}

/* What the library did for a process cannot go on: the process ends, and another task runs. */
static _Noreturn void
abandon(struct task *t, int32_t status)
{
    struct upcall_page *page = &context_here()->page;

    proc_kill(t->proc, status);
    sched_leave(&page->save[0]);
    *(volatile uint32_t *)&page->depth = 1; /* from here on upcalls take this stack */
    exo_resume(&page->save[0]);
}

/* Did it interrupt the process, or the library at work for it, outside all sections (P3)? */
static bool
process_at(const struct context *c, const struct save_area *save, const struct task *t)
{
    return t && c->n_locks == 0 && save - c->page.save <= 1;
}

static upcall_handler *fault_before, *exception_before;

/* Of the region: the library's own, wherever it was. Of private memory: the process', else its end.
 */
static void
on_fault(struct save_area *save)
{
    struct context *c = context_here();
    struct task *t = task_current(c->index);
    uint32_t need = save->error & PAGE_FAULT_WRITE   ? MAP_WRITE
                    : save->error & PAGE_FAULT_FETCH ? MAP_EXEC
                                                     : MAP_READ;
    bool within = save != &c->page.save[0];
    int error;

    if (!process_at(c, save, t) || (within && save->address >= LIBRARY_VA)) {
        fault_before(save);
        return;
    }
    error = memory_touch(t->proc, save->address, need);
    if (error && within)
        abandon(t, STATUS_FAULT);
    if (error)
        proc_kill(t->proc, STATUS_FAULT);
    if (!within)
        sched_leave(save);
}

static void
on_exception(struct save_area *save)
{
    struct context *c = context_here();
    struct task *t = task_current(c->index);
    int32_t status = STATUS_SIGNAL + exception_signal(save->vector);

    if (!process_at(c, save, t)) {
        exception_before(save);
        return;
    }
    if (save != &c->page.save[0])
        abandon(t, status);
    proc_kill(t->proc, status);
    sched_leave(save);
}

void
calls_begin(void)
{
    fault_before = exo_on_fault;
    exception_before = exo_on_exception;
    exo_on_fault = on_fault;
    exo_on_exception = on_exception;
    exo_on_foreign = on_foreign;
}
