/* SPDX-License-Identifier: MIT */
/* panic.h - the kernel's last words: see panic.c. */
#pragma once
#include <stddef.h>

enum { PANIC_TEXT_MAX = 64 << 10 };

/* What the kernel wrote on the serial port: the last PANIC_TEXT_MAX bytes of it. */
struct serial_text {
    char bytes[PANIC_TEXT_MAX];
    size_t length;
};

void serial_take(struct serial_text *s, const char *bytes, size_t length);
int panic_print(const struct serial_text *s, const char *kernel_path);
