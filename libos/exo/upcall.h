/* SPDX-License-Identifier: MIT */
/*
 * libos/exo/upcall.h - upcalls as C functions. A library OS sets the handlers that it wants; each
 * gets the save area of what was interrupted, may change it, and returns to go on from there.
 *
 * A handler may itself be interrupted by an upcall, four deep. rbp tells where the interrupted
 * program keeps its frames, if it does.
 */
#pragma once
#include <stdint.h>
#include "abi/context.h"

/* rflags of what begins: interrupts alone. */
enum { FLAGS_START = 0x202 };

typedef void upcall_handler(struct save_area *save);

extern upcall_handler *exo_on_exception; /* reports, and ends with 128 + signal, until set */
extern upcall_handler *exo_on_fault;     /* asks the region (fault.c), and without one likewise */
extern upcall_handler *exo_on_foreign;   /* likewise */
extern upcall_handler *exo_on_event;     /* asks for the host's signals, and hands them on. Its save
                                            area is null where it was held back meanwhile */

/*
 * Something of our account is asked back: its state says what and until when. Brought to those that
 * called account_listen; it ends a wait. Its save area is null where it was held back meanwhile.
 * The best that a handler does is to note it: what it interrupts may hold any lock. With threads it is
 * called a little later, between two of them, without a save area; then it may wake one
 * (semaphore_post) that does what is to be done.
 */
extern upcall_handler *exo_on_revoke;    /* nothing, until set */
extern upcall_handler *exo_revoke_comes; /* for sched.c: what calls that, now or later */

/* The host's signals, a set of 1 << number. Ends with 128 + the lowest, until set. */
extern void (*exo_on_signals)(uint64_t set);

extern struct upcall_page exo_upcall_page;

/*
 * Registers the upcalls of the calling context with the kernel: of the first, by exo_start; of
 * another, whose stacks end at stack[], by contexts.c. Events of the counters in event_mask are
 * upcalls.
 */
int upcalls_begin(void);
struct context;
int upcalls_register(struct context *c, const uint64_t stack[UPCALL_DEPTH_MAX],
                     uint64_t event_mask);

/* Handle an event that could not be delivered: it was masked, or no save area was left. */
void upcalls_take_pending(void);

/*
 * For handlers of events that come at a bad moment, within another handler: from here on events are
 * held back; exo_on_event is called again on the way back from the lowest level, with its save
 * area. So are all upcalls that were held back meanwhile.
 */
void upcalls_hold_event(void);

/* Leave whatever we do and continue with these registers, which lie in exo_upcall_page. */
void exo_resume(struct save_area *save) __attribute__((noreturn));

/* Begin a program: all registers 0 but these two. Called with no upcall under way. */
void exo_enter(uint64_t rip, uint64_t rsp) __attribute__((noreturn));
