/* SPDX-License-Identifier: MIT */
/*
 * lib/elf.h - what an ELF64 executable for x86-64 asks to have in memory, and what it names.
 *
 * The image is hostile: nothing outside its `length` bytes is read, whatever it says, and it needs
 * no alignment. The image must not change while a function runs on it.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum elf_limit {
    ELF_SEGMENTS_MAX = 16, /* PT_LOAD segments with memory */
    ELF_PAGE = 4096,
};

/* Rights of a segment: the bits of p_flags. */
enum elf_right { ELF_X = 1, ELF_W = 2, ELF_R = 4 };

/*
 * One PT_LOAD: file_bytes bytes from file_offset on go to va, zeros follow up to memory_bytes.
 * Holds of a decoded segment: memory_bytes >= 1, file_bytes <= memory_bytes, the file range lies
 * within the image, va + memory_bytes <= va_limit, and va and file_offset agree modulo 4,096
 * unless file_bytes is 0.
 */
struct elf_segment {
    uint64_t va;          /* bytes; not rounded */
    uint64_t file_offset; /* bytes from the start of the image */
    uint64_t file_bytes;
    uint64_t memory_bytes;
    uint32_t flags; /* enum elf_right, or'ed */
};

struct elf_image {
    uint64_t entry;            /* va; inside a segment with ELF_X */
    bool position_independent; /* ET_DYN: add one page-aligned base to each va (and to entry) */
    bool dynamic;              /* wants an interpreter (PT_INTERP); the caller decides */
    uint16_t phentsize;        /* bytes: 56 */
    uint16_t phnum;            /* program headers in the file */
    uint64_t phdr_va;          /* where they lie in memory once loaded; 0: in no segment */
    uint64_t low, high;        /* all segments lie in [low, high), rounded to pages */
    uint32_t stack_flags; /* enum elf_right, or'ed: PT_GNU_STACK; ELF_R|ELF_W if it is absent */
    uint32_t n_segments;  /* 1 .. ELF_SEGMENTS_MAX */
    struct elf_segment segment[ELF_SEGMENTS_MAX]; /* by rising va; no byte twice, but two may share
                                                     a page, which then needs the rights of both */
};

/*
 * Decode the executable in image[0 .. length). No address may reach past va_limit.
 * Returns 0; or -E_NOEXEC, and *why says in a short phrase for the user what is wrong: out then
 * holds nothing of use. A dynamic executable decodes (out->dynamic): the caller refuses it.
 * Source: System V ABI, ELF-64; its AMD64 supplement.
 */
int elf_decode(const void *image, uint64_t length, uint64_t va_limit, struct elf_image *out,
               const char **why);

/*
 * Does a PT_NOTE of the image carry a note whose owner is `name`? A library OS carries "Tessera".
 * False for what is not an ELF64 file, and for notes that do not fit their segment.
 */
bool elf_has_note(const void *image, uint64_t length, const char *name);

/*
 * The function that holds `address` (as linked): from .symtab, else from .dynsym. *name points into
 * the image and is ended by 0 there; *offset is bytes from the function's start. A label of
 * assembly, which has no size, reaches to the next, or to the end of its section. For a return
 * address ask for the byte before it. Returns 0, or -E_NOENT: no such function, or no symbols.
 */
int elf_symbol(const void *image, uint64_t length, uint64_t address, const char **name,
               uint64_t *offset);

/*
 * Where an object of that name (.symtab) lies in the memory of a machine that the image was loaded
 * on at the physical addresses of its segments, and its bytes, which lie in one segment. Returns 0,
 * or -E_NOENT.
 */
int elf_object(const void *image, uint64_t length, const char *name, uint64_t *pa, uint64_t *bytes);
