/* SPDX-License-Identifier: MIT */
/*
 * plugin.h - QEMU's plugin interface, version 1 (QEMU 7.2, docs/devel/tcg-plugins.rst), declared as
 * far as the plugins here use it, since its header is not packaged; and how they read their options
 * and hand over their answer. A plugin is one file that includes this.
 */
#pragma once
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct qemu_plugin_tb;   /* a block of instructions, translated once and run often */
struct qemu_plugin_insn; /* an instruction of one */
struct qemu_info;
typedef uint64_t qemu_plugin_id_t;
typedef void plugin_run(unsigned processor, void *data);

enum { INLINE_ADD_U64 = 0, CALLBACK_NO_REGISTERS = 0 };

void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id,
                                           void (*cb)(qemu_plugin_id_t, struct qemu_plugin_tb *));
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t i);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *tb, plugin_run *cb, int flags,
                                          void *data);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn, plugin_run *cb,
                                            int flags, void *data);
void qemu_plugin_register_vcpu_insn_exec_inline(struct qemu_plugin_insn *insn, int op, void *word,
                                                uint64_t by);
void qemu_plugin_register_atexit_cb(qemu_plugin_id_t id, void (*cb)(qemu_plugin_id_t, void *),
                                    void *data);

/* What QEMU looks for in a plugin. The second returns 0, or -1: QEMU then does not start. */
extern int qemu_plugin_version;
__attribute__((visibility("default"))) int
qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info *info, int argc, char **argv);
int qemu_plugin_version = 1;

/* The value of an option NAME=VALUE where `option` is that; else NULL. */
static inline const char *
plugin_value(const char *option, const char *name)
{
    size_t n = strlen(name);

    return strncmp(option, name, n) == 0 && option[n] == '=' ? option + n + 1 : NULL;
}

/* Takes an option NAME=ADDRESS, in hexadecimal. False: it is another. */
static inline bool
plugin_address(const char *option, const char *name, uint64_t *address)
{
    const char *value = plugin_value(option, name);

    if (value)
        *address = strtoull(value, NULL, 16);
    return value != NULL;
}

/* A new file of n bytes, all 0, mapped: it is right however QEMU ends. NULL: it could not be. */
static inline void *
plugin_map(const char *path, size_t n)
{
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    void *p = MAP_FAILED;

    if (fd < 0)
        return NULL;
    if (ftruncate(fd, (off_t)n) == 0)
        p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    return p == MAP_FAILED ? NULL : p;
}
