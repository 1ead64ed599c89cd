/* SPDX-License-Identifier: MIT */
/*
 * plan.c - the plan for init, as docs/report.md has it: which modules make up which partition.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi/bundle.h"
#include "abi/error.h"
#include "host/partition.h"
#include "lib/string.h"
#include "lib/words.h"

void
plan_library_name(char name[BUNDLE_NAME_MAX], const struct partition *p)
{
    if (p->program.kind == PROGRAM_LINUX)
        string_copy(name, BUNDLE_NAME_MAX, "linux");
    else
        snprintf(name, BUNDLE_NAME_MAX, "library%u", p->channel);
}

void
plan_program_name(char name[BUNDLE_NAME_MAX], const struct partition *p)
{
    snprintf(name, BUNDLE_NAME_MAX, "program%u", p->channel);
}

static int
line_write(FILE *to, const char *key, const char *text)
{
    size_t size = 3 * strlen(text) + 1;
    char *encoded = malloc(size);
    if (!encoded)
        return -E_NOMEM;
    percent_encode(encoded, size, text);
    fprintf(to, *encoded ? "%s %s\n" : "%s\n", key, encoded);
    free(encoded);
    return 0;
}

/* KEY=VALUE of the defaults, unless the user has set KEY. */
static int
default_write(FILE *to, const struct options *o, const char *key, const char *value)
{
    char text[256];
    size_t length = strlen(key);
    for (unsigned i = 0; i < o->environment.n; i++)
        if (!strncmp(o->environment.word[i], key, length) && o->environment.word[i][length] == '=')
            return 0;
    snprintf(text, sizeof text, "%s=%.200s", key, value);
    return line_write(to, "environment", text);
}

static int
environment_write(FILE *to, const struct options *o)
{
    const char *term = getenv("TERM");
    int r = default_write(to, o, "PATH", "/usr/local/bin:/usr/bin:/bin");
    if (r == 0)
        r = default_write(to, o, "HOME", "/");
    if (r == 0)
        r = default_write(to, o, "TERM", term ? term : "dumb");
    for (unsigned i = 0; i < o->environment.n && r == 0; i++)
        r = line_write(to, "environment", o->environment.word[i]);
    return r;
}

static int
partition_write(FILE *to, const struct partition *p, const struct options *o)
{
    char module[BUNDLE_NAME_MAX];
    int r = 0;
    fprintf(to, "partition %u %s\nmemory %lu\n", p->channel, p->name, p->memory_bytes);
    plan_library_name(module, p);
    fprintf(to, "library %s\n", module);
    plan_program_name(module, p);
    if (p->program.kind == PROGRAM_LINUX)
        fprintf(to, "program %s\n", module);
    for (int i = 0; i < p->n_words && r == 0; i++)
        r = line_write(to, "argument", p->words[i]);
    if (r == 0)
        r = environment_write(to, o);
    fprintf(to, "end\n");
    return r;
}

int
plan_write(const struct partitions *ps, const struct options *o, char **text, size_t *length)
{
    int r = 0;
    FILE *to = open_memstream(text, length);
    if (!to)
        return -E_NOMEM;
    if (o->verbose)
        fprintf(to, "log\n");
    for (unsigned i = 0; i < ps->n && r == 0; i++)
        r = partition_write(to, &ps->at[i], o);
    if (fclose(to) != 0 && r == 0)
        r = -E_NOMEM;
    return r;
}
