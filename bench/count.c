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
 *
 * QEMU's plugin interface, version 1 (QEMU 7.2, docs/devel/tcg-plugins.rst), declared here as far
 * as it is used, since its header is not packaged.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct qemu_plugin_tb;
struct qemu_plugin_insn;
struct qemu_info;
typedef uint64_t qemu_plugin_id_t;

void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id,
                                           void (*cb)(qemu_plugin_id_t, struct qemu_plugin_tb *));
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t i);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
void qemu_plugin_register_vcpu_insn_exec_inline(struct qemu_plugin_insn *insn, int op, void *word,
                                                uint64_t by);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn,
                                            void (*cb)(unsigned processor, void *data), int flags,
                                            void *data);
int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info *info, int argc, char **argv);

extern int qemu_plugin_version;
int qemu_plugin_version = 1;

enum { INLINE_ADD_U64 = 0, CALLBACK_NO_REGISTERS = 0 };
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

static struct tally *
tally_map(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || ftruncate(fd, sizeof(struct tally)))
        return NULL;
    void *p = mmap(NULL, sizeof(struct tally), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    return p == MAP_FAILED ? NULL : p;
}

__attribute__((visibility("default"))) int
qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info *info, int argc, char **argv)
{
    (void)info;
    for (int i = 0; i < argc; i++) {
        const char *value = strchr(argv[i], '=');
        if (!value)
            return -1;
        size_t n = (size_t)(value++ - argv[i]);
        if (n == 3 && memcmp(argv[i], "out", n) == 0)
            tally = tally_map(value);
        else if (n == 5 && memcmp(argv[i], "entry", n) == 0)
            entry = strtoull(value, NULL, 16);
        else if (n == 3 && memcmp(argv[i], "low", n) == 0)
            low = strtoull(value, NULL, 16);
        else if (n == 4 && memcmp(argv[i], "high", n) == 0)
            high = strtoull(value, NULL, 16);
        else
            return -1;
    }
    if (!tally || !entry || low >= high) {
        fprintf(stderr, "count: out, entry, low and high are needed\n");
        return -1;
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, block_translated);
    return 0;
}
