/* SPDX-License-Identifier: MIT */
/* pointers.c - wrong addresses for a call (pointers.h). */
#include "test/boot/pointers.h"
#include "abi/exposed.h"

enum { GUARD = 0xa5, BEFORE_MAX = 64, AT = 256 };

uint64_t pointers_hole;

static const struct call_shape *shape;
static const struct call_field *field;
static uint64_t table_va; /* a page table of ours, mapped to read */

static struct call_result
call_at(uint64_t address)
{
    uint64_t reg[REGISTERS];
    struct call_result r;

    for (;;) {
        enum good good = good_call(shape->number, reg);
        field_set(field, reg, address);
        r = call_with(shape->number, reg);
        if (good != GOOD_IN_TIME || r.value != -E_AGAIN)
            return r;
        call_yield(SLOT_NOTHING); /* credit comes, or input */
    }
}

/* The address that the call is told is the first of the span that is not there. */
static void
faults(uint64_t address, const char *what)
{
    struct call_result r = call_at(address);

    if (r.value >= 0)
        breach("%s: %s %s (0x%lx) was taken: %ld", shape->name, field->name, what, address,
               (long)r.value);
    if (r.value != -E_FAULT)
        breach("%s: %s %s was followed: error %ld", shape->name, field->name, what, (long)-r.value);
    hold(r.detail - address < field->bytes || r.detail == USER_TOP || address < FRAME_BYTES,
         "the address lies in what was asked for");
}

static void
kernel_half(void)
{
    static const uint64_t places[] = {
        EXPOSED_MACHINE, /* everybody reads it, but not by the kernel's hand */
        EXPOSED_FREE,       0xffff800000000000, 0xffff800000100000,
        0xffffffff80100000, 0xffffffffc0001000, 0xffffffffc0006ff8,
        0xffffffffe0000000, 0xfffffffffffffff8, 0xffffffffffffffff};

    for (uint32_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
        faults(places[i], "in the kernel's half");
}

static bool
is_guard(const uint8_t *from, const uint8_t *to)
{
    while (from < to && *from == GUARD)
        from++;
    return from == to;
}

/* Our own frame, by the kernel's address for it: nothing may arrive there. */
static void
own_frame_by_kernel_address(void)
{
    uint64_t frame = entry_at(pointers_hole) >> FRAME_SHIFT;
    uint8_t *page = (uint8_t *)pointers_hole;

    memset(page, GUARD, FRAME_BYTES);
    faults(KERNEL_DIRECT + (frame << FRAME_SHIFT), "by the kernel's own map");
    faults(KERNEL_DIRECT + (exo_start_page->root_frame << FRAME_SHIFT), "at our root");
    hold(is_guard(page, page + FRAME_BYTES), "nothing was written");
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
    uint8_t *page = (uint8_t *)pointers_hole;
    uint64_t hole = pointers_hole + FRAME_BYTES;

    for (uint64_t before = 1; before < field->bytes && before <= BEFORE_MAX; before++) {
        memset(page, GUARD, FRAME_BYTES);
        faults(hole - before, "across into a hole");
        hold(is_guard(page, (uint8_t *)hole - before), "nothing is written before the address");
    }
    if (field->bytes > 1) {
        faults(hole - field->bytes + 1, "with its last byte in a hole");
        faults(USER_TOP - 1, "across USER_TOP");
    }
    faults(hole, "in a hole");
}

/* A page that is only to be read, and one of our page tables, which nobody but the kernel writes. */
static void
read_only(void)
{
    uint64_t page = pointers_hole + FRAME_BYTES + FRAME_BYTES;
    const volatile uint64_t *table = (const volatile uint64_t *)table_va;
    uint8_t was = *(const volatile uint8_t *)page;
    uint64_t any = 0;

    if (field->way != CALL_WRITES)
        return;
    faults(page, "read-only");
    hold(*(const volatile uint8_t *)page == was, "a read-only page keeps what it holds");
    faults(table_va, "at a page table");
    faults(table_va - field->bytes / 2, "across into a page table");
    for (uint64_t i = 0; i < PT_ENTRIES; i++)
        any |= table[i];
    hold(any == 0, "a page table keeps what it holds");
}

/* The same address, were it good: what is written is not more than the table says. */
static void
bounded(void)
{
    uint8_t *page = (uint8_t *)pointers_hole;
    uint64_t bytes = field->bytes;

    if (field->way != CALL_WRITES)
        return;
    if (shape->number == CALL_context_peek)
        bytes = 16; /* as good.c asks */
    memset(page, GUARD, FRAME_BYTES);
    fine(call_at(pointers_hole + AT).value, shape->name);
    hold(is_guard(page, page + AT) && is_guard(page + AT + bytes, page + FRAME_BYTES),
         "no more is written than is asked for");
    hold(!is_guard(page + AT, page + AT + bytes), "and what is asked for is");
}

void
pointers_begin(void)
{
    uint64_t frame = frame_new();

    pointers_hole = room_take(5);
    page_at(pointers_hole, frame_new(), MAP_READ | MAP_WRITE);
    page_at(pointers_hole + 2ul * FRAME_BYTES, frame_new(), MAP_READ);
    fine(call_pt_make(SLOT_ACCOUNT, frame, 1, frame_new()).value, "pt_make");
    table_va = pointers_hole + 4ul * FRAME_BYTES;
    page_at(table_va - FRAME_BYTES, frame_new(), MAP_READ | MAP_WRITE);
    page_at(table_va, frame, MAP_READ);
}

uint32_t
pointers_walk(const struct call_shape *of)
{
    uint32_t n = 0;

    shape = of;
    for (field = shape->field; field->name; field++) {
        if (field->way == CALL_FOLLOWS_NOT)
            continue;
        n++;
        kernel_half();
        own_frame_by_kernel_address();
        no_addresses();
        straddles();
        read_only();
        bounded();
    }
    return n;
}
