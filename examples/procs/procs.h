/* SPDX-License-Identifier: MIT */
/*
 * examples/procs - processes as roots of one environment.
 *
 *  - frames.c: the frames behind private memory, counted: copies are shared until one is written
 *  - tables.c: the page tables of a process
 *  - memory.c: its private memory: what is where; the tables are a cache of that
 *  - image.c: a program's file made memory; images.S holds the files, programs/ their sources
 *  - sched.c: who runs next on each context; sleeping and waking
 *  - proc.c, life.c: processes and their tasks, their records; how they begin and end
 *  - fork.c: by copying entries, and by sharing whole tables
 *  - exec.c: another program in the same process, whose other tasks may be running
 *  - pipe.c: bytes from one process to another
 *  - signal.c: a handler run in the middle of something else
 *  - calls.c: upcalls: what processes ask for, their faults
 *  - kill.c: contexts stopped anywhere, and what becomes of it
 *  - runners.c: the contexts that run processes
 *  - main.c: one scene after the other
 *
 * The region is all of the library's own addresses: code, data, heap, the frames of all processes.
 * Its tables are linked into every root, so it is mapped once. Private memory, PROC_VA on, differs.
 *
 * Invariants
 *  - P1 what a process owns stands in its record: frames in page[], tables in table[]; taking and
 *    entering, or dropping and forgetting, are one critical section. So a process can be taken back
 *    after its context was stopped between any two instructions (sections are rolled forward).
 *  - P2 page[] is the truth. Entries of page tables allow no more than it; less is put right by a
 *    fault.
 *  - P3 no private memory is touched in a section. Elsewhere the library reads and writes that of
 *    the process that it serves, at the process' own addresses; a fault there is served too.
 *  - P4 a handler stays on its context and root until sched_leave, which comes last: events that
 *    come meanwhile are held back (upcalls_hold_event).
 *  - P5 whoever is to be woken is woken, and whoever is to be poked poked, in the section that took
 *    note of it: else nobody would, where the context is stopped in between.
 *
 * Locks: proc.lock, pipe.lock, procs_lock, run_lock, frames_lock, then those of libos/exo; in that
 * order.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "abi/cap.h"
#include "abi/context.h"
#include "abi/event.h"
#include "lib/string.h"
#include "libos/exo/exo.h"
#include "libos/exo/roll.h"
#include "examples/procs/calls.h"
#include "call_stubs.h"

/* What it calls becomes part of it, but for what is marked as not to: the shortest ways through. */
#define FLAT __attribute__((flatten))

enum { PROCS_MAX = 1024, TASKS_MAX = 1200, FILES = 4, RW = MAP_READ | MAP_WRITE };

/* ---- frames.c: named by index, 0: none ---- */
bool frames_begin(uint32_t n);
bool frame_take(uint32_t *where); /* in a section; what it holds is not said; false: no more */
void frame_drop(uint32_t *where, uint64_t epoch); /* not used again before that has passed */
bool frame_alone(uint32_t frame);                 /* has it one user? */
void *frame_bytes(uint32_t frame);                /* in the region */
uint64_t frame_number(uint32_t frame);
uint32_t frames_free(void);
extern void (*page_bytes_copy)(void *to,
                               const void *from); /* a page's, as this processor does it best */
extern bool vectors_wide;                         /* vector registers have 32 bytes */
void epoch_wait(uint64_t epoch);

/* ---- private memory ---- */

enum page_flag {
    PAGE_COPY = 1,  /* shared: to be copied when it is written */
    PAGE_FIXED = 2, /* never written */
    PAGE_CODE = 4,  /* executed */
};

struct page {
    uint32_t frame;
    uint32_t flags;
};

void pages_share(struct page *to, struct page *from); /* PAGES: one user more of each, PAGE_COPY */
void pages_drop(struct page *page, uint64_t epoch);

/* The table of level 1 under a process, and its companion; more users than one after a fork by it.
 */
struct leaf {
    uint64_t frame[2];
    uint32_t users;
    struct leaf *next;
};

/* ---- processes and tasks ---- */

enum proc_state { PROC_FREE = 0, PROC_MAKING, PROC_RUNNING, PROC_ENDING, PROC_ENDED };

struct proc {
    struct lock lock; /* of its memory: page, leaf, shared */
    struct page page[PAGES];
    struct leaf *leaf;
    uint32_t shared;   /* the leaf is, or was: nothing can be written through its link */
    uint64_t table[6]; /* level 4, 3, 2, each with its companion; kept for the next process here */

    uint32_t state;  /* enum proc_state; this and what follows: procs_lock */
    uint32_t number; /* this, leaving PROC_RUNNING, killed and tasks: run_lock too */
    struct proc *parent, *child, *sibling; /* its children: child, child->sibling, ... */
    struct proc *next_free;
    struct task *maker; /* PROC_MAKING: whose call makes it */
    struct task *tasks;
    uint32_t n_tasks;
    uint32_t killed; /* each of its tasks ends where it is found */
    int32_t status;
    struct task *waiting; /* for a child to end: a place to sleep, of sched.c */
    struct task *alone;   /* for its other tasks to end: likewise */
    struct task *pausing; /* for a signal: likewise */
    struct pipe *file[FILES];
    uint64_t signals;  /* raised and not taken: atomic, as the next three */
    uint64_t handler;  /* of all of them; 0: they end the process */
    uint64_t handled;  /* a signal was, since the last pause */
    uint32_t handling; /* the handler runs: one at a time, or they would fill the stack */
    uint64_t turns;    /* how often one of its tasks was put on a context */
    uint64_t ran;      /* cycles that they had there */
};

static inline bool
leaf_is_own(const struct proc *p)
{
    return p->leaf && !p->shared;
}

/* Is a handler to be run? */
static inline bool
signal_due(const struct proc *p)
{
    return p->signals && !p->handling;
}

enum task_state { TASK_FREE = 0, TASK_READY, TASK_RUNNING, TASK_WAITING };

/* It slept in a call: this is to be made again, or what it waits for was put into its hand. */
enum task_again { AGAIN_NOT = 0, AGAIN_CALL, AGAIN_HANDED };

enum { HAND_BYTES = 64 };

struct task {
    struct task *next;   /* in the list of those that are ready, or free */
    struct task **place; /* where it sleeps */
    uint32_t state;      /* run_lock; TASK_FREE: procs_lock */
    uint32_t context;    /* TASK_RUNNING: there */
    union {
        struct {
            uint32_t ends;  /* it is to end, and its process goes on */
            uint32_t again; /* enum task_again */
        };
        uint64_t due; /* either */
    };
    uint32_t wanted; /* bytes, when it sleeps for some */
    uint32_t handed; /* bytes that it was given */
    struct proc *proc;
    struct task *sibling; /* the next of its process */
    struct proc *making;  /* a child that is not ready yet */
    uint64_t fs;
    void *vectors;
    struct save_area save;
    uint8_t *hand; /* HAND_BYTES, exchanged with who is handed something */
};

extern struct lock procs_lock;
extern struct proc procs[PROCS_MAX];

/* proc.c: records */
bool procs_begin(void);
struct proc *proc_make(struct proc *parent, struct task *maker); /* PROC_MAKING; null: too many */
struct proc *proc_by_number(uint64_t number);                    /* run_lock is held */
struct task *
task_make(struct proc *p); /* not ready yet; null: too many. procs_lock is held, as below */
void proc_free(struct proc *p);
void task_free(struct task *t);
uint32_t procs_left(void);

/* life.c */
struct proc *proc_start(enum image image, uint64_t argument); /* by main; null: no room */
void task_begin(struct task *t, uint64_t rip, uint64_t argument, uint64_t rsp);
void task_end(struct task *t); /* the current one; the last ends the process */
void proc_kill(struct proc *p, int32_t status);
void proc_finish(struct proc *p); /* after its last task; may be begun again */
void proc_lost(uint32_t context); /* that context is dead: so is the process that it ran */
int64_t child_reap(struct task *t, struct save_area *save);

/* tables.c; leaf_...: p->lock is held */
bool tables_begin(void);
bool tables_make(struct proc *p);
void tables_end(void);
bool leaf_own(struct proc *p); /* it has a leaf that it shares with nobody, from here on */
int64_t leaf_share(struct proc *from, struct proc *to); /* the epoch, or an error */
int64_t leaf_copy(const struct leaf *from, struct leaf *to);
uint64_t leaf_leave(struct proc *p); /* the epoch */

/* memory.c */
int memory_touch(struct proc *p, uint64_t va, uint32_t need); /* 0, -E_FAULT, -E_NOMEM */

/* May something be at these n > 0 bytes? Not at the page below the stack. */
enum { GUARD = PAGES - STACK_PAGES - 1 };

static inline bool
memory_allows(uint64_t va, uint64_t n)
{
    uint64_t at = va - PROC_VA;

    return at < PROC_END - PROC_VA && n <= PROC_END - PROC_VA - at &&
           (at / PAGE > GUARD || (at + n - 1) / PAGE < GUARD);
}

void memory_drop(struct proc *p);
extern uint64_t cow_copies, table_copies;

/* image.c */
bool images_begin(void);
void images_end(void);
uint64_t image_enter(struct proc *p, enum image image); /* its first address; 0: there is none */

/* ---- sched.c ---- */

/* What a context is about. */
extern struct here {
    struct task *current;       /* whose turn it is; null: nobody's */
    struct task *on;            /* whose registers are in the save area; never null */
    uint64_t root;              /* on which it stands */
    uint64_t pokes;             /* the counter when it went idle */
    uint64_t since;             /* cycles, when the current task's time began */
    uint64_t on_since, charged; /* what the kernel told of the context then */
    uint64_t unused;
} here[CONTEXTS_MAX];
_Static_assert(sizeof(struct here) == 64, "a shift");

static inline struct here *
here_of(const struct context *c)
{
    return c->argument;
}

static inline struct here *
here_now(void)
{
    struct here *h;

    __asm__ volatile("movq %%gs:%c1, %0" : "=r"(h) : "i"(offsetof(struct context, argument)));
    return h;
}

static inline struct task *
task_current(uint32_t context)
{
    return here[context].current;
}

void sched_begin(void);
void sched_enter(void *argument) __attribute__((noreturn)); /* what a context begins with */
void sched_ready(struct task *t);
void sched_wake(struct task **place); /* who sleeps there, if somebody does */
void sched_rouse(struct proc *p);     /* its tasks that sleep are woken, those that run are poked */
uint64_t sched_stir(struct proc *p);  /* the same with run_lock; whom the caller is to poke */
void sched_poke(uint64_t contexts);   /* those, with it too (P5) */
extern struct lock run_lock;
extern uint64_t
    sched_interrupted; /* tasks that were running on another context when they were stirred */

/* Who sleeps there is woken with n bytes of from's hand, if it wants so many: how many; 0: nobody.
 */
uint64_t sched_hand(struct task *from, struct task **place, uint64_t n);

/*
 * The current task sleeps in its call, which is made again when somebody wakes it: AGAIN. It does
 * not sleep if there is something: then *some is not 0 (it may be null), and whoever makes it so
 * calls sched_wake afterwards; or the caller holds a lock that such a one takes.
 */
int64_t sched_sleep(struct task *t, struct save_area *save, struct task **place,
                    const uint64_t *some);

/* What a context's `preempt` says: the current task is to give way, and the processor too. */
enum { TASK_OVER = 1, SLICE_OVER = 2 };

/* Is nothing due on the way back to the current task, which is on? */
static inline bool
sched_settled(const struct here *h)
{
    const struct task *t = h->current;
    uint32_t preempt;

    __asm__ volatile("movl %%gs:%c1, %0" : "=r"(preempt) : "i"(HERE_PREEMPT));
    return t == h->on && !(t->due | preempt | t->proc->killed) && !t->proc->signals;
}

/* The last that a handler does: what is due, and another task where the current one has gone. */
void sched_settle(struct context *c, struct here *h, struct save_area *save);

static inline void
sched_leave(struct save_area *save)
{
    struct here *h = here_now();

    if (!sched_settled(h))
        sched_settle(context_here(), h, save);
}

bool sched_all_idle(void);          /* each runner sleeps, and is known to */
void task_forget(uint32_t context); /* its context is dead, and has been seen to */

/* ---- registers ---- */

void registers_keep(struct task *t, const struct save_area *save); /* the processor's others too */
void registers_load(const struct task *t, struct save_area *save);

/* All vector state of the processor; `at` is aligned to 64 bytes. */
static inline void
vectors_keep(void *at)
{
    __asm__ volatile("xsave64 (%0)" ::"r"(at), "a"(-1), "d"(-1) : "memory");
}

static inline void
vectors_load(const void *at)
{
    __asm__ volatile("xrstor64 (%0)" ::"r"(at), "a"(-1), "d"(-1) : "memory");
}

/*
 * All that a process sees of a save area (the words of a fault between r15 and rip are not), by way
 * of the vector registers: the caller has kept those, or does not need them.
 */
static inline void
registers_move(struct save_area *to, const struct save_area *from)
{
    if (__builtin_expect(vectors_wide, 1)) {
        __asm__ volatile("vmovups (%1), %%ymm0\n\tvmovups 32(%1), %%ymm1\n\t"
                         "vmovups 64(%1), %%ymm2\n\tvmovups 96(%1), %%ymm3\n\t"
                         "vmovups 144(%1), %%ymm4\n\t"
                         "vmovups %%ymm0, (%0)\n\tvmovups %%ymm1, 32(%0)\n\t"
                         "vmovups %%ymm2, 64(%0)\n\tvmovups %%ymm3, 96(%0)\n\t"
                         "vmovups %%ymm4, 144(%0)\n\tvzeroupper" ::"r"(to),
                         "r"(from)
                         : "memory");
        return;
    }
    __asm__ volatile("movups (%1), %%xmm0\n\tmovups 16(%1), %%xmm1\n\t"
                     "movups 32(%1), %%xmm2\n\tmovups 48(%1), %%xmm3\n\t"
                     "movups 64(%1), %%xmm4\n\tmovups 80(%1), %%xmm5\n\t"
                     "movups 96(%1), %%xmm6\n\tmovups 112(%1), %%xmm7\n\t"
                     "movups 144(%1), %%xmm8\n\tmovups 160(%1), %%xmm9\n\t"
                     "movups %%xmm0, (%0)\n\tmovups %%xmm1, 16(%0)\n\t"
                     "movups %%xmm2, 32(%0)\n\tmovups %%xmm3, 48(%0)\n\t"
                     "movups %%xmm4, 64(%0)\n\tmovups %%xmm5, 80(%0)\n\t"
                     "movups %%xmm6, 96(%0)\n\tmovups %%xmm7, 112(%0)\n\t"
                     "movups %%xmm8, 144(%0)\n\tmovups %%xmm9, 160(%0)" ::"r"(to),
                     "r"(from)
                     : "memory");
}

static inline void
bytes_move(void *to, const void *from, uint64_t n)
{
    uint64_t words = n / sizeof(uint64_t), rest = n % sizeof(uint64_t);

    __asm__ volatile("rep movsq\n\tmov %3, %2\n\trep movsb"
                     : "+D"(to), "+S"(from), "+c"(words)
                     : "r"(rest)
                     : "memory");
}

/* ---- the others ---- */
enum { AGAIN = -1000 }; /* a call's result: the task sleeps */

int64_t call_fork(struct task *t, struct save_area *save);
int64_t call_exec(struct task *t, struct save_area *save);
int64_t call_thread(struct task *t, struct save_area *save);

int64_t pipe_make(struct task *t, struct save_area *save);
void pipes_share(const struct proc *from, struct proc *to);
void pipes_close(struct proc *p);
int64_t pipe_write(struct task *t, struct save_area *save);
int64_t pipe_read(struct task *t, struct save_area *save);

int64_t signal_raise(struct task *t, struct save_area *save);
int64_t signal_pause(struct task *t, struct save_area *save);
void signal_deliver(struct task *t, struct save_area *save);
int64_t signal_return(struct task *t, struct save_area *save);

void calls_begin(void);
int64_t call_serve(struct task *t, struct save_area *save);

bool kill_scene(uint64_t want); /* so many kills in critical sections */

/* runners.c */
enum { VALUES = 2048 };
extern volatile uint64_t scene_values[VALUES], n_values; /* what processes report */
extern struct context *runners[CONTEXTS_MAX];
extern uint32_t n_runners;
bool library_begin(uint32_t n_frames);
bool runner_begin(uint32_t i);
bool runners_begin(uint32_t n);
void runners_end(void);
