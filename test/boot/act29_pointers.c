/* SPDX-License-Identifier: MIT */
/*
 * act29_pointers.c - hostile act 29: pointers into the kernel's half, across holes, half unmapped,
 * at read-only, page-table and wrapped addresses, for every argument that the kernel reads or
 * writes through. E_FAULT with the address, and nothing is written but what the caller may write.
 */
#include "test/boot/good.h"

static const uint64_t KERNEL_DESCRIPTOR =
    0xffffffffc0001050; /* the last of the first processor's: CPU_GDT */

enum { GUARD = 0xa5, EDGE_BYTES = 8 };

/* Where each pointer of the call table travels, and how many bytes go through it. */
static const struct pointer {
    uint32_t number;
    const char *name;
    uint32_t bytes;
    enum { KERNEL_READS, KERNEL_WRITES } way;
} pointers[] = {
    {CALL_account_make, "terms", 16, KERNEL_READS},
    {CALL_account_read, "out", 40, KERNEL_WRITES},
    {CALL_cap_grant, "out", 32, KERNEL_WRITES},
    {CALL_cap_bind, "cap", 32, KERNEL_READS},
    {CALL_pt_map, "entries", 8, KERNEL_READS},
    {CALL_pt_read, "out", 8, KERNEL_WRITES},
    {CALL_context_make, "start", 40, KERNEL_READS},
    {CALL_upcalls_set, "setup", 144, KERNEL_READS},
    {CALL_context_read, "out", 272, KERNEL_WRITES},
    {CALL_context_peek, "out", 16, KERNEL_WRITES},
    {CALL_wait, "clauses", 16, KERNEL_READS},
    {CALL_console_write, "va", 1, KERNEL_READS},
    {CALL_slice_read, "out", 32, KERNEL_WRITES},
    {CALL_frame_read, "out", 16, KERNEL_WRITES},
    {CALL_pt_copy, "request", 40, KERNEL_READS},
    {CALL_transfer_serve, "setup", 24, KERNEL_READS},
    {CALL_context_poke, "in", 16, KERNEL_READS},
    {CALL_context_write, "in", 256, KERNEL_READS},
};
enum { POINTERS = sizeof(pointers) / sizeof(pointers[0]) };

static const struct pointer *p;
static const struct call_field *field;

static uint64_t hole_start; /* three pages: ours, a hole, ours read-only */

static struct call_result
call_at(uint64_t address)
{
    uint64_t reg[REGISTERS];

    good_call(p->number, reg);
    field_set(field, reg, address);
    return call_with(p->number, reg);
}

/* The address that the call is told is the first of the span that is not there. */
static void
faults(uint64_t address, const char *what)
{
    struct call_result r = call_at(address);

    if (r.value >= 0)
        breach("%s: %s %s (0x%lx) was taken: %ld", call_shape_of(p->number)->name, p->name, what,
               address, (long)r.value);
    if (r.value != -E_FAULT)
        fail("%s: %s %s: error %ld", call_shape_of(p->number)->name, p->name, what, (long)-r.value);
    hold(r.detail - address < p->bytes || r.detail == USER_TOP || address < FRAME_BYTES,
         "the address lies in what was asked for");
}

static void
kernel_half(void)
{
    static const uint64_t places[] = {
        0xffffff0000000000, /* exposed: everybody reads it, but not by the kernel's hand */
        0xffffff0040000000, 0xffff800000000000, 0xffff800000100000,
        0xffffffff80100000, 0xffffffffc0001000, 0xffffffffc0006ff8,
        0xffffffffe0000000, 0xfffffffffffffff8, 0xffffffffffffffff};

    for (uint32_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
        faults(places[i], "in the kernel's half");
}

/* Our own frame, by the kernel's address for it: nothing may arrive there. */
static void
own_frame_by_kernel_address(void)
{
    uint64_t frame;
    uint8_t *page = page_new(MAP_READ | MAP_WRITE, &frame);

    memset(page, GUARD, FRAME_BYTES);
    faults(KERNEL_DIRECT + (frame << FRAME_SHIFT), "by the kernel's own map");
    faults(KERNEL_DIRECT + (exo_start_page->root_frame << FRAME_SHIFT), "at our root");
    for (uint64_t i = 0; i < FRAME_BYTES; i++)
        hold(page[i] == GUARD, "nothing was written");
    call_pt_unmap(SLOT_ACCOUNT, exo_start_page->root_frame, 0, (uintptr_t)page, 1);
    fine(call_frame_free(SLOT_ACCOUNT, frame, 1).value, "frame_free");
}

static void
no_addresses(void)
{
    static const uint64_t places[] = {0,
                                      1,
                                      8,
                                      FRAME_BYTES - 1,
                                      0x0000000000400000,
                                      0x00007fffffffe000,
                                      0x00007ffffffff000,
                                      0x0000800000000000,
                                      0x1000000000000000,
                                      0x7fffffffffffffff,
                                      0x8000000000000000};

    for (uint32_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
        faults(places[i], "where nothing is");
}

/* The page before the hole is ours: not a byte of it is written but from `address` on. */
static void
straddles(void)
{
    uint8_t *page = (uint8_t *)hole_start;
    uint64_t hole = hole_start + FRAME_BYTES;

    if (p->bytes < 2)
        return;
    for (uint64_t before = 1; before < p->bytes && before <= 64; before++) {
        memset(page, GUARD, FRAME_BYTES);
        faults(hole - before, "across into a hole");
        for (uint64_t i = 0; i < FRAME_BYTES - before; i++)
            hold(page[i] == GUARD, "nothing is written before the address");
    }
    faults(hole, "in a hole");
    faults(USER_TOP - 1, "across USER_TOP");
}

static void
read_only(void)
{
    uint64_t page = hole_start + FRAME_BYTES + FRAME_BYTES;
    uint8_t was = *(const volatile uint8_t *)page;

    if (p->way == KERNEL_WRITES)
        faults(page, "read-only");
    hold(*(const volatile uint8_t *)page == was, "a read-only page keeps what it holds");
}

/* The field of that name; every pointer of the list is one of the table's. */
static const struct call_field *
field_named(uint32_t number, const char *name)
{
    for (const struct call_field *f = call_shape_of(number)->field; f->name; f++)
        if (!strcmp(f->name, name))
            return f;
    fail("%s has no argument %s", call_shape_of(number)->name, name);
}

/* What is only read or written when there is something: a console's input, its end seen first. */
static void
console_pointers(void)
{
    const struct console *c = &exo_console;
    uint8_t *page = page_new(MAP_READ | MAP_WRITE, NULL);

    refuse(call_console_read(c->slot, 0xffff800000000000, 1).value, E_FAULT,
           "reading to the kernel");
    refuse(call_console_read(c->slot, hole_start + FRAME_BYTES, 1).value, E_FAULT, "into a hole");
    expect(console_read(c, (uintptr_t)page, 1).value == 1 && page[0] == 'x',
           "no input is lost by that");
    refuse(call_console_write(c->slot, STREAM_OUTPUT, KERNEL_IMAGE, CHANNEL_PAYLOAD_MAX).value,
           E_FAULT, "writing the kernel out");
    refuse(call_console_write(c->slot, STREAM_OUTPUT, hole_start, FRAME_BYTES + 1).value, E_FAULT,
           "writing across a hole");
}

static void
wait_for_input(void)
{
    while (call_console_read(SLOT_CONSOLE, hole_start + FRAME_BYTES, 1).value == -E_AGAIN)
        call_yield(SLOT_NOTHING);
}

/* For the control alone: writes a segment descriptor that nobody uses, and says nothing of it. */
static int
spoil_image(void)
{
    call_pt_read(SLOT_ACCOUNT, exo_start_page->root_frame, 0, hole_start, KERNEL_DESCRIPTOR, 1);
    return done();
}

int
exo_main(const struct start_page *start)
{
    (void)start;
    good_begin();
    hole_start = room_take(4);
    page_at(hole_start, frame_new(), MAP_READ | MAP_WRITE);
    page_at(hole_start + FRAME_BYTES + FRAME_BYTES, frame_new(), MAP_READ);
    if (!strcmp(argument(0), "image"))
        return spoil_image();
    wait_for_input();
    console_pointers();
    for (p = pointers; p < pointers + POINTERS; p++) {
        field = field_named(p->number, p->name);
        kernel_half();
        own_frame_by_kernel_address();
        no_addresses();
        straddles();
        read_only();
    }
    return done();
}
