/* SPDX-License-Identifier: MIT */
/* made.c - an executable, a bundle, a plan and a firmware's tables without a fault. */
#include <string.h>
#include "test/unit/made.h"

const char made_plan[] = "log\n"
                         "partition 1 sort\n"
                         "memory 536870912\n"
                         "library linux\n"
                         "program busybox\n"
                         "argument sort\n"
                         "argument -k%202\n"
                         "argument\n"
                         "environment LANG=C\n"
                         "environment PS1=%25%20\n"
                         "end\n"
                         "partition 63 hello.1_a-b\n"
                         "library hello\n"
                         "memory 1\n"
                         "end\n";

static void
head_make(Elf64_Ehdr *h)
{
    *h = (Elf64_Ehdr){
        .e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
        .e_type = ET_EXEC,
        .e_machine = EM_X86_64,
        .e_version = EV_CURRENT,
        .e_entry = MADE_BASE + offsetof(struct made_elf, code),
        .e_phoff = offsetof(struct made_elf, program),
        .e_shoff = offsetof(struct made_elf, section),
        .e_ehsize = sizeof(Elf64_Ehdr),
        .e_phentsize = sizeof(Elf64_Phdr),
        .e_phnum = MADE_PROGRAMS,
        .e_shentsize = sizeof(Elf64_Shdr),
        .e_shnum = MADE_SECTIONS,
    };
}

/* A program header for n bytes of the file that lie in memory at MADE_BASE + offset. */
static Elf64_Phdr
program_make(uint32_t type, uint32_t flags, uint64_t offset, uint64_t n)
{
    return (Elf64_Phdr){
        .p_type = type,
        .p_flags = flags,
        .p_offset = offset,
        .p_vaddr = MADE_BASE + offset,
        .p_filesz = n,
        .p_memsz = n,
        .p_align = 4,
    };
}

static void
programs_make(struct made_elf *e)
{
    Elf64_Phdr *p = e->program;
    p[MADE_PHDR] =
        program_make(PT_PHDR, PF_R, offsetof(struct made_elf, program), sizeof e->program);
    p[MADE_TEXT] =
        program_make(PT_LOAD, PF_R | PF_X, 0, offsetof(struct made_elf, code) + sizeof e->code);
    p[MADE_DATA] =
        program_make(PT_LOAD, PF_R | PF_W, offsetof(struct made_elf, data), sizeof e->data);
    p[MADE_DATA].p_memsz *= 2;
    p[MADE_NOTE] = program_make(PT_NOTE, PF_R, offsetof(struct made_elf, note), sizeof e->note);
    p[MADE_STACK] = program_make(PT_GNU_STACK, PF_R | PF_W, 0, 0);
}

static Elf64_Sym
symbol_make(uint32_t name, uint64_t value, uint64_t n)
{
    return (Elf64_Sym){
        .st_name = name,
        .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC),
        .st_shndx = MADE_CODE,
        .st_value = value,
        .st_size = n,
    };
}

static void
symbols_make(struct made_elf *e)
{
    uint64_t code = MADE_BASE + offsetof(struct made_elf, code);
    memcpy(e->strings, "\0start\0middle\0loose\0exported", 29);
    e->symbol[1] = symbol_make(1, code, 16);
    e->symbol[2] = symbol_make(7, code + 16, 32);
    e->symbol[3] = symbol_make(14, code + 64, 0);
    e->symbol[3].st_info = ELF64_ST_INFO(STB_LOCAL, STT_NOTYPE);
    e->dynamic[1] = symbol_make(20, code, 16);
    e->section[MADE_SYMTAB] = (Elf64_Shdr){
        .sh_type = SHT_SYMTAB,
        .sh_offset = offsetof(struct made_elf, symbol),
        .sh_size = sizeof e->symbol,
        .sh_link = MADE_STRTAB,
    };
    e->section[MADE_DYNSYM] = (Elf64_Shdr){
        .sh_type = SHT_DYNSYM,
        .sh_offset = offsetof(struct made_elf, dynamic),
        .sh_size = sizeof e->dynamic,
        .sh_link = MADE_STRTAB,
    };
    e->section[MADE_STRTAB] = (Elf64_Shdr){
        .sh_type = SHT_STRTAB,
        .sh_offset = offsetof(struct made_elf, strings),
        .sh_size = sizeof e->strings,
    };
    e->section[MADE_CODE] = (Elf64_Shdr){
        .sh_type = SHT_PROGBITS,
        .sh_flags = SHF_ALLOC | SHF_EXECINSTR,
        .sh_addr = code,
        .sh_offset = offsetof(struct made_elf, code),
        .sh_size = sizeof e->code,
    };
}

void
elf_make(struct made_elf *e)
{
    memset(e, 0, sizeof *e);
    head_make(&e->head);
    programs_make(e);
    e->note.head = (Elf64_Nhdr){.n_namesz = 8, .n_descsz = 4, .n_type = 1};
    memcpy(e->note.owner, "Tessera", 8);
    symbols_make(e);
}

void
bundle_make(struct made_bundle *b)
{
    memset(b, 0, sizeof *b);
    b->head = (struct bundle_head){BUNDLE_MAGIC, 3, 0, sizeof *b};
    b->entry[0] = (struct bundle_entry){offsetof(struct made_bundle, init), 5000, "init"};
    b->entry[1] = (struct bundle_entry){offsetof(struct made_bundle, plan), 10, "plan"};
    b->entry[2] = (struct bundle_entry){offsetof(struct made_bundle, plan), 0, "empty"};
    memset(b->init, 'i', 5000);
    memcpy(b->plan, "partition\n", 10);
}

/* A tag behind the n bytes of the information, on the next 8. Returns the new length. */
static size_t
tag_put(uint8_t *to, size_t n, uint32_t type, const void *body, uint32_t length)
{
    uint32_t head[2] = {type, 8 + length};
    n = (n + 7) / 8 * 8;
    memcpy(to + n, head, sizeof head);
    if (length)
        memcpy(to + n + sizeof head, body, length);
    return n + sizeof head + length;
}

size_t
multiboot_make(uint8_t to[MADE_MULTIBOOT_MAX])
{
    static const uint32_t module[] = {16 << 20, (16 << 20) + 0x2345, 0};
    static const struct {
        uint32_t entry_bytes, version;
        struct {
            uint64_t pa, length;
            uint32_t type, reserved;
        } range[4];
    } memory = {24,
                0,
                {{0, 0x9fc00, 1, 0},
                 {0x9fc00, 0x400, 2, 0},
                 {1 << 20, 127 << 20, 1, 0},
                 {0xfec00000, 0x1000, 3, 0}}};
    static const char old[20] = "RSD PTR old", new[36] = "RSD PTR new";
    uint32_t total;
    memset(to, 0, MADE_MULTIBOOT_MAX);
    size_t n = tag_put(to, 8, 21, "1234", 4);
    n = tag_put(to, n, 1, "log plain", sizeof "log plain");
    n = tag_put(to, n, 3, module, sizeof module);
    n = tag_put(to, n, 3, module, 9); /* another, which nobody asked for */
    n = tag_put(to, n, 6, &memory, sizeof memory);
    n = tag_put(to, n, 14, old, sizeof old);
    n = tag_put(to, n, 15, new, sizeof new);
    n = tag_put(to, n, 0, NULL, 0);
    total = (uint32_t)n;
    memcpy(to, &total, sizeof total);
    return n;
}

static void
put(uint8_t *to, uint64_t value, uint32_t n_bytes)
{
    for (uint32_t i = 0; i < n_bytes; i++)
        to[i] = (uint8_t)(value >> 8 * i);
}

/* Letters without the 0 that ends a string. */
static void
name(uint8_t *to, const char *letters)
{
    for (uint32_t i = 0; letters[i]; i++)
        to[i] = (uint8_t)letters[i];
}

static void
table_make(uint8_t *to, const char *letters, uint32_t bytes)
{
    name(to, letters);
    put(to + 4, bytes, 4);
}

static void
madt_make(uint8_t *to)
{
    static const uint8_t entries[] = {
        0, 8,  0, 0, 1,    0,    0,    0,                            /* APIC 0 */
        0, 8,  1, 1, 0,    0,    0,    0,                            /* APIC 1, not to be used */
        1, 12, 0, 0, 0,    0,    0xc0, 0xfe, 0, 0, 0, 0,             /* an I/O APIC */
        0, 8,  2, 2, 1,    0,    0,    0,                            /* APIC 2 */
        9, 16, 0, 0, 2,    0,    0,    0,    1, 0, 0, 0, 0, 0, 0, 0, /* APIC 2, as an x2APIC too */
        9, 16, 0, 0, 0x45, 0x23, 1,    0,    1, 0, 0, 0, 9, 0, 0, 0, /* x2APIC 0x12345 */
    };
    table_make(to, "APIC", 44 + sizeof entries);
    put(to + 36, 0xfee00000, 4);
    memcpy(to + 44, entries, sizeof entries);
}

/* Off: type 5 to port 0x604, after 0xf1 to port 0xb2. */
static void
fadt_make(uint8_t *image)
{
    static const uint8_t words[] = {0x10, 0x05, '_', 'S',  'B', '_',  0x08, '_', 'S', '5',  '_',
                                    0x12, 0x06, 4,   0x0a, 5,   0x0a, 5,    0,   0,   0x00, 0x00};
    uint8_t *table = image + MADE_FADT;
    table_make(table, "FACP", 116);
    put(table + 40, MADE_FIRMWARE_PA + MADE_DSDT, 4);
    put(table + 48, 0xb2, 4);
    table[52] = 0xf1;
    put(table + 64, 0x604, 4);
    table_make(image + MADE_DSDT, "DSDT", 36 + sizeof words);
    memcpy(image + MADE_DSDT + 36, words, sizeof words);
}

static void
mp_make(uint8_t *image)
{
    uint8_t *table = image + MADE_PCMP;
    name(image + MADE_MP, "_MP_");
    put(image + MADE_MP + 4, MADE_FIRMWARE_PA + MADE_PCMP, 4);
    image[MADE_MP + 8] = 1;
    name(table, "PCMP");
    put(table + 4, 44 + 8 + 2 * 20, 2);
    table[44 + 3] = 1; /* processor 0 */
    table[64] = 1;     /* a bus */
    table[72 + 1] = 4; /* processor 4 */
    table[72 + 3] = 1;
}

static void
sum_make(uint8_t *image, uint32_t at, uint32_t bytes, uint32_t sum_at)
{
    uint8_t sum = 0;
    if (bytes <= sum_at || bytes > MADE_FIRMWARE_BYTES - at)
        return;
    image[at + sum_at] = 0;
    for (uint32_t i = 0; i < bytes; i++)
        sum = (uint8_t)(sum + image[at + i]);
    image[at + sum_at] = (uint8_t)-sum;
}

static uint32_t
length_of(const uint8_t *field, uint32_t n_bytes)
{
    uint32_t v = 0;
    memcpy(&v, field, n_bytes);
    return v;
}

void
firmware_sums_make(uint8_t image[MADE_FIRMWARE_BYTES])
{
    static const uint16_t table[] = {MADE_RSDT, MADE_XSDT, MADE_MADT,
                                     MADE_HPET, MADE_FADT, MADE_DSDT};
    for (uint32_t i = 0; i < sizeof table / sizeof table[0]; i++)
        sum_make(image, table[i], length_of(image + table[i] + 4, 4), 9);
    sum_make(image, MADE_PCMP, length_of(image + MADE_PCMP + 4, 2), 7);
    sum_make(image, MADE_MP, 16, 10);
    sum_make(image, MADE_RSDP, 20, 8);
    sum_make(image, MADE_RSDP, 36, 32);
}

void
firmware_make(uint8_t to[MADE_FIRMWARE_BYTES])
{
    memset(to, 0, MADE_FIRMWARE_BYTES);
    name(to + MADE_RSDP, "RSD PTR ");
    to[MADE_RSDP + 15] = 2;
    put(to + MADE_RSDP + 16, MADE_FIRMWARE_PA + MADE_RSDT, 4);
    put(to + MADE_RSDP + 20, 36, 4);
    put(to + MADE_RSDP + 24, MADE_FIRMWARE_PA + MADE_XSDT, 8);
    table_make(to + MADE_RSDT, "RSDT", 36 + 4);
    put(to + MADE_RSDT + 36, MADE_FIRMWARE_PA + MADE_MADT, 4);
    table_make(to + MADE_XSDT, "XSDT", 36 + 24);
    put(to + MADE_XSDT + 36, MADE_FIRMWARE_PA + MADE_HPET, 8);
    put(to + MADE_XSDT + 44, MADE_FIRMWARE_PA + MADE_MADT, 8);
    put(to + MADE_XSDT + 52, MADE_FIRMWARE_PA + MADE_FADT, 8);
    fadt_make(to);
    table_make(to + MADE_HPET, "HPET", 56);
    put(to + MADE_HPET + 44, 0xfed00000, 8);
    madt_make(to + MADE_MADT);
    mp_make(to);
    firmware_sums_make(to);
}
