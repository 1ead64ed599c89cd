/* SPDX-License-Identifier: MIT */
/*
 * abi/context.h - what runs: its upcalls, its upcall page, how it is made and how it ends.
 *
 * On an upcall the kernel saves the interrupted registers in save[depth] of the upcall page,
 * raises depth, and enters the library at entry[kind] with
 *      rdi = user address of that save area,  rsp = stack[depth],  rflags = interrupts only.
 * It writes nothing else, the user's stack least of all. The library resumes by itself: it lowers
 * depth and restores all registers from the save area (abi/x86/save.h). The code that does so for
 * save[k] lies in the k'th RESUME_BYTES of the registered resume sequence; there an upcall finds
 * the area still whole, and is redelivered on it.
 *
 * Source: Engler, Kaashoek, O'Toole, SOSP '95 (upcalls); Anderson et al., SOSP '91.
 */
#pragma once
#include <stdint.h>
#include "abi/x86/save.h"

enum upcall {
    UPCALL_EXCEPTION = 0, /* any but a page fault */
    UPCALL_FAULT,         /* page fault */
    UPCALL_FOREIGN,       /* a `syscall` or `int 0x80` that is not the kernel's */
    UPCALL_SLICE_BEGIN,   /* pending where no save area is left */
    UPCALL_SLICE_END,     /* maskable; grace runs from here */
    UPCALL_EVENT,         /* maskable */
    UPCALL_REVOKE,        /* maskable */
    UPCALL_TRANSFER,
    UPCALL_COUNT,
};

enum { UPCALL_DEPTH_MAX = 4, RESUME_BYTES = 256 };

/* Written by both sides. The kernel trusts none of it. The rest of the frame is the library's. */
struct upcall_page {
    uint32_t mask;    /* library: 1 << UPCALL_x is held back as pending */
    uint32_t depth;   /* save areas in use; the kernel raises, the library lowers */
    uint32_t pending; /* kernel sets 1 << UPCALL_x; the library clears, after unmasking */
    uint32_t reserved;
    uint64_t charged_cycles; /* processor time charged to this context */
    uint64_t on_since;       /* the clock when it was last put on a processor */
    uint64_t unused[28];
    struct save_area save[UPCALL_DEPTH_MAX];
};
_Static_assert(sizeof(struct upcall_page) == 256 + 4 * 256, "layout");

/* What context_make asks for: where it begins, and who hears of its end. */
struct context_start {
    uint64_t rip, rsp, rdi;
    uint64_t vector_frame; /* a plain frame of the environment's account; becomes FRAME_VECTOR */
    uint32_t stop_slot;    /* an events slot of the maker with POST, or SLOT_NOTHING */
    uint32_t stop_index;   /* the counter that is raised when the context stops, while that right
                              lasts */
};
_Static_assert(sizeof(struct context_start) == 40, "layout");

/*
 * What upcalls_set asks for, once, by the context itself; an upcall before that stops it.
 * Addresses are checked and copied then, and never read again.
 */
struct upcall_setup {
    uint64_t frame; /* the upcall page: a plain frame of the account; pinned until the end */
    uint64_t va;    /* where the library has it mapped */
    uint64_t entry[UPCALL_COUNT];      /* 0: none; EXCEPTION, FAULT and FOREIGN must be there */
    uint64_t stack[UPCALL_DEPTH_MAX];  /* rsp at each depth */
    uint64_t resume_start, resume_end; /* bounds of the resume sequence; equal: none */
    uint64_t event_mask;               /* the counters of events_slot that make an EVENT upcall */
    uint32_t events_slot;              /* an events slot with READ, or SLOT_NOTHING; when that right
                                          is revoked there are no EVENT upcalls any more */
    uint32_t reserved;
};
_Static_assert(sizeof(struct upcall_setup) == 144, "layout");

enum { SLOT_NOTHING = 0xffffffffu };

/*
 * So many may be asked to stop on one processor before it has looked (context_stop): it ends them
 * all with interrupts off.
 */
enum { CONTEXT_STOPS_MAX = 8 };

enum context_phase {
    CONTEXT_READY = 0, /* runs whenever it has a slice */
    CONTEXT_WAITING,
    CONTEXT_STOPPED, /* its registers are complete, it runs no more */
    CONTEXT_CALLING, /* off its processor, waits for the return of a transfer */
    CONTEXT_PARKED,  /* an activation that nobody has called */
};

/* Why a context stopped. */
enum context_cause {
    CAUSE_NONE = 0,
    CAUSE_EXIT,    /* context_exit; status is its argument */
    CAUSE_STOPPED, /* context_stop by a holder */
    CAUSE_DEPTH,   /* an upcall found no save area left, or none registered */
    CAUSE_RESUME, /* an upcall in the resume sequence found rip beyond that of the last save area */
    CAUSE_DESTROYED,
    CAUSE_STRIKES, /* it did not leave its processor when told to, too often (abi/slice.h) */
};

/* What context_read tells. */
struct context_state {
    uint32_t phase; /* enum context_phase */
    uint32_t cause; /* enum context_cause */
    int64_t status;
    uint64_t charged_cycles; /* processor time charged to it, until it was last taken off */
    struct save_area save; /* complete when stopped; vector, error and address of what stopped it */
};
_Static_assert(sizeof(struct context_state) == 280, "layout");
