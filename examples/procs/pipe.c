/* SPDX-License-Identifier: MIT */
/*
 * pipe.c - bytes from one process to another. They go by way of the stack of the call, since
 * private memory is not touched while the pipe's lock is held (P3).
 *
 * Invariants
 *  Q1 while somebody sleeps at `reader` there are no bytes but of a write that is not over yet. So
 *     who writes a few may put them into the sleeper's hand: they never lie in the pipe, and no
 * lock is needed but run_lock.
 */
#include "examples/procs/procs.h"

enum { PIPES_MAX = 256, BYTES = 512 };

struct pipe {
    struct lock lock;
    uint32_t users; /* files that name it; 0: free. procs_lock */
    union {
        struct {
            uint32_t n;    /* bytes */
            uint32_t gone; /* there is one user, or none */
        };
        uint64_t some; /* either */
    };
    uint32_t first;
    struct task *reader, *writer; /* places to sleep */
    uint8_t bytes[BYTES];
};
static struct pipe pipes[PIPES_MAX];

int64_t
pipe_make(struct task *t, struct save_area *save)
{
    struct proc *p = t->proc;
    int64_t file = -E_NOMEM;

    (void)save;
    lock_take(&procs_lock);
    for (uint32_t f = 0; f < FILES && file < 0; f++)
        for (uint32_t i = 0; i < PIPES_MAX && !p->file[f]; i++)
            if (!pipes[i].users) {
                pipes[i].users = 1;
                pipes[i].n = pipes[i].first = 0;
                pipes[i].gone = 1;
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
            from->file[f]->gone = 0;
            to->file[f] = from->file[f];
        }
    lock_drop(&procs_lock);
}

/* With the pipe's lock too, so that no writer is between looking at `gone` and sleeping. */
static void
pipe_close(struct pipe *pipe, struct pipe **file)
{
    lock_take(&pipe->lock);
    lock_take(&procs_lock);
    *file = NULL;
    pipe->gone = --pipe->users <= 1;
    sched_wake(&pipe->reader); /* they may wait for one who has gone */
    sched_wake(&pipe->writer);
    lock_drop(&procs_lock);
    lock_drop(&pipe->lock);
}

void
pipes_close(struct proc *p)
{
    for (uint32_t f = 0; f < FILES; f++)
        if (p->file[f])
            pipe_close(p->file[f], &p->file[f]);
}

/* n bytes into the ring, from `at` on; there is room. The pipe's lock is held, as below. */
static void
ring_put(struct pipe *p, uint32_t at, const uint8_t *bytes, uint64_t n)
{
    uint64_t part = n < BYTES - at ? n : BYTES - at;

    bytes_move(&p->bytes[at], bytes, part);
    if (part < n)
        bytes_move(p->bytes, bytes + part, n - part);
}

static void
ring_get(const struct pipe *p, uint8_t *bytes, uint64_t n)
{
    uint64_t part = n < BYTES - p->first ? n : BYTES - p->first;

    bytes_move(bytes, &p->bytes[p->first], part);
    if (part < n)
        bytes_move(bytes + part, p->bytes, n - part);
}

/*
 * As many bytes as fit. AGAIN: the task sleeps until there is room; the other end has gone: 0.
 */
static int64_t
put(struct pipe *p, struct task *t, struct save_area *save, const uint8_t *bytes, uint64_t n)
{
    int64_t r = 0;

    lock_take(&p->lock);
    n = n < BYTES - p->n ? n : BYTES - p->n;
    if (n > 0) {
        ring_put(p, (p->first + p->n) % BYTES, bytes, n);
        p->n += (uint32_t)n;
        r = (int64_t)n;
        sched_wake(&p->reader);
    } else if (!p->gone) {
        r = sched_sleep(t, save, &p->writer, NULL);
    }
    lock_drop(&p->lock);
    return r;
}

/* As many bytes as there are, up to n; others may have been quicker. */
static uint64_t
get(struct pipe *p, uint8_t *bytes, uint64_t n)
{
    lock_take(&p->lock);
    n = n < p->n ? n : p->n;
    ring_get(p, bytes, n);
    p->first = (uint32_t)(p->first + n) % BYTES;
    p->n -= (uint32_t)n;
    if (p->writer)
        sched_wake(&p->writer);
    lock_drop(&p->lock);
    return n;
}

/* How many bytes of the call at once; an error where it is not one. */
static inline int64_t
part(const struct task *t, const struct save_area *save)
{
    uint64_t n = save->rdx < BYTES ? save->rdx : BYTES;

    if (save->rdi >= FILES || !t->proc->file[save->rdi] || n == 0)
        return -E_BADF;
    return memory_allows(save->rsi, n) ? (int64_t)n : -E_FAULT;
}

static __attribute__((noinline)) int64_t
write_many(struct pipe *p, struct task *t, struct save_area *save, uint64_t n)
{
    uint8_t bytes[BYTES];

    bytes_move(bytes, (const void *)save->rsi, n);
    return put(p, t, save, bytes, n);
}

FLAT int64_t
pipe_write(struct task *t, struct save_area *save)
{
    int64_t n = part(t, save);
    struct pipe *p;
    uint64_t given;

    if (n < 0)
        return n;
    p = t->proc->file[save->rdi];
    if (p->reader && n <= HAND_BYTES) { /* Q1 */
        bytes_move(t->hand, (const void *)save->rsi, (uint64_t)n);
        given = sched_hand(t, &p->reader, (uint64_t)n);
        if (given)
            return (int64_t)given;
    }
    return write_many(p, t, save, (uint64_t)n);
}

/* There is something, or the other end has gone. */
static __attribute__((noinline)) int64_t
read_many(struct pipe *p, struct task *t, struct save_area *save, uint64_t n)
{
    uint8_t bytes[BYTES];
    uint64_t some;

    while ((some = __atomic_load_n(&p->some, __ATOMIC_ACQUIRE))) {
        uint64_t got = (uint32_t)some ? get(p, bytes, n) : 0;

        if (got)
            bytes_move((void *)save->rsi, bytes, got);
        if (got || !(uint32_t)some)
            return (int64_t)got;
    }
    return sched_sleep(t, save, &p->reader, &p->some); /* another was quicker */
}

FLAT int64_t
pipe_read(struct task *t, struct save_area *save)
{
    int64_t n = part(t, save);
    struct pipe *p;

    if (n < 0)
        return n;
    p = t->proc->file[save->rdi];
    t->wanted = (uint32_t)n;
    if (!__atomic_load_n(&p->some, __ATOMIC_ACQUIRE))
        return sched_sleep(t, save, &p->reader, &p->some);
    return read_many(p, t, save, (uint64_t)n);
}
