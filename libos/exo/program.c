/* SPDX-License-Identifier: MIT */
/*
 * program.c - from the bytes of a static executable to its first instruction: regions for its
 * segments, and the stack that it may expect (System V ABI, AMD64 supplement, process
 * initialization).
 */
#include "libos/exo/program.h"
#include "abi/error.h"
#include "abi/memory.h"
#include "lib/elf.h"
#include "lib/string.h"
#include "libos/exo/random.h"
#include "libos/exo/region.h"
#include "libos/exo/report.h"

enum { PAGE = FRAME_BYTES };

static const uint64_t STACK_VA = 0x7c0030000000, STACK_TOP = STACK_VA + PROGRAM_STACK_BYTES;
static const uint64_t POSITION_INDEPENDENT_VA = 0x555555554000;

static uint64_t
page_up(uint64_t bytes)
{
    return (bytes + PAGE - 1) & ~(uint64_t)(PAGE - 1);
}

static uint32_t
rights_of(uint32_t elf_flags)
{
    return MAP_READ | (elf_flags & ELF_W ? MAP_WRITE : 0) | (elf_flags & ELF_X ? MAP_EXEC : 0);
}

/* What the file holds, then zeroes: pages come when they are touched. */
static int
segment_map(const struct elf_segment *s, uint64_t base, const char *image)
{
    uint64_t offset = s->va % PAGE, start = base + s->va - offset;
    return region_map(start, start + page_up(offset + s->memory_bytes), rights_of(s->flags),
                      s->file_bytes ? image + s->file_offset - offset : NULL,
                      s->file_bytes ? s->file_bytes + offset : 0);
}

/* Pointers to n strings, which lie at *string, and a null pointer, to *at. */
static void
pointers_put(uint64_t **at, const char **string, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++, *string = string_next(*string))
        *(*at)++ = (uintptr_t)*string;
    *(*at)++ = 0;
}

/* Fill the stack from its top: strings, random bytes, vectors. Returns rsp. */
static uint64_t
stack_fill(const struct start_page *start, const struct elf_image *elf, uint64_t base)
{
    char *strings = (char *)(STACK_TOP - page_up(start->strings_bytes + 1));
    char *random = strings - 16;
    const char *string = strings;
    uint32_t a = 1, b, c = 0, features;
    __asm__("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(features));
    const uint64_t vector[] = {
        3,  elf->phdr_va ? base + elf->phdr_va : 0, /* AT_PHDR */
        4,  elf->phentsize,                         /* AT_PHENT */
        5,  elf->phnum,                             /* AT_PHNUM */
        6,  PAGE,                                   /* AT_PAGESZ */
        7,  0,                                      /* AT_BASE */
        9,  base + elf->entry,                      /* AT_ENTRY */
        11, 0,
        12, 0,
        13, 0,
        14, 0,                  /* AT_UID, AT_EUID, AT_GID, AT_EGID */
        16, features,           /* AT_HWCAP */
        17, 100,                /* AT_CLKTCK */
        23, 0,                  /* AT_SECURE */
        25, (uintptr_t)random,  /* AT_RANDOM */
        31, (uintptr_t)strings, /* AT_EXECFN */
        0,  0,                  /* AT_NULL */
    };
    uint64_t words = 3 + start->n_arguments + start->n_environment + sizeof(vector) / 8;
    uint64_t rsp = ((uintptr_t)random - words * 8) & ~(uint64_t)15;
    uint64_t *at = (uint64_t *)rsp;
    memcpy(strings, (const char *)start->strings_va, start->strings_bytes);
    random_fill(random, 16);
    *at++ = start->n_arguments;
    pointers_put(&at, &string, start->n_arguments);
    pointers_put(&at, &string, start->n_environment);
    memcpy(at, vector, sizeof(vector));
    return rsp;
}

/* Why it cannot run here, or null. */
static const char *
unfit(const struct elf_image *elf, uint64_t base)
{
    if (elf->dynamic)
        return "dynamically linked programs do not run yet: link it with -static";
    if (base + elf->low < PAGE || elf->high > STACK_VA - base)
        return "the addresses that it is linked for are taken: link it for 0x400000";
    return NULL;
}

int
program_load(const struct start_page *start, struct program *out, const char **why)
{
    const char *image = (const char *)start->program_va;
    struct elf_image elf;
    int error = elf_decode(image, start->program_bytes, USER_TOP, &elf, why);
    if (error)
        return error;
    uint64_t base = elf.position_independent ? POSITION_INDEPENDENT_VA : 0;
    *why = unfit(&elf, base);
    if (*why)
        return -E_NOEXEC;
    *why = "no memory to load it: raise the limit (-m)";
    for (uint32_t i = 0; i < elf.n_segments && !error; i++)
        error = segment_map(&elf.segment[i], base, image);
    if (!error)
        error = region_map(STACK_VA, STACK_TOP, rights_of(elf.stack_flags), NULL, 0);
    if (error)
        return error;
    report_base = base;
    *out = (struct program){
        .rip = base + elf.entry,
        .rsp = stack_fill(start, &elf, base),
        .end = base + elf.high,
    };
    return 0;
}
