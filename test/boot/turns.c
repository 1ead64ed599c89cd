/* SPDX-License-Identifier: MIT */
/*
 * turns.c - what positions, grace and credit are worth, measured on a processor that only workers
 * of ours want. Where the clock counts instructions. Argument:
 *   positions  all that are free are ours, and name two in turn, but for one: each comes once in a
 *              cycle, for as long as it says, which is changed meanwhile
 *   grace      one stays for most of each grace, beside one that leaves at once
 *   credit     one is woken again and again and stays as long as it may, beside one that never
 *              gives way
 *   charge     three who give each other their slices: all that passes is charged to one of them
 *   sold       one gives its position back in the grace: what it has used of that is not owed by whoever
 *              has the position next
 *   pokes      a position beside one who is busy names another and nobody in turn, all the time: that
 *              interrupts him no more often than his slices do
 *   ends       the same of accounts that are made and ended all the time
 */
#include "abi/event.h"
#include "abi/slice.h"
#include "test/boot/workers.h"

enum {
    SLOT_WORKER = 60, /* one a worker */
    WORKERS = 3,
    SLOT_CHILD = SLOT_WORKER + WORKERS,
    CPU = 1,
    RUN_NS = 200 * 1000 * 1000,
    POSITIONS_NS = 400 * 1000 * 1000, /* four cycles */
    SHORT_NS = 50 * 1000,             /* at positions */
    LONG_NS = 150 * 1000,
    SLICE_NS = 200 * 1000,
    POKED_NS = 10 * 1000 * 1000,
    LINGER_NS = 80 * 1000, /* of the grace, which is 100 us */
    SLEEP_NS = 20 * 1000,
    AWAY_NS = 20 * 1000,
    POSITIONS_MIN = SLICE_POSITIONS * 9 / 10,
    PAUSE_LOOKS = 32, /* an emulator of one thread takes long over each pause */
};

static struct worker worker[WORKERS];
static volatile bool over;
static volatile uint64_t turns; /* of the third at positions */

static void
spin(uint64_t ns)
{
    for (uint64_t end = clock_ns() + ns; clock_ns() < end && !over;)
        ;
}

static void
pause_ns(uint64_t ns)
{
    struct wait_clause clause = {.kind = WAIT_CLOCK, .value = clock_ns() + ns};

    call_wait((uintptr_t)&clause, 1);
}

static void
busy(struct worker *w)
{
    uint64_t last = clock_ns(), now, n = 0;

    for (; !over; last = now) {
        now = clock_ns();
        if (w->number == 2 && now - last > AWAY_NS)
            turns++;
        if (++n % PAUSE_LOOKS == 0)
            __asm__ volatile("pause"); /* it lets the other processor on */
    }
}

/* ---- what they do ---- */

static volatile bool lingers[WORKERS], sells; /* the first, once */
static struct upcall_page *pages[WORKERS];

/* Upcalls are told apart by their stacks: there stands whose they are. */
static void __attribute__((noreturn, used)) slice_ended(uint64_t number)
{
    if (lingers[number])
        spin(LINGER_NS);
    if (sells && number == 0) {
        sells = false;
        (void)call_slice_give(SLOT_ACCOUNT, CPU, worker[number].position, 1);
    }
    *(volatile uint32_t *)&pages[number]->depth = 0;
    call_yield(SLOT_NOTHING);
    busy(&worker[number]);
    call_context_exit(0);
    for (;;)
        ;
}

void slice_ended_entry(void);
__asm__(".globl slice_ended_entry\n"
        "slice_ended_entry:\n\t"
        "mov (%rsp), %rdi\n\t"
        "sub $8, %rsp\n\t"
        "call slice_ended");

static void
stray(void)
{
    call_context_exit(1);
}

/* It is told of the end of its slices. */
static void
graceful(struct worker *w)
{
    struct upcall_setup setup = {.events_slot = SLOT_NOTHING};
    uint64_t frame;

    pages[w->number] = page_new(MAP_READ | MAP_WRITE, &frame);
    setup.frame = frame;
    setup.va = (uintptr_t)pages[w->number];
    for (uint32_t i = 0; i < UPCALL_DEPTH_MAX; i++) {
        setup.stack[i] = (uintptr_t)page_new(MAP_READ | MAP_WRITE, NULL) + FRAME_BYTES - 16;
        *(volatile uint64_t *)setup.stack[i] = w->number;
    }
    setup.entry[UPCALL_EXCEPTION] = setup.entry[UPCALL_FAULT] = setup.entry[UPCALL_FOREIGN] =
        (uintptr_t)stray;
    setup.entry[UPCALL_SLICE_END] = (uintptr_t)slice_ended_entry;
    fine(call_upcalls_set(SLOT_ACCOUNT, (uintptr_t)&setup).value, "upcalls_set");
    busy(w);
}

static void
greedy(struct worker *w)
{
    struct wait_clause clause = {.kind = WAIT_CLOCK};

    (void)w;
    while (!over) {
        clause.value = clock_ns() + SLEEP_NS;
        call_wait((uintptr_t)&clause, 1);
        spin(SLICE_NS * 9 / 10);
    }
}

static void
giving(struct worker *w)
{
    while (!over) {
        spin(SLICE_NS / 4);
        call_yield(worker[(w->number + 1) % WORKERS].slot);
    }
}

/* ---- what they are charged ---- */

static uint64_t
charged(uint32_t i)
{
    return context_told(worker[i].slot).charged_cycles;
}

/* Permille of so long that each is charged, from now on; the sum. */
static uint64_t
shares(uint64_t permille[WORKERS], uint32_t n, uint64_t ns)
{
    struct wait_clause clause = {.kind = WAIT_CLOCK};
    uint64_t from[WORKERS], cycles = clock_counter(), sum = 0;

    for (uint32_t i = 0; i < n; i++)
        from[i] = charged(i);
    clause.value = clock_ns() + ns;
    call_wait((uintptr_t)&clause, 1);
    cycles = clock_counter() - cycles;
    for (uint32_t i = 0; i < n; i++) {
        permille[i] = (charged(i) - from[i]) * 1000 / cycles;
        sum += permille[i];
    }
    say("%lu, %lu, %lu permille", permille[0], permille[1], n > 2 ? permille[2] : 0);
    return sum;
}

static void
start(uint32_t n, void (*body)(struct worker *w))
{
    for (uint32_t i = 0; i < n; i++) {
        worker[i].number = i;
        worker_start(&worker[i], SLOT_WORKER + i, CPU, SLICE_NS, body);
    }
}

/* ---- positions ---- */

static uint64_t ours[SLICE_POSITIONS];
static uint32_t n_ours;

/* Two in turn, and the third once. */
static void
positions_set(uint64_t first_ns, uint64_t second_ns)
{
    for (uint32_t i = 0; i < n_ours; i++) {
        uint32_t who = i == n_ours - 1 ? 2 : i % 2;
        fine(call_slice_set(SLOT_ACCOUNT, CPU, ours[i], worker[who].slot, SLOT_NOTHING,
                            who == 0 ? first_ns : second_ns)
                 .value,
             "slice_set");
    }
}

static void
positions_measure(uint64_t first_ns, uint64_t second_ns)
{
    uint64_t permille[WORKERS], cycles, before;

    positions_set(first_ns, second_ns);
    before = turns;
    (void)shares(permille, WORKERS, POSITIONS_NS);
    cycles = POSITIONS_NS / ((first_ns + second_ns) * (n_ours / 2));
    say("%lu turns of the third in about %lu cycles", turns - before, cycles);
    hold(turns - before + 1 >= cycles && turns - before <= cycles + 1, "each comes once a cycle");
    /* a switch is charged too: what is given 3 to 1 comes out at 2.5 or more */
    hold(first_ns > second_ns ? permille[0] * 10 >= permille[1] * 25
                              : permille[1] * 10 >= permille[0] * 25,
         "each for as long as its position says");
}

static void
positions(void)
{
    start(WORKERS, busy);
    for (uint32_t at = 0; at < SLICE_POSITIONS; at++)
        if (call_slice_take(SLOT_ACCOUNT, CPU, at, 1).value == 1)
            ours[n_ours++] = at;
    for (uint32_t i = 0; i < WORKERS; i++) /* where they began they have nothing more */
        fine(call_slice_set(SLOT_ACCOUNT, CPU, worker[i].position, SLOT_NOTHING, SLOT_NOTHING,
                            SLICE_NS)
                 .value,
             "slice_set");
    say("%u positions of %u", n_ours, (uint32_t)SLICE_POSITIONS);
    expect(n_ours >= POSITIONS_MIN, "most are free");
    positions_measure(SHORT_NS, LONG_NS);
    positions_measure(LONG_NS, SHORT_NS);
}

/* ---- grace, credit, charge ---- */

static void
grace(void)
{
    uint64_t permille[WORKERS];

    lingers[0] = true;
    start(2, graceful);
    hold(shares(permille, 2, RUN_NS) >= 980, "all is charged");
    hold(permille[0] <= 520, "what is used of the grace is paid");
    hold(permille[0] >= 400, "and no more than that");
}

static void
credit(void)
{
    uint64_t permille[WORKERS];

    worker[1].number = 1;
    worker_start(&worker[0], SLOT_WORKER, CPU, SLICE_NS, greedy);
    worker_start(&worker[1], SLOT_WORKER + 1, CPU, SLICE_NS, busy);
    hold(shares(permille, 2, RUN_NS) >= 980, "all is charged");
    hold(permille[0] <= 520, "what is used on credit is paid");
    hold(permille[0] >= 400, "and no more than that");
}

static void
charge(void)
{
    uint64_t permille[WORKERS], sum;

    start(WORKERS, giving);
    sum = shares(permille, WORKERS, RUN_NS);
    hold(sum >= 990 && sum <= 1010, "all that passes is charged, and nothing twice");
}

static struct slice_state
position_told(uint64_t position)
{
    struct slice_state state = {0};

    fine(call_slice_read(SLOT_ACCOUNT, CPU, position, (uintptr_t)&state).value, "slice_read");
    return state;
}

static void
sold(void)
{
    const struct worker *w = &worker[0];
    struct slice_state state;

    lingers[0] = sells = true;
    start(2, graceful);
    while (position_told(w->position).owner)
        call_yield(SLOT_NOTHING);
    pause_ns(SLICE_NS);
    state = position_told(w->position);
    hold(state.owner == 0 && state.debt_ns == 0, "who has a position next owes nothing");
    expect(call_slice_take(SLOT_ACCOUNT, CPU, w->position, 1).value == 1, "slice_take");
    fine(call_slice_set(SLOT_ACCOUNT, CPU, w->position, w->slot, SLOT_NOTHING, SLICE_NS).value,
         "slice_set");
}

static void
sleeping(struct worker *w)
{
    (void)w;
    call_wait(0, 0);
}

static void
pokes(void)
{
    uint64_t before, end, n = 0;

    worker_start(&worker[0], SLOT_WORKER, CPU, POKED_NS, busy);
    worker_start(&worker[1], SLOT_WORKER + 1, CPU, POKED_NS, sleeping);
    pause_ns(RUN_NS / 8);
    before = position_told(worker[1].position).interrupts;
    for (end = clock_ns() + RUN_NS; clock_ns() < end; n += 2) {
        for (uint32_t named = 0; named < 2; named++)
            fine(call_slice_set(SLOT_ACCOUNT, CPU, worker[1].position,
                                named ? worker[1].slot : SLOT_NOTHING, SLOT_NOTHING, POKED_NS)
                     .value,
                 "slice_set");
        __asm__ volatile("pause"); /* an emulator of one thread lets the other processor on */
    }
    before = position_told(worker[1].position).interrupts - before;
    say("%lu interrupts by %lu changes, in %u slices", before, n, (uint32_t)RUN_NS / POKED_NS);
    hold(before <= 3 * RUN_NS / POKED_NS, "who changes a vector interrupts nobody the more");
    worker_stop(&worker[1]);
}

/* Accounts that nobody runs or is called in. */
static void
ends(void)
{
    struct account_terms terms = {.name = 1, .limit_frames = 1};
    uint64_t frame = frame_new(), before, end, n = 0;

    worker_start(&worker[0], SLOT_WORKER, CPU, POKED_NS, busy);
    pause_ns(RUN_NS / 8);
    before = position_told(worker[0].position).interrupts;
    for (end = clock_ns() + RUN_NS; clock_ns() < end; n++) {
        fine(call_account_make(SLOT_ACCOUNT, frame, SLOT_CHILD, (uintptr_t)&terms).value,
             "account_make");
        expect(call_account_destroy(SLOT_CHILD).value == 0, "account_destroy");
        expect(call_frame_free(SLOT_ACCOUNT, frame, 1).value == 1, "frame_free");
        expect(frame_again(frame), "it is free");
        __asm__ volatile("pause"); /* an emulator of one thread lets the other processor on */
    }
    before = position_told(worker[0].position).interrupts - before;
    say("%lu interrupts by %lu ends, in %u slices", before, n, (uint32_t)RUN_NS / POKED_NS);
    hold(before <= 3 * RUN_NS / POKED_NS, "who ends accounts interrupts nobody the more");
}

int
exo_main(const struct start_page *page)
{
    static const struct mode {
        const char *name;
        void (*run)(void);
        uint32_t workers;
    } modes[] = {{"positions", positions, 3},
                 {"grace", grace, 2},
                 {"credit", credit, 2},
                 {"charge", charge, 3},
                 {"sold", sold, 2},
                 {"pokes", pokes, 1},
                 {"ends", ends, 1}};

    (void)page;
    stay_on(0);
    for (uint32_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        if (strcmp(argument(0), modes[i].name) != 0)
            continue;
        modes[i].run();
        over = true;
        for (uint32_t k = 0; k < modes[i].workers; k++)
            worker_join(&worker[k], "it ends");
        return done();
    }
    fail("which?");
}
