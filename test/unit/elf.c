/* SPDX-License-Identifier: MIT */
/*
 * elf.c - lib/elf.c: a good executable, each fault by name, and every length it can be cut to.
 * The image lies in a block of exactly its length, so that a byte read beyond is a reported error.
 */
#include <string.h>
#include "abi/error.h"
#include "lib/elf.h"
#include "test/unit/made.h"
#include "test/unit/test.h"

static const uint64_t LIMIT = 0x7ffffffff000;

/* Decode the first `length` bytes of e, at an odd address. *why is "" when it decoded. */
static int
decode_cut(const struct made_elf *e, uint64_t length, uint64_t limit, struct elf_image *out,
           const char **why)
{
    uint8_t *copy = exact_copy(e, length);
    *why = "unset";
    int r = elf_decode(copy, length, limit, out, why);
    if (r == 0 && !*why)
        *why = "";
    exact_free(copy);
    return r;
}

static bool
decodes(const struct made_elf *e, struct elf_image *out)
{
    const char *why;
    return decode_cut(e, MADE_ELF_BYTES, LIMIT, out, &why) == 0;
}

/* Is e refused with a phrase that contains `words`? */
static bool
refused(const struct made_elf *e, const char *words)
{
    struct elf_image out;
    const char *why;
    return decode_cut(e, MADE_ELF_BYTES, LIMIT, &out, &why) == -E_NOEXEC && strstr(why, words);
}

static void
a_static_executable_decodes(void)
{
    struct made_elf e;
    struct elf_image out;
    elf_make(&e);
    CHECK(decodes(&e, &out));
    CHECK(out.entry == MADE_BASE + offsetof(struct made_elf, code));
    CHECK(!out.position_independent && !out.dynamic);
    CHECK(out.phentsize == sizeof(Elf64_Phdr) && out.phnum == MADE_PROGRAMS);
    CHECK(out.phdr_va == MADE_BASE + offsetof(struct made_elf, program));
    CHECK(out.low == MADE_BASE && out.high == MADE_BASE + 0x2000);
    CHECK(out.stack_flags == (ELF_R | ELF_W));
    CHECK(out.n_segments == 2);
    CHECK(out.segment[0].va == MADE_BASE && out.segment[0].file_offset == 0);
    CHECK(out.segment[0].flags == (ELF_R | ELF_X));
    CHECK(out.segment[1].va == MADE_BASE + 0x1000 && out.segment[1].file_offset == 0x1000);
    CHECK(out.segment[1].file_bytes == 128 && out.segment[1].memory_bytes == 256);
    CHECK(out.segment[1].flags == (ELF_R | ELF_W));
}

static void
position_independent_and_dynamic_are_told(void)
{
    struct made_elf e;
    struct elf_image out;
    elf_make(&e);
    e.head.e_type = ET_DYN;
    CHECK(decodes(&e, &out) && out.position_independent && !out.dynamic);
    e.program[MADE_NOTE].p_type = PT_INTERP;
    CHECK(decodes(&e, &out) && out.dynamic);
}

static void
what_is_no_executable_for_this_machine_is_refused(void)
{
    struct made_elf e;
    elf_make(&e);
    e.head.e_ident[0] = '#';
    CHECK(refused(&e, "not an ELF file"));
    elf_make(&e);
    e.head.e_ident[EI_CLASS] = ELFCLASS32;
    CHECK(refused(&e, "not a 64-bit program"));
    elf_make(&e);
    e.head.e_ident[EI_DATA] = ELFDATA2MSB;
    CHECK(refused(&e, "another machine"));
    elf_make(&e);
    e.head.e_machine = EM_AARCH64;
    CHECK(refused(&e, "another machine"));
    elf_make(&e);
    e.head.e_version = 2;
    CHECK(refused(&e, "version"));
    elf_make(&e);
    e.head.e_type = ET_REL;
    CHECK(refused(&e, "not an executable"));
    e.head.e_type = ET_CORE;
    CHECK(refused(&e, "not an executable"));
}

static void
every_truncation_is_refused(void)
{
    struct made_elf e;
    struct elf_image out;
    const char *why;
    elf_make(&e);
    for (uint64_t n = 0; n < MADE_ELF_BYTES; n++) {
        CHECK(decode_cut(&e, n, LIMIT, &out, &why) == -E_NOEXEC);
        CHECK(strstr(why, n < 4 ? "not an ELF file" : "truncated"));
    }
    CHECK(decode_cut(&e, MADE_ELF_BYTES, LIMIT, &out, &why) == 0);
}

static void
absurd_program_headers_are_refused(void)
{
    struct made_elf e;
    elf_make(&e);
    e.head.e_phnum = 0;
    CHECK(refused(&e, "nothing to load"));
    e.head.e_phnum = 0xffff;
    CHECK(refused(&e, "truncated"));
    elf_make(&e);
    e.head.e_phentsize = 32;
    CHECK(refused(&e, "unknown size"));
    elf_make(&e);
    e.head.e_phoff = UINT64_MAX - 100;
    CHECK(refused(&e, "truncated"));
    elf_make(&e);
    e.program[MADE_TEXT].p_type = PT_NULL;
    e.program[MADE_DATA].p_type = PT_NULL;
    CHECK(refused(&e, "nothing to load"));
}

static void
absurd_segments_are_refused(void)
{
    struct made_elf e;
    Elf64_Phdr *data = &e.program[MADE_DATA];
    elf_make(&e);
    data->p_memsz = data->p_filesz - 1;
    CHECK(refused(&e, "more bytes in the file"));
    elf_make(&e);
    data->p_offset = UINT64_MAX - 0xfff;
    CHECK(refused(&e, "truncated"));
    elf_make(&e);
    data->p_filesz = data->p_memsz = UINT64_MAX;
    CHECK(refused(&e, "truncated"));
    elf_make(&e);
    data->p_memsz = UINT64_MAX;
    CHECK(refused(&e, "address range"));
    elf_make(&e);
    data->p_vaddr = UINT64_MAX - 0xfff;
    CHECK(refused(&e, "address range"));
    elf_make(&e);
    data->p_vaddr += 8;
    CHECK(refused(&e, "askew"));
}

static void
segments_end_by_the_limit(void)
{
    struct made_elf e;
    struct elf_image out;
    const char *why;
    elf_make(&e);
    e.program[MADE_DATA].p_memsz = 0x1000;
    CHECK(decode_cut(&e, MADE_ELF_BYTES, MADE_BASE + 0x2000, &out, &why) == 0);
    CHECK(out.high == MADE_BASE + 0x2000);
    e.program[MADE_DATA].p_memsz++;
    CHECK(decode_cut(&e, MADE_ELF_BYTES, MADE_BASE + 0x2000, &out, &why) == -E_NOEXEC);
    CHECK(strstr(why, "address range"));
    CHECK(decode_cut(&e, MADE_ELF_BYTES, UINT64_MAX, &out, &why) == 0);
    CHECK(decode_cut(&e, MADE_ELF_BYTES, 0, &out, &why) == -E_NOEXEC);
    elf_make(&e);
    CHECK(decode_cut(&e, MADE_ELF_BYTES, MADE_BASE + 0x1100, &out, &why) == -E_NOEXEC);
}

static void
segments_rise_and_share_no_byte(void)
{
    struct made_elf e;
    struct elf_image out;
    Elf64_Phdr *text = &e.program[MADE_TEXT], *data = &e.program[MADE_DATA];
    elf_make(&e);
    data->p_vaddr = MADE_BASE - 0x1000;
    CHECK(refused(&e, "order"));
    elf_make(&e);
    text->p_memsz = 0x1001;
    CHECK(refused(&e, "overlap"));
    text->p_memsz = 0x1000;
    CHECK(decodes(&e, &out));
    elf_make(&e);
    data->p_vaddr = MADE_BASE;
    CHECK(refused(&e, "overlap"));
    elf_make(&e);
    data->p_offset = data->p_vaddr = MADE_BASE;
    data->p_offset = text->p_memsz;
    data->p_vaddr += text->p_memsz;
    CHECK(decodes(&e, &out)); /* the same page, no same byte */
    CHECK(out.high == MADE_BASE + 0x1000);
}

static void
seventeen_segments_are_too_many(void)
{
    struct {
        struct made_elf e;
        Elf64_Phdr more[ELF_SEGMENTS_MAX + 1];
    } big;
    struct elf_image out;
    const char *why;
    memset(&big, 0, sizeof big);
    elf_make(&big.e);
    big.e.head.e_phoff = (uint64_t)((char *)big.more - (char *)&big);
    for (uint32_t i = 0; i <= ELF_SEGMENTS_MAX; i++) {
        big.more[i] = big.e.program[MADE_TEXT];
        big.more[i].p_vaddr += i * 0x1000ul;
    }
    big.e.head.e_phnum = ELF_SEGMENTS_MAX;
    CHECK(elf_decode(&big, sizeof big, LIMIT, &out, &why) == 0);
    CHECK(out.n_segments == ELF_SEGMENTS_MAX && out.phdr_va == 0);
    big.e.head.e_phnum++;
    CHECK(elf_decode(&big, sizeof big, LIMIT, &out, &why) == -E_NOEXEC);
    CHECK(strstr(why, "too many"));
    big.more[3].p_memsz = big.more[3].p_filesz = 0;
    CHECK(elf_decode(&big, sizeof big, LIMIT, &out, &why) == 0);
}

static void
the_entry_lies_in_code(void)
{
    struct made_elf e;
    struct elf_image out;
    elf_make(&e);
    e.head.e_entry = MADE_BASE + 0x1000;
    CHECK(refused(&e, "entry"));
    e.head.e_entry = MADE_BASE - 1;
    CHECK(refused(&e, "entry"));
    e.head.e_entry = MADE_BASE + e.program[MADE_TEXT].p_memsz;
    CHECK(refused(&e, "entry"));
    e.head.e_entry--;
    CHECK(decodes(&e, &out));
}

static bool
has_note(const struct made_elf *e, uint64_t length, const char *name)
{
    uint8_t *copy = exact_copy(e, length);
    bool has = elf_has_note(copy, length, name);
    exact_free(copy);
    return has;
}

static void
a_note_is_found_by_its_whole_owner(void)
{
    struct made_elf e;
    elf_make(&e);
    CHECK(has_note(&e, MADE_ELF_BYTES, "Tessera"));
    CHECK(!has_note(&e, MADE_ELF_BYTES, "Tesser") && !has_note(&e, MADE_ELF_BYTES, "Tesseral"));
    CHECK(!has_note(&e, MADE_ELF_BYTES, "") && !has_note(&e, MADE_ELF_BYTES, "GNU"));
    CHECK(has_note(&e, offsetof(struct made_elf, section), "Tessera"));
    CHECK(!has_note(&e, offsetof(struct made_elf, section) - 1, "Tessera"));
    CHECK(!has_note(&e, 0, "Tessera") && !has_note(&e, 64, "Tessera"));
}

static void
a_second_note_is_found_behind_the_first(void)
{
    struct made_elf e;
    elf_make(&e);
    struct {
        Elf64_Nhdr a;
        char owner_a[4];
        uint32_t text_a[2];
        Elf64_Nhdr b;
        char owner_b[8];
    } notes = {{4, 5, 1}, "GNU", {1, 2}, {8, 0, 1}, "Tessera"};
    memcpy(e.data, &notes, sizeof notes);
    e.program[MADE_NOTE].p_offset = offsetof(struct made_elf, data);
    e.program[MADE_NOTE].p_filesz = sizeof notes;
    CHECK(has_note(&e, MADE_ELF_BYTES, "Tessera") && has_note(&e, MADE_ELF_BYTES, "GNU"));
    e.program[MADE_NOTE].p_filesz--;
    CHECK(!has_note(&e, MADE_ELF_BYTES, "Tessera") && has_note(&e, MADE_ELF_BYTES, "GNU"));
}

static void
absurd_notes_are_not_found(void)
{
    struct made_elf e;
    elf_make(&e);
    e.note.head.n_namesz = UINT32_MAX;
    CHECK(!has_note(&e, MADE_ELF_BYTES, "Tessera"));
    elf_make(&e);
    e.note.head.n_descsz = UINT32_MAX;
    CHECK(!has_note(&e, MADE_ELF_BYTES, "Tessera"));
    elf_make(&e);
    e.program[MADE_NOTE].p_offset = UINT64_MAX - 3;
    CHECK(!has_note(&e, MADE_ELF_BYTES, "Tessera"));
    elf_make(&e);
    e.program[MADE_NOTE].p_filesz = 11;
    CHECK(!has_note(&e, MADE_ELF_BYTES, "Tessera"));
}

/* Is the address in function `name`, so many bytes from its start? */
static bool
names(const struct made_elf *e, uint64_t address, const char *name, uint64_t offset)
{
    const char *got;
    uint64_t got_offset;
    uint8_t *copy = exact_copy(e, MADE_ELF_BYTES);
    bool right = elf_symbol(copy, MADE_ELF_BYTES, address, &got, &got_offset) == 0 &&
                 strcmp(got, name) == 0 && got_offset == offset;
    exact_free(copy);
    return right;
}

static bool
nameless(const struct made_elf *e, uint64_t address)
{
    const char *got;
    uint64_t offset;
    uint8_t *copy = exact_copy(e, MADE_ELF_BYTES);
    bool right = elf_symbol(copy, MADE_ELF_BYTES, address, &got, &offset) == -E_NOENT;
    exact_free(copy);
    return right;
}

static void
an_object_lies_where_its_segment_is_loaded(void)
{
    struct made_elf e;
    uint64_t pa = 0, bytes = 0;
    elf_make(&e);
    e.symbol[2].st_info = ELF64_ST_INFO(STB_GLOBAL, STT_OBJECT); /* "middle", of 32 bytes */
    e.program[MADE_TEXT].p_paddr = 0x100000;
    CHECK(elf_object(&e, MADE_ELF_BYTES, "middle", &pa, &bytes) == 0 && bytes == 32);
    CHECK(pa - 0x100000 == e.symbol[2].st_value - e.program[MADE_TEXT].p_vaddr);
    CHECK(elf_object(&e, MADE_ELF_BYTES, "start", &pa, &bytes) == -E_NOENT); /* a function */
    CHECK(elf_object(&e, MADE_ELF_BYTES, "midd", &pa, &bytes) == -E_NOENT);
    e.symbol[2].st_size = UINT64_MAX; /* reaches out of its segment */
    CHECK(elf_object(&e, MADE_ELF_BYTES, "middle", &pa, &bytes) == -E_NOENT);
    e.symbol[2].st_size = 32;
    e.program[MADE_TEXT].p_paddr = UINT64_MAX - 16;
    CHECK(elf_object(&e, MADE_ELF_BYTES, "middle", &pa, &bytes) == -E_NOENT);
}

static void
an_address_names_the_function_around_it(void)
{
    struct made_elf e;
    elf_make(&e);
    uint64_t code = e.head.e_entry;
    CHECK(names(&e, code, "start", 0) && names(&e, code + 15, "start", 15));
    CHECK(names(&e, code + 16, "middle", 0) && names(&e, code + 47, "middle", 31));
    CHECK(nameless(&e, code + 48) && nameless(&e, code - 1) && nameless(&e, 0));
    CHECK(names(&e, code + 64, "loose", 0) && names(&e, code + 255, "loose", 191));
    CHECK(nameless(&e, code + 256));
    e.section[MADE_SYMTAB].sh_type = SHT_NULL;
    CHECK(names(&e, code + 3, "exported", 3));
    e.section[MADE_DYNSYM].sh_type = SHT_NULL;
    CHECK(nameless(&e, code + 3));
}

static void
only_code_names_an_address(void)
{
    struct made_elf e;
    elf_make(&e);
    uint64_t code = e.head.e_entry;
    e.symbol[2].st_info = ELF64_ST_INFO(STB_GLOBAL, STT_OBJECT);
    CHECK(nameless(&e, code + 20));
    e.section[MADE_CODE].sh_flags = SHF_ALLOC;
    CHECK(nameless(&e, code + 64) && names(&e, code, "start", 0));
    elf_make(&e);
    e.symbol[3].st_shndx = SHN_ABS;
    CHECK(nameless(&e, code + 64));
    e.symbol[3].st_shndx = MADE_CODE;
    e.symbol[3].st_value = code - 1;
    CHECK(nameless(&e, code + 64));
}

static void
absurd_symbols_name_nothing(void)
{
    struct made_elf e;
    elf_make(&e);
    uint64_t code = e.head.e_entry;
    e.section[MADE_DYNSYM].sh_type = SHT_NULL;
    e.symbol[1].st_name = sizeof e.strings;
    CHECK(nameless(&e, code));
    memset(e.strings, 'x', sizeof e.strings);
    e.symbol[1].st_name = 1;
    CHECK(nameless(&e, code)); /* a name that does not end within its section */
    elf_make(&e);
    e.section[MADE_DYNSYM].sh_type = SHT_NULL;
    e.section[MADE_SYMTAB].sh_link = MADE_SECTIONS;
    CHECK(nameless(&e, code));
    e.section[MADE_SYMTAB].sh_link = MADE_STRTAB;
    e.section[MADE_SYMTAB].sh_size = UINT64_MAX;
    CHECK(nameless(&e, code));
    elf_make(&e);
    e.head.e_shoff = UINT64_MAX - 64;
    CHECK(nameless(&e, code));
    elf_make(&e);
    e.head.e_shnum = 0xffff;
    CHECK(nameless(&e, code));
    elf_make(&e);
    e.head.e_shnum = MADE_STRTAB; /* the names lie just behind the table */
    CHECK(nameless(&e, code));
}

const struct test elf_tests[] = {
    {"a_static_executable_decodes", a_static_executable_decodes},
    {"position_independent_and_dynamic_are_told", position_independent_and_dynamic_are_told},
    {"what_is_no_executable_for_this_machine_is_refused",
     what_is_no_executable_for_this_machine_is_refused},
    {"every_truncation_is_refused", every_truncation_is_refused},
    {"absurd_program_headers_are_refused", absurd_program_headers_are_refused},
    {"absurd_segments_are_refused", absurd_segments_are_refused},
    {"segments_end_by_the_limit", segments_end_by_the_limit},
    {"segments_rise_and_share_no_byte", segments_rise_and_share_no_byte},
    {"seventeen_segments_are_too_many", seventeen_segments_are_too_many},
    {"the_entry_lies_in_code", the_entry_lies_in_code},
    {"a_note_is_found_by_its_whole_owner", a_note_is_found_by_its_whole_owner},
    {"a_second_note_is_found_behind_the_first", a_second_note_is_found_behind_the_first},
    {"absurd_notes_are_not_found", absurd_notes_are_not_found},
    {"an_object_lies_where_its_segment_is_loaded", an_object_lies_where_its_segment_is_loaded},
    {"an_address_names_the_function_around_it", an_address_names_the_function_around_it},
    {"only_code_names_an_address", only_code_names_an_address},
    {"absurd_symbols_name_nothing", absurd_symbols_name_nothing},
    {NULL, NULL},
};
