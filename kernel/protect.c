/* SPDX-License-Identifier: MIT */
/*
 * protect.c - pt_protect: the flags of a range of entries, changed in place.
 *
 * Invariants are those of pt.c. What takes rights away is flushed here, and elsewhere by the epoch
 * that the call gives. Most calls are about pages in one table of a root of the caller's own, and
 * have a short way of their own: to take a right from a page and give it back is a budget of the
 * design.
 * Source  Appel and Li, ASPLOS '91: what user programs do with protection.
 */
#include "abi/error.h"
#include "kernel/pt.h"

bool
map_masks_good(uint64_t clear, uint64_t set)
{
    return !(clear & ~(uint64_t)(MAP_FLAGS & ~MAP_READ)) &&
           !(set & ~(uint64_t)(MAP_CHANGEABLE | MAP_READ));
}

/*
 * Changes n entries of one table up to the first that refuses: one that links a table, or gets
 * rights to what is not plain, if these are looked for.
 */
PT_INLINE struct changed
protect_run(pte_t *entry, uint64_t n, struct pte_change change, bool look)
{
    uint64_t i, any = 0, all = ~(uint64_t)0; /* bits that were set in any, in all */

    for (i = 0; i < n; i++) {
        uint64_t new, old = atomic_load_explicit(&entry[i], memory_order_relaxed);

        if (!arch_pte_present(old))
            continue;
        if (look && frame_at(arch_pte_frame(old))->type != FRAME_PLAIN)
            break;
        do /* again when a walker has set a bit */
            new = (old & change.keep) | change.add;
        while (!atomic_compare_exchange_weak(&entry[i], &old, new));
        any |= old;
        all &= old;
    }
    return (struct changed){i, any & ~(change.keep | change.add), change.add & ~all};
}

static struct result
protect_range(struct walk w, uint64_t va, uint64_t n, struct pte_change change)
{
    bool look = w.level > 1 || change_gains(change);

    (void)walk_range(&w, va, n);
    while (walk_next(&w, n)) {
        struct changed changed = protect_run(w.entry, w.run, change, look);
        w.done += changed.n;
        w.lost |= changed.lost;
        w.got |= changed.got;
        if (changed.n < w.run && !walk_linked(&w, w.entry[changed.n]))
            w.error = E_PERM;
    }
    if (planted(PLANT_FLUSH))
        w.lost = w.got = 0;
    w.whole = w.lost | w.got;
    return walk_result(&w);
}

/* Changes the pages that pages_find has found. */
PT_INLINE struct result
protect_pages(pte_t *entry, uint64_t n, uint64_t va, uint64_t root, uint64_t links,
              struct pte_change change)
{
    struct changed changed = change_gains(change) ? protect_run(entry, n, change, true)
                                                  : protect_run(entry, n, change, false);
    uint64_t epoch = 0;

    if (!changed.n)
        return result_error(E_PERM);
    if (changed.lost | changed.got && !planted(PLANT_FLUSH))
        epoch = pages_flush(va, changed.n, root, links, changed);
    return (struct result){.value = (int64_t)changed.n, .detail = epoch};
}

struct result /* NOLINTNEXTLINE(readability-function-size): the arguments of the call */
pt_protect(struct account *account, uint64_t table, uint64_t level, uint64_t va, uint64_t n,
           uint64_t clear, uint64_t set)
{
    bool good = map_masks_good(clear, set);
    uint64_t links;
    pte_t *entry;
    struct walk w;

    if (level <= 1 && good && pages_find(account, table, va, n, &entry, &links))
        return protect_pages(entry, n, va, table, links, arch_pte_change(clear, set));
    if (!walk_begin(&w, account, table, level) && !good)
        w.error = E_INVAL;
    return protect_range(w, va, n, arch_pte_change(clear, set));
}
