/* SPDX-License-Identifier: MIT */
/*
 * elf.c - decoding ELF64 executables for x86-64, which are hostile.
 *
 * Invariants  E1 only bytes of [0, length) are read, each through image_has or a range it allowed.
 *             E2 sums of numbers from the image are formed only once they cannot overflow.
 *             E3 what elf_decode hands out is checked as lib/elf.h says.
 * Source      System V ABI, ELF-64 object file format; AMD64 supplement; gABI on notes.
 */
#include <stddef.h>
#include "abi/error.h"
#include "lib/elf.h"
#include "lib/string.h"

struct image {
    const uint8_t *bytes;
    uint64_t length;
};

struct file_head {
    uint8_t ident[16];
    uint16_t type, machine;
    uint32_t version;
    uint64_t entry, phoff, shoff;
    uint32_t flags;
    uint16_t ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};
_Static_assert(sizeof(struct file_head) == 64, "file layout");

struct program_head {
    uint32_t type, flags;
    uint64_t offset, va, pa, file_bytes, memory_bytes, align;
};
_Static_assert(sizeof(struct program_head) == 56, "file layout");

struct section_head {
    uint32_t name, type;
    uint64_t flags, va, offset, bytes;
    uint32_t link, info;
    uint64_t align, entry_bytes;
};
_Static_assert(sizeof(struct section_head) == 64, "file layout");

struct symbol {
    uint32_t name;
    uint8_t info, other;
    uint16_t section;
    uint64_t value, bytes;
};
_Static_assert(sizeof(struct symbol) == 24, "file layout");

struct note_head {
    uint32_t name_bytes, text_bytes, type;
};
_Static_assert(sizeof(struct note_head) == 12, "file layout");

enum file_type { TYPE_EXEC = 2, TYPE_DYN = 3 };
enum { CLASS_64 = 2, DATA_LITTLE = 1, VERSION = 1, MACHINE_X86_64 = 62 };
enum program_type {
    PROGRAM_LOAD = 1,
    PROGRAM_INTERP = 3,
    PROGRAM_NOTE = 4,
    PROGRAM_PHDR = 6,
    PROGRAM_STACK = 0x6474e551,
};
enum { SECTION_SYMTAB = 2, SECTION_STRTAB = 3, SECTION_DYNSYM = 11 };
enum { SECTION_UNDEFINED = 0, SECTION_CODE = 4 /* a flag: executable */ };
enum { SYMBOL_NOTYPE = 0, SYMBOL_OBJECT = 1, SYMBOL_FUNC = 2, SYMBOL_IFUNC = 10 };
enum { RIGHTS = ELF_X | ELF_W | ELF_R };

static bool
image_has(const struct image *im, uint64_t offset, uint64_t n)
{
    return offset <= im->length && n <= im->length - offset;
}

/* Copy what lies at an offset to a struct, so that the image needs no alignment. */
static bool
image_read(const struct image *im, uint64_t offset, void *to, uint64_t n)
{
    if (!image_has(im, offset, n))
        return false;
    memcpy(to, im->bytes + offset, n);
    return true;
}

static uint64_t
page_down(uint64_t va)
{
    return va & ~(uint64_t)(ELF_PAGE - 1);
}

/* NULL, or what is wrong with the file as such. */
static const char *
head_fault(const struct image *im, struct file_head *h)
{
    if (im->length < 4 || memcmp(im->bytes, "\177ELF", 4) != 0)
        return "not an ELF file";
    if (!image_read(im, 0, h, sizeof *h))
        return "truncated: the file ends within its header";
    if (h->ident[4] != CLASS_64)
        return "not a 64-bit program";
    if (h->ident[5] != DATA_LITTLE || h->machine != MACHINE_X86_64)
        return "made for another machine";
    if (h->ident[6] != VERSION || h->version != VERSION)
        return "an unknown version of ELF";
    return NULL;
}

static const char *
head_fault_executable(const struct image *im, const struct file_head *h)
{
    if (h->type != TYPE_EXEC && h->type != TYPE_DYN)
        return "not an executable: an object file or a core dump";
    if (!h->phnum)
        return "no program headers: nothing to load";
    if (h->phentsize != sizeof(struct program_head))
        return "program headers of an unknown size";
    if (!image_has(im, h->phoff, (uint64_t)h->phnum * h->phentsize))
        return "truncated: the program headers lie outside the file";
    return NULL;
}

/* Program header i of a file whose head passed head_fault_executable. */
static struct program_head
program_head_at(const struct image *im, const struct file_head *h, uint32_t i)
{
    struct program_head p;
    memcpy(&p, im->bytes + h->phoff + (uint64_t)i * sizeof p, sizeof p);
    return p;
}

/* Does [va, va + n) end by limit? */
static bool
range_within(uint64_t va, uint64_t n, uint64_t limit)
{
    return n <= limit && va <= limit - n;
}

static const char *
segment_fault(const struct image *im, const struct program_head *p, uint64_t va_limit)
{
    if (p->file_bytes > p->memory_bytes)
        return "a segment has more bytes in the file than in memory";
    if (!image_has(im, p->offset, p->file_bytes))
        return "truncated: a segment lies outside the file";
    if (!range_within(p->va, p->memory_bytes, page_down(va_limit)))
        return "a segment lies outside the program's address range";
    if (p->file_bytes && (p->va - p->offset) % ELF_PAGE)
        return "a segment lies askew to the pages of the file";
    return NULL;
}

/* Add a PT_LOAD to the image, behind those before it. */
static const char *
segment_add(const struct image *im, const struct program_head *p, uint64_t va_limit,
            struct elf_image *out)
{
    if (!p->memory_bytes && !p->file_bytes)
        return NULL;
    const char *why = segment_fault(im, p, va_limit);
    if (why)
        return why;
    if (out->n_segments == ELF_SEGMENTS_MAX)
        return "too many segments";
    if (out->n_segments) {
        const struct elf_segment *before = &out->segment[out->n_segments - 1];
        if (p->va < before->va)
            return "segments are not in the order of their addresses";
        if (p->va < before->va + before->memory_bytes)
            return "segments overlap";
    } else {
        out->low = page_down(p->va);
    }
    out->high = page_down(p->va + p->memory_bytes + ELF_PAGE - 1);
    out->segment[out->n_segments++] = (struct elf_segment){
        p->va, p->offset, p->file_bytes, p->memory_bytes, p->flags & RIGHTS,
    };
    return NULL;
}

static const char *
program_heads_decode(const struct image *im, const struct file_head *h, uint64_t va_limit,
                     struct elf_image *out)
{
    for (uint32_t i = 0; i < h->phnum; i++) {
        struct program_head p = program_head_at(im, h, i);
        const char *why = NULL;
        if (p.type == PROGRAM_LOAD)
            why = segment_add(im, &p, va_limit, out);
        else if (p.type == PROGRAM_INTERP)
            out->dynamic = true;
        else if (p.type == PROGRAM_STACK)
            out->stack_flags = p.flags & RIGHTS;
        if (why)
            return why;
    }
    return out->n_segments ? NULL : "no segments: nothing to load";
}

static bool
entry_is_code(const struct elf_image *e)
{
    for (uint32_t i = 0; i < e->n_segments; i++) {
        const struct elf_segment *s = &e->segment[i];
        if (s->flags & ELF_X && e->entry >= s->va && e->entry - s->va < s->memory_bytes)
            return true;
    }
    return false;
}

/* Where n bytes at an offset of the file lie in memory, if one segment holds them all, else 0. */
static uint64_t
va_of_offset(const struct elf_image *e, uint64_t offset, uint64_t n)
{
    for (uint32_t i = 0; i < e->n_segments; i++) {
        const struct elf_segment *s = &e->segment[i];
        if (offset >= s->file_offset && n <= s->file_bytes &&
            offset - s->file_offset <= s->file_bytes - n)
            return s->va + (offset - s->file_offset);
    }
    return 0;
}

static const char *
executable_decode(const struct image *im, uint64_t va_limit, struct elf_image *out)
{
    struct file_head h;
    const char *why = head_fault(im, &h);
    if (!why)
        why = head_fault_executable(im, &h);
    if (why)
        return why;
    *out = (struct elf_image){
        .entry = h.entry,
        .position_independent = h.type == TYPE_DYN,
        .phentsize = h.phentsize,
        .phnum = h.phnum,
        .stack_flags = ELF_R | ELF_W,
    };
    why = program_heads_decode(im, &h, va_limit, out);
    if (why)
        return why;
    out->phdr_va = va_of_offset(out, h.phoff, (uint64_t)h.phnum * h.phentsize);
    return entry_is_code(out) ? NULL : "the entry point is not in an executable segment";
}

int
elf_decode(const void *image, uint64_t length, uint64_t va_limit, struct elf_image *out,
           const char **why)
{
    struct image im = {image, length};
    *why = executable_decode(&im, va_limit, out);
    return *why ? -E_NOEXEC : 0;
}

/* Round up to a power of two; v is far below the top. */
static uint64_t
round_up(uint64_t v, uint64_t to)
{
    return (v + to - 1) & ~(to - 1);
}

/* Is a note by `name` among those in bytes [at, end) of the image, a range that it has? */
static bool
notes_name(const struct image *im, uint64_t at, uint64_t end, uint64_t align, const char *name)
{
    uint64_t name_bytes = strlen(name) + 1;
    while (end - at >= sizeof(struct note_head)) {
        struct note_head n;
        memcpy(&n, im->bytes + at, sizeof n);
        uint64_t text = round_up(sizeof n + (uint64_t)n.name_bytes, align);
        uint64_t next = round_up(text + n.text_bytes, align);
        if (text + n.text_bytes > end - at)
            return false;
        if (n.name_bytes == name_bytes && memcmp(im->bytes + at + sizeof n, name, name_bytes) == 0)
            return true;
        if (next >= end - at)
            return false;
        at += next;
    }
    return false;
}

bool
elf_has_note(const void *image, uint64_t length, const char *name)
{
    struct image im = {image, length};
    struct file_head h;
    if (head_fault(&im, &h) || head_fault_executable(&im, &h))
        return false;
    for (uint32_t i = 0; i < h.phnum; i++) {
        struct program_head p = program_head_at(&im, &h, i);
        uint64_t align = p.align == 8 ? 8 : 4;
        if (p.type == PROGRAM_NOTE && image_has(&im, p.offset, p.file_bytes) &&
            notes_name(&im, p.offset, p.offset + p.file_bytes, align, name))
            return true;
    }
    return false;
}

/* The first section of a type, if its head and its bytes are in the file. */
static bool
section_find(const struct image *im, const struct file_head *h, uint32_t type,
             struct section_head *out)
{
    if (h->shentsize != sizeof *out || !image_has(im, h->shoff, (uint64_t)h->shnum * sizeof *out))
        return false;
    for (uint32_t i = 0; i < h->shnum; i++) {
        memcpy(out, im->bytes + h->shoff + (uint64_t)i * sizeof *out, sizeof *out);
        if (out->type == type)
            return image_has(im, out->offset, out->bytes);
    }
    return false;
}

/* The string section that belongs to a section of symbols. */
static bool
strings_find(const struct image *im, const struct file_head *h, const struct section_head *symbols,
             struct section_head *out)
{
    return symbols->link < h->shnum &&
           image_read(im, h->shoff + (uint64_t)symbols->link * sizeof *out, out, sizeof *out) &&
           out->type == SECTION_STRTAB && image_has(im, out->offset, out->bytes);
}

/* Does section n hold code, the address within? */
static bool
section_covers(const struct image *im, const struct file_head *h, uint32_t n, uint64_t address)
{
    struct section_head s;
    return n < h->shnum && image_read(im, h->shoff + (uint64_t)n * sizeof s, &s, sizeof s) &&
           s.flags & SECTION_CODE && address >= s.va && address - s.va < s.bytes;
}

/* Is the address in what s names? A label of assembly has no size, and often no type. */
static bool
symbol_covers(const struct image *im, const struct file_head *h, const struct symbol *s,
              uint64_t address)
{
    uint32_t type = s->info & 0xf;
    bool function = type == SYMBOL_FUNC || type == SYMBOL_IFUNC;
    if (s->section == SECTION_UNDEFINED || !s->name || s->value > address)
        return false;
    if (s->bytes)
        return function && address - s->value < s->bytes;
    return (function || type == SYMBOL_NOTYPE) && section_covers(im, h, s->section, address) &&
           section_covers(im, h, s->section, s->value);
}

/* The last symbol to begin among those that cover the address; its section says if there is one. */
static struct symbol
symbol_nearest(const struct image *im, const struct file_head *h,
               const struct section_head *symbols, uint64_t address)
{
    struct symbol found = {.section = SECTION_UNDEFINED};
    for (uint64_t i = 0; i < symbols->bytes / sizeof found; i++) {
        struct symbol s;
        memcpy(&s, im->bytes + symbols->offset + i * sizeof s, sizeof s);
        if (symbol_covers(im, h, &s, address) && (!found.section || s.value > found.value))
            found = s;
    }
    return found;
}

static const char *
string_at(const struct image *im, const struct section_head *strings, uint64_t offset)
{
    if (offset >= strings->bytes)
        return NULL;
    const uint8_t *s = im->bytes + strings->offset + offset;
    return memchr(s, 0, strings->bytes - offset) ? (const char *)s : NULL;
}

/* Look an address up in the symbols of one type of section. */
static int
symbol_find(const struct image *im, const struct file_head *h, uint32_t type, uint64_t address,
            const char **name, uint64_t *offset)
{
    struct section_head symbols, strings;
    if (!section_find(im, h, type, &symbols) || !strings_find(im, h, &symbols, &strings))
        return -E_NOENT;
    struct symbol s = symbol_nearest(im, h, &symbols, address);
    if (s.section == SECTION_UNDEFINED)
        return -E_NOENT;
    const char *text = string_at(im, &strings, s.name);
    if (!text)
        return -E_NOENT;
    *name = text;
    *offset = address - s.value;
    return 0;
}

int
elf_symbol(const void *image, uint64_t length, uint64_t address, const char **name,
           uint64_t *offset)
{
    struct image im = {image, length};
    struct file_head h;
    if (head_fault(&im, &h))
        return -E_NOENT;
    if (symbol_find(&im, &h, SECTION_SYMTAB, address, name, offset) == 0)
        return 0;
    return symbol_find(&im, &h, SECTION_DYNSYM, address, name, offset);
}

/* The object's own address, by name. */
static int
object_find(const struct image *im, const struct file_head *h, const char *name, struct symbol *out)
{
    struct section_head symbols, strings;
    if (!section_find(im, h, SECTION_SYMTAB, &symbols) || !strings_find(im, h, &symbols, &strings))
        return -E_NOENT;
    for (uint64_t i = 0; i < symbols.bytes / sizeof *out; i++) {
        memcpy(out, im->bytes + symbols.offset + i * sizeof *out, sizeof *out);
        const char *text = string_at(im, &strings, out->name);
        if (text && (out->info & 0xf) == SYMBOL_OBJECT && strcmp(text, name) == 0)
            return 0;
    }
    return -E_NOENT;
}

int
elf_object(const void *image, uint64_t length, const char *name, uint64_t *pa, uint64_t *bytes)
{
    struct image im = {image, length};
    struct file_head h;
    struct symbol s;
    if (head_fault(&im, &h) || head_fault_executable(&im, &h) || object_find(&im, &h, name, &s))
        return -E_NOENT;
    for (uint32_t i = 0; i < h.phnum; i++) {
        struct program_head p = program_head_at(&im, &h, i);
        uint64_t offset = s.value - p.va;
        if (p.type != PROGRAM_LOAD || s.value < p.va || offset >= p.memory_bytes ||
            s.bytes > p.memory_bytes - offset || p.pa > UINT64_MAX - p.memory_bytes)
            continue;
        *pa = p.pa + offset;
        *bytes = s.bytes;
        return 0;
    }
    return -E_NOENT;
}
