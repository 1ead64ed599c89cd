/* SPDX-License-Identifier: MIT */
/*
 * act30_addresses.c - act 30: no call gives an address of the kernel's away, in its results or in
 * what it writes, nor does what everybody may read.
 */
#include "test/boot/good.h"
#include "abi/exposed.h"

static const uint64_t KERNEL_HALF = 0xffff800000000000, ERRORS = UINT64_MAX - 4096;

static bool
is_kernels(uint64_t word)
{
    return word >= KERNEL_HALF && word < ERRORS;
}

static void
scan(const char *what, const volatile void *from, uint64_t bytes)
{
    const volatile uint64_t *word = from;

    for (uint64_t i = 0; i < bytes / sizeof(*word); i++)
        if (is_kernels(word[i]))
            breach("%s: word %lu is 0x%lx", what, i, word[i]);
    expect(true, what);
}

int
exo_main(const struct start_page *start)
{
    (void)start;
    good_begin();
    for (uint32_t n = 0; n < CALL_COUNT; n++) {
        uint64_t reg[REGISTERS];
        enum good good = good_call(call_shapes[n].number, reg);
        struct call_result r;

        if (good == GOOD_ENDS || good == GOOD_ROOTS || good == GOOD_BY_RAX)
            continue;
        r = call_with(call_shapes[n].number, reg);
        hold(!is_kernels((uint64_t)r.value) && !is_kernels(r.detail), call_shapes[n].name);
        scan(call_shapes[n].name, good_data, (uint64_t)DATA_PAGES * FRAME_BYTES);
    }
    scan("the machine page", (const void *)EXPOSED_MACHINE, FRAME_BYTES);
    scan("the upcall page", &exo_upcall_page, sizeof(exo_upcall_page));
    return done();
}
