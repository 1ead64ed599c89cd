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

/* Keep the last bytes: a panic comes at the end. */
void serial_take(struct serial_text *s, const char *bytes, size_t length);
/* Print the panic, if there was one.  Returns whether there was. */
int panic_print(const struct serial_text *s, const char *kernel_path);
