/* SPDX-License-Identifier: MIT */
/*
 * test/boot/kit.h - what the tests that run as library OSes share: saying how a check went,
 * catching what an instruction does, frames and pages by name.
 *
 * A test prints what it does and last `done N`. A check that fails ends it at once, with a line
 * `FAIL WORDS`, or `BREACH WORDS` where the kernel let pass what it must refuse. Where the test is
 * init (as_init.py) the machine ends then.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "abi/account.h"
#include "abi/cap.h"
#include "abi/context.h"
#include "abi/memory.h"
#include "lib/string.h"
#include "libos/exo/exo.h"
#include "libos/exo/invoke.h"
#include "call_stubs.h"

/* What the kernel's source tells an attacker (kernel/x86/layout.h). */
static const uint64_t KERNEL_IMAGE = 0xffffffff80100000;
static const uint64_t KERNEL_DIRECT = 0xffff800000000000; /* all memory, writable to the kernel */
static const uint64_t KERNEL_STACK_TOP = 0xffffffffc0007000;

/* Nothing else maps anything here: `SCRATCH_VA` on, in a table of its own. */
static const uint64_t SCRATCH_VA = 0x0000010000000000;

enum { STATUS_BREACH = 99, STATUS_FAIL = 98, STATUS_INIT_FAIL = 62, NO_VECTOR = -1 };

void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void breach(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* One check each: counted, and fatal where it fails. */
void expect(bool truth, const char *what);     /* else FAIL */
void hold(bool truth, const char *what);       /* else BREACH */
int64_t fine(int64_t value, const char *what); /* value >= 0, which it returns; else FAIL */
void refuse(int64_t value, int error, const char *what); /* value == -error; else BREACH or FAIL */
int done(void);                                          /* the exit status of a test that passed */

/* What came of running fn(argument) with every exception, fault and foreign call caught. */
struct trap {
    int64_t vector; /* NO_VECTOR: it returned */
    uint64_t error, address, rip, rflags;
};
typedef void trap_fn(uint64_t argument);
struct trap trap_catch(trap_fn *fn, uint64_t argument);
/*
 * Called with every trap inside trap_catch before it ends; true: go on with what `save` says now.
 */
extern bool (*trap_watch)(struct save_area *save);
/* One load or one store of a byte at va. */
struct trap trap_read(uint64_t va);
struct trap trap_write(uint64_t va);
/* Jump to va. */
struct trap trap_jump(uint64_t va);

/* The n'th argument, 0 the first behind the program's name; empty where there is none. */
const char *argument(uint32_t n);
/* As a decimal number; `otherwise` where it is none, or 0. */
uint64_t argument_number(uint32_t n, uint64_t otherwise);

/* What account_read and context_read tell of what a slot names; FAIL where they refuse. */
struct account_state account_told(uint32_t slot);
struct context_state context_told(uint32_t slot);
/* And frame_read of one frame, with the account in that slot. */
struct frame_state frame_told(uint32_t account, uint64_t frame);

/* The frame of the root that we began on. */
static inline uint64_t
own_root(void)
{
    return exo_start_page->root_frame;
}

/* A fresh frame of `account`, beside which none of ours lies. */
uint64_t frame_of_account(uint32_t account);
uint64_t frame_new(void);
/* The first of 512 frames of ours that a frame object of 2 MiB can be made of. */
uint64_t frames_aligned_new(void);
/* Are it and the 511 frames after it free? */
bool run_is_free(uint64_t first);
/* Freed, once what was granted from it is revoked and other processors have given it up. */
void frame_gone(uint64_t frame);
/* Take a frame that was just freed again. False: another partition was faster; try with another. */
bool frame_again(uint64_t frame);
/* Runs fn until it says true; FAIL after some times. */
void until_quiet(bool (*fn)(void), const char *what);
/* Map a frame of ours at va on our own root, with the tables that this needs. */
void page_at(uint64_t va, uint64_t frame, uint64_t flags);
/* A fresh page somewhere in our room: its address, and its frame at *frame if asked for. */
void *page_new(uint64_t flags, uint64_t *frame);

/* A table of that level in frames of ours; it hangs nowhere. */
uint64_t table_new(uint64_t level);
/* One pt_map of one entry with SLOT_ACCOUNT for all: the call's value. */
int64_t map_one(uint64_t root, uint64_t va, uint64_t entry);
/* The entry at va on our root. */
uint64_t entry_at(uint64_t va);

/* The frame (or number) of the object that a slot of ours names; the slot needs GRANT. */
uint32_t object_of_slot(uint32_t slot);
/* A capability with these rights to it, for any bearer, of a cell in SLOT_CELLS. */
struct cap cap_of(uint32_t slot, uint32_t rights);
/* A slot with these rights to what `slot` names, in slot `into`, by grant and bind. */
void weaken(uint32_t slot, uint32_t rights, uint32_t into);
/* The first of n empty cells, at most 16, in a frame of cells of ours that stands in SLOT_CELLS. */
uint32_t cells_take(uint32_t n);
enum { SLOT_CELLS = 120 };
/*
 * A console of an account, in slot `into`, on that channel: its counter is COUNTER_CONSOLE of `events`. For a test that
 * is init; the machine ends where there can be none.
 */
void console_new(uint32_t account, uint64_t channel, uint32_t into, uint32_t events);
/* From here on we run on that processor alone. */
void stay_on(uint32_t cpu);
