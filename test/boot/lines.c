/* SPDX-License-Identifier: MIT */
/*
 * lines.c - threads that write more lines than the host has room for: WRITERS of them LINES each,
 * of all lengths up to several messages, while one counts. run.py reads late and slowly, and looks at every byte. Argument
 * `spread`: on several contexts; `contexts`: contexts without threads write; `both`: two of these, and threads.
 */
#include "lib/format.h"
#include "test/boot/kit.h"

enum { WRITERS = 5, LINES = 1500, LENGTHS = 700, LONG_EACH = 100, LONG = 20000 };
_Static_assert((int)LONG > (int)CHANNEL_PAYLOAD_MAX, "more than goes in one message");

static volatile uint64_t counted;

static void
writer(void *argument)
{
    static char lines[WRITERS][LONG + 40];
    uint64_t self = (uintptr_t)argument;
    char *line = lines[self];

    for (uint64_t i = 0; i < LINES; i++) {
        uint64_t length = i % LONG_EACH ? (i * 131 + self * 17) % LENGTHS : LONG;
        uint64_t head = format(line, 40, "%lu %lu ", self, i);

        memset(line + head, 'a' + (int)self, length);
        line[head + length] = '\n';
        expect(console_write_all(&exo_console, STREAM_OUTPUT, line, head + length + 1) == 0,
               "console_write_all");
    }
}

static void
count(void *argument)
{
    (void)argument;
    for (;; thread_yield())
        counted++;
}

static void
context_writer(void *argument)
{
    writer(argument);
    call_context_exit(0);
}

enum { SLICE_NS = 2000000 };

static struct context *c[WRITERS];

static void
contexts_begin(uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        c[i] = context_add(context_writer, (void *)i);
        if (!c[i])
            fail("no context");
        fine(context_place(c[i], (uint32_t)i % cpu_count(), SLICE_NS), "a slice");
    }
}

static void
contexts_end(uint64_t n)
{
    for (uint64_t i = 0; i < n; i++)
        while (!context_stopped(c[i]))
            clock_sleep_until(clock_ns() + SLICE_NS);
}

static int
contexts(void)
{
    contexts_begin(WRITERS);
    contexts_end(WRITERS);
    return done();
}

int
exo_main(const struct start_page *start)
{
    struct thread *threads[WRITERS];
    uint64_t without = argument(0)[0] == 'b' ? 2 : 0; /* threads */

    (void)start;
    if (argument(0)[0] == 'c')
        return contexts();
    if (argument(0)[0] == 's')
        fine(threads_spread(cpu_count() + 1), "threads_spread");
    thread_start(count, NULL);
    contexts_begin(without);
    for (uint64_t i = without; i < WRITERS; i++)
        threads[i] = thread_start(writer, (void *)i);
    for (uint64_t i = without; i < WRITERS; i++)
        thread_join(threads[i]);
    contexts_end(without);
    expect(counted > 0, "who does not write goes on");
    return done();
}
