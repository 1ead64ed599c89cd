/* SPDX-License-Identifier: MIT */
/*
 * pt.c - page tables that libraries supply: every entry is checked as it is written.
 *
 * Invariants
 *  M1 an entry that maps names a plain frame object of the size that its level says, or, only for
 *     reading, a page table below a root; and it holds one reference to it.
 *  M2 an entry of level l > 1 that links names a page table of level l - 1 of the same account, and
 *     holds one reference to it; so there is no cycle, and the walk below needs no check of its
 * own. M3 only the user's half of a root is ever written here. M4 the reverse link of each present
 * entry is in the list of the frame that it names. Source  Engler, Kaashoek, O'Toole, SOSP '95
 * (bindings in hardware); the checks are design section 4.
 */
#include "kernel/pt.h"
#include "abi/error.h"
#include "abi/memory.h"
#include "kernel/account.h"
#include "kernel/epoch.h"
#include "kernel/log.h"
#include "kernel/step.h"
#include "plant.h"

enum {
    BATCH = 32,      /* entries copied from or to the caller at a time */
    SINGLE_MAX = 32, /* more pages are flushed all at once */
    CLEAR_MAX = 64,  /* frames cleared in a call */
};

/* ---- walking ---- */

static uint64_t
pt_index(uint64_t va, uint32_t level)
{
    return va >> (FRAME_SHIFT + 9 * (level - 1)) & (PT_ENTRIES - 1);
}

int
walk_begin(struct walk *w, const struct account *account, uint64_t table, uint64_t level)
{
    const struct frame *f = frame_find(table);

    if (!f || (!planted(PLANT_FRAME_OWNER) && !account_covers(account, f->owner)))
        return E_PERM;
    if (!type_is_table(f->type))
        return E_INVAL;
    if (account_dying(f->owner)) /* nothing of it is bound any more */
        return E_PERM;
    *w = (struct walk){.table = table,
                       .top = (uint32_t)(f->type - FRAME_PT1) + 1,
                       .level = level ? (uint32_t)level : 1,
                       .owner = f->owner,
                       .exact = f->type == FRAME_PT4,
                       .stamp = epoch_next()};
    return level < PT_LEVELS && w->level <= w->top ? 0 : E_INVAL;
}

int
walk_range(struct walk *w, uint64_t va, uint64_t n)
{
    uint32_t shift = FRAME_SHIFT + 9 * (w->level - 1);
    uint64_t end =
        w->top == PT_LEVELS ? USER_TOP : (uint64_t)PT_ENTRIES << (FRAME_SHIFT + 9 * (w->top - 1));

    w->few = n <= SINGLE_MAX;
    if (va & (((uint64_t)1 << shift) - 1) || n < 1 || n > MAP_BATCH_MAX)
        return E_INVAL;
    if (planted(PLANT_MAP_RANGE))
        return 0;
    return va >= end || n > (end - va + (((uint64_t)1 << shift) - 1)) >> shift ? E_INVAL : 0;
}

int
walk_to(struct walk *w, uint64_t va)
{
    uint64_t table = w->table, index = pt_index(va, w->level);
    const struct frame *f;

    for (uint32_t l = w->top; l > w->level; l--) {
        uint64_t entry = ((const uint64_t *)frame_address(table))[pt_index(va, l)];
        if (!arch_pte_present(entry) || arch_pte_large(entry)) {
            w->detail = arch_pte_present(entry) ? l : l - 1;
            return arch_pte_present(entry) ? E_EXIST : E_NOENT;
        }
        table = arch_pte_frame(entry);
        f = frame_at(table);
        if (f->refs != 1 || !frame_settled(f))
            w->exact = false;
    }
    f = frame_at(table);
    w->at.entry = (_Atomic uint64_t *)frame_address(table) + index;
    w->at.link = (struct reverse *)frame_address(f->other) + index;
    w->at.companion = frame_at(f->other);
    w->at.name = reverse_name(w->at.companion->first, index);
    w->single = w->few && w->exact && w->table == arch_root_of(cpu_this());
    return 0;
}

inline int
walk_next(struct walk *w, uint64_t va)
{
    if (!w->at.entry || !pt_index(va, w->level))
        return walk_to(w, va);
    w->at.entry++;
    w->at.link++;
    w->at.name++;
    return 0;
}

void
walk_changed(struct walk *w, uint64_t va, bool taken)
{
    w->taken |= taken;
    if (w->single)
        arch_flush_page(va);
    else
        w->changed = true;
}

uint64_t
walk_end(struct walk *w)
{
    uint64_t on, epoch = w->taken && w->stamp ? epoch_give(w->exact ? w->table : 0, w->owner) : 0;

    if (epoch || !w->changed)
        return epoch;
    on = arch_root_of(cpu_this());
    if (w->exact ? on == w->table : on && frame_at(on)->owner == w->owner)
        arch_flush_all();
    return 0;
}

inline struct result
walk_result(struct walk *w, uint64_t done, int error)
{
    uint64_t epoch = walk_end(w);

    if (done)
        return (struct result){.value = (int64_t)done, .detail = epoch};
    return result_error_at(error, w->detail);
}

/* ---- entries ---- */

void
entry_drop(const struct place *at, uint64_t pte, uint64_t stamp)
{
    struct frame *f = frame_at(arch_pte_frame(pte));

    assert(f->refs > 0); /* F1 */
    f->refs--;
    reverse_remove(&f->first, at->link);
    at->companion->refs--;
    if (stamp)
        frame_stamp(f, stamp);
}

struct place
entry_named(uint32_t name)
{
    uint64_t companion = reverse_companion[name >> REVERSE_INDEX_BITS];
    struct frame *f = frame_at(companion);

    return (struct place){
        .entry = (_Atomic uint64_t *)frame_address(f->other) + reverse_index(name),
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
};

static struct cover
cover_of(const struct account *account)
{
    uint32_t frame = (uint32_t)frame_of(account);

    return (struct cover){account, account_dying(frame) ? 0 : frame, CLEAR_MAX};
}

/* Any frame but a clean one of the cover's own account: 0 when it may be mapped so (M1). */
static int
map_check_other(struct cover *cover, uint64_t n, uint64_t wanted, uint32_t size)
{
    struct frame *f = frame_find(n);

    if (!f || (!planted(PLANT_FRAME_OWNER) && (!account_covers(cover->account, f->owner) ||
                                               (account_dying(f->owner) && !planted(PLANT_ENDED)))))
        return E_PERM;
    if (((f->type >= FRAME_PT1 && f->type < FRAME_PT4) || f->type == FRAME_EXPOSED) && !size &&
        !(wanted & (MAP_WRITE | MAP_EXEC)))
        return 0;
    if (f->type != FRAME_PLAIN && !planted(PLANT_FRAME_TYPE))
        return E_PERM;
    if ((f->flags & FRAME_SIZE) != size)
        return E_INVAL;
    if (!(f->flags & FRAME_STALE))
        return 0;
    if (!cover->clears)
        return E_AGAIN; /* the entries before were done */
    cover->clears--;
    frame_ready(n); /* F4 */
    return 0;
}

/* May an entry that a caller asks for be set? 0, E_INVAL, E_PERM; *f is the frame it names. */
static inline int
map_check(struct cover *cover, uint64_t wanted, uint32_t size, struct frame **f)
{
    uint64_t n = wanted >> FRAME_SHIFT;

    *f = NULL;
    if (!(wanted & MAP_READ))
        return 0; /* absent for the processor: the library's own bits */
    if ((wanted & (MAP_ACCESSED | MAP_DIRTY) || wanted >> 52) && !planted(PLANT_MAP_BITS))
        return E_INVAL;
    n &= ((uint64_t)1 << 40) - 1;
    *f = frame_find(n);
    if (*f && (*f)->owner == cover->frame && (*f)->type == FRAME_PLAIN && (*f)->flags == size)
        return 0;
    return map_check_other(cover, n, wanted, size);
}

static int
map_batch(struct walk *w, struct cover *cover, uint64_t va, const uint64_t *wanted, uint64_t n,
          uint64_t *done)
{
    uint64_t bytes = (uint64_t)FRAME_BYTES << 9 * (w->level - 1);
    int error = 0;

    for (uint64_t i = 0; i < n; i++, va += bytes) {
        struct frame *f;
        error = walk_next(w, va);
        if (!error && entry_links(w)) {
            w->detail = w->level;
            error = E_EXIST;
        }
        if (!error)
            error = map_check(cover, wanted[i], w->level - 1, &f);
        if (error) {
            *done += i;
            return error;
        }
        entry_set(w, va, arch_pte_encode(wanted[i], w->level - 1), f);
    }
    *done += n;
    return 0;
}

struct result /* NOLINTNEXTLINE(readability-function-size): the arguments of the call */
pt_map(struct account *account, uint64_t table, uint64_t level, uint64_t va, uint64_t entries,
       uint64_t n, struct account *cover)
{
    struct cover under = cover_of(cover);
    uint64_t wanted[BATCH], done = 0;
    struct walk w;
    int error = walk_begin(&w, account, table, level);

    if (!error)
        error = walk_range(&w, va, n);
    if (error)
        return result_error(error);
    while (!error && done < n) {
        uint64_t batch = n - done < BATCH ? n - done : BATCH;
        w.detail = copy_in(wanted, entries + done * sizeof(uint64_t), batch * sizeof(uint64_t));
        error = w.detail ? E_FAULT
                         : map_batch(&w, &under, va + (done << (FRAME_SHIFT + 9 * (w.level - 1))),
                                     wanted, batch, &done);
    }
    return walk_result(&w, done, error);
}

int
pt_enter(const struct account *cover, uint64_t root, uint64_t va, uint64_t wanted,
         uint64_t *missing)
{
    struct cover under = cover_of(cover);
    uint64_t done = 0;
    struct walk w;
    int error = walk_begin(&w, cover, root, 1);

    if (error)
        return error;
    error = map_batch(&w, &under, va, &wanted, 1, &done);
    *missing = w.detail;
    return error;
}

/* ---- pt_unmap, pt_protect, pt_read ---- */

struct result /* NOLINTNEXTLINE(readability-function-size): the arguments of the call */
pt_unmap(struct account *account, uint64_t table, uint64_t level, uint64_t va, uint64_t n)
{
    uint64_t done = 0;
    struct walk w;
    int error = walk_begin(&w, account, table, level);

    if (!error)
        error = walk_range(&w, va, n);
    if (error)
        return result_error(error);
    for (uint64_t at = va; done < n; done++, at += (uint64_t)FRAME_BYTES << 9 * (w.level - 1)) {
        error = walk_next(&w, at);
        if (!error && entry_links(&w)) {
            w.detail = w.level;
            error = E_EXIST;
        }
        if (error)
            break;
        entry_set(&w, at, 0, NULL);
    }
    return walk_result(&w, done, error);
}

bool
map_masks_good(uint64_t clear, uint64_t set)
{
    return !(clear & ~(uint64_t)(MAP_FLAGS & ~MAP_READ)) &&
           !(set & ~(uint64_t)(MAP_CHANGEABLE | MAP_READ));
}

/* More rights may be given only to plain frames (M1). */
static int
protect_entry(struct walk *w, uint64_t va, struct pte_change change)
{
    uint64_t new, old = atomic_load_explicit(w->at.entry, memory_order_relaxed);

    if (!arch_pte_present(old))
        return 0;
    new = (old & change.keep) | change.add;
    if (arch_pte_gains(old, new) && frame_at(arch_pte_frame(old))->type != FRAME_PLAIN)
        return E_PERM;
    while (!atomic_compare_exchange_weak(w->at.entry, &old, new)) /* a walker has set a bit */
        new = (old & change.keep) | change.add;
    if (new != old && !planted(PLANT_FLUSH))
        walk_changed(w, va, arch_pte_loses(old, new));
    return 0;
}

struct result /* NOLINTNEXTLINE(readability-function-size): the arguments of the call */
pt_protect(struct account *account, uint64_t table, uint64_t level, uint64_t va, uint64_t n,
           uint64_t clear, uint64_t set)
{
    struct pte_change change = arch_pte_change(clear, set);
    uint64_t done = 0;
    struct walk w;
    int error = walk_begin(&w, account, table, level);

    if (!error)
        error = walk_range(&w, va, n);
    if (!error && !map_masks_good(clear, set))
        error = E_INVAL;
    if (error)
        return result_error(error);
    for (uint64_t at = va; done < n; done++, at += (uint64_t)FRAME_BYTES << 9 * (w.level - 1)) {
        error = walk_next(&w, at);
        if (!error && entry_links(&w)) {
            w.detail = w.level;
            error = E_EXIST;
        }
        if (!error)
            error = protect_entry(&w, at, change);
        if (error)
            break;
    }
    return walk_result(&w, done, error);
}

struct result /* NOLINTNEXTLINE(readability-function-size): the arguments of the call */
pt_read(struct account *account, uint64_t table, uint64_t level, uint64_t va, uint64_t out,
        uint64_t n)
{
    uint64_t found[BATCH], done = 0;
    struct walk w;
    bool of_root = level == PT_LEVELS; /* nothing is mapped there, but tables are linked */
    int error = walk_begin(&w, account, table, of_root ? 1 : level);

    if (!error && of_root) {
        w.level = PT_LEVELS;
        error = w.top == PT_LEVELS ? 0 : E_INVAL;
    }
    if (!error)
        error = walk_range(&w, va, n);
    if (error)
        return result_error(error);
    while (!error && done < n) {
        uint64_t batch = 0;
        while (batch < BATCH && done + batch < n && !error) {
            error = walk_next(&w, va + ((done + batch) << (FRAME_SHIFT + 9 * (w.level - 1))));
            if (!error)
                found[batch++] = arch_pte_decode(*w.at.entry) | (entry_links(&w) ? MAP_LINK : 0);
        }
        if (!batch)
            break;
        w.detail = copy_out(out + done * sizeof(uint64_t), found, batch * sizeof(uint64_t));
        if (w.detail)
            error = E_FAULT;
        else
            done += batch;
    }
    return walk_result(&w, done, error);
}

uint64_t
pt_translate(uint64_t root, uint64_t va)
{
    const uint64_t *table = frame_address(root);
    uint64_t pte = 0;

    if (va >= USER_TOP)
        return 0;
    for (uint32_t l = PT_LEVELS; l >= 1; l--) {
        pte = table[pt_index(va, l)];
        if (!arch_pte_present(pte))
            return 0;
        if (arch_pte_large(pte))
            return arch_pte_frame(pte) + (va >> FRAME_SHIFT & (((uint64_t)1 << 9 * (l - 1)) - 1));
        table = frame_address(arch_pte_frame(pte));
    }
    return arch_pte_frame(pte);
}
