/* SPDX-License-Identifier: MIT */
/*
 * frame_boot.c - memory for the kernel itself, from its start until frame_init.
 *
 * Invariants
 *  B1 the pieces lie apart, in ascending order, each in usable memory behind the kernel's image.
 *  B2 none holds a frame of the boot bundle, nor one that was given out.
 * Lowest first: what runs on the tables of boot.S, which show 4 GiB, finds memory there.
 * Units   frame numbers.
 */
#include "abi/memory.h"
#include "kernel/arch.h"
#include "kernel/boot.h"
#include "kernel/frame.h"
#include "kernel/log.h"

enum {
    PIECES_MAX = BOOT_RANGES_MAX + 1, /* the bundle parts one in two */
    MEMORY_MIN_MIB = 4,               /* of which the firmware keeps at most MEMORY_HOLES_MIB */
    MEMORY_HOLES_MIB = 1,
    MEMORY_CPU_KIB = 64,
};

struct piece {
    uint64_t first, last; /* last: one behind */
};

static struct piece pieces[PIECES_MAX];
static uint32_t n_pieces;
static bool over;

/* In its place by address (B1); what overlaps a piece that is there loses that part. */
static void
piece_add(uint64_t first, uint64_t last)
{
    uint32_t at = n_pieces;

    while (at > 0 && pieces[at - 1].first > first)
        at--;
    if (at > 0 && pieces[at - 1].last > first)
        first = pieces[at - 1].last;
    if (at < n_pieces && pieces[at].first < last)
        last = pieces[at].first;
    if (first >= last || n_pieces == PIECES_MAX)
        return;
    for (uint32_t i = n_pieces++; i > at; i--)
        pieces[i] = pieces[i - 1];
    pieces[at] = (struct piece){first, last};
}

uint64_t
frame_memory_end(const struct boot_info *info)
{
    uint64_t end = 0;

    for (uint32_t i = 0; i < info->n_ranges; i++)
        if (info->range[i].pa + info->range[i].length > end)
            end = info->range[i].pa + info->range[i].length;
    return end;
}

static _Noreturn void
memory_refuse(void)
{
    panic("too little memory: Tessera needs a machine of at least %u MiB, and %u KiB for each "
          "further processor, beside its programs",
          MEMORY_MIN_MIB, MEMORY_CPU_KIB);
}

void
frame_boot(const struct boot_info *info, uint64_t kernel_end_pa)
{
    uint64_t usable = 0;
    uint64_t after = (kernel_end_pa + FRAME_BYTES - 1) >> FRAME_SHIFT;
    struct piece bundle = {info->bundle_pa >> FRAME_SHIFT,
                           (info->bundle_pa + info->bundle_bytes + FRAME_BYTES - 1) >> FRAME_SHIFT};
    bool bundle_found = !info->bundle_bytes;

    for (uint32_t i = 0; i < info->n_ranges; i++) {
        const struct boot_range *range = &info->range[i]; /* of which whole frames count */
        struct piece p = {(range->pa + FRAME_BYTES - 1) >> FRAME_SHIFT,
                          (range->pa + range->length) >> FRAME_SHIFT};
        usable += p.last - p.first;
        bool with_bundle = info->bundle_bytes && p.first <= bundle.first && bundle.last <= p.last;
        bundle_found |= with_bundle;
        p.first = p.first > after ? p.first : after;
        if (with_bundle) {
            piece_add(p.first, bundle.first); /* B2; nothing, if it lies below the kernel */
            p.first = p.first > bundle.last ? p.first : bundle.last;
        }
        piece_add(p.first, p.last);
    }
    if (usable < ((MEMORY_MIN_MIB - MEMORY_HOLES_MIB) << 20) / FRAME_BYTES)
        memory_refuse();
    if (!bundle_found)
        panic("the boot bundle does not lie in memory");
}

void *
frame_boot_alloc(uint64_t n)
{
    uint64_t first;
    uint32_t i = 0;

    if (over)
        panic("boot memory asked for after boot");
    while (i < n_pieces && pieces[i].last - pieces[i].first < n)
        i++;
    if (i == n_pieces)
        memory_refuse();
    first = pieces[i].first;
    pieces[i].first += n;
    for (uint64_t frame = first; frame < first + n; frame++)
        arch_frame_clear(frame_address(frame));
    return frame_address(first);
}

bool
frame_boot_left(uint32_t i, uint64_t *first, uint64_t *last)
{
    over = true;
    if (i >= n_pieces)
        return false;
    *first = pieces[i].first;
    *last = pieces[i].last;
    return true;
}
