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
meet(struct task *t, struct save_area *s)
{
    static uint32_t inside, met;
    uint32_t before = __atomic_load_n(&met, __ATOMIC_SEQ_CST);
    bool with = __atomic_fetch_add(&inside, 1, __ATOMIC_SEQ_CST) > 0;

    (void)t, (void)s;
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
report(struct task *t, struct save_area *s)
{
    uint64_t i = __atomic_fetch_add(&n_values, 1, __ATOMIC_SEQ_CST);

    (void)t;
    if (i < VALUES)
        scene_values[i] = s->rdi;
    return (int64_t)i;
}

static int64_t
leave(struct task *t, struct save_area *s)
{
    proc_kill(t->proc, (int32_t)s->rdi);
    return 0;
}

static int64_t
handle(struct task *t, struct save_area *s)
{
    t->proc->handler = s->rdi;
    return 0;
}

static int64_t
number(struct task *t, struct save_area *s)
{
    (void)s;
    return t->proc->number;
}

static int64_t
parent(struct task *t, struct save_area *s)
{
    (void)s;
    return t->proc->parent ? t->proc->parent->number : 0;
}

static int64_t
yield(struct task *t, struct save_area *s)
{
    (void)t, (void)s;
    context_here()->preempt |= TASK_OVER;
    return 0;
}

static int64_t (*const calls[P_CALLS])(struct task *, struct save_area *) = {
    [P_EXIT] = leave,         [P_FORK] = call_fork,
    [P_EXEC] = call_exec,     [P_WAIT] = child_reap,
    [P_PIPE] = pipe_make,     [P_WRITE] = pipe_write,
    [P_READ] = pipe_read,     [P_KILL] = signal_raise,
    [P_HANDLE] = handle,      [P_RETURN] = signal_return,
    [P_PAUSE] = signal_pause, [P_THREAD] = call_thread,
    [P_NUMBER] = number,      [P_PARENT] = parent,
    [P_YIELD] = yield,        [P_MEET] = meet,
    [P_REPORT] = report,
};

static inline int64_t
serve(struct task *t, struct save_area *s)
{
    return s->rax < P_CALLS ? calls[s->rax](t, s) : -E_NOSYS;
}

int64_t
call_serve(struct task *t, struct save_area *s)
{
    return serve(t, s);
}

static void
on_foreign(struct save_area *save)
{
    int64_t r = serve(here_now()->current, save);

    if (r == AGAIN) { /* another's turn */
        sched_settle(context_here(), here_now(), save);
        return;
    }
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

static uint32_t
fault_need(const struct save_area *save)
{
    return save->error & PAGE_FAULT_WRITE   ? MAP_WRITE
           : save->error & PAGE_FAULT_FETCH ? MAP_EXEC
                                            : MAP_READ;
}

/* Of the region: the library's own, wherever it was. Of private memory: the process' that it
 * serves. */
static __attribute__((noinline)) void
on_fault_within(struct save_area *save)
{
    const struct context *c = context_here();
    struct task *t = here_of(c)->current;

    if (!process_at(c, save, t) || save->address >= LIBRARY_VA)
        fault_before(save);
    else if (memory_touch(t->proc, save->address, fault_need(save)))
        abandon(t, STATUS_FAULT);
}

/* Of a process: its memory's, else its end. */
FLAT static void
on_fault(struct save_area *save)
{
    const struct context *c = context_here();
    const struct task *t = here_of(c)->current;

    if (!t || save != &c->page.save[0]) {
        on_fault_within(save);
        return;
    }
    if (memory_touch(t->proc, save->address, fault_need(save)))
        proc_kill(t->proc, STATUS_FAULT);
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
