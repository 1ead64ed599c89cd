/* SPDX-License-Identifier: MIT */
/* elf.c - any bytes to lib/elf.c: what decodes keeps every promise of lib/elf.h. */
#include <string.h>
#include "abi/error.h"
#include "lib/elf.h"
#include "test/fuzz/fuzz.h"

static const uint64_t LIMIT = 0x7ffffffff000;

static void
segment_require(const struct elf_segment *s, uint64_t n)
{
    REQUIRE(s->memory_bytes >= 1 && s->file_bytes <= s->memory_bytes);
    REQUIRE(s->file_offset <= n && s->file_bytes <= n - s->file_offset);
    REQUIRE(s->va <= LIMIT && s->memory_bytes <= LIMIT - s->va);
    REQUIRE(!s->file_bytes || (s->va - s->file_offset) % ELF_PAGE == 0);
    REQUIRE(!(s->flags & ~(uint32_t)(ELF_R | ELF_W | ELF_X)));
}

static void
image_require(const struct elf_image *e, size_t n)
{
    bool entry_is_code = false;
    REQUIRE(e->n_segments >= 1 && e->n_segments <= ELF_SEGMENTS_MAX);
    REQUIRE(e->low % ELF_PAGE == 0 && e->high % ELF_PAGE == 0 && e->high <= LIMIT);
    for (uint32_t i = 0; i < e->n_segments; i++) {
        const struct elf_segment *s = &e->segment[i];
        segment_require(s, n);
        REQUIRE(s->va >= e->low && s->va + s->memory_bytes <= e->high);
        REQUIRE(!i || s[-1].va + s[-1].memory_bytes <= s->va);
        entry_is_code |= s->flags & ELF_X && e->entry - s->va < s->memory_bytes;
    }
    REQUIRE(entry_is_code);
    REQUIRE(!e->phdr_va || (e->phdr_va >= e->low && e->phdr_va < e->high));
}

static void
symbol_require(const uint8_t *bytes, size_t n, uint64_t address)
{
    const char *name;
    uint64_t offset;
    int r = elf_symbol(bytes, n, address, &name, &offset);
    if (r) {
        REQUIRE(r == -E_NOENT);
        return;
    }
    size_t at = (size_t)((const uint8_t *)name - bytes);
    REQUIRE(at < n && memchr(name, 0, n - at) && offset <= address);
}

static void
object_require(const uint8_t *bytes, size_t n, const char *name)
{
    uint64_t pa, length;
    int r = elf_object(bytes, n, name, &pa, &length);
    REQUIRE(r == -E_NOENT || (r == 0 && pa + length >= pa));
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct elf_image e;
    const char *why = NULL;
    int r = elf_decode(bytes, n, LIMIT, &e, &why);
    REQUIRE(r == 0 || (r == -E_NOEXEC && why && *why));
    if (r == 0) {
        image_require(&e, n);
        symbol_require(bytes, n, e.entry);
        object_require(bytes, n, "start");
    }
    elf_has_note(bytes, n, "Tessera");
    symbol_require(bytes, n, 0x400400);
    symbol_require(bytes, n, UINT64_MAX);
    return 0;
}
