/* SPDX-License-Identifier: MIT */
/*
 * chains.c - calls through up to 64 services of 32 environments, one on top of the other, on one or
 * two processors, preempted every few of them, while whoever comes to mind is killed: services that
 * wait, that run, that are parked, and their callers. Afterwards every service that lives is free,
 * and answers. Each service has slices of its own, so nobody holds it up by dying.
 * Argument: how many kills.
 */
#include "abi/event.h"
#include "abi/exposed.h"
#include "abi/slice.h"
#include "test/boot/message.h"

enum {
    SERVICES = TRANSFER_DEPTH_MAX,
    ENVS = 32,
    BASES = 2,
    CPUS = 2,     /* at most */
    SCRATCH = 20, /* slots that name something for the moment */
    SCRATCH_TWO,
    BASE_SLOT, /* BASES of them */
    ENTRY = 40,
    POSITION = 100, /* of each processor, from here on: bases, then services */
    BASE_SLICE_NS = 150 * 1000,
    SERVICE_SLICE_NS = 60 * 1000,
    NAP_NS = 50 * 1000,
    KILLS = 400,
    KILLS_MANY = 120, /* with more processors than one, which here share the host's */
    STEP_NS = 300 * 1000,
    DOOMED_NS = 50 * 1000 * 1000,
};

static const uint64_t LONGEST_NS = 60000000000; /* on a busy host */

/* One that serves on one processor. */
struct service {
    struct cap context;
    uint64_t frame, vector_frame;
    volatile bool doomed; /* it is to die by its own hand */
};

static uint64_t kills;
static struct cap envs[ENVS], entries[SERVICES];
static struct service services[CPUS][SERVICES];
static uint64_t stacks; /* a page each: service s of processor c at c * SERVICES + s */
static uint64_t n_cpus;

/* ---- what runs ---- */

struct base {
    struct cap context;
    uint64_t frame, vector_frame;
    volatile uint64_t calls, whole; /* all, and those that came back from the deepest */
};
static struct base bases[BASES];
static volatile bool over;
static volatile uint64_t wrong, died, busy, absent;

static uint64_t
answer_of(uint64_t seed, uint64_t service)
{
    return (seed ^ service) * 0x9e3779b97f4a7c15;
}

static uint64_t
next_of(uint64_t seed)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    return seed ^ seed << 17;
}

static void
count(int64_t error)
{
    volatile uint64_t *what = &wrong;

    if (error == -E_OWNERDEAD)
        what = &died;
    else if (error == -E_AGAIN)
        what = &busy;
    else if (error == -E_NOENT)
        what = &absent;
    __atomic_fetch_add(what, 1, __ATOMIC_RELAXED);
}

/* Words: depth that is left, seed, answer, how many were reached. */
static int64_t
call(uint64_t service, uint64_t depth, uint64_t seed, uint64_t *reached)
{
    uint64_t message[MESSAGE_WORDS] = {depth, seed};
    int64_t r = message_send(transfer_word(ENTRY + service), message);

    *reached = r ? 0 : message[3];
    if (r)
        count(r);
    else if (message[2] != answer_of(seed, service))
        count(0);
    return r;
}

void
message_serve(uint64_t message[MESSAGE_WORDS], uint64_t identity, uint64_t flags)
{
    uint64_t at = ((uintptr_t)message - stacks) >> FRAME_SHIFT, self = at % SERVICES, reached = 0;
    struct service *s = &services[at / SERVICES][self];
    uint64_t seed = message[1];

    (void)identity;
    (void)flags;
    if (s->doomed) {
        s->doomed = false;
        if (seed & 1)
            (void)*(const volatile uint8_t *)KERNEL_IMAGE;
        call_context_exit(0);
    }
    for (uint64_t i = 0; i < (seed >> 8) % 64; i++)
        __asm__ volatile("pause");
    if ((seed >> 20) % 256 == 0) { /* it sleeps */
        struct wait_clause clause = {.kind = WAIT_CLOCK, .value = clock_ns() + NAP_NS};
        call_wait((uintptr_t)&clause, 1);
    }
    if (message[0] > 1 && self + 1 < SERVICES)
        (void)call(self + 1, message[0] - 1, next_of(seed), &reached);
    message[2] = answer_of(seed, self);
    message[3] = reached + 1;
}

static void
base_run(uint64_t index)
{
    struct base *b = &bases[index];
    uint64_t seed = 88172645463325252u + index, reached;

    while (!over) {
        seed = next_of(seed);
        (void)call((seed >> 40) % 8 ? 0 : (seed >> 30) % SERVICES, SERVICES, seed, &reached);
        b->calls++;
        b->whole += reached == SERVICES;
    }
    call_context_exit(0);
}

/* ---- making and unmaking ---- */

static void
bind(uint32_t slot, const struct cap *cap)
{
    call_slot_clear(SLOT_SLOTS, slot);
    fine(call_cap_bind(SLOT_SLOTS, slot, (uintptr_t)cap).value, "cap_bind");
}

/* Lets others run, for as long as that may take on a busy host. */
static void
later(uint64_t *end, const char *what)
{
    if (!*end)
        *end = clock_ns() + LONGEST_NS;
    expect(clock_ns() < *end, what);
    call_yield(SLOT_NOTHING);
}

static void
frame_back(uint64_t frame)
{
    uint64_t end = 0;
    int64_t r;

    while ((r = call_frame_free(SLOT_ACCOUNT, frame, 1).value) == -E_AGAIN || r == -E_BUSY)
        later(&end, "its frame is not freed");
    fine(r, "frame_free");
}

/* On every processor: a chain goes on where it is next looked for, and a service comes home from
 * there. */
static void
slices_for(uint64_t position, uint64_t ns)
{
    for (uint64_t cpu = 0; cpu < n_cpus; cpu++)
        fine(call_slice_set(SLOT_ACCOUNT, cpu, position, SCRATCH_TWO, SLOT_NOTHING, ns).value,
             "slice_set");
}

/* A context in SCRATCH_TWO of the environment in `env`. */
static struct cap
context_new(uint32_t env, const struct context_start *start, uint64_t frame)
{
    call_slot_clear(SLOT_SLOTS, SCRATCH_TWO);
    fine(call_context_make(env, frame, SCRATCH_TWO, (uintptr_t)start).value, "context_make");
    return cap_of(SCRATCH_TWO, RIGHT_STOP | RIGHT_INSPECT | RIGHT_RUN);
}

static void
service_begin(uint64_t cpu, uint64_t n)
{
    struct service *s = &services[cpu][n];
    struct context_start start = {.rip = FRAME_BYTES, .stop_slot = SLOT_NOTHING};

    s->frame = frame_new();
    s->vector_frame = start.vector_frame = frame_new();
    s->doomed = false;
    bind(SCRATCH, &envs[n % ENVS]);
    s->context = context_new(SCRATCH, &start, s->frame);
    bind(SCRATCH, &entries[n]);
    activation_serve(SCRATCH, SCRATCH_TWO, (uint32_t)cpu,
                     stacks + (cpu * SERVICES + n + 1) * (uint64_t)FRAME_BYTES);
    slices_for(POSITION + BASES + cpu * SERVICES + n, SERVICE_SLICE_NS);
}

static void
base_begin(uint64_t n)
{
    struct base *b = &bases[n];
    struct context_start start = {.rip = (uintptr_t)base_run, .stop_slot = SLOT_NOTHING};

    start.rdi = n;
    start.rsp = stacks + ((uint64_t)CPUS * SERVICES + n + 1) * (uint64_t)FRAME_BYTES - 8;
    b->frame = frame_new();
    b->vector_frame = start.vector_frame = frame_new();
    b->context = context_new(SLOT_ENV, &start, b->frame);
    slices_for(POSITION + n, BASE_SLICE_NS);
}

static uint32_t
phase_of(const struct cap *context)
{
    bind(SCRATCH, context);
    return context_told(SCRATCH).phase;
}

/* Whatever it is doing. */
static void
kill(const struct cap *context, uint64_t frame, uint64_t vector_frame)
{
    uint64_t end = 0;
    int64_t r;

    bind(SCRATCH, context);
    while ((r = call_context_stop(SCRATCH).value) == -E_INPROGRESS)
        later(&end, "it does not stop");
    fine(r, "context_stop");
    frame_back(frame);
    frame_back(vector_frame);
}

/* ---- the test ---- */

static void
begin(void)
{
    uint64_t pages = CPUS * SERVICES + BASES;

    n_cpus = ((const struct machine_page *)EXPOSED_MACHINE)->n_cpus;
    n_cpus = n_cpus < CPUS ? n_cpus : CPUS;
    stacks = room_take(pages);
    for (uint64_t i = 0; i < pages; i++)
        page_at(stacks + i * FRAME_BYTES, frame_new(), MAP_READ | MAP_WRITE);
    for (uint64_t cpu = 0; cpu < n_cpus; cpu++)
        for (uint64_t left = BASES + CPUS * SERVICES, at = POSITION; left > 0;) {
            uint64_t n = left < SLICE_BATCH_MAX ? left : SLICE_BATCH_MAX;
            expect(call_slice_take(SLOT_ACCOUNT, cpu, at, n).value == (int64_t)n, "positions");
            at += n;
            left -= n;
        }
    for (uint32_t i = 0; i < ENVS; i++) {
        call_slot_clear(SLOT_SLOTS, SCRATCH);
        fine(call_env_make(SLOT_ACCOUNT, frame_new(), SCRATCH, SLOT_SLOTS,
                           exo_start_page->root_frame)
                 .value,
             "env_make");
        envs[i] = cap_of(SCRATCH, RIGHT_MAKE);
    }
    for (uint32_t i = 0; i < SERVICES; i++) {
        fine(call_entry_make(SLOT_ACCOUNT, frame_new(), ENTRY + i).value, "entry_make");
        entries[i] = cap_of(ENTRY + i, RIGHT_MAKE);
        entry_narrow(ENTRY + i);
        for (uint64_t cpu = 0; cpu < n_cpus; cpu++)
            service_begin(cpu, i);
    }
    for (uint64_t i = 0; i < BASES; i++)
        base_begin(i);
}

static uint64_t parked, inside, callers, hands;
static bool depth_seen[SERVICES];

static void
kill_one(uint64_t seed)
{
    uint64_t cpu = (seed >> 8) % n_cpus, n = (seed >> 16) % SERVICES;
    struct service *s;

    for (uint32_t i = 0; i < SERVICES && seed >> 24 & 7; i++) /* rather one that is at work */
        if (phase_of(&services[cpu][n].context) == CONTEXT_PARKED)
            n = (n + 1) % SERVICES;
    s = &services[cpu][n];
    kills++;
    if (seed % 16 == 0) {
        struct base *b = &bases[n % BASES];
        callers++;
        kill(&b->context, b->frame, b->vector_frame);
        base_begin(n % BASES);
        return;
    }
    if (seed % 16 == 1) {
        hands++;
        s->doomed = true;
        for (uint64_t end = clock_ns() + DOOMED_NS; s->doomed && clock_ns() < end;)
            call_yield(SLOT_NOTHING);
        if (phase_of(&s->context) != CONTEXT_STOPPED)
            return; /* nobody called it meanwhile */
    } else if (phase_of(&s->context) == CONTEXT_PARKED) {
        parked++;
    } else {
        inside++;
        depth_seen[n] = true;
    }
    kill(&s->context, s->frame, s->vector_frame);
    service_begin(cpu, n);
}

/* Every base goes on. */
static void
all_go_on(void)
{
    for (uint64_t i = 0; i < BASES; i++) {
        uint64_t before = bases[i].calls, end = 0;
        while (bases[i].calls == before)
            later(&end, "a caller hangs");
    }
}

/* Nobody is killed any more: one goes through all of them. */
static void
one_goes_through(void)
{
    uint64_t before = bases[0].whole + bases[1].whole, end = 0;

    while (bases[0].whole + bases[1].whole == before)
        later(&end, "nobody goes through all");
}

/* Nobody calls any more: each service comes to be free, in its own slices if need be. */
static void
all_are_free(void)
{
    uint64_t end = 0, reached;

    over = true;
    for (uint64_t i = 0; i < BASES; i++)
        while (phase_of(&bases[i].context) != CONTEXT_STOPPED)
            later(&end, "a caller does not come back");
    for (uint64_t cpu = 0; cpu < n_cpus; cpu++)
        for (uint64_t n = 0; n < SERVICES; n++)
            while (phase_of(&services[cpu][n].context) != CONTEXT_PARKED)
                later(&end, "a service is kept busy");
    for (uint64_t n = 0; n < SERVICES; n++)
        services[0][n].doomed = false;
    for (uint64_t n = 0; n < SERVICES; n++)
        expect(call(n, 1, n, &reached) == 0 && reached == 1, "a service answers");
    expect(call(0, SERVICES, 7, &reached) == 0 && reached == SERVICES, "all of them");
}

int
exo_main(const struct start_page *start)
{
    uint64_t seed = 362436069362436069u, wanted, depths = 0;

    (void)start;
    stay_on(0);
    begin();
    wanted = argument_number(0, n_cpus > 1 ? KILLS_MANY : KILLS);
    while (kills < wanted) {
        uint64_t end = clock_ns() + seed % STEP_NS;
        while (clock_ns() < end)
            ;
        call_yield(SLOT_NOTHING);
        seed = next_of(seed);
        kill_one(seed);
        if (kills % 32 == 0)
            all_go_on();
    }
    all_go_on();
    one_goes_through();
    all_are_free();
    for (uint32_t n = 0; n < SERVICES; n++)
        depths += depth_seen[n];
    say("%lu killed: %lu in a chain, at %lu depths, %lu parked, %lu callers, %lu by their own hand",
        kills, inside, depths, parked, callers, hands);
    say("%lu calls, %lu through all; %lu ended by a death, %lu busy, %lu absent",
        bases[0].calls + bases[1].calls, bases[0].whole + bases[1].whole, died, busy, absent);
    hold(wrong == 0, "every answer was right, every error one that may come");
    expect(inside > 0 && died > 0, "it was what it was to be");
    return done();
}
