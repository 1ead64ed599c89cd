/* SPDX-License-Identifier: MIT */
/*
 * stride.c - a scheduler that is an application: it has one position of a processor, and shares its
 * time out among environments of its own making, 3:2:1 or as its arguments say.
 *
 * Each client has tickets, and a pass. At each of our slices the client with the least pass gets
 * what is left of it (yield to its context), and its pass grows by the time that it used over its
 * tickets: so who has twice the tickets comes twice as often, and none is ever further from its
 * share than about one slice. The kernel knows nothing of it: it took the slice from one and gave
 * it to another because who owned it said so, and it charged the time to who used it. The clients
 * are environments of accounts of their own, which do not know that they are scheduled. Source:
 * Waldspurger and Weihl, Stride Scheduling, MIT/LCS/TM-528, 1995; as an application: Engler,
 * Kaashoek, O'Toole, SOSP '95, 7.3.
 */
#include "abi/cap.h"
#include "abi/slice.h"
#include "lib/format.h"
#include "lib/string.h"
#include "lib/words.h"
#include "libos/exo/child.h"
#include "libos/exo/exo.h"
#include "call_stubs.h"

enum {
    CLIENTS_MAX = 8,
    SLOT_CELLS = 20,
    SLOT_CLIENT, /* CHILD_SLOT_COUNT for each */
    LIMIT_FRAMES = 1024,
    TICKETS_MAX = 100,
    STRIDE_1 = 1 << 20, /* of a single ticket, for each cycle used */
    SLICE_NS = 1000 * 1000,
    SLICES = 1200,
    SLICES_A_LINE = 200,
    ALL = 10000, /* in hundredths of a per cent */
};

struct client {
    struct child_terms terms;
    uint32_t tickets;
    uint64_t pass;
    uint64_t cycles; /* charged to it so far */
    uint64_t work;   /* done by it so far */
    uint64_t slices;
};

static struct client clients[CLIENTS_MAX];
static uint32_t n_clients;

/* ---- a client ---- */

static volatile uint64_t work; /* of which each client has its own */

static void
client_main(void)
{
    for (;;)
        work++;
}

/* ---- the scheduler ---- */

static struct client *
client_least(void)
{
    struct client *least = &clients[0];

    for (uint32_t i = 1; i < n_clients; i++)
        if (clients[i].pass < least->pass)
            least = &clients[i];
    return least;
}

/* What the kernel has charged it: its own upcall page says the same, but it may write there. */
static uint64_t
cycles_of(const struct client *c)
{
    struct context_state state = {0};

    call_context_read(c->terms.slot[CHILD_CONTEXT], (uintptr_t)&state);
    return state.charged_cycles;
}

/* One slice of ours, to the client whose turn it is. 0, or an error. */
static int64_t
slice_share(void)
{
    struct client *c = client_least();
    int64_t r = call_yield(c->terms.slot[CHILD_CONTEXT]).value; /* back at our next slice */
    uint64_t cycles = cycles_of(c);

    c->pass += (cycles - c->cycles) * STRIDE_1 / c->tickets;
    c->cycles = cycles;
    c->slices++;
    return r;
}

static int
client_make(uint32_t tickets)
{
    struct client *c = &clients[n_clients];
    int error;

    c->tickets = tickets;
    c->terms = (struct child_terms){.name = n_clients + 1,
                                    .limit_frames = LIMIT_FRAMES,
                                    .entry = SLOT_NOTHING,
                                    .cells = SLOT_CELLS,
                                    .first_cell = 1 + n_clients * CHILD_CELLS,
                                    .main = client_main};
    for (uint32_t i = 0; i < CHILD_SLOT_COUNT; i++)
        c->terms.slot[i] = SLOT_CLIENT + n_clients * CHILD_SLOT_COUNT + i;
    error = child_make(&c->terms);
    n_clients += !error;
    return error;
}

/* Our position on the last processor alone, in slices of SLICE_NS: what we share out. */
static int64_t
position_begin(const struct start_page *start)
{
    const struct machine_page *machine = (const struct machine_page *)EXPOSED_MACHINE;
    uint32_t cpu = machine->n_cpus - 1;
    int64_t r = processor_keep(cpu);

    return r < 0 ? r
                 : call_slice_set(SLOT_ACCOUNT, cpu, (uint32_t)start->position, SLOT_CONTEXT,
                                  SLOT_NOTHING, SLICE_NS)
                       .value;
}

static int
begin(const struct start_page *start)
{
    static const uint32_t usual[] = {3, 2, 1};
    uint32_t n = start->n_arguments > 1 ? start->n_arguments - 1 : 3;
    int64_t r = position_begin(start);
    uint64_t frame;

    if (n > CLIENTS_MAX)
        return -E_INVAL;
    r = r < 0 ? r : pool_take(&exo_pool, &frame, 1);
    r = r < 0 ? r : call_cells_make(SLOT_ACCOUNT, frame, SLOT_CELLS).value;
    for (uint32_t i = 0; i < n && r >= 0; i++) {
        uint64_t tickets = usual[i % 3];
        const char *word = argument_at(i + 1);
        if (*word && (number_decimal((struct word){word, strlen(word)}, &tickets) || !tickets ||
                      tickets > TICKETS_MAX))
            return -E_INVAL;
        r = client_make((uint32_t)tickets);
    }
    return (int)r;
}

/* ---- what came of it ---- */

/* How often a client has worked, by its own word: its image is ours. */
static uint64_t
work_of(const struct client *c)
{
    uint64_t count = 0;

    call_context_peek(c->terms.slot[CHILD_CONTEXT], (uintptr_t)&work, (uintptr_t)&count,
                      sizeof(count));
    return count;
}

struct totals {
    uint64_t tickets, cycles, work;
};

static struct totals
totals(void)
{
    struct totals t = {0, 0, 0};

    for (uint32_t i = 0; i < n_clients; i++) {
        struct client *c = &clients[i];
        c->work = work_of(c);
        t.tickets += c->tickets;
        t.cycles += c->cycles;
        t.work += c->work;
    }
    return t;
}

/* part / whole in hundredths of a per cent. */
static uint64_t
share(uint64_t part, uint64_t whole)
{
    return part * ALL / (whole ? whole : 1);
}

static void
progress_say(uint32_t slices)
{
    struct totals t = totals();
    char line[CLIENTS_MAX * 8];
    size_t at = 0;

    for (uint32_t i = 0; i < n_clients; i++) {
        uint64_t s = share(clients[i].cycles, t.cycles);
        at += format(line + at, sizeof(line) - at, " %lu.%02lu", s / 100, s % 100);
    }
    print("after %u slices:%s %% of the time\n", slices, line);
}

/* Each client's part, and how far the worst is from its own, of which 100 % would be all. */
static void
shares_say(void)
{
    struct totals t = totals();
    uint64_t worst = 0;

    for (uint32_t i = 0; i < n_clients; i++) {
        const struct client *c = &clients[i];
        uint64_t due = share(c->tickets, t.tickets), time = share(c->cycles, t.cycles);
        uint64_t done = share(c->work, t.work),
                 off = share(time > due ? time - due : due - time, due);
        print("tickets %u: %lu slices, %lu.%02lu %% of the time, %lu.%02lu %% of the work\n",
              c->tickets, c->slices, time / 100, time % 100, done / 100, done % 100);
        worst = off > worst ? off : worst;
    }
    print("furthest from its share: by %lu.%02lu %% of it\n", worst / 100, worst % 100);
}

static int
end(void)
{
    int error = 0;

    for (uint32_t i = 0; i < n_clients; i++)
        error = child_destroy(&clients[i].terms) ? -1 : error;
    return error;
}

int
exo_main(const struct start_page *start)
{
    int64_t r = begin(start);

    if (r < 0) {
        if (r == -E_INVAL)
            print("stride: up to 8 numbers of tickets, each 1 to 100\n");
        else if (r == -E_DQUOT)
            print("stride: too little memory: raise the limit (-m)\n");
        else
            print("stride: the clients cannot be made: error %ld\n", -r);
        return 1;
    }
    for (uint32_t n = 1; n <= SLICES && r >= 0; n++) {
        r = slice_share();
        if (r >= 0 && n % SLICES_A_LINE == 0)
            progress_say(n);
    }
    if (r >= 0)
        shares_say();
    return r < 0 || end() < 0;
}
