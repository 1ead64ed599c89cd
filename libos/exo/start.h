/* SPDX-License-Identifier: MIT */
/*
 * libos/exo/start.h - what a library OS finds when it begins, and the addresses that are its own.
 *
 * A partition is started by init with a page of this form, whose address is in rdi; init itself is
 * started by the kernel with a boot page (abi/boot.h), from which the same is made. Either way crt0
 * calls exo_main, and the slots of enum first_slot are filled.
 *
 * A library keeps to [LIBRARY_VA, LIBRARY_TOP); all below is free for what it loads.
 */
#pragma once
#include <stdint.h>
#include "abi/boot.h"
#include "lib/plan.h"

static const uint64_t LIBRARY_VA = 0x7e0000000000; /* its image, at most a GiB */
static const uint64_t START_VA = 0x7e0040000000;   /* the start page */
static const uint64_t ACCOUNT_VA = 0x7e0040001000; /* the page of its account, read-only */
static const uint64_t PROGRAM_VA = 0x7e0080000000; /* the program's module, read-only */
static const uint64_t ROOM_VA = 0x7e4000000000;    /* nothing is mapped from here on */
static const uint64_t LIBRARY_TOP = 0x7e8000000000;

static const uint64_t START_MAGIC = 0x7472617473736554;

enum start_limit { START_STRINGS_MAX = 1 << 20 };

/* The counters of SLOT_EVENTS that are in use from the start. */
enum start_counter {
    COUNTER_CONSOLE = 0, /* input, credit or an end at the console */
    COUNTER_SIGNALS = 1, /* a signal from the host */
    COUNTER_FIRST_FREE = 2,
    COUNTER_CONTEXT = 32, /* + index: raised to interrupt or wake a context of ours (contexts.h) */
    COUNTER_STOPPED = 48, /* + index: raised when it has stopped */
};

struct start_page {
    uint64_t magic;
    uint32_t abi_version;
    uint32_t channel;
    uint64_t root_frame;                /* the page-table root that we stand on */
    uint64_t limit_frames;              /* of the account */
    uint64_t position;                  /* ours in the vector of every processor (abi/slice.h) */
    uint64_t slice_ns;                  /* of that on processor 0, where we begin */
    uint64_t program_va, program_bytes; /* 0: there is none */
    uint64_t room_va, room_end;         /* addresses for the library's own mappings */
    uint64_t strings_va, strings_bytes; /* the arguments, then the variables, each ended by 0 */
    uint32_t n_arguments, n_environment;
    char name[PLAN_NAME_MAX]; /* of the partition */
    uint64_t account_va;      /* ACCOUNT_VA, or 0: its account has no page (account_shown) */
};
_Static_assert(sizeof(struct start_page) == 144, "layout");

/*
 * From here on the partition's first context runs on that processor alone (exo_start names it on
 * all): 0, or -E_INVAL when there is none. Whom it calls must serve there (libos/exo/rpc.h).
 */
int64_t processor_keep(uint32_t cpu);

extern const struct start_page *exo_start_page; /* init's is made from its boot page */
extern const struct boot_page *exo_boot_page;   /* null but for init */

/* The library OS itself: what it returns is the exit status. */
int exo_main(const struct start_page *start);

/* Called by crt0 alone. */
void exo_start(const void *page) __attribute__((noreturn));

/* Ends the partition, with all its contexts: 0 .. 255. */
void exo_exit(int status) __attribute__((noreturn));

/* How that is done: the first context ends; from another, by contexts.c. It may return: again. */
extern void (*exo_end)(int status);

/*
 * n_pages addresses of the library's own that nothing is mapped at, or 0. They are never given
 * back.
 */
uint64_t room_take(uint64_t n_pages);

/*
 * The page of our account: what it may hold, holds and is asked for, and what was taken from it by
 * force (abi/account.h), as of now and without a call. The kernel writes it while we read: each word
 * is whole, but two may be of different moments; account_read tells all at once. Null: there is
 * none, for init, and for a child that was given none (child.h).
 */
struct account_page;
const volatile struct account_page *account_shown(void);

/* The n'th argument, 0 the program's own name; empty where there is none. */
const char *argument_at(uint32_t n);

/* The string behind this one. */
const char *string_next(const char *s);
