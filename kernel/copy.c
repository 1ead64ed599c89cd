/* SPDX-License-Identifier: MIT */
/*
 * copy.c - pt_copy: a range of entries from one table to another, both sides changed on the way.
 *
 * What a library makes copy-on-write of: after the epoch that the call gives nobody writes through
 * the entries that lost the right, so what the copy maps stays as it is.
 * Source: Accetta et al., Mach, USENIX Summer '86 (copy-on-write); the policy is the library's.
 */
#include "abi/error.h"
#include "abi/memory.h"
#include "kernel/account.h"
#include "kernel/arch.h"
#include "kernel/call.h"
#include "kernel/pt.h"

enum { COPY_MAX = 384 }; /* entries in a call: it stays below 50 us */

struct copy {
    const struct account *account;
    struct walk from, to;
    struct pte_change from_change, to_change;
    bool look;       /* each frame is to be looked at: rights are added, or owners differ */
    uint64_t pinned; /* entries left out: they are writable, and their frame is pinned */
};

static int
copy_begin(struct copy *c, struct account *account, const struct copy_request *r)
{
    int error = walk_begin(&c->from, account, r->from, r->level);

    error = error ? error : walk_range(&c->from, r->from_va, r->n);
    error = error ? error : walk_begin(&c->to, account, r->to, r->level);
    error = error ? error : walk_range(&c->to, r->to_va, r->n);
    if (!error &&
        (!map_masks_good(r->from_clear, r->from_set) || !map_masks_good(r->to_clear, r->to_set)))
        error = E_INVAL;
    c->account = account;
    c->from_change = arch_pte_change(r->from_clear, r->from_set);
    c->to_change = arch_pte_change(r->to_clear, r->to_set);
    c->look = c->from.owner != c->to.owner || accounts_dying || change_gains(c->from_change) ||
              change_gains(c->to_change);
    return error;
}

static uint64_t
changed(uint64_t pte, struct pte_change change)
{
    return (pte & change.keep) | change.add;
}

/* May the present entry `pte` be copied, and both sides be as asked? (M1 of pt.c) */
static int
copy_check(const struct copy *c, uint64_t pte)
{
    const struct frame *f = frame_at(arch_pte_frame(pte));

    if ((c->from.owner != c->to.owner && !account_covers(c->account, f->owner)) ||
        (account_dying(f->owner) && !planted(PLANT_CLING)))
        return E_PERM;
    if (f->type != FRAME_PLAIN && (arch_pte_gains(pte, changed(pte, c->from_change)) ||
                                   arch_pte_gains(pte, changed(pte, c->to_change))))
        return E_PERM;
    return 0;
}

/* The present entry at `from` to that at `to`. */
PT_INLINE int
copy_present(struct copy *c, pte_t *from, const struct place *to, uint64_t pte, uint64_t from_va,
             uint64_t to_va)
{
    uint64_t new;
    struct frame *f = frame_at(arch_pte_frame(pte));
    int error = c->look ? copy_check(c, pte) : 0;

    if (error)
        return error;
    if (f->other && f->type == FRAME_PLAIN && arch_pte_gains(changed(pte, c->from_change), pte)) {
        c->pinned++; /* a device or the kernel may go on writing to it */
        return 0;
    }
    do
        new = changed(pte, c->from_change);
    while (!atomic_compare_exchange_weak(from, &pte, new));
    if (new != pte)
        walk_changed(&c->from, from_va, pte, new);
    entry_set(&c->to, to, to_va, changed(pte, c->to_change), f);
    return 0;
}

/* n entries, each side in one table; *done: how many. */
PT_INLINE int
copy_run(struct copy *c, uint64_t from_va, uint64_t to_va, uint64_t n, uint64_t *done)
{
    struct place to = place_at(c->to.entry);

    place_fills(&to, n);
    for (uint64_t i = 0; i < n; i++, place_next(&to), ++*done) {
        uint64_t pte = c->from.entry[i];
        int error = 0;

        if (!pte)
            continue;
        if (walk_linked(&c->to, pte) || walk_linked(&c->to, *to.entry))
            error = E_EXIST;
        else if (arch_pte_present(pte))
            error = copy_present(c, &c->from.entry[i], &to, pte, from_va + (i << c->from.shift),
                                 to_va + (i << c->to.shift));
        else
            entry_set(&c->to, &to, to_va + (i << c->to.shift), pte, NULL);
        if (error)
            return error;
    }
    return 0;
}

/* As many as lie in one table on both sides. Where the source has no table there is nothing. */
static int
copy_some(struct copy *c, uint64_t from_va, uint64_t to_va, uint64_t left, uint64_t *done)
{
    int error = walk_to(&c->from, from_va);
    uint64_t run = walk_run(&c->from, from_va, left < COPY_MAX - *done ? left : COPY_MAX - *done);

    if (error == E_NOENT) {
        *done += run;
        return 0;
    }
    if (error) {
        c->to.detail = c->from.detail;
        return error;
    }
    error = walk_to(&c->to, to_va);
    return error ? error : copy_run(c, from_va, to_va, walk_run(&c->to, to_va, run), done);
}

struct result
pt_copy(struct account *account, const struct copy_request *r)
{
    struct copy c = {0};
    uint64_t done = 0, epoch, other;
    int error = copy_begin(&c, account, r);

    if (error)
        return result_error(error);
    while (!error && done < r->n && done < COPY_MAX)
        error = copy_some(&c, r->from_va + (done << c.from.shift), r->to_va + (done << c.to.shift),
                          r->n - done, &done);
    epoch = walk_end(&c.from);
    other = walk_end(&c.to);
    if (!done)
        return result_error_at(error, c.to.detail);
    return (struct result){.value = (int64_t)(done | c.pinned << 32),
                           .detail = epoch > other ? epoch : other};
}
