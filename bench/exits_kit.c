/* SPDX-License-Identifier: MIT */
/*
 * exits_kit.c - does an operation so often as a line on its input says, for exits_drive.c, in
 * slices as long as there are, so that their ends are not counted with it; with the argument
 * `share` in those that it was given. With `spin` or `yield` it is the one beside, and does that
 * for ever. What exits_linux.c is on the other side.
 */
#include "abi/cap.h"
#include "bench/exits_pair.h"
#include "lib/format.h"
#include "lib/string.h"
#include "libos/exo/exo.h"
#include "libos/exo/invoke.h"
#include "call_stubs.h"

enum { LINE_BYTES = 128, NS_PER_MS = 1000000, STORE_BYTES = 3 };

static uint64_t absent, spare; /* a page with nothing there; a frame */

static void
store_skip(struct save_area *save)
{
    save->rip += STORE_BYTES;
}

static uint64_t
nothing(uint64_t n)
{
    return n;
}

static uint64_t
null_call(uint64_t n)
{
    for (uint64_t i = 0; i < n; i++)
        call_null();
    return n;
}

/* A write to an absent page; the handler steps over it. */
static uint64_t
upcall(uint64_t n)
{
    exo_on_fault = store_skip;
    for (uint64_t i = 0; i < n; i++)
        __asm__ volatile("mov %%rax, (%0)" ::"b"(absent) : "memory"); /* STORE_BYTES long */
    return n;
}

static uint64_t
map_unmap(uint64_t n)
{
    uint64_t entry = spare << FRAME_SHIFT | MAP_READ | MAP_WRITE;

    for (uint64_t i = 0; i < n; i++) {
        if (space_map(&exo_space, absent, &entry, 1, SLOT_ACCOUNT))
            return 0;
        *(volatile uint64_t *)absent = i;
        if (space_unmap(&exo_space, absent, 1))
            return 0;
    }
    return n;
}

static uint64_t
yield(uint64_t n)
{
    for (uint64_t i = 0; i < n; i++)
        call_yield(SLOT_NOTHING);
    return n;
}

/* Busy for n milliseconds. Returns how often another had the processor meanwhile. */
static uint64_t
spin(uint64_t n)
{
    volatile uint64_t *on_since = &exo_upcall_page.on_since;
    uint64_t end = clock_ns() + n * NS_PER_MS, times = 0;

    for (uint64_t last = *on_since; clock_ns() < end;)
        if (*on_since != last) {
            last = *on_since;
            times++;
        }
    return times;
}

static uint64_t
idle(uint64_t n)
{
    clock_sleep_until(clock_ns() + n * NS_PER_MS);
    return n;
}

static const struct {
    const char *name;
    uint64_t (*run)(uint64_t n);
} operations[] = {
    {"nothing", nothing},
    {"null_call", null_call},
    {"upcall", upcall},
    {"map_unmap", map_unmap},
    {"yield", yield},
    {"spin", spin},
    {"alone", spin},
    {"idle", idle},
    {"transfer", pair_transfer},
    {"env_create", pair_env_create},
    {"remote_flush", pair_remote_flush},
    {"event_post", pair_event_post},
    {"remote_flush_off", pair_remote_flush_off},
    {"event_post_off", pair_event_post_off},
    {"dedicated", pair_dedicated},
};

/* One line of input, without its end. 0 bytes: there are no more. */
static uint64_t
line_read(char line[LINE_BYTES])
{
    uint64_t n = 0;

    while (n < LINE_BYTES - 1) {
        if (console_read(&exo_console, (uint64_t)&line[n], 1).value != 1 || line[n] == '\n')
            break;
        n++;
    }
    line[n] = 0;
    return n;
}

static uint64_t
decimal(const char *digits)
{
    uint64_t v = 0;

    for (; *digits >= '0' && *digits <= '9'; digits++)
        v = v * 10 + (uint64_t)(*digits - '0');
    return v;
}

static int
line_obey(char *line)
{
    char answer[64];
    char *space = memchr(line, ' ', strlen(line));

    if (!space)
        return 1;
    *space = 0;
    for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++)
        if (!strcmp(line, operations[i].name)) {
            format(answer, sizeof(answer), "done %lu\n", operations[i].run(decimal(space + 1)));
            return console_print(answer);
        }
    return 1;
}

int
exo_main(const struct start_page *start)
{
    const char *word =
        start->n_arguments > 1 ? string_next((const char *)start->strings_va) : "serve";
    char line[LINE_BYTES];
    int error;

    while (!strcmp(word, "spin"))
        __asm__ volatile("pause");
    while (!strcmp(word, "yield"))
        call_yield(SLOT_NOTHING);
    if (strcmp(word, "share") != 0 && pair_begin() < 0)
        return 1;
    absent = room_take(1);
    error = pool_take_run(&exo_pool, 1, &spare);
    if (!error)
        error = console_print("ready\n");
    while (!error && line_read(line))
        error = line_obey(line);
    return error != 0;
}
