/* SPDX-License-Identifier: MIT */
/*
 * firmware.c - reading the firmware's tables (firmware.h).
 *
 * Invariants  W1 only bytes that firmware_memory gave are read, by byte: nothing is aligned.
 *             W2 a table is looked into only when its checksum is right and its length in bounds.
 *             W3 every walk is bounded: by TABLES_MAX, or by the bytes of a table of TABLE_MAX.
 */
#include "lib/firmware.h"
#include <stdbool.h>
#include "abi/error.h"
#include "lib/string.h"

enum {
    TABLES_MAX = 128,
    TABLE_MAX = 1 << 20, /* bytes */
    HEAD_BYTES = 36,
    ROOT_BYTES = 20, /* of ACPI 1.0, and what its checksum covers */
    ROOT_2_BYTES = 36,
    MADT_ENTRIES = 44,
    MADT_APIC = 0,
    MADT_X2APIC = 9,
    HPET_BYTES = 56,
    MP_POINTER_BYTES = 16,
    MP_HEAD_BYTES = 44,
    MP_PROCESSOR = 0,
    MP_PROCESSOR_BYTES = 20,
    MP_OTHER_BYTES = 8,
    MP_TYPES = 5,
    EBDA_SEGMENT = 0x40e, /* a word there: where a BIOS keeps its data, in 16 bytes */
    EBDA_BYTES = 1024,
    BASE_LAST = 0x9fc00, /* the last KiB of base memory */
    BIOS_START = 0xe0000,
    BIOS_END = 0x100000,
    SCAN_STEP = 16,
};

static uint64_t
number(const uint8_t *from, uint32_t n_bytes)
{
    uint64_t v = 0;

    for (uint32_t i = n_bytes; i-- > 0;)
        v = v << 8 | from[i];
    return v;
}

static bool
sum_is_right(const uint8_t *bytes, uint64_t n)
{
    uint8_t sum = 0;

    for (uint64_t i = 0; i < n; i++)
        sum = (uint8_t)(sum + bytes[i]);
    return sum == 0;
}

static const uint8_t *
at(const struct firmware_memory *memory, uint64_t pa, uint64_t n)
{
    return pa ? memory->at(memory, pa, n) : NULL;
}

static void
cpu_add(struct firmware *out, uint32_t apic_id)
{
    for (uint32_t i = 0; i < out->n_cpus; i++)
        if (out->apic_id[i] == apic_id)
            return;
    if (out->n_cpus < FIRMWARE_CPUS_MAX)
        out->apic_id[out->n_cpus++] = apic_id;
    else
        out->n_beyond++;
}

/* ---- scanning low memory for a pointer structure ---- */

struct pattern {
    const char *name;
    uint32_t name_bytes, bytes; /* of its name; of all that the checksum covers */
};

/* The first in n bytes from pa on that bears the name and whose checksum is right; 0: none. */
static uint64_t
pattern_scan(const struct firmware_memory *memory, const struct pattern *p, uint64_t pa, uint64_t n)
{
    for (uint64_t end = pa + n; pa + SCAN_STEP <= end; pa += SCAN_STEP) {
        const uint8_t *here = at(memory, pa, SCAN_STEP);
        if (!here || memcmp(here, p->name, p->name_bytes) != 0)
            continue;
        here = at(memory, pa, p->bytes);
        if (here && sum_is_right(here, p->bytes))
            return pa;
    }
    return 0;
}

static uint64_t
pattern_find(const struct firmware_memory *memory, const struct pattern *p)
{
    const uint8_t *segment = at(memory, EBDA_SEGMENT, 2);
    uint64_t ebda = segment ? number(segment, 2) << 4 : 0;
    uint64_t found = ebda ? pattern_scan(memory, p, ebda, EBDA_BYTES) : 0;

    if (!found)
        found = pattern_scan(memory, p, BASE_LAST, EBDA_BYTES);
    return found ? found : pattern_scan(memory, p, BIOS_START, BIOS_END - BIOS_START);
}

uint64_t
firmware_root_find(const struct firmware_memory *memory)
{
    static const struct pattern root = {"RSD PTR ", 8, ROOT_BYTES};

    return pattern_find(memory, &root);
}

/* ---- ACPI ---- */

/* The table at pa, whole and right, and its length; NULL otherwise (W2). */
static const uint8_t *
table_at(const struct firmware_memory *memory, uint64_t pa, uint64_t *bytes)
{
    const uint8_t *table = at(memory, pa, HEAD_BYTES);

    if (!table)
        return NULL;
    *bytes = number(table + 4, 4);
    if (*bytes < HEAD_BYTES || *bytes > TABLE_MAX)
        return NULL;
    table = at(memory, pa, *bytes);
    return table && sum_is_right(table, *bytes) ? table : NULL;
}

static void
madt_read(const uint8_t *table, uint64_t bytes, struct firmware *out)
{
    uint64_t length;

    for (uint64_t i = MADT_ENTRIES; i + 2 <= bytes; i += length) {
        const uint8_t *entry = table + i;
        length = entry[1];
        if (length < 2 || i + length > bytes)
            return;
        if (entry[0] == MADT_APIC && length >= 8 && entry[4] & 1)
            cpu_add(out, entry[3]);
        else if (entry[0] == MADT_X2APIC && length >= 16 && entry[8] & 1)
            cpu_add(out, (uint32_t)number(entry + 4, 4));
    }
}

static void
hpet_read(const uint8_t *table, uint64_t bytes, struct firmware *out)
{
    enum { SPACE = 40, ADDRESS = 44 };

    if (bytes >= HPET_BYTES && table[SPACE] == 0 && !out->hpet_pa) /* 0: memory, not ports */
        out->hpet_pa = number(table + ADDRESS, 8);
}

/*
 * The sleep type in what follows the name \_S5: a package whose first element is a small number.
 * False: it is written in another way.
 */
static bool
sleep_type(const uint8_t *from, uint64_t n, uint32_t *type)
{
    enum { PACKAGE = 0x12, ZERO = 0x00, ONE = 0x01, BYTE = 0x0a };
    uint64_t i = 2 + (n > 1 ? from[1] >> 6 : 0) + 1; /* its length in 1 to 4 bytes, its count */

    if (n < i + 2 || from[0] != PACKAGE)
        return false;
    *type = from[i] == BYTE ? from[i + 1] : from[i];
    return (from[i] == BYTE || from[i] == ZERO || from[i] == ONE) && *type < 8;
}

/* Only the bytes of the name are looked for; nothing of the machine's own language is run. */
static bool
sleep_find(const uint8_t *dsdt, uint64_t bytes, uint32_t *type)
{
    enum { NAME = 0x08 };

    for (uint64_t i = HEAD_BYTES + 2; i + 4 <= bytes; i++)
        if (dsdt[i] == '_' && !memcmp(dsdt + i, "_S5_", 4) &&
            (dsdt[i - 1] == NAME || (dsdt[i - 1] == '\\' && dsdt[i - 2] == NAME)) &&
            sleep_type(dsdt + i + 4, bytes - i - 4, type))
            return true;
    return false;
}

static void
fadt_read(const struct firmware_memory *memory, const uint8_t *table, uint64_t bytes,
          struct firmware *out)
{
    enum { DSDT = 40, SMI = 48, ENABLE = 52, CONTROL = 64, LEAST = 116, WIDE_DSDT = 140 };
    enum { SLEEP_SHIFT = 10, SLEEP_ON = 1 << 13, PORTS = 1 << 16 };
    uint64_t dsdt_bytes, port, smi;
    const uint8_t *dsdt;
    uint32_t type;

    if (bytes < LEAST)
        return;
    dsdt = table_at(memory, number(table + DSDT, 4), &dsdt_bytes);
    if (!dsdt && bytes >= WIDE_DSDT + 8)
        dsdt = table_at(memory, number(table + WIDE_DSDT, 8), &dsdt_bytes);
    port = number(table + CONTROL, 4);
    smi = number(table + SMI, 4);
    if (!dsdt || memcmp(dsdt, "DSDT", 4) != 0 || !port || port >= PORTS || smi >= PORTS ||
        !sleep_find(dsdt, dsdt_bytes, &type))
        return;
    out->off_port = (uint16_t)port;
    out->off_value = (uint16_t)(type << SLEEP_SHIFT | SLEEP_ON);
    out->take_port = table[ENABLE] ? (uint16_t)smi : 0;
    out->take_value = table[ENABLE];
}

int
firmware_acpi_read(const struct firmware_memory *memory, uint64_t root_pa, struct firmware *out)
{
    const uint8_t *root = at(memory, root_pa, ROOT_BYTES), *list = NULL, *table;
    uint64_t list_bytes = 0, bytes;
    uint32_t wide = 8;

    if (!root || memcmp(root, "RSD PTR ", 8) != 0 || !sum_is_right(root, ROOT_BYTES))
        return -E_NOENT;
    if (root[15] >= 2 && (table = at(memory, root_pa, ROOT_2_BYTES)) &&
        sum_is_right(table, ROOT_2_BYTES))
        list = table_at(memory, number(table + 24, 8), &list_bytes);
    if (!list || memcmp(list, "XSDT", 4) != 0) {
        wide = 4;
        list = table_at(memory, number(root + 16, 4), &list_bytes);
        if (!list || memcmp(list, "RSDT", 4) != 0)
            return -E_NOENT;
    }
    for (uint64_t i = 0; i < TABLES_MAX && HEAD_BYTES + (i + 1) * wide <= list_bytes; i++) {
        table = table_at(memory, number(list + HEAD_BYTES + i * wide, wide), &bytes);
        if (table && memcmp(table, "APIC", 4) == 0)
            madt_read(table, bytes, out);
        else if (table && memcmp(table, "HPET", 4) == 0)
            hpet_read(table, bytes, out);
        else if (table && memcmp(table, "FACP", 4) == 0)
            fadt_read(memory, table, bytes, out);
    }
    return 0;
}

/* ---- the multiprocessor table ---- */

static void
mp_entries_read(const uint8_t *table, uint64_t bytes, struct firmware *out)
{
    uint64_t length;

    for (uint64_t i = MP_HEAD_BYTES; i < bytes && table[i] < MP_TYPES; i += length) {
        length = table[i] == MP_PROCESSOR ? MP_PROCESSOR_BYTES : MP_OTHER_BYTES;
        if (i + length > bytes)
            return;
        if (table[i] == MP_PROCESSOR && table[i + 3] & 1)
            cpu_add(out, table[i + 1]);
    }
}

int
firmware_mp_read(const struct firmware_memory *memory, struct firmware *out)
{
    static const struct pattern mp = {"_MP_", 4, MP_POINTER_BYTES};
    uint64_t pa = pattern_find(memory, &mp), table_pa, bytes;
    const uint8_t *pointer = at(memory, pa, MP_POINTER_BYTES), *table;

    if (!pointer)
        return -E_NOENT;
    table_pa = number(pointer + 4, 4);
    table = at(memory, table_pa, MP_HEAD_BYTES);
    if (!table || memcmp(table, "PCMP", 4) != 0)
        return -E_NOENT;
    bytes = number(table + 4, 2);
    table = at(memory, table_pa, bytes);
    if (bytes < MP_HEAD_BYTES || !table || !sum_is_right(table, bytes))
        return -E_NOENT;
    mp_entries_read(table, bytes, out);
    return 0;
}
