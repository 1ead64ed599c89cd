/* SPDX-License-Identifier: MIT */
/*
 * lines.c - threads that write more lines than the host has room for: WRITERS of them LINES each,
 * of all lengths, while one counts. run.py reads late and slowly, and looks at every byte.
 */
#include "test/boot/kit.h"

enum { WRITERS = 5, LINES = 1500, LENGTHS = 700 };

static volatile uint64_t counted;

static void
writer(void *argument)
{
    char line[LENGTHS + 40];
    uint64_t self = (uintptr_t)argument;

    for (uint64_t i = 0; i < LINES; i++) {
        uint64_t length = (i * 131 + self * 17) % LENGTHS;

        memset(line, 'a' + (int)self, length);
        line[length] = 0;
        expect(print("%lu %lu %s\n", self, i, line) == 0, "print");
    }
}

static void
count(void *argument)
{
    (void)argument;
    for (;; thread_yield())
        counted++;
}

int
exo_main(const struct start_page *start)
{
    struct thread *threads[WRITERS];

    (void)start;
    thread_start(count, NULL);
    for (uint64_t i = 0; i < WRITERS; i++)
        threads[i] = thread_start(writer, (void *)i);
    for (uint64_t i = 0; i < WRITERS; i++)
        thread_join(threads[i]);
    expect(counted > 0, "who does not write goes on");
    return done();
}
