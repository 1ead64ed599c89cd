/* SPDX-License-Identifier: MIT */
/*
 * launch.c - making a partition and taking it back.
 *
 * All that a partition consists of is charged to its own account, its page tables, binding table
 * and input buffers too, so that destroying the account returns everything at once. Segments of the
 * library that nobody writes are mapped from the module itself, whose frames stay ours.
 * The library's image is not trusted: lib/elf.h decodes it, and its place is checked here.
 */
#include "libos/exo/launch.h"
#include "abi/account.h"
#include "abi/exposed.h"
#include "abi/memory.h"
#include "abi/version.h"
#include "lib/elf.h"
#include "lib/string.h"
#include "libos/exo/space.h"
#include "libos/exo/start.h"
#include "call_stubs.h"

enum { CONSOLE_BUFFERS = 16, WINDOW_PAGES = 32, SPARE_BUFFERS = 1, RESERVED_PART = 4 };

const struct console launch_console = {LAUNCH_CONSOLE, LAUNCH_EVENTS, COUNTER_CONSOLE};

/* One that is being made. */
struct build {
    const struct launch *l;
    struct partition *p;
    struct pool pool;      /* of its account */
    struct space space;    /* its root */
    uint64_t entry;        /* of the library */
    uint64_t account_page; /* frame: the page of its account */
    const char **why;
};

static uint64_t window_va;          /* WINDOW_PAGES of ours, to fill its pages through */
static uint64_t spare[CHANNEL_MAX]; /* frames of ours for accounts */
static uint32_t n_spare;

static int
refuse(const struct build *b, int64_t error, const char *why)
{
    *b->why = error == -E_DQUOT ? "the memory limit is too low: raise it (-m)" : why;
    return (int)error;
}

int
launch_begin(uint32_t n)
{
    int error = n < 1 || n > CHANNEL_MAX ? -E_INVAL : pool_take_all(&exo_pool, spare, n);

    window_va = error ? 0 : room_take(WINDOW_PAGES);
    if (error || !window_va)
        return error ? error : -E_NOMEM;
    n_spare = n;
    for (uint64_t i = 0; i < WINDOW_PAGES && !error; i++) /* tables, which stay */
        error = space_map_run(&exo_space, window_va + i * FRAME_BYTES, spare[0], 1, MAP_READ,
                              SLOT_ACCOUNT);
    return error ? error : space_unmap(&exo_space, window_va, WINDOW_PAGES);
}

/* Copy n bytes to `offset` bytes behind the start of these frames. */
static int
frames_write(struct build *b, const uint64_t *frames, uint64_t n_frames, uint64_t offset,
             const void *bytes, uint64_t n)
{
    uint64_t entries[WINDOW_PAGES];
    int error;

    for (uint64_t i = 0; i < n_frames; i++)
        entries[i] = frames[i] << FRAME_SHIFT | MAP_READ | MAP_WRITE;
    error = space_map(&exo_space, window_va, entries, n_frames, b->pool.account);
    if (error)
        return error;
    memcpy((void *)(window_va + offset), bytes, n);
    return space_unmap(&exo_space, window_va, n_frames);
}

/*
 * Give it pages at va (any byte of the first), zeroes but for n bytes from va on, up to va + span.
 */
static int
pages_give(struct build *b, uint64_t va, uint64_t span, uint64_t flags, const void *bytes,
           uint64_t n)
{
    const char *from = bytes;
    uint64_t offset = va % FRAME_BYTES;
    uint64_t pages = (offset + span + FRAME_BYTES - 1) >> FRAME_SHIFT;

    for (va -= offset; pages > 0; offset = 0) {
        uint64_t frames[WINDOW_PAGES];
        int64_t got = pool_take(&b->pool, frames, pages < WINDOW_PAGES ? pages : WINDOW_PAGES);
        uint64_t room = got > 0 ? ((uint64_t)got << FRAME_SHIFT) - offset : 0;
        uint64_t part = n < room ? n : room;
        int error = got < 0 ? (int)got : 0;

        if (!error && part > 0)
            error = frames_write(b, frames, (uint64_t)got, offset, from, part);
        for (int64_t i = 0; i < got; i++)
            frames[i] = frames[i] << FRAME_SHIFT | flags;
        if (!error)
            error = space_map(&b->space, va, frames, (uint64_t)got, b->pool.account);
        if (error)
            return error;
        from += part;
        n -= part;
        va += (uint64_t)got << FRAME_SHIFT;
        pages -= (uint64_t)got;
    }
    return 0;
}

static uint64_t
segment_flags(const struct elf_segment *s)
{
    return MAP_READ | (s->flags & ELF_W ? MAP_WRITE : 0) | (s->flags & ELF_X ? MAP_EXEC : 0);
}

static int
segment_load(struct build *b, const struct elf_segment *s)
{
    const struct module *m = &b->l->library;
    uint64_t offset = s->va % FRAME_BYTES;

    if (s->flags & ELF_W || s->file_bytes < s->memory_bytes)
        return pages_give(b, s->va, s->memory_bytes, segment_flags(s),
                          (const char *)m->bytes + s->file_offset, s->file_bytes);
    return space_map_run(
        &b->space, s->va - offset, m->first_frame + (s->file_offset >> FRAME_SHIFT),
        (offset + s->file_bytes + FRAME_BYTES - 1) >> FRAME_SHIFT, segment_flags(s), SLOT_ACCOUNT);
}

static int
library_load(struct build *b)
{
    const struct module *m = &b->l->library;
    struct elf_image elf;
    const char *why = "";
    uint64_t end = LIBRARY_VA; /* of the pages in use */

    if (elf_decode(m->bytes, m->length, USER_TOP, &elf, &why))
        return refuse(b, -E_NOEXEC, why);
    if (elf.dynamic || elf.position_independent || elf.low < LIBRARY_VA || elf.high > START_VA ||
        !elf_has_note(m->bytes, m->length, "Tessera"))
        return refuse(b, -E_NOEXEC, "not a library OS: link it by libos/exo/library.ld");
    for (uint32_t i = 0; i < elf.n_segments; i++) {
        const struct elf_segment *s = &elf.segment[i];
        int error;

        if (s->va < end)
            return refuse(b, -E_NOEXEC, "segments of the library OS share a page");
        error = segment_load(b, s);
        if (error)
            return refuse(b, error, "no memory for the library OS");
        end = (s->va + s->memory_bytes + FRAME_BYTES - 1) & ~(uint64_t)(FRAME_BYTES - 1);
    }
    b->entry = elf.entry;
    return 0;
}

/* The start page, its account's, the strings in the pages behind these, and the program. */
static int
start_fill(struct build *b)
{
    const struct launch *l = b->l;
    struct start_page start = {
        .magic = START_MAGIC,
        .abi_version = ABI_VERSION,
        .channel = l->channel,
        .root_frame = b->space.root,
        .limit_frames = l->limit_frames,
        .position = l->position,
        .slice_ns = l->slice_ns,
        .program_va = l->program.length ? PROGRAM_VA : 0,
        .program_bytes = l->program.length,
        .room_va = ROOM_VA,
        .room_end = LIBRARY_TOP,
        .strings_va = ACCOUNT_VA + FRAME_BYTES,
        .strings_bytes = l->strings_bytes,
        .n_arguments = l->n_arguments,
        .n_environment = l->n_environment,
        .account_va = ACCOUNT_VA,
    };
    int error;

    string_copy(start.name, sizeof(start.name), l->name);
    error = pages_give(b, START_VA, FRAME_BYTES, MAP_READ, &start, sizeof(start));
    if (!error)
        error = space_map_run(&b->space, ACCOUNT_VA, b->account_page, 1, MAP_READ, b->pool.account);
    if (!error)
        error = pages_give(b, start.strings_va, l->strings_bytes, MAP_READ, l->strings,
                           l->strings_bytes);
    if (!error)
        error = space_map_run(&b->space, PROGRAM_VA, l->program.first_frame,
                              (l->program.length + FRAME_BYTES - 1) >> FRAME_SHIFT, MAP_READ,
                              SLOT_ACCOUNT);
    return error ? refuse(b, error, "no memory for the program") : 0;
}

/* The account in a spare frame, its page in a fresh one, which is the account's from here on. */
static int
account_make(struct build *b)
{
    struct account_terms terms = {.name = b->l->channel,
                                  .limit_frames = b->l->limit_frames,
                                  .reserve_frames = b->l->limit_frames / RESERVED_PART,
                                  .n_pages = 1};
    int64_t r;

    if (!n_spare || pool_take_run(&exo_pool, terms.n_pages, &terms.page_frame))
        return refuse(b, -E_NOMEM, "no memory for an account");
    b->p->account_frame = spare[--n_spare];
    do /* where there is not so much left to reserve, nothing is */
        r = call_account_make(SLOT_ACCOUNT, b->p->account_frame, b->l->account_slot,
                              (uintptr_t)&terms)
                .value;
    while (r == -E_AGAIN || (r == -E_DQUOT && terms.reserve_frames && !(terms.reserve_frames = 0)));
    if (r < 0) {
        spare[n_spare++] = b->p->account_frame;
        pool_give(&exo_pool, terms.page_frame, terms.n_pages);
        return refuse(b, r, "the kernel refuses an account");
    }
    b->account_page = terms.page_frame;
    b->pool = pool_of(b->l->account_slot);
    return 0;
}

typedef struct call_result object_make(uint64_t account, uint64_t frame, uint64_t into);

static int
object_give(struct build *b, object_make *make, uint32_t into)
{
    uint64_t frame;
    int64_t r = pool_take_all(&b->pool, &frame, 1);

    r = r < 0 ? r : make(b->pool.account, frame, into).value;
    return r < 0 ? refuse(b, r, "no memory for the partition's tables") : 0;
}

static int
console_give(struct build *b)
{
    uint64_t frame;
    int64_t r = pool_take_run(&b->pool, 1 + CONSOLE_BUFFERS, &frame);

    if (r == 0)
        r = call_console_make(SLOT_MACHINE, b->pool.account, LAUNCH_CONSOLE, frame, CONSOLE_BUFFERS,
                              b->l->channel, LAUNCH_EVENTS, COUNTER_CONSOLE)
                .value;
    b->p->has_console = r == 0;
    return r < 0 ? refuse(b, r, "no memory for its console") : 0;
}

static int
root_give(struct build *b)
{
    uint64_t frame[2]; /* the table and its companion */
    int64_t r = pool_take_all(&b->pool, frame, 2);

    if (r == 0)
        r = call_pt_make(b->pool.account, frame[0], PT_LEVELS, frame[1]).value;
    b->space = (struct space){.pool = &b->pool, .root = frame[0]};
    return r < 0 ? refuse(b, r, "no memory for its address space") : 0;
}

/* Environment and context. */
static int
context_give(struct build *b)
{
    struct context_start start = {
        .rip = b->entry,
        .rdi = START_VA,
        .stop_slot = SLOT_EVENTS,
        .stop_index = b->l->stop_index,
    };
    uint64_t frame[3];
    int64_t r = 0;

    for (int i = 0; i < 3 && r >= 0; i++)
        r = pool_take(&b->pool, &frame[i], 1);
    if (r >= 0)
        r = call_env_make(b->pool.account, frame[0], LAUNCH_ENV, LAUNCH_SLOTS, b->space.root).value;
    start.vector_frame = r < 0 ? 0 : frame[2];
    if (r >= 0)
        r = call_context_make(LAUNCH_ENV, frame[1], LAUNCH_CONTEXT, (uintptr_t)&start).value;
    return r < 0 ? refuse(b, r, "no memory for its context") : 0;
}

/*
 * Grants and binds are E_AGAIN while a revocation of what we have just made is unfinished, or where
 * wrong capabilities have slowed us down: both pass.
 */
static int64_t
grant(uint32_t slot, uint32_t index, uint64_t rights, uint64_t holder, struct cap *cap)
{
    int64_t r;

    do
        r = call_cap_grant(slot, LAUNCH_CELLS, index, rights, holder, (uintptr_t)cap).value;
    while (r == -E_AGAIN);
    return r;
}

static int64_t
bind(uint32_t slots, uint32_t index, const struct cap *cap)
{
    int64_t r;

    do
        r = call_cap_bind(slots, index, (uintptr_t)cap).value;
    while (r == -E_AGAIN);
    return r;
}

/* What it holds from the start: our slot, its slot, rights. */
static const struct grant {
    uint32_t from, into, rights;
} grants[] = {
    {LAUNCH_SLOTS, SLOT_SLOTS, RIGHT_READ | RIGHT_WRITE | RIGHT_GRANT},
    {LAUNCH_ENV, SLOT_ENV, RIGHT_MAKE | RIGHT_INSPECT | RIGHT_GRANT},
    {LAUNCH_CONTEXT, SLOT_CONTEXT,
     RIGHT_INSPECT | RIGHT_WRITE | RIGHT_STOP | RIGHT_RUN | RIGHT_GRANT},
    {LAUNCH_EVENTS, SLOT_EVENTS, RIGHT_READ | RIGHT_WRITE | RIGHT_POST | RIGHT_GRANT},
    {LAUNCH_CONSOLE, SLOT_CONSOLE, RIGHT_READ | RIGHT_WRITE | RIGHT_GRANT},
    {SLOT_MACHINE, SLOT_MACHINE, RIGHT_CLOCK | RIGHT_GRANT},
};
enum {
    GRANTS = sizeof(grants) / sizeof(grants[0]),
    ACCOUNT_RIGHTS = RIGHT_ALLOC | RIGHT_MAP | RIGHT_MAKE | RIGHT_INSPECT | RIGHT_GRANT,
};

static int
grants_give(struct build *b)
{
    uint64_t holder = b->p->account_frame;
    struct cap cap;
    int64_t r = grant(b->pool.account, 1, ACCOUNT_RIGHTS, holder, &cap);

    if (r == 0)
        r = bind(LAUNCH_SLOTS, SLOT_ACCOUNT, &cap);
    for (uint32_t i = 0; i < GRANTS && r == 0; i++) {
        r = grant(grants[i].from, 2 + i, grants[i].rights, holder, &cap);
        if (r == 0)
            r = bind(LAUNCH_SLOTS, grants[i].into, &cap);
    }
    if (b->l->inspects && r == 0)
        r = grant(SLOT_ACCOUNT, 5 + GRANTS, RIGHT_INSPECT | RIGHT_GRANT, holder, &cap);
    if (b->l->inspects && r == 0)
        r = bind(LAUNCH_SLOTS, SLOT_INSPECT, &cap);
    return r < 0 ? refuse(b, r, "the kernel refuses a grant") : 0;
}

/* The capabilities that we keep, for any bearer: nobody else sees our memory. */
static int
grants_keep(struct build *b)
{
    struct partition *p = b->p;
    int64_t r = grant(LAUNCH_CONTEXT, 2 + GRANTS, RIGHT_INSPECT | RIGHT_STOP, 0, &p->context);

    if (r == 0)
        r = grant(LAUNCH_CONSOLE, 3 + GRANTS, RIGHT_WRITE | RIGHT_STATUS, 0, &p->console);
    if (r == 0)
        r = grant(LAUNCH_EVENTS, 4 + GRANTS, RIGHT_READ, 0, &p->events);
    return r < 0 ? refuse(b, r, "the kernel refuses a grant") : 0;
}

static void
slots_clear(void)
{
    for (uint32_t slot = SLOT_FIRST_FREE; slot < LAUNCH_SLOT_END; slot++)
        call_slot_clear(SLOT_SLOTS, slot);
}

/* It has its position on every processor; that on the first names its one context. */
static int
slices_give(const struct build *b)
{
    const struct machine_page *machine = (const struct machine_page *)EXPOSED_MACHINE;
    uint32_t account = b->l->account_slot, position = b->l->position;
    int64_t r = call_account_time(account, 0, b->l->slice_ns).value;

    for (uint32_t cpu = 0; cpu < machine->n_cpus && r >= 0; cpu++)
        r = call_slice_take(account, cpu, position, 1).value;
    if (r >= 0) /* from here on it runs; what the other processors do for it is its choice */
        r = call_slice_set(account, 0, position, LAUNCH_CONTEXT, SLOT_NOTHING, b->l->slice_ns)
                .value;
    return r < 0 ? refuse(b, r, "its place in a processor's vector is taken") : 0;
}

/* Each line leaves b so that partition_destroy can take it back. */
static int
partition_build(struct build *b)
{
    int error = object_give(b, call_events_make, LAUNCH_EVENTS);

    error = error ? error : console_give(b);
    error = error ? error : object_give(b, call_slots_make, LAUNCH_SLOTS);
    error = error ? error : object_give(b, call_cells_make, LAUNCH_CELLS);
    error = error ? error : root_give(b);
    error = error ? error : library_load(b);
    error = error ? error : start_fill(b);
    error = error ? error : context_give(b);
    error = error ? error : grants_give(b);
    error = error ? error : grants_keep(b);
    pool_close(&b->pool);
    return error ? error : slices_give(b);
}

int
partition_launch(const struct launch *l, struct partition *out, const char **why)
{
    struct build b = {.l = l, .p = out, .why = why};
    int error;

    *out = (struct partition){
        .channel = l->channel, .account_slot = l->account_slot, .position = l->position};
    *why = "the kernel refuses a part of it";
    error = account_make(&b);
    if (error)
        return error;
    slots_clear();
    error = partition_build(&b);
    if (!error)
        slots_clear();
    else if (!out->has_console)
        partition_destroy(out);
    return error;
}

int
partition_at_hand(const struct partition *p)
{
    slots_clear();
    (void)bind(SLOT_SLOTS, LAUNCH_CONSOLE, &p->console);
    (void)bind(SLOT_SLOTS, LAUNCH_EVENTS, &p->events);
    return (int)bind(SLOT_SLOTS, LAUNCH_CONTEXT, &p->context);
}

/* An account of which nothing is left: it ends, and its frame is for another. */
static int
account_give_back(uint64_t frame)
{
    int error = pool_give(&exo_pool, frame, 1);

    if (!error && call_frame_alloc(SLOT_ACCOUNT, frame, 1).value < 0) /* another was faster */
        error = pool_take_all(&exo_pool, &frame, 1);
    if (!error)
        spare[n_spare++] = frame;
    return error;
}

int
partition_destroy(const struct partition *p)
{
    int64_t left;

    slots_clear();
    while ((left = call_account_destroy(p->account_slot).value) > 0)
        __builtin_ia32_pause(); /* another processor may have to leave it first */
    if (left < 0)
        return (int)left;
    call_slot_clear(SLOT_SLOTS, p->account_slot);
    return account_give_back(p->account_frame);
}

int
console_borrow(uint32_t channel, uint64_t *frame)
{
    int64_t r;

    slots_clear();
    r = pool_take_run(&exo_pool, 1 + SPARE_BUFFERS, frame);
    if (r < 0)
        return (int)r;
    r = call_console_make(SLOT_MACHINE, SLOT_ACCOUNT, LAUNCH_CONSOLE, *frame, SPARE_BUFFERS,
                          channel, SLOT_EVENTS, COUNTER_CONSOLE)
            .value;
    if (r < 0)
        pool_give(&exo_pool, *frame, 1 + SPARE_BUFFERS);
    return (int)r;
}

void
console_discard(uint64_t frame)
{
    slots_clear();
    pool_give(&exo_pool, frame, 1 + SPARE_BUFFERS);
}
