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

struct copy {
    const struct account *account;
    struct walk from, to;
    struct pte_change from_change, to_change;
    uint64_t pinned; /* entries left out: they are writable, and their frame is pinned */
};

static int
copy_begin(struct copy *c, struct account *account, const struct copy_request *r)
{
    int error = walk_begin(&c->from, account, r->from, r->level);

    if (!error)
        error = walk_range(&c->from, r->from_va, r->n);
    if (!error)
        error = walk_begin(&c->to, account, r->to, r->level);
    if (!error)
        error = walk_range(&c->to, r->to_va, r->n);
    if (!error &&
        (!map_masks_good(r->from_clear, r->from_set) || !map_masks_good(r->to_clear, r->to_set)))
        error = E_INVAL;
    c->account = account;
    c->from_change = arch_pte_change(r->from_clear, r->from_set);
    c->to_change = arch_pte_change(r->to_clear, r->to_set);
    c->pinned = 0;
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

    if (c->from.owner != c->to.owner &&
        (!account_covers(c->account, f->owner) || account_dying(f->owner)))
        return E_PERM;
    if (f->type != FRAME_PLAIN && (arch_pte_gains(pte, changed(pte, c->from_change)) ||
                                   arch_pte_gains(pte, changed(pte, c->to_change))))
        return E_PERM;
    return 0;
}

/* A device or the kernel may go on writing to it. */
static bool
copy_pinned(const struct copy *c, uint64_t pte)
{
    const struct frame *f = frame_at(arch_pte_frame(pte));

    return f->type == FRAME_PLAIN && f->other && arch_pte_gains(changed(pte, c->from_change), pte);
}

/* The entry for va under c->to; entries between were left out when the walk has no place. */
static int
copy_place(struct copy *c, uint64_t va)
{
    int error = walk_next(&c->to, va);

    if (error || !entry_links(&c->to))
        return error;
    c->to.detail = c->to.level;
    return E_EXIST;
}

/* The present entry under c->from to that under c->to. */
static int
copy_present(struct copy *c, uint64_t pte, uint64_t from_va, uint64_t to_va)
{
    uint64_t new;
    int error = copy_check(c, pte);

    if (error)
        return error;
    if (copy_pinned(c, pte)) {
        c->pinned++;
        c->to.at.entry = NULL;
        return 0;
    }
    error = copy_place(c, to_va);
    if (error)
        return error;
    do
        new = changed(pte, c->from_change);
    while (!atomic_compare_exchange_weak(c->from.at.entry, &pte, new));
    if (new != pte)
        walk_changed(&c->from, from_va, arch_pte_loses(pte, new));
    entry_set(&c->to, to_va, changed(pte, c->to_change), frame_at(arch_pte_frame(pte)));
    return 0;
}

/* 0, or an error whose second result is c->to.detail. */
static int
copy_entry(struct copy *c, uint64_t from_va, uint64_t to_va)
{
    uint64_t pte = 0;
    int error = walk_next(&c->from, from_va);

    if (error == E_EXIST || (!error && entry_links(&c->from))) {
        c->to.detail = error ? c->from.detail : c->from.level;
        return E_EXIST;
    }
    if (error) /* no table: nothing there */
        c->from.at.entry = NULL;
    else
        pte = atomic_load_explicit(c->from.at.entry, memory_order_relaxed);
    if (!pte) {
        c->to.at.entry = NULL;
        return 0;
    }
    if (arch_pte_present(pte))
        return copy_present(c, pte, from_va, to_va);
    error = copy_place(c, to_va);
    if (!error)
        entry_set(&c->to, to_va, pte, NULL);
    return error;
}

struct result
pt_copy(struct account *account, uint64_t request_va)
{
    struct copy_request r;
    struct copy c;
    uint64_t absent = copy_in(&r, request_va, sizeof(r)), bytes, done, epoch, other;
    int error;

    if (absent)
        return result_error_at(E_FAULT, absent);
    error = copy_begin(&c, account, &r);
    if (error)
        return result_error(error);
    bytes = (uint64_t)FRAME_BYTES << 9 * (c.from.level - 1);
    for (done = 0; !error && done < r.n; done += !error)
        error = copy_entry(&c, r.from_va + done * bytes, r.to_va + done * bytes);
    epoch = walk_end(&c.from);
    other = walk_end(&c.to);
    if (!done)
        return result_error_at(error, c.to.detail);
    return (struct result){.value = (int64_t)(done | c.pinned << 32),
                           .detail = epoch > other ? epoch : other};
}
