/* SPDX-License-Identifier: MIT */
/*
 * act05_map.c - hostile act 5: map kernel, page-table, foreign, device and beyond-RAM frames, and
 * map into the kernel's half. All refused; what is mapped is ours.
 */
#include "test/boot/kit.h"
#include "abi/account.h"
#include "abi/exposed.h"

enum { CHILD = 100, WEAK = 101 };

/* Where nothing is. */
static const uint64_t EMPTY_VA = SCRATCH_VA + FRAME_BYTES;

/* In place of a page of ours, where nothing is, and there in a batch, behind one that is mapped. */
static void
refuse_frame(uint64_t frame, const char *what)
{
    static uint64_t own;
    uint64_t entry[2];

    own = own ? own : frame_new();
    entry[0] = own << FRAME_SHIFT | MAP_READ | MAP_WRITE;
    entry[1] = frame << FRAME_SHIFT | MAP_READ | MAP_WRITE;
    refuse(map_one(own_root(), SCRATCH_VA, entry[1]), E_PERM, what);
    refuse(map_one(own_root(), EMPTY_VA, entry[1]), E_PERM, what);
    hold(call_pt_map(SLOT_ACCOUNT, own_root(), 0, EMPTY_VA, (uintptr_t)entry, 2, SLOT_ACCOUNT)
                 .value == 1,
         what);
    fine(call_pt_unmap(SLOT_ACCOUNT, own_root(), 0, EMPTY_VA, 1).value, "pt_unmap");
}

static void
named_frames(void)
{
    static const uint32_t slots[] = {SLOT_ACCOUNT, SLOT_SLOTS,  SLOT_ENV,
                                     SLOT_CONTEXT, SLOT_EVENTS, SLOT_CONSOLE};
    uint64_t n_frames = ((const struct machine_page *)EXPOSED_MACHINE)->n_frames;
    uint64_t beyond[] = {n_frames,          n_frames + 1,      (uint64_t)1 << 31,
                         (uint64_t)1 << 32, (uint64_t)1 << 39, ((uint64_t)1 << 40) - 1};
    uint64_t table = frame_new();

    for (uint32_t i = 0; i < sizeof(slots) / sizeof(slots[0]); i++)
        refuse_frame(object_of_slot(slots[i]), "mapping a kernel object");
    for (uint32_t i = 0; i < sizeof(beyond) / sizeof(beyond[0]); i++)
        refuse_frame(beyond[i], "mapping beyond the memory");
    refuse_frame(0, "mapping frame 0");
    refuse_frame((KERNEL_IMAGE & 0x7fffffff) >> FRAME_SHIFT, "mapping the kernel's image");
    refuse_frame(0xfee00, "mapping the interrupt controller");
    refuse_frame(0xfec00, "mapping the other interrupt controller");
    refuse_frame(0xb8, "mapping video memory");
    refuse_frame(own_root(), "mapping our root");
    fine(call_pt_make(SLOT_ACCOUNT, table, 1, frame_new()).value, "pt_make");
    refuse_frame(table, "mapping a page table");
}

/* Every frame of the machine, in place of a page or where nothing is: no more are mapped than are charged to us. */
static void
all_frames(uint64_t va)
{
    uint64_t n_frames = ((const struct machine_page *)EXPOSED_MACHINE)->n_frames, mapped = 0;

    for (uint64_t n = 0; n < n_frames; n++) {
        mapped += map_one(own_root(), va, n << FRAME_SHIFT | MAP_READ) == 1;
        if (va == EMPTY_VA)
            fine(call_pt_unmap(SLOT_ACCOUNT, own_root(), 0, va, 1).value, "pt_unmap");
    }
    say("%lu frames are ours, of %lu", mapped, n_frames);
    expect(mapped > 0, "our own frames can be mapped");
    hold(mapped <= account_told(SLOT_ACCOUNT).used_frames, "a foreign frame was mapped");
}

/* The authority of a cover reaches its own account and below, with MAP. */
static void
covers(void)
{
    struct account_terms terms = {.name = 1, .limit_frames = 8};
    uint64_t entry = frame_new() << FRAME_SHIFT | MAP_READ;

    fine(call_account_make(SLOT_ACCOUNT, frame_new(), CHILD, (uintptr_t)&terms).value,
         "account_make");
    refuse(call_pt_map(SLOT_ACCOUNT, own_root(), 0, SCRATCH_VA, (uintptr_t)&entry, 1, CHILD).value,
           E_PERM, "mapping a frame of the parent's as the child's");
    refuse(call_pt_map(CHILD, own_root(), 0, SCRATCH_VA, (uintptr_t)&entry, 1, CHILD).value, E_PERM,
           "changing the parent's root as the child");
    weaken(SLOT_ACCOUNT, RIGHT_ALLOC | RIGHT_MAKE | RIGHT_INSPECT, WEAK);
    refuse(call_pt_map(SLOT_ACCOUNT, own_root(), 0, SCRATCH_VA, (uintptr_t)&entry, 1, WEAK).value,
           E_PERM, "mapping under a cover without MAP");
    entry = frame_of_account(CHILD) << FRAME_SHIFT | MAP_READ;
    fine(call_pt_map(SLOT_ACCOUNT, own_root(), 0, SCRATCH_VA, (uintptr_t)&entry, 1, CHILD).value,
         "mapping a frame of the child's");
}

static void
kernel_half(void)
{
    static const uint64_t places[] = {0xffffff0000001000, 0xffffff0000000000, 0xffff800000000000,
                                      0xffffffff80100000, 0xffffffffc0000000, 0xfffffffffffff000};
    uint64_t entry = frame_new() << FRAME_SHIFT | MAP_READ | MAP_WRITE, n = sizeof(places) / 8;

    for (uint64_t i = 0; i < n; i++) {
        int64_t mapped = map_one(own_root(), places[i], entry);

        if (mapped == 1) /* so that the machine can end in order */
            call_pt_unmap(SLOT_ACCOUNT, own_root(), 0, places[i], 1);
        refuse(mapped, E_INVAL, "mapping in the kernel's half");
        refuse(call_pt_link(SLOT_ACCOUNT, own_root(), places[i], frame_new(), 0).value, E_INVAL,
               "linking a table in the kernel's half");
        refuse(call_pt_unmap(SLOT_ACCOUNT, own_root(), 0, places[i], 1).value, E_INVAL,
               "unmapping in the kernel's half");
        refuse(call_pt_protect(SLOT_ACCOUNT, own_root(), 0, places[i], 1, MAP_CHANGEABLE,
                               MAP_READ | MAP_WRITE)
                   .value,
               E_INVAL, "changing rights in the kernel's half");
        refuse(call_pt_read(SLOT_ACCOUNT, own_root(), 0, places[i], (uintptr_t)&entry, 1).value,
               E_INVAL, "reading entries of the kernel's half");
    }
    refuse(map_one(own_root(), USER_TOP, entry), E_INVAL, "mapping at USER_TOP");
    fine(call_pt_map(SLOT_ACCOUNT, own_root(), 0, SCRATCH_VA, (uintptr_t)&entry, 1, SLOT_ACCOUNT)
             .value,
         "mapping below it");
}

int
exo_main(const struct start_page *start)
{
    (void)start;
    page_at(SCRATCH_VA, frame_new(), MAP_READ);
    if (!strcmp(argument(0), "kernel-half"))
        kernel_half();
    named_frames();
    covers();
    kernel_half();
    all_frames(SCRATCH_VA);
    all_frames(EMPTY_VA);
    return done();
}
