/* SPDX-License-Identifier: MIT */
/* plan.c - lib/plan.c: the plan of docs/report.md, and each fault with its words and its line. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include "abi/error.h"
#include "lib/plan.h"
#include "test/unit/made.h"
#include "test/unit/test.h"

static void
a_plan_yields_its_partitions_in_order(void)
{
    struct plan plan = plan_of(made_plan, strlen(made_plan));
    struct plan_partition p;
    CHECK(plan_next(&plan, &p) == 1 && plan.log && plan.line_number == 11);
    CHECK(p.channel == 1 && strcmp(p.name, "sort") == 0 && p.memory_bytes == 536870912);
    CHECK(strcmp(p.library, "linux") == 0 && strcmp(p.program, "busybox") == 0);
    CHECK(p.n_arguments == 3 && p.n_environment == 2);
    CHECK(plan_next(&plan, &p) == 1 && p.channel == 63 && p.memory_bytes == 1);
    CHECK(strcmp(p.name, "hello.1_a-b") == 0 && strcmp(p.library, "hello") == 0);
    CHECK(p.program[0] == 0 && p.n_arguments == 0 && p.n_environment == 0);
    CHECK(plan_next(&plan, &p) == 0 && plan_next(&plan, &p) == 0);
}

static void
arguments_and_variables_come_in_order(void)
{
    struct plan plan = plan_of(made_plan, strlen(made_plan));
    struct plan_partition p;
    struct word w;
    char to[32];
    CHECK(plan_next(&plan, &p) == 1);
    struct lines at = p.block;
    CHECK(plan_argument_next(&at, &w) && word_is(w, "sort"));
    CHECK(plan_argument_next(&at, &w) && percent_decode(to, sizeof to, w) == 4);
    CHECK(strcmp(to, "-k 2") == 0);
    CHECK(plan_argument_next(&at, &w) && percent_decode(to, sizeof to, w) == 0);
    CHECK(!plan_argument_next(&at, &w));
    at = p.block;
    CHECK(plan_environment_next(&at, &w) && word_is(w, "LANG=C"));
    CHECK(plan_environment_next(&at, &w) && percent_decode(to, sizeof to, w) == 6);
    CHECK(strcmp(to, "PS1=% ") == 0);
    CHECK(!plan_environment_next(&at, &w));
}

static void
an_empty_plan_has_no_partition(void)
{
    struct plan_partition p;
    struct plan plan = plan_of("", 0);
    CHECK(plan_next(&plan, &p) == 0 && !plan.log);
    plan = plan_of("\n\nlater word\n", 13);
    CHECK(plan_next(&plan, &p) == 0 && !plan.log);
}

/* Is the plan refused, for good, with these words about that line? */
static bool
refused(const char *text, uint32_t line, const char *words)
{
    struct plan_partition p;
    struct plan plan = plan_of(text, strlen(text));
    int r;
    do
        r = plan_next(&plan, &p);
    while (r > 0);
    bool right = r == -E_INVAL && plan.line_number == line && strstr(plan.why, words) &&
                 plan_next(&plan, &p) == -E_INVAL && plan.line_number == line;
    if (!right)
        printf("%s:%u: %s\n", text, plan.line_number, plan.why ? plan.why : "accepted");
    return right;
}

#define REST "memory 1\nlibrary l\nend\n"

static void
a_partition_line_is_checked(void)
{
    CHECK(refused("partition\n" REST, 1, "CHANNEL NAME"));
    CHECK(refused("partition 1\n" REST, 1, "CHANNEL NAME"));
    CHECK(refused("partition 1 a b\n" REST, 1, "CHANNEL NAME"));
    CHECK(refused("partition 0 a\n" REST, 1, "channel"));
    CHECK(refused("partition 64 a\n" REST, 1, "channel"));
    CHECK(refused("partition 99999999999999999999 a\n" REST, 1, "channel"));
    CHECK(refused("partition 1 a/b\n" REST, 1, "name"));
    CHECK(refused("partition 1 12345678901234567890123456789012\n" REST, 1, "name"));
    CHECK(refused("partition 1 a\n" REST "partition 1 b\n" REST, 5, "same channel"));
}

static void
a_block_has_its_lines_once(void)
{
    CHECK(refused("partition 1 a\nlibrary l\nend\n", 3, "no memory"));
    CHECK(refused("partition 1 a\nmemory 1\nend\n", 3, "no library"));
    CHECK(refused("partition 1 a\nmemory 1\nmemory 2\n", 3, "twice"));
    CHECK(refused("partition 1 a\nlibrary l\nlibrary l\n", 3, "twice"));
    CHECK(refused("partition 1 a\nprogram l\nprogram l\n", 3, "twice"));
    CHECK(refused("partition 1 a\nmemory 1\npartition 2 b\n", 3, "begins before"));
    CHECK(refused("partition 1 a\nmemory 1\n", 2, "stops within"));
    CHECK(refused("partition 1 a\nmemory 1\nlibrary l\nend", 3, "stops within"));
    CHECK(refused("partition 1 a\n" REST "partition", 4, "no newline"));
}

static void
fields_are_checked(void)
{
    CHECK(refused("partition 1 a\nmemory 0\n", 2, "memory"));
    CHECK(refused("partition 1 a\nmemory -1\n", 2, "memory"));
    CHECK(refused("partition 1 a\nmemory\n", 2, "memory"));
    CHECK(refused("partition 1 a\nlibrary\n", 2, "module"));
    CHECK(refused("partition 1 a\nprogram a b\n", 2, "module"));
    CHECK(
        refused("partition 1 a\nlibrary 0123456789012345678901234567890123456789\n", 2, "module"));
    CHECK(refused("partition 1 a\nargument %0\n", 2, "argument"));
    CHECK(refused("partition 1 a\nargument %00\n", 2, "argument"));
    CHECK(refused("partition 1 a\nargument a b\n", 2, "argument"));
    CHECK(refused("partition 1 a\nenvironment KEY\n", 2, "KEY=VALUE"));
    CHECK(refused("partition 1 a\nenvironment =V\n", 2, "KEY=VALUE"));
    CHECK(refused("partition 1 a\nenvironment\n", 2, "KEY=VALUE"));
    CHECK(refused("partition 1 a\nenvironment K=%\n", 2, "variable"));
}

/* One argument of n bytes, each written in three. */
static int
plan_with_argument(size_t n)
{
    static char text[3 * PLAN_TEXT_MAX + 100];
    size_t at = (size_t)sprintf(text, "partition 1 a\nargument ");
    for (size_t i = 0; i < n; i++)
        at += (size_t)sprintf(text + at, "%%ff");
    at += (size_t)sprintf(text + at, "\n" REST);
    struct plan plan = plan_of(text, at);
    struct plan_partition p;
    return plan_next(&plan, &p);
}

static void
an_argument_may_have_128_kib_with_its_end(void)
{
    CHECK(plan_with_argument(PLAN_TEXT_MAX - 1) == 1);
    CHECK(plan_with_argument(PLAN_TEXT_MAX) == -E_INVAL);
}

const struct test plan_tests[] = {
    {"a_plan_yields_its_partitions_in_order", a_plan_yields_its_partitions_in_order},
    {"arguments_and_variables_come_in_order", arguments_and_variables_come_in_order},
    {"an_empty_plan_has_no_partition", an_empty_plan_has_no_partition},
    {"a_partition_line_is_checked", a_partition_line_is_checked},
    {"a_block_has_its_lines_once", a_block_has_its_lines_once},
    {"fields_are_checked", fields_are_checked},
    {"an_argument_may_have_128_kib_with_its_end", an_argument_may_have_128_kib_with_its_end},
    {NULL, NULL},
};
