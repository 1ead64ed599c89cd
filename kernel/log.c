/* SPDX-License-Identifier: MIT */
/*
 * log.c - the kernel's log, and its end (log.h).
 *
 * A panic is, on COM1: `panic: TEXT`, the registers where kernel/x86 knows them, and one line
 * `frame ADDRESS` for each return address, innermost first, which the host command names.
 */
#include <stdarg.h>
#include "kernel/arch.h"
#include "kernel/dev/channel.h"
#include "kernel/log.h"
#include "lib/format.h"
#include "lib/string.h"
#include "lib/words.h"

enum {
    LOG_LINE_MAX = 320, /* bytes, with the newline and the ending 0 */
    FRAMES_MAX = 32,
    FRAME_STEP_MAX = 8192, /* bytes between two frames: kernel stacks are no larger */
};

static bool log_on;
static const char *prefix = ""; /* beside a host command that one writes it */

void
log_init(const char *command_line)
{
    log_on = line_has_word(command_line, "log");
    if (line_has_word(command_line, "plain"))
        prefix = "kernel| ";
}

/* Formats one line with its newline; a longer one is cut. Returns its bytes. */
__attribute__((format(printf, 3, 0))) static uint32_t
line_format(char *text, size_t size, const char *words, va_list args)
{
    size_t n = format_v(text, size - 1, words, args);
    if (n > size - 2)
        n = size - 2;
    text[n] = '\n';
    return (uint32_t)n + 1;
}

void
log_line(const char *words, ...)
{
    char text[LOG_LINE_MAX];
    va_list args;

    if (!log_on)
        return;
    size_t said = string_copy(text, LOG_LINE_MAX, prefix);
    va_start(args, words);
    uint32_t n = (uint32_t)said + line_format(text + said, LOG_LINE_MAX - said, words, args);
    va_end(args);
    if (!channel_log(text, n))
        arch_serial_write(text, n);
}

/* Saved frame pointer and return address, as -fno-omit-frame-pointer leaves them. */
struct stack_frame {
    const struct stack_frame *next;
    uintptr_t return_address;
};

/* May the frame above be looked at? It lies further up the same stack, in the kernel's half. */
static bool
frame_plausible(const struct stack_frame *frame, const struct stack_frame *next)
{
    uintptr_t at = (uintptr_t)frame, up = (uintptr_t)next;
    return (intptr_t)up < 0 && up % sizeof(uintptr_t) == 0 && up > at && up - at <= FRAME_STEP_MAX;
}

static void
frame_write(uint64_t address)
{
    char text[LOG_LINE_MAX];
    size_t n = format(text, sizeof(text), "frame %lx\n", (unsigned long)address);
    arch_serial_write(text, n);
}

static _Noreturn void
backtrace_end(const struct stack_frame *frame)
{
    static bool ending; /* set before the walk: a fault in it comes here again */

    if (ending)
        arch_power_off(PANIC_STATUS);
    ending = true;
    for (uint32_t i = 0; frame && i < FRAMES_MAX; i++) {
        frame_write(frame->return_address);
        frame = frame_plausible(frame, frame->next) ? frame->next : NULL;
    }
    arch_power_off(PANIC_STATUS);
}

_Noreturn void
panic(const char *words, ...)
{
    char text[LOG_LINE_MAX];
    va_list args;

    va_start(args, words);
    uint32_t n = line_format(text, sizeof(text), words, args);
    va_end(args);
    arch_serial_write("panic: ", strlen("panic: "));
    arch_serial_write(text, n);
    backtrace_end(__builtin_frame_address(0));
}

void
log_panic(const char *words, ...)
{
    char text[LOG_LINE_MAX];
    va_list args;

    va_start(args, words);
    size_t n = format_v(text, sizeof(text), words, args);
    va_end(args);
    arch_serial_write(text, n < sizeof(text) ? n : sizeof(text) - 1);
}

_Noreturn void
log_panic_end(uint64_t rip, uint64_t frame_pointer)
{
    const struct stack_frame *here = __builtin_frame_address(0);
    const struct stack_frame *frame = (const struct stack_frame *)(uintptr_t)frame_pointer;

    frame_write(rip);
    backtrace_end(frame_plausible(here, frame) ? frame : NULL);
}
