/* SPDX-License-Identifier: MIT */
/* firmware.c - lib/firmware.c: what a firmware tells, whole and spoilt. */
#include "lib/firmware.h"
#include <string.h>
#include "abi/error.h"
#include "test/unit/made.h"
#include "test/unit/test.h"

/* Memory of which only MADE_FIRMWARE_BYTES at MADE_FIRMWARE_PA are there, and end where they end.
 */
struct held {
    struct firmware_memory memory;
    uint8_t *bytes;
};

static const uint8_t *
held_at(const struct firmware_memory *self, uint64_t pa, uint64_t n)
{
    const struct held *h = (const struct held *)self;
    uint64_t offset = pa - MADE_FIRMWARE_PA;
    return pa >= MADE_FIRMWARE_PA && offset <= MADE_FIRMWARE_BYTES &&
                   n <= MADE_FIRMWARE_BYTES - offset
               ? h->bytes + offset
               : NULL;
}

static struct held
held_make(void)
{
    uint8_t image[MADE_FIRMWARE_BYTES];
    firmware_make(image);
    return (struct held){{held_at}, exact_copy(image, sizeof image)};
}

static int
acpi_read(const struct held *h, struct firmware *f)
{
    *f = (struct firmware){0};
    return firmware_acpi_read(&h->memory, firmware_root_find(&h->memory), f);
}

static int
mp_read(const struct held *h, struct firmware *f)
{
    *f = (struct firmware){0};
    return firmware_mp_read(&h->memory, f);
}

static void
acpi_names_each_enabled_processor_once(void)
{
    struct held h = held_make();
    struct firmware f;
    CHECK(acpi_read(&h, &f) == 0);
    CHECK(f.n_cpus == 3 && f.n_beyond == 0);
    CHECK(f.apic_id[0] == 0 && f.apic_id[1] == 2 && f.apic_id[2] == 0x12345);
    CHECK(f.hpet_pa == 0xfed00000);
    exact_free(h.bytes);
}

static void
the_old_root_serves_where_the_new_is_broken(void)
{
    struct held h = held_make();
    struct firmware f;
    h.bytes[MADE_XSDT + 10]++;
    CHECK(acpi_read(&h, &f) == 0 && f.n_cpus == 3 && f.hpet_pa == 0); /* it names no HPET */
    h.bytes[MADE_RSDT + 10]++;
    CHECK(acpi_read(&h, &f) == -E_NOENT && f.n_cpus == 0);
    exact_free(h.bytes);
}

static void
a_table_with_a_wrong_sum_counts_as_absent(void)
{
    struct held h = held_make();
    struct firmware f;
    h.bytes[MADE_MADT + 12]++;
    CHECK(acpi_read(&h, &f) == 0 && f.n_cpus == 0 && f.hpet_pa == 0xfed00000);
    h.bytes[MADE_RSDP]++;
    CHECK(firmware_root_find(&h.memory) == 0 && acpi_read(&h, &f) == -E_NOENT);
    exact_free(h.bytes);
}

static void
an_entry_beyond_its_table_is_not_read(void)
{
    struct held h = held_make();
    struct firmware f;
    h.bytes[MADE_MADT + 44 + 1] = 255; /* the length of the first entry */
    firmware_sums_make(h.bytes);
    CHECK(acpi_read(&h, &f) == 0 && f.n_cpus == 0);
    h.bytes[MADE_MADT + 44 + 1] = 0; /* and one that leads nowhere */
    firmware_sums_make(h.bytes);
    CHECK(acpi_read(&h, &f) == 0 && f.n_cpus == 0);
    h.bytes[MADE_MADT + 6] = 0xff; /* a table of 16 MB */
    CHECK(acpi_read(&h, &f) == 0 && f.n_cpus == 0);
    exact_free(h.bytes);
}

static void
a_machine_tells_how_it_goes_off(void)
{
    struct held h = held_make();
    struct firmware f;
    uint8_t *package = h.bytes + MADE_DSDT + 36 + 11; /* behind the name */
    CHECK(acpi_read(&h, &f) == 0);
    CHECK(f.off_port == 0x604 && f.off_value == (5 << 10 | 1 << 13));
    CHECK(f.take_port == 0xb2 && f.take_value == 0xf1);
    package[3] = 0; /* the number zero, in one byte */
    firmware_sums_make(h.bytes);
    CHECK(acpi_read(&h, &f) == 0 && f.off_port == 0x604 && f.off_value == 1 << 13);
    package[3] = 0x70; /* an expression */
    firmware_sums_make(h.bytes);
    CHECK(acpi_read(&h, &f) == 0 && !f.off_port && f.hpet_pa);
    exact_free(h.bytes);
}

static void
how_it_goes_off_may_be_cut_anywhere(void)
{
    struct held h = held_make();
    struct firmware f;
    for (uint8_t n = 36; n < 36 + 16; n++) {
        h.bytes[MADE_DSDT + 4] = n;
        firmware_sums_make(h.bytes);
        CHECK(acpi_read(&h, &f) == 0 && !f.off_port);
    }
    h.bytes[MADE_DSDT + 4] = 36 + 16; /* its last byte is the type */
    h.bytes[MADE_FADT + 64 + 2] = 1;  /* no port is so high */
    firmware_sums_make(h.bytes);
    CHECK(acpi_read(&h, &f) == 0 && !f.off_port);
    h.bytes[MADE_FADT + 64 + 2] = 0;
    firmware_sums_make(h.bytes);
    CHECK(acpi_read(&h, &f) == 0 && f.off_port == 0x604);
    exact_free(h.bytes);
}

static void
the_multiprocessor_table_names_them_too(void)
{
    struct held h = held_make();
    struct firmware f;
    CHECK(mp_read(&h, &f) == 0);
    CHECK(f.n_cpus == 2 && f.apic_id[0] == 0 && f.apic_id[1] == 4);
    h.bytes[MADE_PCMP + 20]++;
    CHECK(mp_read(&h, &f) == -E_NOENT && f.n_cpus == 0);
    exact_free(h.bytes);
}

static void
more_processors_than_there_is_room_for_are_counted(void)
{
    struct held h = held_make();
    struct firmware f = {0};
    for (uint32_t id = 1; id <= FIRMWARE_CPUS_MAX; id++) {
        h.bytes[MADE_MADT + 44 + 3] = (uint8_t)(id * 3 + 1);
        firmware_sums_make(h.bytes);
        CHECK(firmware_acpi_read(&h.memory, MADE_FIRMWARE_PA + MADE_RSDP, &f) == 0);
    }
    CHECK(f.n_cpus == FIRMWARE_CPUS_MAX && f.n_beyond > 0);
    exact_free(h.bytes);
}

const struct test firmware_tests[] = {
    {"acpi_names_each_enabled_processor_once", acpi_names_each_enabled_processor_once},
    {"the_old_root_serves_where_the_new_is_broken", the_old_root_serves_where_the_new_is_broken},
    {"a_table_with_a_wrong_sum_counts_as_absent", a_table_with_a_wrong_sum_counts_as_absent},
    {"an_entry_beyond_its_table_is_not_read", an_entry_beyond_its_table_is_not_read},
    {"a_machine_tells_how_it_goes_off", a_machine_tells_how_it_goes_off},
    {"how_it_goes_off_may_be_cut_anywhere", how_it_goes_off_may_be_cut_anywhere},
    {"the_multiprocessor_table_names_them_too", the_multiprocessor_table_names_them_too},
    {"more_processors_than_there_is_room_for_are_counted",
     more_processors_than_there_is_room_for_are_counted},
    {NULL, NULL},
};
