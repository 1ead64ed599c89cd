/* SPDX-License-Identifier: MIT */
/*
 * calls.c - what processes ask for by a `syscall` that is not the kernel's, and their faults. All
 * of it runs in the upcall, and sched_leave finds whatever came up meanwhile.
 */
#include "examples/procs/procs.h"

enum { SYSCALL_BYTES = 2, STATUS_FAULT = 139 };

void
restart(struct save_area *save)
{
    save->rip -= SYSCALL_BYTES; /* rax is the number still */
}

static int64_t
call_wait_child(struct task *t, const struct save_area *save)
{
    struct save_area again = *save;
    int64_t r;

    restart(&again);
    task_put_off(t, &again);
    r = child_reap(t);
    return r == 0 ? AGAIN : r;
}

static int64_t
report(uint64_t value)
{
    uint64_t i = __atomic_fetch_add(&n_values, 1, __ATOMIC_SEQ_CST);

    if (i < VALUES)
        scene_values[i] = value;
    return (int64_t)i;
}

static int64_t
serve(struct task *t, struct save_area *s)
{
    switch ((enum call)s->rax) {
    case P_EXIT:
        proc_kill(t->proc, (int32_t)s->rdi);
        return 0;
    case P_FORK:
        return call_fork(t, s, s->rdi != 0);
    case P_EXEC:
        return call_exec(t, s, s->rdi, s->rsi);
    case P_WAIT:
        return call_wait_child(t, s);
    case P_PIPE:
        return pipe_make(t->proc);
    case P_WRITE:
        return pipe_write(t, s);
    case P_READ:
        return pipe_read(t, s);
    case P_KILL:
        return signal_raise((uint32_t)s->rdi, (uint32_t)s->rsi);
    case P_HANDLE:
        t->proc->handler = s->rdi;
        return 0;
    case P_RETURN:
        return signal_return(t, s);
    case P_THREAD:
        return call_thread(t, s->rdi, s->rsi, s->rdx);
    case P_NUMBER:
        return t->proc->number;
    case P_YIELD:
        context_here()->preempt = 1;
        return 0;
    case P_REPORT:
        return report(s->rdi);
    default:
        return -E_NOSYS;
    }
}

static void
on_foreign(struct save_area *save)
{
    struct task *t = task_current(context_here()->index);
    int64_t r = serve(t, save);

    if (r == AGAIN)
        sched_next(save);
    else
        save->rax = (uint64_t)r;
    sched_leave(save);
}

static upcall_handler *fault_before;

/* Of the region: the library's own, wherever it was. Of private memory: the process', else its end.
 */
static void
on_fault(struct save_area *save)
{
    struct task *t = task_current(context_here()->index);
    uint32_t need = save->error & PAGE_FAULT_WRITE ? MAP_WRITE : MAP_READ;

    if (save->address >= LIBRARY_VA || save != &context_here()->page.save[0] || !t) {
        fault_before(save);
        return;
    }
    if (save->error & PAGE_FAULT_FETCH || memory_touch(t->proc, save->address, need))
        proc_kill(t->proc, STATUS_FAULT);
    sched_leave(save);
}

static upcall_handler *exception_before;

static void
on_exception(struct save_area *save)
{
    struct task *t = task_current(context_here()->index);

    if (save != &context_here()->page.save[0] || !t) {
        exception_before(save);
        return;
    }
    proc_kill(t->proc, 128 + exception_signal(save->vector));
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
