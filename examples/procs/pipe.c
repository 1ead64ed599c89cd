/* SPDX-License-Identifier: MIT */
/*
 * pipe.c - bytes from one process to another. They go by way of the stack of the call, since
 * private memory is not touched while the pipe's lock is held (P3).
 */
#include "examples/procs/procs.h"

enum { PIPES_MAX = 256, BYTES = 512 };

struct pipe {
    struct lock lock;
    uint32_t users; /* files that name it; 0: free. procs_lock */
    uint32_t n, first;
    struct task *reader, *writer; /* places to sleep */
    uint8_t bytes[BYTES];
};
static struct pipe pipes[PIPES_MAX];

int64_t
pipe_make(struct proc *p)
{
    int64_t file = -E_NOMEM;

    lock_take(&procs_lock);
    for (uint32_t f = 0; f < FILES && file < 0; f++)
        for (uint32_t i = 0; i < PIPES_MAX && !p->file[f]; i++)
            if (!pipes[i].users) {
                pipes[i].users = 1;
                pipes[i].n = 0;
                p->file[f] = &pipes[i];
                file = f;
            }
    lock_drop(&procs_lock);
    return file;
}

void
pipes_share(const struct proc *from, struct proc *to)
{
    lock_take(&procs_lock);
    for (uint32_t f = 0; f < FILES; f++)
        if (from->file[f]) {
            from->file[f]->users++;
            to->file[f] = from->file[f];
        }
    lock_drop(&procs_lock);
}

/* The others are woken: they may wait for one who has gone. */
void
pipes_close(struct proc *p)
{
    for (uint32_t f = 0; f < FILES; f++) {
        struct pipe *pipe;

        lock_take(&procs_lock);
        pipe = p->file[f];
        p->file[f] = NULL;
        if (pipe)
            pipe->users--;
        lock_drop(&procs_lock);
        if (pipe) {
            sched_wake(&pipe->reader);
            sched_wake(&pipe->writer);
        }
    }
}

/* Some of n bytes in or out; what there is or fits, 0: nothing. The pipe's lock is held. */
static uint64_t
move(struct pipe *p, uint8_t *bytes, uint64_t n, bool in)
{
    uint64_t room = in ? BYTES - p->n : p->n;

    n = n < room ? n : room;
    for (uint64_t i = 0; i < n; i++) {
        if (in)
            p->bytes[(p->first + p->n + i) % BYTES] = bytes[i];
        else
            bytes[i] = p->bytes[(p->first + i) % BYTES];
    }
    if (!in)
        p->first = (uint32_t)(p->first + n) % BYTES;
    p->n = in ? p->n + (uint32_t)n : p->n - (uint32_t)n;
    return n;
}

/* The result; AGAIN: the task sleeps until the other end has moved. 0: the other end has gone. */
static int64_t
transfer(struct task *t, const struct save_area *save, uint8_t *bytes, bool in)
{
    struct pipe *p = t->proc->file[save->rdi];
    uint64_t n = save->rdx < BYTES ? save->rdx : BYTES, done;
    struct save_area again = *save;
    int64_t r;

    restart(&again);
    lock_take(&p->lock);
    done = move(p, bytes, n, in);
    r = (int64_t)done;
    if (done == 0 && p->users > 1) {
        task_put_off(t, &again);
        sched_sleep(t, in ? &p->writer : &p->reader);
        r = AGAIN;
    }
    lock_drop(&p->lock);
    if (done > 0)
        sched_wake(in ? &p->reader : &p->writer);
    return r;
}

static bool
file_bad(const struct task *t, const struct save_area *save)
{
    return save->rdi >= FILES || !t->proc->file[save->rdi] || save->rdx == 0;
}

int64_t
pipe_write(struct task *t, struct save_area *save)
{
    uint8_t bytes[BYTES];

    if (file_bad(t, save))
        return -E_BADF;
    if (memory_copy(t->proc, save->rsi, bytes, save->rdx < BYTES ? save->rdx : BYTES, false))
        return -E_FAULT;
    return transfer(t, save, bytes, true);
}

int64_t
pipe_read(struct task *t, struct save_area *save)
{
    uint8_t bytes[BYTES];
    int64_t n;

    if (file_bad(t, save))
        return -E_BADF;
    n = transfer(t, save, bytes, false);
    if (n > 0 && memory_copy(t->proc, save->rsi, bytes, (uint64_t)n, true))
        return -E_FAULT;
    return n;
}
