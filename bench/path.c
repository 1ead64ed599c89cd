/* SPDX-License-Identifier: MIT */
/*
 * path.c - QEMU plugin: which instructions run, one after the other, from one to another.
 *
 *   -plugin path.so,out=FILE,from=ADDRESS,nth=N,to=ADDRESS     (addresses in hexadecimal)
 *
 * From the nth time that the instruction at `from` runs until the one at `to` does, the address of
 * each executed instruction is written to FILE, 8 bytes each. bench/path says what they belong to.
 * One processor only.
 */
#include <stdio.h>
#include "bench/plugin.h"

static FILE *out;
static uint64_t from, to, nth, seen;
static enum { BEFORE, WITHIN, BEHIND } where;

static void
executed(unsigned processor, void *data)
{
    uint64_t address = (uintptr_t)data;

    (void)processor;
    if (where == BEFORE && address == from && ++seen == nth)
        where = WITHIN;
    else if (where == WITHIN && address == to)
        where = BEHIND;
    if (where == WITHIN)
        fwrite(&address, sizeof address, 1, out);
    else if (where == BEHIND && out) {
        fclose(out);
        out = NULL;
        where = BEFORE;
        seen = nth + 1;
    }
}

static void
block_translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
    (void)id;
    for (size_t i = 0; i < qemu_plugin_tb_n_insns(tb); i++) {
        struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
        uint64_t address = qemu_plugin_insn_vaddr(insn);

        qemu_plugin_register_vcpu_insn_exec_cb(insn, executed, CALLBACK_NO_REGISTERS,
                                               (void *)(uintptr_t)address);
    }
}

int
qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info *info, int argc, char **argv)
{
    (void)info;
    for (int i = 0; i < argc; i++) {
        const char *file = plugin_value(argv[i], "out"), *times = plugin_value(argv[i], "nth");

        if (file)
            out = fopen(file, "wb");
        else if (times)
            nth = strtoull(times, NULL, 10);
        else if (!plugin_address(argv[i], "from", &from) && !plugin_address(argv[i], "to", &to))
            return -1;
    }
    if (!out || !from || !to || !nth) {
        fprintf(stderr, "path: out, from, nth and to are needed\n");
        return -1;
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, block_translated);
    return 0;
}
