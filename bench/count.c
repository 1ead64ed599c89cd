/* SPDX-License-Identifier: MIT */
/*
 * count.c - QEMU plugin: how many guest instructions a program costs, and where they ran.
 *
 *   -plugin count.so,out=FILE,entry=ADDRESS,low=ADDRESS,high=ADDRESS     (addresses in hexadecimal)
 *
 * The program is a static executable whose text is [low, high) and begins at `entry`. Counting
 * starts with the first instruction executed at `entry` and ends with the last `syscall`
 * instruction executed inside the text, which is its exit: no other program of the guest may lie
 * there. What ran in between is told apart by address: the program itself, the kernel (bit 63 set),
 * and all else at user level (a library OS; on Linux the vDSO, which lies above the program).
 *
 * Each executed instruction adds to its counter, each turn of a `rep` too. One processor only: the
 * counters are plain. FILE holds struct tally, mapped, so that it is right however QEMU ends.
 */
#include <stdio.h>
#include "bench/plugin.h"

enum place { PLACE_KERNEL, PLACE_PROGRAM, PLACE_LIBRARY, PLACE_COUNT };

/* What FILE holds; bench/count.py reads it. */
struct tally {
    uint64_t began; /* 1 once the program's first instruction ran */
    uint64_t now[PLACE_COUNT];
    uint64_t start[PLACE_COUNT]; /* before the program's first instruction */
    uint64_t end[PLACE_COUNT];   /* with the last `syscall` of the program so far */
};

static struct tally *tally;
static uint64_t entry, low, high;

static void
program_begins(unsigned processor, void *data)
{
    (void)processor, (void)data;
    if (tally->began)
        return;
    memcpy(tally->start, tally->now, sizeof tally->start);
    tally->began = 1;
}

static void
program_calls(unsigned processor, void *data)
{
    (void)processor, (void)data;
    memcpy(tally->end, tally->now, sizeof tally->end);
    tally->end[PLACE_PROGRAM] += 1; /* the syscall itself, which counts after this */
}

static enum place
place_of(uint64_t address)
{
    if (address >> 63)
        return PLACE_KERNEL;
    return address >= low && address < high ? PLACE_PROGRAM : PLACE_LIBRARY;
}

static void
instruction_watch(struct qemu_plugin_insn *insn)
{
    static const unsigned char SYSCALL[] = {0x0f, 0x05};
    uint64_t address = qemu_plugin_insn_vaddr(insn);
    enum place place = place_of(address);

    if (address == entry)
        qemu_plugin_register_vcpu_insn_exec_cb(insn, program_begins, CALLBACK_NO_REGISTERS, NULL);
    if (place == PLACE_PROGRAM && qemu_plugin_insn_size(insn) == sizeof SYSCALL &&
        memcmp(qemu_plugin_insn_data(insn), SYSCALL, sizeof SYSCALL) == 0)
        qemu_plugin_register_vcpu_insn_exec_cb(insn, program_calls, CALLBACK_NO_REGISTERS, NULL);
    qemu_plugin_register_vcpu_insn_exec_inline(insn, INLINE_ADD_U64, &tally->now[place], 1);
}

static void
block_translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
    (void)id;
    size_t n = qemu_plugin_tb_n_insns(tb);
    for (size_t i = 0; i < n; i++)
        instruction_watch(qemu_plugin_tb_get_insn(tb, i));
}

int
qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info *info, int argc, char **argv)
{
    (void)info;
    for (int i = 0; i < argc; i++) {
        const char *out = plugin_value(argv[i], "out");
        if (out)
            tally = plugin_map(out, sizeof *tally);
        else if (!plugin_address(argv[i], "entry", &entry) &&
                 !plugin_address(argv[i], "low", &low) && !plugin_address(argv[i], "high", &high))
            return -1;
    }
    if (!tally || !entry || low >= high) {
        fprintf(stderr, "count: out, entry, low and high are needed\n");
        return -1;
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, block_translated);
    return 0;
}
