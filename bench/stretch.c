/* SPDX-License-Identifier: MIT */
/*
 * stretch.c - QEMU plugin: how long the kernel runs at a stretch, interrupts off: from its first
 * instruction behind one at user level to its last, which is `sysretq`, `iretq`, or the `hlt` with
 * which it waits.
 *
 *   -plugin stretch.so,out=FILE[,wait=START-END:START-END...]
 *
 * FILE has a line for each way in: how often, the longest, in instructions, the longest wait for the
 * kernel's lock, and the addresses of the first blocks behind the entry code, in hexadecimal: the
 * call's, or those of what an interrupt or a fault came to. What comes before the first instruction
 * at user level (the boot) and the power-off are not counted.
 *
 * Each processor has stretches of its own. What lies between those addresses (hexadecimal) is a
 * wait, and no part of the stretch: how long that is depends on what the others do.
 */
#include <stdio.h>
#include "bench/plugin.h"

enum { PROCESSORS = 64, BLOCKS = 3, WAYS = 4096, WAITS = 8 };

static const uint64_t ENTRY_CODE = 0xffffffffc0000000; /* CPU_BASE of kernel/x86/layout.h */

struct block {
    uint64_t address, n;
    int leaves; /* its last instruction lets interrupts in */
    int waits;
};

struct stretch {
    uint64_t n, waited, first[BLOCKS];
    unsigned blocks;
    int within, begun; /* begun: this processor has been at user level, from the kernel */
};

struct way {
    uint64_t first[BLOCKS], often, longest, waited;
};

static FILE *out;
static struct stretch stretches[PROCESSORS];
static struct way ways[WAYS];
static unsigned n_ways, n_waits;
static uint64_t wait_start[WAITS], wait_end[WAITS];

static struct way *
way_of(const struct stretch *s)
{
    unsigned i = 0;

    while (i < n_ways && memcmp(ways[i].first, s->first, sizeof s->first) != 0)
        i++;
    if (i == WAYS) {
        fprintf(stderr, "stretch: too many ways in\n");
        abort();
    }
    if (i == n_ways) {
        memcpy(ways[i].first, s->first, sizeof s->first);
        n_ways++;
    }
    return &ways[i];
}

static void
stretch_end(struct stretch *s)
{
    struct way *way = way_of(s);

    way->often++;
    if (s->n > way->longest)
        way->longest = s->n;
    if (s->waited > way->waited)
        way->waited = s->waited;
    *s = (struct stretch){.begun = 1};
}

static void
executed(unsigned processor, void *data)
{
    struct stretch *s = &stretches[processor];
    const struct block *block = data;

    if (!(block->address >> 63)) {
        if (s->within && s->begun)
            stretch_end(s);
        *s = (struct stretch){.begun = s->begun || s->within};
        return;
    }
    s->within = 1;
    if (block->waits) {
        s->waited += block->n;
        return;
    }
    s->n += block->n;
    if (block->address < ENTRY_CODE && s->blocks < BLOCKS)
        s->first[s->blocks++] = block->address;
    if (block->leaves && s->begun)
        stretch_end(s);
}

static int
leaves(const struct qemu_plugin_insn *insn)
{
    static const struct {
        size_t n;
        uint8_t code[3];
    } last[] = {{1, {0xf4}}, {2, {0x48, 0xcf}}, {3, {0x48, 0x0f, 0x07}}};
    size_t n = qemu_plugin_insn_size(insn);

    for (size_t i = 0; i < sizeof last / sizeof last[0]; i++)
        if (n == last[i].n && memcmp(qemu_plugin_insn_data(insn), last[i].code, n) == 0)
            return 1;
    return 0;
}

static int
waits(uint64_t address)
{
    for (unsigned i = 0; i < n_waits; i++)
        if (address >= wait_start[i] && address < wait_end[i])
            return 1;
    return 0;
}

static void
block_translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
    struct block *block = malloc(sizeof *block);
    size_t n = qemu_plugin_tb_n_insns(tb);
    const struct qemu_plugin_insn *last = qemu_plugin_tb_get_insn(tb, n - 1);

    (void)id;
    if (!block)
        abort();
    *block = (struct block){.address = qemu_plugin_tb_vaddr(tb), .n = n};
    block->leaves = leaves(last);
    block->waits = waits(block->address);
    qemu_plugin_register_vcpu_tb_exec_cb(tb, executed, CALLBACK_NO_REGISTERS, block);
}

static void
ended(qemu_plugin_id_t id, void *data)
{
    (void)id;
    (void)data;
    for (unsigned i = 0; i < n_ways; i++) {
        fprintf(out, "%llu %llu %llu", (unsigned long long)ways[i].often,
                (unsigned long long)ways[i].longest, (unsigned long long)ways[i].waited);
        for (unsigned j = 0; j < BLOCKS; j++)
            fprintf(out, " %llx", (unsigned long long)ways[i].first[j]);
        fprintf(out, "\n");
    }
    fclose(out);
}

static int
waits_read(const char *text)
{
    for (char *end; *text && n_waits < WAITS; n_waits++, text = end + (*end == ':')) {
        wait_start[n_waits] = strtoull(text, &end, 16);
        if (*end != '-')
            return 0;
        wait_end[n_waits] = strtoull(end + 1, &end, 16);
    }
    return !*text;
}

int
qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info *info, int argc, char **argv)
{
    int good = 1;

    (void)info;
    for (int i = 0; i < argc; i++) {
        if (plugin_value(argv[i], "out"))
            out = fopen(plugin_value(argv[i], "out"), "w");
        else
            good = plugin_value(argv[i], "wait") && waits_read(plugin_value(argv[i], "wait"));
    }
    if (!out || !good) {
        fprintf(stderr, "stretch: out, or where it waits, is wrong\n");
        return -1;
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, block_translated);
    qemu_plugin_register_atexit_cb(id, ended, NULL);
    return 0;
}
