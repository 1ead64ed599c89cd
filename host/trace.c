/* SPDX-License-Identifier: MIT */
/*
 * trace.c - the option --trace FILE: the machine's memory is a file of ours without a name, out of
 * which the kernel's events are read when the machine has ended, however it did.
 */
#include "host/trace.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "abi/error.h"
#include "host/events.h"
#include "host/file.h"
#include "host/say.h"
#include "lib/elf.h"

/* Below it a physical address is an offset in the file, on every machine that we start. */
static const uint64_t LOW_BYTES = 2ull << 30;

int
trace_open(struct trace *t, const struct options *o)
{
    static const struct events none;
    t->to = NULL;
    if (!o->trace)
        return 0;
    t->to = fopen(o->trace, "we");
    if (t->to && events_write(t->to, &none) != -E_IO)
        return 0;
    return say_fail(EXIT_TOOL, "--trace %s: %s: name a file that can be written", o->trace,
                    strerror(errno));
}

/* Returns 0; -E_INVAL: no events; -E_IO: they could not be written. */
static int
convert(FILE *to, const struct machine *m, const struct partitions *ps)
{
    struct events e = {.bytes = m->memory_bytes < LOW_BYTES ? m->memory_bytes : LOW_BYTES};
    struct file kernel = {.length = 0};
    uint64_t bytes;
    if (file_load(&kernel, m->kernel) < 0 ||
        elf_object(kernel.bytes, kernel.length, "trace_head", &e.head_pa, &bytes) < 0)
        return -E_INVAL;
    void *memory = mmap(NULL, e.bytes, PROT_READ, MAP_SHARED, m->memory, 0);
    if (memory == MAP_FAILED)
        return -E_INVAL;
    e.memory = memory;
    for (unsigned i = 0; i < ps->n; i++)
        e.name[ps->at[i].channel] = ps->at[i].name;
    rewind(to);
    int r = ftruncate(fileno(to), 0) == 0 ? events_write(to, &e) : -E_IO;
    munmap(memory, e.bytes);
    return r;
}

int
trace_finish(struct trace *t, const struct options *o, const struct machine *m,
             const struct partitions *ps)
{
    if (!t->to)
        return 0;
    int r = convert(t->to, m, ps);
    if (fclose(t->to) != 0)
        r = -E_IO;
    if (r == -E_INVAL)
        return say_fail(EXIT_TOOL, "--trace %s: the kernel recorded nothing: see -v", o->trace);
    return r == 0 ? 0 : say_fail(EXIT_TOOL, "--trace %s: %s", o->trace, strerror(errno));
}
