/* SPDX-License-Identifier: MIT */
/*
 * examples/procs - processes as roots of one environment.
 *
 *  - frames.c: the frames behind private memory, counted: copies are shared until one is written
 *  - memory.c: the private memory of a process: what is where, and its page tables, a cache of that
 *  - sched.c: who runs next on each context; sleeping and waking
 *  - proc.c: processes and their tasks begin and end
 *  - fork.c: by copying entries, and by sharing whole tables
 *  - exec.c: another program in the same process, whose other tasks may be running
 *  - pipe.c: bytes from one process to another
 *  - signal.c: a handler run in the middle of something else
 *  - calls.c: upcalls: what processes ask for, their faults
 *  - programs.c: what runs in them
 *  - kill.c: contexts stopped anywhere, and what becomes of it
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
 *  - P3 no private memory is touched in a section: the frames are mapped in the region.
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
#include "call_stubs.h"

enum {
    PAGE = FRAME_BYTES,
    PROCS_MAX = 1100,
    TASKS_MAX = 1200,
    PAGES = 32, /* of private memory: data from the first on, a stack down from the last */
    STACK_PAGES = 8,
    TABLES = 8, /* frames of a process's own page tables: four with their companions */
    FILES = 4,
    QUANTUM_NS = 1000 * 1000,
    RW = MAP_READ | MAP_WRITE,
};
static const uint64_t PROC_VA = 0x40000000, PROC_END = 0x40000000 + PAGES * PAGE;

/* ---- frames.c: named by index, 0: none ---- */
bool frames_begin(uint32_t n);
bool frame_take(uint32_t *where); /* what it holds is not said; false: no more */
void frame_share(uint32_t *where, uint32_t frame);
void frame_drop(uint32_t *where, uint64_t epoch); /* not used again before that has passed */
bool frame_alone(uint32_t frame);                 /* has it one user? */
void *frame_bytes(uint32_t frame);                /* in the region */
uint64_t frame_number(uint32_t frame);
uint32_t frames_free(void);
void epoch_wait(uint64_t epoch);

/* ---- processes and tasks ---- */

enum page_flag { PAGE_COPY = 1 }; /* shared: to be copied when it is written */

struct page {
    uint32_t frame;
    uint32_t flags;
};

/* The table of level 1 under a process, and its companion; more users than one after a fork by it.
 */
struct leaf {
    uint64_t frame[2];
    uint32_t users;
};

enum proc_state { PROC_FREE = 0, PROC_MAKING, PROC_RUNNING, PROC_ENDING, PROC_ENDED };

struct proc {
    struct lock lock; /* of its memory */
    uint32_t state;   /* enum proc_state; this and what follows up to n_tasks: procs_lock */
    uint32_t number;
    struct proc *parent;
    int32_t status;
    uint32_t n_tasks;
    uint32_t killed;      /* each of its tasks ends where it is found */
    struct proc *making;  /* a child that is not ready yet */
    struct task *waiting; /* for a child of it to end: a place to sleep, of sched.c */
    struct task *alone;   /* for the others to end: likewise */
    struct page page[PAGES];
    uint64_t table[TABLES - 2]; /* root, its companion, level 3, ..., level 2, ... */
    struct leaf *leaf;
    uint32_t shared; /* the leaf is, or was: nothing can be written through its link */
    struct pipe *file[FILES];
    uint64_t signals; /* raised and not taken */
    uint64_t handler; /* of all of them; 0: they end the process */
    uint64_t turns;   /* how often one of its tasks was put on */
};

enum task_state { TASK_FREE = 0, TASK_READY, TASK_RUNNING, TASK_WAITING };

struct task {
    struct task *next;
    struct proc *proc;
    struct task **place; /* where it sleeps */
    uint32_t state;      /* run_lock; TASK_FREE: procs_lock */
    uint32_t ends;       /* it is to end, and its process goes on */
    uint64_t fs;
    void *vectors;
    struct save_area save;
};

/* ---- proc.c ---- */
typedef void program(uint64_t argument);

bool procs_begin(void);
struct proc *proc_start(program *fn, uint64_t argument); /* by main; null: too many, or no memory */
struct proc *proc_make(struct proc *parent);             /* empty, without a task; PROC_MAKING */
struct task *task_make(struct proc *p);                  /* not ready yet; null: too many */
void task_end(struct task *t); /* t is nowhere; the last one ends the process */
void proc_kill(struct proc *p, int32_t status);
void proc_finish(struct proc *p); /* after its last task; may be begun again */
void proc_lost(uint32_t context); /* that context is dead: so is the process that it ran */
struct proc *proc_by_number(uint32_t number); /* procs_lock is held */
int64_t child_reap(struct task *t);           /* status << 32 | number; 0: none has ended yet */
uint32_t procs_left(void);
extern struct lock procs_lock;
extern struct task tasks[TASKS_MAX];

/* ---- memory.c ---- */
bool memory_begin(void);
bool tables_make(struct proc *p);
bool tables_give(struct proc *p); /* false: a context still stands on them */
bool leaf_own(struct proc *p);    /* p->lock is held: it has a leaf that it shares with nobody */
int64_t leaf_share(struct proc *from, struct proc *to);
int64_t leaf_copy(const struct leaf *from, const struct leaf *to);
int memory_touch(struct proc *p, uint64_t va, uint32_t need); /* 0, -E_FAULT, -E_NOMEM */
int memory_copy(struct proc *p, uint64_t va, void *bytes, uint64_t n, bool to_proc);
void memory_drop(struct proc *p);
extern uint64_t cow_copies;

/* ---- sched.c ---- */
void sched_begin(void);
void sched_enter(void *argument) __attribute__((noreturn)); /* what a context begins with */
void sched_ready(struct task *t);
void sched_sleep(struct task *t, struct task **place); /* the current one; its registers are kept */
void sched_wake(struct task **place);                  /* who sleeps there, if somebody does */
void
sched_rouse(const struct proc *p); /* its tasks that sleep are woken, those that run are poked */
void sched_next(struct save_area *save);  /* the current task has gone elsewhere: another runs */
void sched_yield(struct save_area *save); /* the current one to the end of the list */
void task_put_off(struct task *t, const struct save_area *save); /* keep its registers: it leaves */
void sched_leave(struct save_area *save); /* on the way back to a process: what is due */
void sched_stand_aside(void);             /* the context onto the root that never goes */
struct task *task_current(uint32_t context);
void task_forget(uint32_t context); /* its context is dead, and has been seen to */
bool sched_quiet(void);             /* no task is in the list */

/* ---- the others ---- */
int64_t call_fork(struct task *t, const struct save_area *save, bool share);
int64_t call_exec(struct task *t, struct save_area *save, uint64_t fn, uint64_t argument);
int64_t call_thread(struct task *t, uint64_t fn, uint64_t argument, uint64_t rsp);
void registers_begin(struct save_area *save, uint64_t fn, uint64_t argument, uint64_t rsp);

int64_t pipe_make(struct proc *p);
void pipes_share(const struct proc *from, struct proc *to);
void pipes_close(struct proc *p);
int64_t pipe_write(struct task *t, struct save_area *save);
int64_t pipe_read(struct task *t, struct save_area *save);

int64_t signal_raise(uint32_t number, uint32_t signal);
void signal_deliver(struct task *t, struct save_area *save);
int64_t signal_return(struct task *t, struct save_area *save);

void calls_begin(void);
void restart(struct save_area *save); /* the call is made again when the task goes on */

enum { AGAIN = -1000 }; /* a call's result: the task sleeps, and makes it again */

bool kill_scene(uint64_t want);           /* so many kills in critical sections */
bool scene_wait(uint64_t n, uint64_t ns); /* until programs have reported n values */
extern struct context *runners[CONTEXTS_MAX];
extern uint32_t n_runners;
bool runner_begin(uint32_t i);
extern struct proc procs[PROCS_MAX];

/* ---- programs.c: their calls, by number ---- */
enum call {
    P_EXIT,   /* status */
    P_FORK,   /* 0: copy entries; 1: share tables. Gives 0 in the child, its number in the parent */
    P_EXEC,   /* program, argument */
    P_WAIT,   /* for a child: status << 32 | number */
    P_PIPE,   /* gives a file */
    P_WRITE,  /* file, bytes, n */
    P_READ,   /* file, bytes, n */
    P_KILL,   /* number, signal */
    P_HANDLE, /* handler */
    P_RETURN, /* from it */
    P_THREAD, /* function, argument, stack */
    P_NUMBER,
    P_YIELD,
    P_REPORT, /* a value for main: scene_values */
};

enum { VALUES = 2048 };
extern volatile uint64_t scene_values[VALUES];
extern volatile uint64_t n_values;
program many_program, fork_program, exec_program, pipe_program, signal_program, churn_program;
