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
                pipes[i].n = pipes[i].first = 0;
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

/* With the pipe's lock too, so that nobody is between looking at `users` and sleeping. */
static void
pipe_close(struct pipe *pipe, struct pipe **file)
{
    lock_take(&pipe->lock);
    lock_take(&procs_lock);
    *file = NULL;
    pipe->users--;
    lock_drop(&procs_lock);
    lock_drop(&pipe->lock);
    sched_wake(&pipe->reader); /* they may wait for one who has gone */
    sched_wake(&pipe->writer);
}

void
pipes_close(struct proc *p)
{
    for (uint32_t f = 0; f < FILES; f++)
        if (p->file[f])
            pipe_close(p->file[f], &p->file[f]);
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
transfer(struct task *t, struct save_area *save, uint8_t *bytes, uint64_t n, bool in)
{
    struct pipe *p = t->proc->file[save->rdi];
    struct task **other = in ? &p->reader : &p->writer;
    int64_t r;
    bool wake;

    lock_take(&p->lock);
    r = (int64_t)move(p, bytes, n, in);
    wake = r > 0 && *other;
    if (r == 0 && p->users > 1)
        r = sched_sleep(t, save, in ? &p->writer : &p->reader);
    lock_drop(&p->lock);
    if (wake)
        sched_wake(other);
    return r;
}

/* How many bytes of the call at once; an error where it is not one. */
static int64_t
part(const struct task *t, const struct save_area *save)
{
    uint64_t n = save->rdx < BYTES ? save->rdx : BYTES;

    if (save->rdi >= FILES || !t->proc->file[save->rdi] || n == 0)
        return -E_BADF;
    return memory_allows(save->rsi, n) ? (int64_t)n : -E_FAULT;
}

int64_t
pipe_write(struct task *t, struct save_area *save)
{
    uint8_t bytes[BYTES];
    int64_t n = part(t, save);

    if (n < 0)
        return n;
    memcpy(bytes, (const void *)save->rsi, (uint64_t)n);
    return transfer(t, save, bytes, (uint64_t)n, true);
}

int64_t
pipe_read(struct task *t, struct save_area *save)
{
    uint8_t bytes[BYTES];
    int64_t n = part(t, save);

    if (n < 0)
        return n;
    n = transfer(t, save, bytes, (uint64_t)n, false);
    if (n > 0)
        memcpy((void *)save->rsi, bytes, (uint64_t)n);
    return n;
}
