/* SPDX-License-Identifier: MIT */
/*
 * main.c - runs the unit tests: all of them, or those named.
 *
 *     out/unit/run [--list | NAME...]
 *
 * Each test runs in a child, so that one which a sanitizer or a signal ends fails alone, and a leak
 * counts against the test that made it. Exit status: 0 all passed, 1 some failed, 2 no such test.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "test/unit/test.h"

static const struct test *const tables[] = {
    mem_tests,    format_tests,  siphash_tests,   elf_tests,      bundle_tests, words_tests,
    plan_tests,   message_tests, multiboot_tests, firmware_tests, heap_tests,   pairing_tests,
    grants_tests, reverse_tests, accounts_tests,  wall_tests,
};

enum { N_TABLES = sizeof tables / sizeof tables[0], EXIT_FAILED_CHECK = 99 };

static const char *running; /* the name of the test that this process runs */
static bool failed;

void
test_fail(const char *file, int line, const char *what)
{
    printf("FAIL %s: %s:%d: %s\n", running, file, line, what);
    failed = true;
}

uint8_t *
exact_copy(const void *bytes, size_t n)
{
    uint8_t *block = malloc(n + 1);
    if (!block)
        abort();
    memcpy(block + 1, bytes, n);
    return block + 1;
}

void
exact_free(uint8_t *copy)
{
    free(copy - 1);
}

/* In the child: never returns. exit, not _exit, since the leak check runs there. */
static void
test_run_here(const struct test *t)
{
    running = t->name;
    t->run();
    exit(failed ? EXIT_FAILED_CHECK : 0);
}

/* Run one test in a child and print its line. Returns whether it passed. */
static bool
test_run(const struct test *t)
{
    int status;
    fflush(stdout);
    pid_t child = fork();
    if (child == 0)
        test_run_here(t);
    if (child < 0 || waitpid(child, &status, 0) < 0) {
        printf("FAIL %s: no process to run it in\n", t->name);
        return false;
    }
    if (WIFSIGNALED(status))
        printf("FAIL %s: ended by signal %d\n", t->name, WTERMSIG(status));
    else if (WEXITSTATUS(status) == 0)
        printf("ok %s\n", t->name);
    else if (WEXITSTATUS(status) != EXIT_FAILED_CHECK)
        printf("FAIL %s: ended with status %d\n", t->name, WEXITSTATUS(status));
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static const struct test *
test_find(const char *name)
{
    for (int i = 0; i < N_TABLES; i++)
        for (const struct test *t = tables[i]; t->name; t++)
            if (strcmp(t->name, name) == 0)
                return t;
    return NULL;
}

static void
list(void)
{
    for (int i = 0; i < N_TABLES; i++)
        for (const struct test *t = tables[i]; t->name; t++)
            puts(t->name);
}

static int
report(int passed, int n_failed)
{
    printf("%d passed, %d failed\n", passed, n_failed);
    return n_failed ? 1 : 0;
}

static int
run_all(void)
{
    int passed = 0, n_failed = 0;
    for (int i = 0; i < N_TABLES; i++)
        for (const struct test *t = tables[i]; t->name; t++)
            *(test_run(t) ? &passed : &n_failed) += 1;
    return report(passed, n_failed);
}

static int
run_named(int n, char **names)
{
    int passed = 0, n_failed = 0;
    for (int i = 0; i < n; i++) {
        const struct test *t = test_find(names[i]);
        if (!t) {
            fprintf(stderr, "no test is called %s; --list prints the names\n", names[i]);
            return 2;
        }
        *(test_run(t) ? &passed : &n_failed) += 1;
    }
    return report(passed, n_failed);
}

int
main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--list") == 0) {
        list();
        return 0;
    }
    return argc > 1 ? run_named(argc - 1, argv + 1) : run_all();
}
