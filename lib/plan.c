/* SPDX-License-Identifier: MIT */
/*
 * plan.c - reading the plan: blocks of lines, one block a partition (docs/report.md).
 *
 * Invariants  P1 a partition handed out has every field that must be there, once, in its range.
 *             P2 its arguments and variables decode; no two partitions have the same channel.
 */
#include "abi/channel.h"
#include "abi/error.h"
#include "lib/plan.h"
#include "lib/string.h"

/* What a block has had so far, to refuse a second one. */
enum seen { SEEN_MEMORY = 1, SEEN_LIBRARY = 2, SEEN_PROGRAM = 4 };

struct plan
plan_of(const char *text, size_t length)
{
    return (struct plan){.lines = lines_of(text, length)};
}

static bool
plan_line(struct plan *plan, struct line *out)
{
    if (!line_next(&plan->lines, out))
        return false;
    plan->line_number++;
    return true;
}

static bool
is_name_byte(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' ||
           c == '_' || c == '-';
}

static bool
name_read(struct word w, char name[PLAN_NAME_MAX])
{
    if (!w.length || w.length >= PLAN_NAME_MAX)
        return false;
    for (size_t i = 0; i < w.length; i++)
        if (!is_name_byte(w.at[i]))
            return false;
    memcpy(name, w.at, w.length);
    name[w.length] = 0;
    return true;
}

/* `partition CHANNEL NAME`, the first word taken. Returns NULL or what is wrong. */
static const char *
partition_begin(struct plan *plan, struct line rest, struct plan_partition *out)
{
    struct word w[3];
    uint64_t channel;
    if (words_split(rest, w, 3) != 2)
        return "a partition line is not: partition CHANNEL NAME";
    if (number_decimal(w[0], &channel) || channel < 1 || channel >= CHANNEL_MAX)
        return "a channel is not a number from 1 to 63";
    if (plan->channels & 1ull << channel)
        return "two partitions have the same channel";
    if (!name_read(w[1], out->name))
        return "a partition's name is not 1 to 31 letters, digits, '.', '_' or '-'";
    plan->channels |= 1ull << channel;
    out->channel = (uint32_t)channel;
    return NULL;
}

static const char *
memory_read(struct word w, struct plan_partition *out)
{
    if (number_decimal(w, &out->memory_bytes) || !out->memory_bytes)
        return "memory is not a number of bytes, at least 1";
    return NULL;
}

static const char *
module_read(struct word w, char name[BUNDLE_NAME_MAX])
{
    int length = percent_decode(name, BUNDLE_NAME_MAX, w);
    return length > 0 ? NULL : "a module's name is empty, too long or malformed";
}

/* Is the text well encoded, and short enough for PLAN_TEXT_MAX? */
static bool
text_is_good(struct word w)
{
    char c;
    size_t n = 0;
    while (w.length) {
        struct word one = {w.at, w.at[0] == '%' && w.length >= 3 ? 3 : 1};
        if (percent_decode(&c, 0, one) == -E_INVAL)
            return false;
        w.at += one.length;
        w.length -= one.length;
        n++;
    }
    return n < PLAN_TEXT_MAX;
}

static const char *
argument_check(struct word w, struct plan_partition *out)
{
    out->n_arguments++;
    return text_is_good(w) ? NULL : "an argument is malformed or over 128 KiB";
}

static const char *
environment_check(struct word w, struct plan_partition *out)
{
    out->n_environment++;
    bool pair = w.length && w.at[0] != '=' && memchr(w.at, '=', w.length);
    if (!pair)
        return "an environment line is not KEY=VALUE";
    return text_is_good(w) ? NULL : "a variable is malformed or over 128 KiB";
}

static const char *
seen_once(uint32_t *seen, enum seen what)
{
    if (*seen & what)
        return "a block has the same line twice";
    *seen |= what;
    return NULL;
}

/* A line of a block other than its first and last. Returns NULL or what is wrong. */
static const char *
block_line(struct word first, struct word rest, uint32_t *seen, struct plan_partition *out)
{
    const char *why = NULL;
    if (word_is(first, "memory")) {
        why = seen_once(seen, SEEN_MEMORY);
        return why ? why : memory_read(rest, out);
    }
    if (word_is(first, "library")) {
        why = seen_once(seen, SEEN_LIBRARY);
        return why ? why : module_read(rest, out->library);
    }
    if (word_is(first, "program")) {
        why = seen_once(seen, SEEN_PROGRAM);
        return why ? why : module_read(rest, out->program);
    }
    if (word_is(first, "argument"))
        return argument_check(rest, out);
    if (word_is(first, "environment"))
        return environment_check(rest, out);
    if (word_is(first, "partition"))
        return "a block begins before the one above it ends";
    return NULL;
}

/* The lines of a block up to its `end`. Returns NULL or what is wrong. */
static const char *
block_read(struct plan *plan, struct plan_partition *out)
{
    struct line l;
    uint32_t seen = 0;
    const char *begin = plan->lines.at;
    while (plan_line(plan, &l)) {
        const char *line_begin = l.at;
        struct word first = {l.at, 0};
        word_next(&l, &first);
        if (word_is(first, "end")) {
            out->block = lines_of(begin, (size_t)(line_begin - begin));
            if (!(seen & SEEN_MEMORY))
                return "a block has no memory line";
            return seen & SEEN_LIBRARY ? NULL : "a block has no library line";
        }
        const char *why = block_line(first, word_rest(&l), &seen, out);
        if (why)
            return why;
    }
    return "the plan stops within a block";
}

/* Find the next block and read it. Returns true when there was one, or something was wrong. */
static bool
block_next(struct plan *plan, struct plan_partition *out)
{
    struct line l;
    struct word first;
    while (plan_line(plan, &l)) {
        if (!word_next(&l, &first))
            continue;
        if (word_is(first, "log") && !plan->channels)
            plan->log = true;
        if (word_is(first, "partition")) {
            plan->why = partition_begin(plan, l, out);
            if (!plan->why)
                plan->why = block_read(plan, out);
            return true;
        }
    }
    if (plan->lines.at != plan->lines.end)
        plan->why = "the last line has no newline";
    return plan->why;
}

int
plan_next(struct plan *plan, struct plan_partition *out)
{
    *out = (struct plan_partition){0};
    bool found = plan->why || block_next(plan, out);
    return plan->why ? -E_INVAL : found;
}

/* Take the rest of the next line that begins with a word. */
static bool
block_take(struct lines *block, const char *word, struct word *out)
{
    struct line l;
    while (line_next(block, &l)) {
        struct word first = {l.at, 0};
        word_next(&l, &first);
        if (word_is(first, word)) {
            *out = word_rest(&l);
            return true;
        }
    }
    return false;
}

bool
plan_argument_next(struct lines *block, struct word *out)
{
    return block_take(block, "argument", out);
}

bool
plan_environment_next(struct lines *block, struct word *out)
{
    return block_take(block, "environment", out);
}
