/* SPDX-License-Identifier: MIT */
/*
 * firmware.c - any bytes as a firmware's memory to lib/firmware.c: each processor comes once, and
 * nothing outside is read. An odd first byte: every checksum is put right first, or no mutation
 * would come past them.
 */
#include "lib/firmware.h"
#include <string.h>
#include "abi/error.h"
#include "test/fuzz/fuzz.h"
#include "test/unit/made.h"

struct held {
    struct firmware_memory memory;
    const uint8_t *bytes;
    size_t n;
};

static const uint8_t *
held_at(const struct firmware_memory *self, uint64_t pa, uint64_t n)
{
    const struct held *h = (const struct held *)self;
    uint64_t offset = pa - MADE_FIRMWARE_PA;
    return pa >= MADE_FIRMWARE_PA && offset <= h->n && n <= h->n - offset ? h->bytes + offset
                                                                          : NULL;
}

static void
require_sound(const struct firmware *f)
{
    REQUIRE(f->n_cpus <= FIRMWARE_CPUS_MAX);
    REQUIRE(f->n_beyond == 0 || f->n_cpus == FIRMWARE_CPUS_MAX);
    for (uint32_t i = 0; i < f->n_cpus; i++)
        for (uint32_t j = 0; j < i; j++)
            REQUIRE(f->apic_id[i] != f->apic_id[j]);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    uint8_t *copy;
    if (n < 1 || !(copy = malloc(n - 1 + !(n - 1))))
        return 0;
    memcpy(copy, bytes + 1, n - 1);
    if (*bytes & 1 && n - 1 == MADE_FIRMWARE_BYTES)
        firmware_sums_make(copy);
    struct held h = {{held_at}, copy, n - 1};
    struct firmware f = {0};
    uint64_t root = firmware_root_find(&h.memory);
    int r = firmware_acpi_read(&h.memory, root, &f);
    REQUIRE(r == 0 || (r == -E_NOENT && f.n_cpus == 0));
    require_sound(&f);
    r = firmware_mp_read(&h.memory, &f);
    REQUIRE(r == 0 || r == -E_NOENT);
    require_sound(&f);
    free(copy);
    return 0;
}
