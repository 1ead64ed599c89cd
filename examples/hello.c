/* SPDX-License-Identifier: MIT */
/*
 * hello.c - a program on the bare exokernel: it is its own operating system.
 */
#include "libos/exo/exo.h"

int
exo_main(const struct start_page *start)
{
    const char *argument = (const char *)start->strings_va;

    console_print("hello from a library operating system\n");
    for (uint32_t i = 0; i < start->n_arguments; i++) {
        console_print(i > 0 ? " " : "my arguments: ");
        console_print(argument);
        argument = string_next(argument);
    }
    return console_print("\n") < 0;
}
