/* SPDX-License-Identifier: MIT */
/*
 * main.c - one scene after the other. Main itself is the first context, and no process; processes
 * run on as many others as there are processors, but at least two. Arguments: how many kills in a
 * critical section, 10 without one; how many processes at once, 1,000 without one.
 */
#include "abi/account.h"
#include "lib/words.h"
#include "libos/exo/clock.h"
#include "examples/procs/procs.h"

enum {
    MANY_MAX = 1000,
    SPARE_FRAMES = 1000,
    TURNS = 4,
    BOTHS = 100,
    MS = 1000 * 1000,
    PATIENCE_MS = 60000,
};

static void
pause_ms(uint64_t ms)
{
    clock_sleep_until(clock_ns() + ms * MS);
}

static bool no_room; /* for a process that was to begin */

static struct proc *
begin(enum image image, uint64_t argument)
{
    struct proc *p = proc_start(image, argument);

    no_room = !p;
    return p;
}

/* ---- a thousand that run ---- */

static struct proc *crowd[MANY_MAX];
static uint64_t turns_before[MANY_MAX], ran_before[MANY_MAX];

struct shares {
    uint64_t least, most, sum;
};

static void
share_add(struct shares *s, uint64_t n)
{
    s->least = n < s->least ? n : s->least;
    s->most = n > s->most ? n : s->most;
    s->sum += n;
}

/* What each has had since all were there: turns, and microseconds on a processor. */
static void
shares_read(uint64_t many, struct shares *turns, struct shares *ran)
{
    uint64_t hz = ((const struct machine_page *)EXPOSED_MACHINE)->counter_hz;

    *turns = *ran = (struct shares){.least = UINT64_MAX};
    for (uint64_t i = 0; i < many; i++) {
        share_add(turns, *(volatile uint64_t *)&crowd[i]->turns - turns_before[i]);
        share_add(ran, (*(volatile uint64_t *)&crowd[i]->ran - ran_before[i]) * 1000000 / hz);
    }
}

/*
 * How many have counted; and how many of these find something else in their memory than they wrote
 * there; all have the same addresses.
 */
static uint64_t
memories_read(uint64_t many, uint64_t *wrong)
{
    uint64_t counted = 0;

    *wrong = 0;
    for (uint64_t i = 0; i < many; i++) {
        uint32_t frame = *(volatile uint32_t *)&crowd[i]->page[DATA].frame;
        const volatile uint64_t *page = frame_bytes(frame);

        if (!frame)
            continue;
        counted += page[0] > 0;
        *wrong += page[0] > 0 && page[1] != i;
    }
    return counted;
}

static void
crowd_end(uint64_t many)
{
    for (uint64_t i = 0; i < many; i++)
        proc_kill(crowd[i], 0);
    while (procs_left() > 0)
        pause_ms(1);
}

static bool
many_scene(uint64_t many)
{
    struct shares turns = {0}, ran;
    uint64_t wrong, counted = 0;

    for (uint64_t i = 0; i < many; i++)
        if (!(crowd[i] = begin(IMAGE_COUNT, i))) {
            crowd_end(i);
            return false;
        }
    for (uint64_t i = 0; i < many; i++) {
        turns_before[i] = *(volatile uint64_t *)&crowd[i]->turns;
        ran_before[i] = *(volatile uint64_t *)&crowd[i]->ran;
    }
    for (uint64_t i = 0; i < PATIENCE_MS && (turns.least < TURNS || counted < many); i += 20) {
        pause_ms(20);
        shares_read(many, &turns, &ran);
        counted = memories_read(many, &wrong);
    }
    crowd_end(many);
    print("many: %lu processes ran on %u contexts of %u processors; %lu memories wrong\n", counted,
          n_runners, cpu_count(), wrong);
    print("many: each had %lu to %lu turns, %lu in all; %lu to %lu us, %lu in the mean\n",
          turns.least, turns.most, turns.sum, ran.least, ran.most, ran.sum / many);
    return turns.least >= TURNS && counted == many && wrong == 0;
}

/* ---- the others: n processes of one program at once, each of which reports a value at its end */

struct scene {
    const char *name;
    enum image image;
    bool in_turn;      /* one after the other */
    uint64_t argument; /* of the first; the next have one more each */
    uint64_t n;
};

static void
none_left(void)
{
    for (uint64_t i = 0; i < PATIENCE_MS && procs_left() > 0; i++)
        pause_ms(1);
}

static bool
scene_run(const struct scene *s)
{
    uint32_t frames = frames_free();
    uint64_t sum = 0, before = sched_interrupted;

    n_values = 0;
    for (uint64_t i = 0; i < s->n; i++) {
        if (!begin(s->image, s->argument + i))
            return false;
        if (s->in_turn)
            none_left();
    }
    none_left();
    for (uint64_t i = 0; i < n_values && i < VALUES; i++)
        sum += scene_values[i];
    print("%s: %lu of %lu came to their end, %lu in all; %u frames missing; %lu interrupted as "
          "they ran elsewhere\n",
          s->name, n_values, s->n, sum, frames - frames_free(), sched_interrupted - before);
    return n_values == s->n && frames == frames_free();
}

static const struct scene scenes[] = {
    {"fork by copying entries", IMAGE_FORK, false, FORK_COPY, 1},
    {"fork by sharing tables", IMAGE_FORK, false, FORK_SHARE, 1},
    {"fork, both at once", IMAGE_FORK, false, FORK_COPY, 2},
    {"exec", IMAGE_EXEC, false, 3, 2},
    {"exec by two tasks", IMAGE_BOTH, true, 5, BOTHS},
    {"region", IMAGE_MEET, false, 200, 2},
    {"pipe", IMAGE_PIPE, false, 0, 4},
    {"registers", IMAGE_REGISTERS, false, 1, 2},
    {"signal", IMAGE_SIGNAL, false, 77, 3},
};

static bool
scenes_run(uint64_t many, uint64_t kills)
{
    if (!many_scene(many))
        return false;
    for (size_t i = 0; i < sizeof(scenes) / sizeof(scenes[0]); i++)
        if (!scene_run(&scenes[i]))
            return false;
    return kill_scene(kills);
}

/* ---- before and after ---- */

extern char exo_image_end[];

/* All of our own memory is there from now on, so that what is held then is held for processes. */
static void
image_touch(void)
{
    for (uint64_t va = LIBRARY_VA; va < (uintptr_t)exo_image_end; va += PAGE)
        (void)region_touch(va, MAP_WRITE); /* but for code and constants */
}

static uint64_t
frames_held(void)
{
    struct account_state state = {0};

    pool_close(&exo_pool);
    call_account_read(SLOT_ACCOUNT, (uintptr_t)&state);
    return state.used_frames;
}

/* The n'th argument as a number, or what it is without one; UINT64_MAX: it is none. */
static uint64_t
number(uint32_t n, uint64_t otherwise)
{
    const char *word = argument_at(n);

    if (word[0] && number_decimal((struct word){word, strlen(word)}, &otherwise))
        return UINT64_MAX;
    return otherwise;
}

int
exo_main(const struct start_page *start)
{
    uint64_t kills = number(1, 10), many = number(2, MANY_MAX), before;
    uint32_t two_or_more = cpu_count() > 2 ? cpu_count() : 2;
    bool good;

    (void)start;
    if (print_usage(2, "[KILLS [PROCESSES]]"))
        return 2;
    if (kills == UINT64_MAX || many > MANY_MAX || many == 0)
        return console_print("usage: procs [KILLS [PROCESSES]], at most 1000 of these\n"), 2;
    if (!library_begin((uint32_t)many * 3 + SPARE_FRAMES))
        return console_print("procs: too little memory: raise the limit (-m)\n"), 1;
    if (!runners_begin(two_or_more))
        return console_print("procs: no context for the processes\n"), 1;
    runners_end(); /* what contexts need for good is there now */
    image_touch();
    before = frames_held();
    good = runners_begin(two_or_more) && scenes_run(many, kills);
    runners_end();
    tables_end();
    print("%lu pages copied when they were written, %lu tables\n", cow_copies, table_copies);
    print("%lu frames held before, %lu after\n", before, frames_held());
    if (no_room)
        return console_print("procs: too little memory: raise the limit (-m)\n"), 1;
    return console_print(good ? "all is well\n" : "procs: that was wrong\n"), !good;
}
