/* SPDX-License-Identifier: MIT */
/*
 * path.c - QEMU plugin: which instructions run, one after the other, from one to another.
 *
 *   -plugin path.so,out=FILE,from=ADDRESS,nth=N,to=ADDRESS     (addresses in hexadecimal)
 *
 * From the nth time that the instruction at `from` runs until the one at `to` does, the address of
 * each executed instruction is written to FILE, 8 bytes each. bench/path says what they belong to.
 * One processor only. The plugin interface is that of count.c.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct qemu_plugin_tb;
struct qemu_plugin_insn;
struct qemu_info;
typedef uint64_t qemu_plugin_id_t;

void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id,
                                           void (*cb)(qemu_plugin_id_t, struct qemu_plugin_tb *));
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t i);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn,
                                            void (*cb)(unsigned processor, void *data), int flags,
                                            void *data);
int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info *info, int argc, char **argv);

extern int qemu_plugin_version;
int qemu_plugin_version = 1;

enum { CALLBACK_NO_REGISTERS = 0 };

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

__attribute__((visibility("default"))) int
qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info *info, int argc, char **argv)
{
    (void)info;
    for (int i = 0; i < argc; i++) {
        const char *value = strchr(argv[i], '=');

        if (!value)
            return -1;
        if (strncmp(argv[i], "out=", 4) == 0)
            out = fopen(value + 1, "wb");
        else if (strncmp(argv[i], "from=", 5) == 0)
            from = strtoull(value + 1, NULL, 16);
        else if (strncmp(argv[i], "nth=", 4) == 0)
            nth = strtoull(value + 1, NULL, 10);
        else if (strncmp(argv[i], "to=", 3) == 0)
            to = strtoull(value + 1, NULL, 16);
        else
            return -1;
    }
    if (!out || !from || !to || !nth) {
        fprintf(stderr, "path: out, from, nth and to are needed\n");
        return -1;
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, block_translated);
    return 0;
}
