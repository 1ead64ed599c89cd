/* SPDX-License-Identifier: MIT */
/*
 * quiet.c - QEMU plugin: how many instructions the kernel took of one processor while a program's
 * loop ran there.
 *
 *   -plugin quiet.so,out=FILE,begin=ADDRESS,end=ADDRESS     (addresses in hexadecimal)
 *
 * Counting starts with the first instruction executed at `begin`, on the processor that executes
 * it, and ends with that at `end`. What counts has bit 63 of its address set. Each processor has a
 * counter of its own, which it alone changes, a block at a time: one that an exception leaves in
 * its middle counts whole.
 *
 * FILE holds struct quiet.
 */
#include <stdio.h>
#include "bench/plugin.h"

enum { PROCESSORS_MAX = 8 };

/* What FILE holds; bench/count.py reads it. */
struct quiet {
    uint64_t marks; /* 1 between the two, 2 after them */
    uint64_t processor;
    uint64_t start, end; /* that processor's counter at the marks */
};

static struct quiet *quiet;
static uint64_t begin, end;
static uint64_t kernel[PROCESSORS_MAX][8]; /* a line of the cache each */

static void
block_runs(unsigned processor, void *data)
{
    kernel[processor % PROCESSORS_MAX][0] += (uintptr_t)data;
}

static void
mark_begin(unsigned processor, void *data)
{
    (void)data;
    quiet->processor = processor;
    quiet->start = kernel[processor % PROCESSORS_MAX][0];
    quiet->marks = 1;
}

static void
mark_end(unsigned processor, void *data)
{
    (void)data;
    quiet->end = kernel[processor % PROCESSORS_MAX][0];
    quiet->marks = quiet->processor == processor ? 2 : 0;
}

static void
block_translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
    size_t n = qemu_plugin_tb_n_insns(tb);

    (void)id;
    if (qemu_plugin_insn_vaddr(qemu_plugin_tb_get_insn(tb, 0)) >> 63)
        qemu_plugin_register_vcpu_tb_exec_cb(tb, block_runs, CALLBACK_NO_REGISTERS,
                                             (void *)(uintptr_t)n);
    for (size_t i = 0; i < n; i++) {
        struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
        uint64_t at = qemu_plugin_insn_vaddr(insn);
        if (at == begin || at == end)
            qemu_plugin_register_vcpu_insn_exec_cb(insn, at == begin ? mark_begin : mark_end,
                                                   CALLBACK_NO_REGISTERS, NULL);
    }
}

int
qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info *info, int argc, char **argv)
{
    (void)info;
    for (int i = 0; i < argc; i++) {
        const char *out = plugin_value(argv[i], "out");
        if (out)
            quiet = plugin_map(out, sizeof *quiet);
        else if (!plugin_address(argv[i], "begin", &begin) && !plugin_address(argv[i], "end", &end))
            return -1;
    }
    if (!quiet || !begin || !end) {
        fprintf(stderr, "quiet: out, begin and end are needed\n");
        return -1;
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, block_translated);
    return 0;
}
