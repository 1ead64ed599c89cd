/* SPDX-License-Identifier: MIT */
/* machine.h - one virtual machine, and the ends of its ports: see machine.c. */
#pragma once
#include <sys/types.h>

#include "host/bundle.h"
#include "host/file.h"
#include "host/options.h"

enum { MACHINE_WORDS_BYTES = 4096 }; /* the kernel's command line */

struct machine {
    pid_t pid;      /* the emulator; 0: it has been waited for */
    int console;    /* our end of the console port; non-blocking */
    int serial;     /* our end of the serial port; non-blocking */
    int memory;     /* with --trace: a memfd, the machine's memory; else -1 */
    int complaints; /* a memfd: what the emulator wrote on its standard output and error */
    uint64_t memory_bytes;
    int exit_wait; /* its wait status, once pid is 0 */
    char kernel[FILE_PATH_BYTES];
    const char *emulator;
};

int machine_start(struct machine *m, const struct options *o, const struct bundle *b,
                  uint64_t partitions_bytes, const char *debug_socket);
int machine_kernel_path(char path[FILE_PATH_BYTES], const struct options *o);
int machine_kernel_words(char to[MACHINE_WORDS_BYTES], const struct options *o);
int machine_wait(struct machine *m, int grace_ms);
void machine_kill(struct machine *m);
void machine_complain(const struct machine *m);
int machine_last_complaint(const struct machine *m, char *line, size_t size);
