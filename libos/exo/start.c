/* SPDX-License-Identifier: MIT */
/*
 * start.c - what a library OS was given to begin with, and its end. How it begins: begin.c.
 */
#include "libos/exo/start.h"
#include "abi/cap.h"
#include "abi/context.h"
#include "abi/exposed.h"
#include "abi/memory.h"
#include "abi/error.h"
#include "abi/version.h"
#include "lib/string.h"
#include "call_stubs.h"

/* The mark by which the host command and init know a library OS: a note of owner "Tessera". */
struct library_note {
    uint32_t name_bytes, desc_bytes, type;
    char name[8];
    uint32_t abi_version;
};
extern const struct library_note exo_note;
const struct library_note exo_note
    __attribute__((section(".note.tessera"), aligned(4), used)) = {8, 4, 1, "Tessera", ABI_VERSION};

const struct start_page *exo_start_page;
const struct boot_page *exo_boot_page;

static uint64_t room_next; /* 0: nothing was taken yet */

int64_t
processor_keep(uint32_t cpu)
{
    const struct machine_page *machine = (const struct machine_page *)EXPOSED_MACHINE;
    uint32_t position = (uint32_t)exo_start_page->position;
    int64_t r = cpu < machine->n_cpus ? 0 : -E_INVAL;

    if (r == 0) /* there first: where we are named no more, we run no more */
        r = call_slice_set(SLOT_ACCOUNT, cpu, position, SLOT_CONTEXT, SLOT_NOTHING,
                           exo_start_page->slice_ns)
                .value;
    for (uint32_t i = 0; i < machine->n_cpus && r >= 0; i++)
        if (i != cpu)
            r = call_slice_set(SLOT_ACCOUNT, i, position, SLOT_NOTHING, SLOT_NOTHING,
                               exo_start_page->slice_ns)
                    .value;
    return r < 0 ? r : call_yield(SLOT_NOTHING).value;
}

/* Init waits for our first context, which is all that we have to begin with. */
static void
end_here(int status)
{
    call_context_exit((uint64_t)status);
}

void (*exo_end)(int status) = end_here;

void
exo_exit(int status)
{
    for (;;)
        exo_end(status);
}

uint64_t
room_take(uint64_t n_pages)
{
    uint64_t was = __atomic_load_n(&room_next, __ATOMIC_RELAXED), va;

    do {
        va = was ? was : exo_start_page->room_va;
        if (n_pages > (exo_start_page->room_end - va) >> FRAME_SHIFT)
            return 0;
    } while (!__atomic_compare_exchange_n(&room_next, &was, va + (n_pages << FRAME_SHIFT), false,
                                          __ATOMIC_RELAXED, __ATOMIC_RELAXED));
    return va;
}

const volatile struct account_page *
account_shown(void)
{
    return (const volatile struct account_page *)exo_start_page->account_va;
}

const char *
string_next(const char *s)
{
    return s + strlen(s) + 1;
}

const char *
argument_at(uint32_t n)
{
    const char *s = (const char *)exo_start_page->strings_va;

    if (n >= exo_start_page->n_arguments)
        return "";
    while (n-- > 0)
        s = string_next(s);
    return s;
}
