/* SPDX-License-Identifier: MIT */
/*
 * partition.c - the partitions that the command line asks for: the main one, and those beside it.
 */
#include "host/partition.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/say.h"
#include "lib/plan.h"

/* A name out of the program's path: what docs/report.md does not allow in names becomes '_'. */
static void
name_from(char name[OPTIONS_NAME_MAX + 1], const char *path)
{
    const char *slash = strrchr(path, '/');
    snprintf(name, OPTIONS_NAME_MAX + 1, "%.*s", OPTIONS_NAME_MAX,
             slash && slash[1] ? slash + 1 : path);
    for (char *p = name; *p; p++)
        if (!isalnum((unsigned char)*p) && !strchr("._-", *p))
            *p = '_';
}

static int
words_check(const struct partition *p)
{
    for (int i = 0; i < p->n_words; i++)
        if (strlen(p->words[i]) >= PLAN_TEXT_MAX)
            return say_fail(EXIT_NO_RUN,
                            "argument %d has %zu bytes: at most %d are possible; use its input", i,
                            strlen(p->words[i]), PLAN_TEXT_MAX - 1);
    return 0;
}

static int
main_open(struct partition *p, const struct options *o)
{
    p->channel = 1;
    p->memory_bytes = o->memory_bytes;
    p->words = o->program;
    p->n_words = o->n_program;
    name_from(p->name, o->name ? o->name : o->program[0]);
    int code = words_check(p);
    return code ? code : program_open(&p->program, p->words[0], p->memory_bytes);
}

static int
beside_open(struct partition *p, const struct options *o, unsigned n)
{
    char *word;
    p->channel = 2 + n;
    p->memory_bytes = o->beside_memory_bytes;
    p->words = p->own_words;
    snprintf(p->name, sizeof p->name, "beside%u", n + 1);
    p->own_text = strdup(o->beside.word[n]);
    char *rest = p->own_text;
    while (rest && (word = strtok_r(rest, " ", &rest))) {
        if (p->n_words == PARTITION_WORDS_MAX)
            return say_fail(EXIT_TOOL, "--beside: at most %d words", PARTITION_WORDS_MAX);
        p->own_words[p->n_words++] = word;
    }
    if (p->n_words == 0)
        return say_fail(EXIT_TOOL, "--beside: out of memory");
    int code = words_check(p);
    return code ? code : program_open(&p->program, p->words[0], p->memory_bytes);
}

int
partitions_open(struct partitions *ps, const struct options *o)
{
    *ps = (struct partitions){.at = calloc(1 + o->beside.n, sizeof *ps->at), .n = 1 + o->beside.n};
    if (!ps->at)
        return say_fail(EXIT_TOOL, "out of memory");
    int code = main_open(&ps->at[0], o);
    for (unsigned n = 0; n < o->beside.n && code == 0; n++)
        code = beside_open(&ps->at[1 + n], o, n);
    for (unsigned i = 0; i < ps->n && code == 0; i++)
        if (ps->at[i].program.kind == PROGRAM_LINUX && !ps->library.bytes)
            code = file_load_built(&ps->library, "out/examples/linux");
    return code;
}

uint64_t
partitions_memory(const struct partitions *ps)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < ps->n; i++)
        if (__builtin_add_overflow(sum, ps->at[i].memory_bytes, &sum))
            return UINT64_MAX;
    return sum;
}
