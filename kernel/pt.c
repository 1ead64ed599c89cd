/* SPDX-License-Identifier: MIT */
/*
 * pt.c - page tables that libraries supply: every entry is checked as it is written.
 *
 * Invariants
 *  M1 an entry of level 1 names a plain frame, and holds one reference to it.
 *  M2 an entry of level l > 1 names a page table of level l - 1 of the same account, and holds one
 *     reference to it; so the tree has no cycle, and the walk below needs no check of its own.
 *  M3 only the user's half of a root is ever written here.
 * Source  Engler, Kaashoek, O'Toole, SOSP '95 (bindings in hardware); the checks are design
 * section 4.
 */
#include "abi/error.h"
#include "abi/memory.h"
#include "kernel/account.h"
#include "kernel/arch.h"
#include "kernel/call.h"
#include "kernel/frame.h"
#include "kernel/object.h"
#include "kernel/pt.h"
#include "kernel/step.h"
#include "plant.h"

enum { BATCH = 32 }; /* entries copied from or to the caller at a time */

static uint64_t
pt_index(uint64_t va, unsigned level)
{
    return va >> (FRAME_SHIFT + 9 * (level - 1)) & (PT_ENTRIES - 1);
}

/* The entry for va in the table of `level`; NULL with *missing the level of the absent table. */
static uint64_t *
pt_walk(uint64_t root, uint64_t va, unsigned level, uint64_t *missing)
{
    uint64_t *table = frame_address(root);

    for (unsigned l = PT_LEVELS; l > level; l--) {
        uint64_t entry = table[pt_index(va, l)];
        if (!arch_pte_present(entry)) {
            *missing = l - 1;
            return NULL;
        }
        table = frame_address(arch_pte_frame(entry));
    }
    return &table[pt_index(va, level)];
}

static void
pt_drop(uint64_t entry)
{
    if (arch_pte_present(entry))
        frame_unref(arch_pte_frame(entry));
}

struct result
pt_make(struct account *account, uint64_t frame, uint64_t level)
{
    int error = frame_check_unused(account, frame);
    void *table;

    if (level < 1 || level > PT_LEVELS)
        error = E_INVAL;
    if (error)
        return result_error(error);
    table = frame_become(frame, (enum frame_type)(FRAME_PT1 + level - 1));
    if (level == PT_LEVELS)
        arch_root_init(table);
    return result_ok(0);
}

/* 0 when account may change what hangs below root; nothing of a dying account is bound any more. */
static int
pt_check_root(const struct account *account, uint64_t root)
{
    int error = frame_check(account, root, FRAME_PT4);

    return !error && account_dying(frame_at(root)->owner) ? E_PERM : error;
}

/* The level of the page table in frame `child` when it may hang below `root` for account, or 0. */
static unsigned
pt_child_level(const struct account *account, uint64_t root, uint64_t child)
{
    const struct frame *f = frame_find(child);

    if (!f || !account_covers(account, f->owner) || f->owner != frame_at(root)->owner)
        return 0;
    if (planted(PLANT_FRAME_TYPE) && f->type == FRAME_PT4)
        return PT_LEVELS - 1;
    return f->type >= FRAME_PT1 && f->type < FRAME_PT4 ? f->type - FRAME_PT1 + 1u : 0;
}

struct result
pt_link(struct account *account, uint64_t root, uint64_t va, uint64_t child)
{
    uint64_t missing = 0, *entry;
    unsigned level;
    int error = pt_check_root(account, root);

    if (error || va >= USER_TOP)
        return result_error(error ? error : E_INVAL);
    level = pt_child_level(account, root, child); /* M2 */
    if (!level)
        return result_error(E_PERM);
    entry = pt_walk(root, va, level + 1, &missing);
    if (!entry)
        return result_error_at(E_NOENT, missing);
    if (arch_pte_present(*entry))
        return result_error(E_EXIST);
    frame_ref(child);
    *entry = arch_link_encode(child);
    return result_ok(0);
}

/* What pt_map, pt_unmap, pt_protect and pt_read have in common: 0 or an error. */
static int
pt_check_range(const struct account *account, uint64_t root, uint64_t va, uint64_t n)
{
    int error = pt_check_root(account, root);

    if (error)
        return error;
    if (va % FRAME_BYTES || n < 1 || n > MAP_BATCH_MAX)
        return E_INVAL;
    if (va >= USER_TOP && !planted(PLANT_MAP_RANGE))
        return E_INVAL;
    return n > (USER_TOP - va) >> FRAME_SHIFT && !planted(PLANT_MAP_RANGE) ? E_INVAL : 0;
}

/* May an entry that a caller asks for be set? 0, E_INVAL or E_PERM. */
static int
pt_check_entry(const struct account *cover, uint64_t entry)
{
    enum { REFUSED = MAP_ACCESSED | MAP_DIRTY };
    uint64_t frame = entry >> FRAME_SHIFT;

    if (!(entry & MAP_READ))
        return 0; /* absent for the processor: the library's own bits */
    if ((entry & REFUSED || entry >> 52) && !planted(PLANT_MAP_BITS))
        return E_INVAL;
    frame &= ((uint64_t)1 << 40) - 1;
    return frame_check(cover, frame, FRAME_PLAIN) ? E_PERM : 0; /* M1 */
}

static void
pt_set(uint64_t *entry, uint64_t va, uint64_t value)
{
    uint64_t old = *entry;

    if (arch_pte_present(value))
        frame_ref(arch_pte_frame(value));
    *entry = value;
    if (!arch_pte_present(old))
        return;
    arch_flush_page(va);
    pt_drop(old);
}

int
pt_enter(const struct account *cover, uint64_t root, uint64_t va, uint64_t wanted,
         uint64_t *missing)
{
    uint64_t *entry = pt_walk(root, va, 1, missing);
    int error = entry ? pt_check_entry(cover, wanted) : E_NOENT;

    if (!error)
        pt_set(entry, va, arch_pte_encode(wanted));
    return error;
}

struct result
pt_map(struct account *account, uint64_t root, uint64_t va, uint64_t entries, uint64_t n,
       struct account *cover)
{
    uint64_t wanted[BATCH], done = 0, missing = 0, *entry = NULL;
    int error = pt_check_range(account, root, va, n);

    while (!error && done < n) {
        uint64_t batch = n - done < BATCH ? n - done : BATCH;
        uint64_t absent =
            copy_in(wanted, entries + done * sizeof(uint64_t), batch * sizeof(uint64_t));
        if (absent)
            return done ? result_ok((int64_t)done) : result_error_at(E_FAULT, absent);
        for (uint64_t i = 0; i < batch && !error; i++, done += !error, va += FRAME_BYTES) {
            entry = entry && pt_index(va, 1) ? entry + 1 : pt_walk(root, va, 1, &missing);
            error = entry ? pt_check_entry(cover, wanted[i]) : E_NOENT;
            if (!error)
                pt_set(entry, va, arch_pte_encode(wanted[i]));
        }
    }
    return done ? result_ok((int64_t)done) : result_error_at(error, missing);
}

/* One step of the range calls below, at the entry for va. */
typedef void pt_step(uint64_t *entry, uint64_t va, uint64_t flags);

static struct result
pt_range(const struct account *account, uint64_t root, uint64_t va, uint64_t n, uint64_t flags,
         pt_step *step)
{
    uint64_t done = 0, missing = 0, *entry = NULL;
    int error = pt_check_range(account, root, va, n);

    for (; !error && done < n; va += FRAME_BYTES) {
        entry = entry && pt_index(va, 1) ? entry + 1 : pt_walk(root, va, 1, &missing);
        if (!entry)
            break;
        step(entry, va, flags);
        done++;
    }
    if (done || error)
        return error ? result_error(error) : result_ok((int64_t)done);
    return result_error_at(E_NOENT, missing);
}

static void
pt_step_unmap(uint64_t *entry, uint64_t va, uint64_t flags)
{
    (void)flags;
    pt_set(entry, va, 0);
}

static void
pt_step_protect(uint64_t *entry, uint64_t va, uint64_t flags)
{
    uint64_t old = *entry;

    if (!arch_pte_present(old))
        return;
    *entry = arch_pte_keep(arch_pte_encode(arch_pte_frame(old) << FRAME_SHIFT | flags), old);
    if (!planted(PLANT_FLUSH))
        arch_flush_page(va);
}

struct result
pt_unmap(struct account *account, uint64_t root, uint64_t va, uint64_t n)
{
    return pt_range(account, root, va, n, 0, pt_step_unmap);
}

struct result
pt_protect(struct account *account, uint64_t root, uint64_t va, uint64_t n, uint64_t flags)
{
    if (flags > MAP_FLAGS || flags & (MAP_ACCESSED | MAP_DIRTY) || !(flags & MAP_READ))
        return result_error(E_INVAL);
    return pt_range(account, root, va, n, flags, pt_step_protect);
}

struct result
pt_read(struct account *account, uint64_t root, uint64_t va, uint64_t out, uint64_t n)
{
    uint64_t missing = 0, *entry = NULL, done = 0;
    int error = pt_check_range(account, root, va, n);

    for (; !error && done < n; done++, va += FRAME_BYTES) {
        uint64_t found, absent;
        entry = entry && pt_index(va, 1) ? entry + 1 : pt_walk(root, va, 1, &missing);
        if (!entry)
            break;
        found = arch_pte_decode(*entry);
        absent = copy_out(out + done * sizeof(found), &found, sizeof(found));
        if (absent)
            return done ? result_ok((int64_t)done) : result_error_at(E_FAULT, absent);
    }
    if (done || error)
        return error ? result_error(error) : result_ok((int64_t)done);
    return result_error_at(E_NOENT, missing);
}

/*
 * The table's frame is about to become plain: on the processor that stands on it, leave it first.
 */
void
pt_release(uint64_t n)
{
    uint64_t *table = frame_address(n);
    uint64_t users = frame_at(n)->type == FRAME_PT4 ? PT_ENTRIES / 2 : PT_ENTRIES; /* M3 */

    arch_root_leave(n);
    for (uint64_t i = 0; i < users; i++) {
        pt_drop(table[i]);
        table[i] = 0;
    }
    arch_flush_all();
}

uint64_t
pt_translate(uint64_t root, uint64_t va)
{
    uint64_t missing = 0, *entry = va < USER_TOP ? pt_walk(root, va, 1, &missing) : NULL;

    return entry && arch_pte_present(*entry) ? arch_pte_frame(*entry) : 0;
}
