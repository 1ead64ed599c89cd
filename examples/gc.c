/* SPDX-License-Identifier: MIT */
/*
 * gc.c - a garbage collector whose write barrier is the page fault: 64 MiB of objects, marked a few
 * at a time while the program goes on changing them.
 *
 * A cycle begins by making the heap read-only. The first write to a page faults once: the handler
 * notes the page as dirty and makes it writable. When the marking has come to its end, what it may
 * have missed hangs on dirty pages: they are looked at again, and what is not marked then is free.
 * The collector keeps its marks beside the heap, so that it never writes there itself.
 * With the argument `careless` the handler does not note the page: then live objects are lost, and
 * it says so. Source: Boehm, Demers, Shenker, PLDI '91; the barrier by user faults, Appel and Li,
 * ASPLOS '91.
 */
#include "lib/string.h"
#include "libos/exo/exo.h"

enum {
    HEAP_BYTES = 64 << 20,
    PAGE = FRAME_BYTES,
    PAGES = HEAP_BYTES / PAGE,
    CHILDREN = 5,
    OBJECT_BYTES = 64,
    OBJECTS = HEAP_BYTES / OBJECT_BYTES,
    ROOTS = 4096,
    CYCLES = 10,
    STEPS = 30000,    /* of the program, while a cycle runs */
    STEPS_A_MARK = 4, /* after so many, one object is marked */
};

struct object {
    struct object *child[CHILDREN];
    uint64_t number; /* from 1; of nobody else */
    uint64_t check;  /* its complement */
    uint64_t unused;
};
_Static_assert(sizeof(struct object) == OBJECT_BYTES, "a heap of them");

static struct object *heap;
static struct object *roots[ROOTS];
static uint64_t used[OBJECTS / 64], marked[OBJECTS / 64], dirty[PAGES / 64];
static uint32_t *stack;            /* marked, children not looked at */
static volatile uint64_t n_faults; /* changes under the program */
static uint64_t n_stack, n_used, next_free, next_number = 1, seed = 1;
static bool marking, careless;

static uint64_t
draw(uint64_t below)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (seed >> 33) % below;
}

static bool
bit(const uint64_t *set, uint64_t i)
{
    return set[i / 64] >> i % 64 & 1;
}

static void
bit_set(uint64_t *set, uint64_t i)
{
    set[i / 64] |= (uint64_t)1 << i % 64;
}

/* ---- the collector ---- */

/* The barrier: the first write to a page in this cycle. */
static int
on_fault(const struct region *r, uint64_t va, uint32_t need)
{
    if (!marking || bit(dirty, (va - r->start) / PAGE))
        return region_bring(r, va, need);
    n_faults++;
    if (!careless)
        bit_set(dirty, (va - r->start) / PAGE);
    return space_protect(&exo_space, va, 1, MAP_READ | MAP_WRITE);
}

static void
mark(const struct object *o)
{
    uint64_t i = (uint64_t)(o - heap);

    if (!o || bit(marked, i))
        return;
    bit_set(marked, i);
    stack[n_stack++] = (uint32_t)i;
}

static void
mark_children(uint64_t i)
{
    for (int k = 0; k < CHILDREN; k++)
        mark(heap[i].child[k]);
}

static void
mark_roots(void)
{
    for (uint64_t i = 0; i < ROOTS; i++)
        mark(roots[i]);
}

/* Mark so many objects at most. */
static void
mark_some(uint64_t n)
{
    while (n-- > 0 && n_stack > 0)
        mark_children(stack[--n_stack]);
}

static void
cycle_begin(void)
{
    memset(marked, 0, sizeof(marked));
    memset(dirty, 0, sizeof(dirty));
    n_faults = 0;
    marking = true;
    space_protect(&exo_space, (uintptr_t)heap, PAGES, MAP_READ);
    mark_roots();
}

/* With the program stopped: what was written since it was looked at, then the rest. Objects freed.
 */
static uint64_t
cycle_end(void)
{
    enum { PER_PAGE = PAGE / OBJECT_BYTES };
    uint64_t freed = 0;

    mark_roots();
    for (uint64_t i = 0; i < OBJECTS; i++)
        if (bit(dirty, i / PER_PAGE) && bit(marked, i))
            mark_children(i);
    mark_some(UINT64_MAX);
    space_protect(&exo_space, (uintptr_t)heap, PAGES, MAP_READ | MAP_WRITE);
    marking = false;
    for (uint64_t i = 0; i < OBJECTS / 64; i++) {
        for (uint64_t bits = used[i] & ~marked[i]; bits; bits &= bits - 1)
            freed++;
        used[i] &= marked[i];
    }
    n_used -= freed;
    return freed;
}

/* ---- the program ---- */

static uint64_t written[PAGES / 64], n_written; /* pages that it wrote to in this cycle */

static void
store(struct object **to, struct object *value)
{
    uint64_t page = ((uintptr_t)to - (uintptr_t)heap) / PAGE;

    *to = value;
    if (page < PAGES && marking && !bit(written, page)) {
        bit_set(written, page);
        n_written++;
    }
}

/* An object without children; null: the heap is full. */
static struct object *
object_make(void)
{
    struct object *o = NULL;

    for (uint64_t tries = 0; tries < OBJECTS && !o; tries++, next_free = (next_free + 1) % OBJECTS)
        if (!bit(used, next_free))
            o = &heap[next_free];
    if (!o)
        return NULL;
    bit_set(used, (uint64_t)(o - heap));
    n_used++;
    if (marking)
        bit_set(marked, (uint64_t)(o - heap)); /* young: it lives through this cycle */
    for (int k = 0; k < CHILDREN; k++)
        store(&o->child[k], NULL);
    o->number = next_number++;
    o->check = ~o->number;
    return o;
}

/* Some object that can be reached, or null. */
static struct object *
object_any(void)
{
    struct object *o = roots[draw(ROOTS)];

    for (uint64_t depth = draw(8); o && depth > 0 && o->child[depth % CHILDREN]; depth--)
        o = o->child[depth % CHILDREN];
    return o;
}

/* Hang something somewhere: a new object, one that is there, one that leaves its place; or let go.
 */
static void
step(void)
{
    uint64_t what = draw(16), k = draw(CHILDREN);
    struct object *o = object_any(), *p;

    if (what == 0)
        roots[draw(ROOTS)] = NULL;
    else if (what < 4 || !o)
        roots[draw(ROOTS)] = object_make();
    else if (what < 12)
        store(&o->child[k], object_make());
    else if (what < 14 || !(p = object_any()))
        store(&o->child[k], object_any());
    else {
        store(&o->child[k], p->child[draw(CHILDREN)]);
        for (k = 0; k < CHILDREN && p != o; k++)
            store(&p->child[k], NULL);
    }
}

/* ---- what a collector must not lose ---- */

/* Everything that can be reached, by a trace of its own: how many; UINT64_MAX: one was freed. */
static uint64_t
reachable(void)
{
    uint64_t n = 0;

    memset(marked, 0, sizeof(marked));
    mark_roots();
    while (n_stack > 0) {
        uint64_t i = stack[--n_stack];

        if (!bit(used, i) || heap[i].check != ~heap[i].number)
            return UINT64_MAX;
        n++;
        mark_children(i);
    }
    return n;
}

static bool
cycle(uint64_t n, uint64_t steps)
{
    uint64_t before = n_used, freed, live;

    memset(written, 0, sizeof(written));
    n_written = 0;
    cycle_begin();
    for (uint64_t i = 0; i < steps; i++) {
        step();
        mark_some(i % STEPS_A_MARK == 0);
    }
    freed = cycle_end();
    live = reachable();
    print("cycle %lu: %lu objects, then %lu of which %lu can be reached; %lu freed; "
          "%lu faults for %lu pages written\n",
          n, before, n_used, live, freed, n_faults, n_written);
    return live <= n_used && n_faults == n_written && (steps > 0 || live == n_used);
}

int
exo_main(const struct start_page *start)
{
    bool good = true;

    (void)start;
    careless = !strcmp(argument_at(1), "careless");
    if (print_usage(careless, "[careless]"))
        return 2;
    heap = (struct object *)region_reserve(PAGES, PAGE, MAP_READ | MAP_WRITE, on_fault, NULL);
    stack = malloc(OBJECTS * sizeof(*stack));
    if (!heap || !stack || space_fill(&exo_space, (uintptr_t)heap, PAGES, MAP_READ | MAP_WRITE))
        return console_print("gc: too little memory: raise the limit (-m)\n"), 1;
    for (uint64_t i = 0; i < STEPS; i++)
        step();
    for (uint64_t n = 1; n <= CYCLES && good; n++)
        good = cycle(n, STEPS);
    good = good && cycle(CYCLES + 1, 0);
    print("%s\n", good ? "nothing lost, and all garbage found" : "the collector is broken");
    return !good;
}
