/* SPDX-License-Identifier: MIT */
/*
 * pt.c - page tables that libraries supply: every entry is checked as it is written.
 *
 * Invariants
 *  M1 an entry that maps names a plain frame object of the size that its level says, or, only for
 *     reading, a page table below a root; and it holds one reference to it.
 *  M2 an entry of level l > 1 that links names a page table of level l - 1 of the same account, and
 *     holds one reference to it; so there is no cycle, and a walk needs no check of its own.
 *  M3 only the user's half of a root is ever written here.
 *  M4 the reverse link of each present entry is in the list of the frame that it names.
 *  M5 of the links of a table at most one is not marked as shared; that one is first in the list,
 *     and the table has hung nowhere else since the epoch of its last unlinking passed.
 *  M6 `stamp` of a companion has a bit for each 16 entries of its table, set since one of them was
 *     filled.
 * Source  Engler, Kaashoek, O'Toole, SOSP '95 (bindings in hardware); the checks are design
 * section 4.
 */
#include "kernel/pt.h"
#include "abi/error.h"

enum {
    KEPT = MAP_FLAGS & ~(MAP_ACCESSED | MAP_DIRTY),
    BATCH = 32,       /* entries copied from or to the caller at a time */
    CLEAR_MAX = 64,   /* frames cleared in a call */
    OTHERS_MAX = 384, /* entries set in a call, but clean frames where nothing was */
};

uint64_t
walk_flush(uint64_t root, uint32_t owner, bool taken, bool whole)
{
    uint64_t on, epoch = taken ? epoch_give(root, owner) : 0;

    if (epoch || !whole)
        return epoch;
    on = arch_root_here();
    if (root ? on == root : on && frame_at(on)->owner == owner)
        arch_flush_all();
    return 0;
}

void
entry_hold_table(const struct place *at, struct frame *f)
{
    struct reverse *first;

    if (!f->first) {
        entry_hold(at, f);
        return;
    }
    f->refs++;
    at->companion->refs++;
    first = reverse_at(f->first);
    *at->link = (struct reverse){.next = first->next, .prev = f->first};
    if (first->next)
        reverse_at(first->next)->prev = at->name;
    first->next = at->name;
}

struct place
entry_named(uint32_t name)
{
    uint64_t companion = reverse_companion[name >> REVERSE_INDEX_BITS];
    struct frame *f = frame_at(companion);

    return (struct place){
        .entry = (pte_t *)frame_address(f->other) + reverse_index(name),
        .link = (struct reverse *)frame_address(companion) + reverse_index(name),
        .companion = f,
        .name = name,
    };
}

uint64_t
entry_table(const struct place *at)
{
    return at->companion->other;
}

/* ---- pt_map ---- */

/* What a call maps frames under. */
struct cover {
    const struct account *account;
    uint32_t frame;  /* its own; 0: it is dying */
    uint32_t clears; /* stale frames that the call may still clear */
    uint32_t others; /* entries that it may still set which are not of the commonest kind */
    uint32_t size;   /* of the frame objects that entries of this level map */
    uint64_t flags;  /* of the present entry mapped last, as the caller says them; none: ~0 */
    uint64_t bits;   /* the same as the processor says them */
};

PT_INLINE struct cover
cover_of(const struct account *account, uint32_t level)
{
    uint32_t frame = (uint32_t)frame_of(account);

    return (struct cover){.account = account,
                          .frame = account_dying(frame) ? 0 : frame,
                          .clears = CLEAR_MAX,
                          .others = OTHERS_MAX,
                          .size = level - 1,
                          .flags = planted(PLANT_ABSENT) ? 0 : ~(uint64_t)0};
}

/* The flags of an entry, in the processor's form; those of a call are mostly the same. */
PT_INLINE void
cover_flags(struct cover *cover, uint64_t wanted)
{
    if (!(wanted & MAP_READ) || (wanted & KEPT) == cover->flags)
        return;
    cover->flags = wanted & KEPT;
    cover->bits = arch_pte_encode(cover->flags, cover->size);
}

/* Any frame but a clean one of the cover's own account: 0 when it may be mapped so (M1). */
static int
map_check_other(struct cover *cover, uint64_t n, uint64_t wanted)
{
    struct frame *f = frame_find(n);

    if (!f || (!planted(PLANT_FRAME_OWNER) && (!account_covers(cover->account, f->owner) ||
                                               (account_dying(f->owner) && !planted(PLANT_ENDED)))))
        return E_PERM;
    if (((f->type >= FRAME_PT1 && f->type < FRAME_PT4) || f->type == FRAME_EXPOSED) &&
        !cover->size && !(wanted & (MAP_WRITE | MAP_EXEC)))
        return 0;
    if (f->type != FRAME_PLAIN && !planted(PLANT_FRAME_TYPE))
        return E_PERM;
    if ((f->flags & FRAME_SIZE) != cover->size)
        return E_INVAL;
    if (!(f->flags & FRAME_STALE))
        return 0;
    if (!cover->clears)
        return E_AGAIN; /* the entries before were done */
    cover->clears--;
    frame_ready(n); /* F4 */
    return 0;
}

/* May a present entry that a caller asks for be set? 0, E_INVAL, E_PERM; *f is what it names. */
PT_INLINE int
map_check(struct cover *cover, uint64_t wanted, struct frame **f)
{
    static const uint64_t refused = ~(((uint64_t)1 << 52) - 1) | MAP_ACCESSED | MAP_DIRTY;
    uint64_t n = wanted >> FRAME_SHIFT & (((uint64_t)1 << 40) - 1);

    if (wanted & refused && !planted(PLANT_MAP_BITS))
        return E_INVAL;
    *f = frame_find(n);
    if (*f && (*f)->owner == cover->frame && frame_is_clean(*f, cover->size))
        return 0;
    return map_check_other(cover, n, wanted);
}

/* Of an entry, as the caller says it. */
static const uint64_t address = (((uint64_t)1 << 52) - 1) & ~(uint64_t)MAP_FLAGS;

/*
 * The commonest by far, in a loop of its own: clean frames of the cover's own account, mapped with
 * the flags of the entry before where nothing is. Returns how many of n were; the next is another
 * case.
 */
static __attribute__((noinline)) uint64_t
map_clean(const struct place *at, const struct cover *cover, const uint64_t *wanted, uint64_t n)
{
    uint64_t i, count = frame_count, flags = cover->flags, bits = cover->bits;
    uint32_t owner = cover->frame, name = at->name, size = cover->size;
    struct frame *table = frame_table;
    struct reverse *link = at->link;
    pte_t *entry = at->entry;

    for (i = 0; i < n; i++) {
        uint64_t frame = wanted[i] >> FRAME_SHIFT;
        struct frame *f;
        uint32_t first;

        if ((wanted[i] & ~address) != flags || frame >= count)
            break;
        f = table + index_masked(frame, count);
        if (f->owner != owner || !frame_is_clean(f, size) ||
            atomic_load_explicit(&entry[i], memory_order_relaxed))
            break;
        first = f->first; /* as entry_hold */
        f->refs++;
        link[i] = (struct reverse){.next = first};
        f->first = name + (uint32_t)i;
        if (first)
            reverse_at(first)->prev = name + (uint32_t)i;
        atomic_store_explicit(&entry[i], (wanted[i] & address) | bits, memory_order_release);
    }
    at->companion->refs += (uint32_t)i;
    return i;
}

/* One entry of any kind. */
PT_INLINE int
map_entry(struct walk *w, struct cover *cover, const struct place *at, uint64_t va, uint64_t wanted)
{
    struct frame *f = NULL;
    int error = 0;

    if (w->level > 1 && arch_pte_links(*at->entry))
        return E_EXIST;
    if (!cover->others--)
        return E_AGAIN; /* the entries before were done */
    if (wanted & MAP_READ)
        error = map_check(cover, wanted, &f);
    if (error)
        return error;
    cover_flags(cover, wanted);
    entry_set(w, at, va, f ? (wanted & ~(uint64_t)MAP_FLAGS) | cover->bits : wanted, f);
    return 0;
}

/* Sets the entries that the walk has come to. */
PT_INLINE void
map_run(struct walk *w, struct cover *cover, const uint64_t *wanted)
{
    struct place at = place_at(w->entry);
    uint64_t i;

    place_fills(&at, w->run);
    cover_flags(cover, wanted[0]);
    i = map_clean(&at, cover, wanted, w->run);

    at.entry += i;
    at.link += i;
    at.name += (uint32_t)i;
    for (; i < w->run && !w->error; i += !w->error, place_next(&at))
        w->error = map_entry(w, cover, &at, w->at + (i << w->shift), wanted[i]);
    w->done += w->error == E_PERM && planted(PLANT_BATCH) ? w->run : i;
    if (w->error == E_EXIST)
        w->detail = w->level;
}

/* What the caller gives or gets for the entries that the walk has come to is absent at `va`. */
PT_INLINE bool
walk_absent(struct walk *w, uint64_t va)
{
    w->detail = va;
    w->error = va ? E_FAULT : 0;
    return va;
}

/* One page below a root, a frame, both the account's own: what a fault handler maps. 0: another
 * case, and nothing has changed. */
PT_INLINE struct result
map_page(const struct account *account, uint64_t root, uint64_t va, uint64_t entries)
{
    uint64_t links, wanted, old;
    pte_t *entry;
    struct result r = {.value = 1};
    struct place at;
    struct frame *f;

    if (!pages_find(account, root, va, 1, &entry, &links) || !copy_in_word(&wanted, entries) ||
        !(wanted & MAP_READ) || wanted & ~(address | KEPT))
        return result_ok(0);
    f = frame_find(wanted >> FRAME_SHIFT);
    if (!f || f->owner != frame_of(account))
        return result_ok(0);
    if (!frame_is_clean(f, 0)) {
        if (f->type != FRAME_PLAIN || f->flags & ~(FRAME_STALE | FRAME_ZERO))
            return result_ok(0);
        frame_ready(wanted >> FRAME_SHIFT); /* F4 */
    }
    at = place_at(entry);
    old = atomic_exchange(entry, arch_pte_encode(wanted, 0));
    if (__builtin_expect(arch_pte_present(old), 1)) {
        entry_drop(&at, old, epoch_next());
        r.detail = pages_flush(va, 1, root, links, (struct changed){1, ~(uint64_t)0, 0});
    } else {
        place_fills(&at, 1);
    }
    entry_hold(&at, f);
    return r;
}

static __attribute__((noinline)) struct result /* NOLINTNEXTLINE(readability-function-size) */
map_range(const struct account *account, uint64_t table, uint64_t level, uint64_t va,
          uint64_t entries, uint64_t n, const struct account *cover)
{
    enum { BYTES = sizeof(uint64_t) };
    uint64_t wanted[BATCH];
    struct cover under;
    struct walk w;

    (void)walk_begin(&w, account, table, level);
    (void)walk_range(&w, va, n);
    under = cover_of(cover, w.level);
    while (walk_next(&w, BATCH))
        if (!walk_absent(&w, copy_in(wanted, entries + w.done * BYTES, w.run * BYTES)))
            map_run(&w, &under, wanted);
    return walk_result(&w);
}

struct result /* NOLINTNEXTLINE(readability-function-size): the arguments of the call */
pt_map(struct account *account, uint64_t table, uint64_t level, uint64_t va, uint64_t entries,
       uint64_t n, struct account *cover)
{
    struct result r = result_ok(0);

    if (cover == account && n == 1 && level <= 1)
        r = map_page(account, table, va, entries);
    return r.value ? r : map_range(account, table, level, va, entries, n, cover);
}

int
pt_enter(const struct account *cover, uint64_t root, uint64_t va, uint64_t wanted,
         uint64_t *missing)
{
    struct cover under = cover_of(cover, 1);
    struct walk w;

    (void)walk_begin(&w, cover, root, 1);
    (void)walk_range(&w, va, 1);
    if (walk_next(&w, 1))
        map_run(&w, &under, &wanted);
    *missing = w.error == E_NOENT ? w.detail : 0;
    return w.error;
}

/* ---- pt_unmap, pt_read ---- */

struct result
pt_unmap(struct account *account, uint64_t table, uint64_t level, uint64_t va, uint64_t n)
{
    struct walk w;

    (void)walk_begin(&w, account, table, level);
    (void)walk_range(&w, va, n);
    while (walk_next(&w, n)) {
        struct place place = place_at(w.entry);
        for (; w.run && !walk_linked(&w, *place.entry); w.run--, w.done++, place_next(&place))
            entry_set(&w, &place, va + (w.done << w.shift), 0, NULL);
    }
    return walk_result(&w);
}

struct result /* NOLINTNEXTLINE(readability-function-size): the arguments of the call */
pt_read(struct account *account, uint64_t table, uint64_t level, uint64_t va, uint64_t out,
        uint64_t n)
{
    enum { BYTES = sizeof(uint64_t) };
    uint64_t found[BATCH];
    struct walk w;
    bool of_root = level == PT_LEVELS; /* nothing is mapped there, but tables are linked */

    if (!walk_begin(&w, account, table, of_root ? 1 : level) && of_root && w.top < PT_LEVELS)
        w.error = E_INVAL;
    w.level = of_root ? PT_LEVELS : w.level;
    w.shift = level_shift(w.level);
    (void)walk_range(&w, va, n);
    while (walk_next(&w, BATCH)) {
        for (uint64_t i = 0; i < w.run; i++) {
            found[i] = arch_pte_decode(w.entry[i]);
            if (w.level > 1 && arch_pte_links(w.entry[i])) /* its software bits are ours */
                found[i] = (found[i] & ~(uint64_t)(7 << MAP_SOFT_SHIFT)) | MAP_LINK;
        }
        if (!walk_absent(&w, copy_out(out + w.done * BYTES, found, w.run * BYTES)))
            w.done += w.run;
    }
    return walk_result(&w);
}

uint64_t
pt_translate(uint64_t root, uint64_t va)
{
    const uint64_t *table = frame_address(root);

    if (va >= USER_TOP)
        return 0;
    for (uint32_t l = PT_LEVELS; l >= 1; l--) {
        uint64_t pte = table[va >> level_shift(l) & (PT_ENTRIES - 1)];
        if (!arch_pte_present(pte))
            return 0;
        if (l == 1 || !arch_pte_links(pte))
            return arch_pte_frame(pte) + (va >> FRAME_SHIFT & (((uint64_t)1 << 9 * (l - 1)) - 1));
        table = frame_address(arch_pte_frame(pte));
    }
    return 0;
}
