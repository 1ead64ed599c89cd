/* SPDX-License-Identifier: MIT */
/* multiboot.c - see multiboot.h. */
#include "lib/multiboot.h"
#include "abi/error.h"
#include "lib/string.h"

enum tag_type {
    TAG_END = 0,
    TAG_COMMAND_LINE = 1,
    TAG_MODULE = 3,
    TAG_MEMORY = 6,
    TAG_RSDP_OLD = 14,
    TAG_RSDP_NEW = 15,
};

enum {
    HEAD_BYTES = 8, /* of the information: its length, a reserved word */
    TAG_BYTES = 8,  /* of a tag: type and length, which counts these */
    TAG_ALIGN = 8,
    MODULE_BYTES = 8, /* of a module before its words: first byte, byte behind the last */
    MEMORY_BYTES = 8, /* of the memory map before its entries: bytes of one, version */
    ENTRY_BYTES = 24, /* at least: address, length, type, reserved */
    ENTRY_USABLE = 1,
    RSDP_BYTES = 20, /* at least */
};

/* What lies behind the head of a tag. */
struct body {
    const uint8_t *at;
    uint32_t length;
};

static uint32_t
word32(const uint8_t *at)
{
    uint32_t v;
    memcpy(&v, at, sizeof(v));
    return v;
}

static uint64_t
word64(const uint8_t *at)
{
    uint64_t v;
    memcpy(&v, at, sizeof(v));
    return v;
}

static int
take_command_line(struct multiboot *out, struct body b)
{
    if (!b.length || !memchr(b.at, 0, b.length))
        return -E_INVAL;
    out->command_line = (const char *)b.at;
    return 0;
}

/* Only the first: the boot bundle. */
static int
take_module(struct multiboot *out, struct body b)
{
    if (b.length < MODULE_BYTES || word32(b.at) > word32(b.at + 4))
        return -E_INVAL;
    if (out->module_bytes)
        return 0;
    out->module_pa = word32(b.at);
    out->module_bytes = word32(b.at + 4) - word32(b.at);
    return 0;
}

static int
take_memory(struct multiboot *out, struct body b)
{
    if (b.length < MEMORY_BYTES || word32(b.at) < ENTRY_BYTES || word32(b.at) % TAG_ALIGN)
        return -E_INVAL;
    out->memory_entry_bytes = word32(b.at);
    out->memory = b.at + MEMORY_BYTES;
    out->n_memory = (b.length - MEMORY_BYTES) / out->memory_entry_bytes;
    return 0;
}

/* The longer one, of ACPI 2.0, where both are there. */
static int
take_rsdp(struct multiboot *out, struct body b)
{
    if (b.length < RSDP_BYTES || b.length > MULTIBOOT_RSDP_MAX)
        return -E_INVAL;
    if (b.length > out->rsdp_bytes) {
        out->rsdp = b.at;
        out->rsdp_bytes = b.length;
    }
    return 0;
}

static int
take_tag(struct multiboot *out, uint32_t type, struct body b)
{
    switch (type) {
    case TAG_COMMAND_LINE:
        return take_command_line(out, b);
    case TAG_MODULE:
        return take_module(out, b);
    case TAG_MEMORY:
        return take_memory(out, b);
    case TAG_RSDP_OLD:
    case TAG_RSDP_NEW:
        return take_rsdp(out, b);
    default: /* framebuffers, firmware tables: nothing of ours */
        return 0;
    }
}

int
multiboot_decode(const void *image, uint64_t room, struct multiboot *out)
{
    const uint8_t *bytes = image;
    uint64_t at = HEAD_BYTES, total;
    int error = 0;

    *out = (struct multiboot){.command_line = ""};
    if (room < HEAD_BYTES)
        return -E_INVAL;
    total = word32(bytes);
    if (total > room || total > MULTIBOOT_BYTES_MAX)
        return -E_INVAL;
    while (!error) {
        if (at > total || total - at < TAG_BYTES)
            return -E_INVAL; /* it has no end */
        uint32_t type = word32(bytes + at), length = word32(bytes + at + 4);
        if (length < TAG_BYTES || length > total - at)
            return -E_INVAL;
        if (type == TAG_END)
            return out->n_memory ? 0 : -E_INVAL;
        error = take_tag(out, type, (struct body){bytes + at + TAG_BYTES, length - TAG_BYTES});
        at += ((uint64_t)length + TAG_ALIGN - 1) / TAG_ALIGN * TAG_ALIGN;
    }
    return error;
}

bool
multiboot_memory(const struct multiboot *m, uint32_t i, struct multiboot_range *out)
{
    if (i >= m->n_memory)
        return false;
    const uint8_t *entry = m->memory + (uint64_t)i * m->memory_entry_bytes;
    out->pa = word64(entry);
    out->length = word64(entry + 8);
    out->usable = word32(entry + 16) == ENTRY_USABLE;
    if (out->length > UINT64_MAX - out->pa)
        out->length = UINT64_MAX - out->pa;
    return true;
}
