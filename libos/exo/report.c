/* SPDX-License-Identifier: MIT */
/*
 * report.c - the lines of docs/report.md.
 */
#include "libos/exo/report.h"
#include <stdarg.h>
#include <stddef.h>
#include "abi/memory.h"
#include "lib/format.h"
#include "libos/exo/exception.h"
#include "libos/exo/space.h"
#include "libos/exo/start.h"

enum { REPORT_LINE_MAX = 500, FRAMES_MAX = 64, SIGNAL_ABORT = 6 };

uint64_t report_base;

void
report_line(const struct console *c, const char *fmt, ...)
{
    char line[REPORT_LINE_MAX + 1];
    va_list args;
    size_t length;

    va_start(args, fmt);
    length = format_v(line, REPORT_LINE_MAX, fmt, args);
    va_end(args);
    if (length > REPORT_LINE_MAX - 1)
        length = REPORT_LINE_MAX - 1;
    line[length++] = '\n';
    console_write_all(c, STREAM_REPORT, line, length);
}

void
report_memory(const struct console *c, int signal)
{
    uint64_t kib = exo_start_page->limit_frames * (FRAME_BYTES >> 10);
    bool large = kib % 1024 == 0;

    report_line(c, "died %d out of memory: raise the limit of %lu %s (-m)", signal,
                large ? kib >> 10 : kib, large ? "MiB" : "KiB");
}

static const char *
access_words(uint64_t error)
{
    if (error & PAGE_FAULT_FETCH)
        return "jump to";
    return error & PAGE_FAULT_WRITE ? "write to" : "read of";
}

void
report_exception(const struct console *c, int signal, const struct save_area *save)
{
    if (save->vector == VECTOR_PAGE)
        report_line(c, "died %d %s: %s 0x%lx at 0x%lx", signal, exception_words(VECTOR_PAGE),
                    access_words(save->error), save->address, save->rip);
    else
        report_line(c, "died %d %s at 0x%lx", signal, exception_words(save->vector), save->rip);
}

void
report_registers(const struct console *c, const struct save_area *save)
{
    static const struct {
        char name[8];
        size_t offset;
    } registers[] = {
        {"rip", offsetof(struct save_area, rip)}, {"rsp", offsetof(struct save_area, rsp)},
        {"rbp", offsetof(struct save_area, rbp)}, {"rflags", offsetof(struct save_area, rflags)},
        {"rax", offsetof(struct save_area, rax)}, {"rbx", offsetof(struct save_area, rbx)},
        {"rcx", offsetof(struct save_area, rcx)}, {"rdx", offsetof(struct save_area, rdx)},
        {"rsi", offsetof(struct save_area, rsi)}, {"rdi", offsetof(struct save_area, rdi)},
        {"r8", offsetof(struct save_area, r8)},   {"r9", offsetof(struct save_area, r9)},
        {"r10", offsetof(struct save_area, r10)}, {"r11", offsetof(struct save_area, r11)},
        {"r12", offsetof(struct save_area, r12)}, {"r13", offsetof(struct save_area, r13)},
        {"r14", offsetof(struct save_area, r14)}, {"r15", offsetof(struct save_area, r15)},
    };

    for (size_t i = 0; i < sizeof(registers) / sizeof(registers[0]); i++)
        report_line(c, "register %s %lx", registers[i].name,
                    *(const uint64_t *)((const char *)save + registers[i].offset));
}

void
report_frames_by(const struct console *c, const struct save_area *save, report_peek *peek)
{
    uint64_t next, address, rbp = save->rbp;

    if (report_base)
        report_line(c, "loaded %lx", report_base);
    report_line(c, "frame %lx", save->rip);
    for (int i = 0; i < FRAMES_MAX && rbp % 8 == 0 && rbp != 0; i++) {
        if (!peek(rbp, &next) || !peek(rbp + 8, &address) || address == 0)
            return;
        report_line(c, "frame %lx", address);
        if (next <= rbp) /* frames lie upward; a ring of them would never end */
            return;
        rbp = next;
    }
}

static bool
peek_own(uint64_t va, uint64_t *out)
{
    if (!space_present(va))
        return false;
    *out = *(const uint64_t *)va;
    return true;
}

void
report_frames(const struct console *c, const struct save_area *save)
{
    report_frames_by(c, save, peek_own);
}

void
exo_die_of(const struct save_area *save)
{
    int signal = exception_signal(save->vector);

    report_exception(&exo_console, signal, save);
    report_registers(&exo_console, save);
    report_frames(&exo_console, save);
    exo_exit(128 + signal);
}

void
exo_fail(const char *why, const struct save_area *where)
{
    report_line(&exo_console, "died %d the library OS failed: %s", SIGNAL_ABORT, why);
    report_frames(&exo_console, where);
    exo_exit(128 + SIGNAL_ABORT);
}
