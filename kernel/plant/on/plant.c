/* SPDX-License-Identifier: MIT */
/* plant.c - the word plant=N of the command line, in the test build alone. */
#include "plant.h"
#include <stddef.h>
#include "lib/string.h"
#include "lib/words.h"

enum planted_fault planted_now;

void
plant_init(const char *command_line)
{
    static const char key[] = "plant=";
    enum { KEY_BYTES = sizeof(key) - 1 };
    struct line left = {command_line, strlen(command_line)};
    struct word w;
    uint64_t n;

    same_init(command_line);
    while (word_next(&left, &w)) {
        struct word value = {w.at + KEY_BYTES, w.length - KEY_BYTES};
        if (w.length > KEY_BYTES && memcmp(w.at, key, KEY_BYTES) == 0 &&
            number_decimal(value, &n) == 0)
            planted_now = (enum planted_fault)n;
    }
}
