/* SPDX-License-Identifier: MIT */
/*
 * report.h - what library OSes and init say of a program, made into lines for people: see report.c.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "lib/words.h"

enum report_limit {
    REPORT_TEXT_MAX = 4 * LINE_BYTES_MAX + 512, /* one line of a report, as it is printed */
    REPORT_IMAGES = 2,
};

/* An executable whose symbols name addresses. */
struct report_image {
    const char *name;
    const uint8_t *bytes;
    size_t length;
    uint64_t base; /* it lies so much higher than it was linked */
};

struct report {
    const char *name;                         /* the partition's */
    struct report_image image[REPORT_IMAGES]; /* [0] is the program, where there is one */
    unsigned n_images;
    int innermost; /* the next `frame` is the first: where it died, not a return address */
    size_t length; /* of a line that has begun */
    int too_long;  /* it is to be ignored */
    char line[LINE_BYTES_MAX];
};

/* One line as it is to be printed.  Returns its length; 0: nothing is to be printed. */
size_t report_line(struct report *r, struct line line, char text[REPORT_TEXT_MAX]);
/*
 * One frame of a backtrace: the address, and the function that holds it. The innermost is where it
 * died; of a return address the byte before it belongs to the call.
 */
size_t report_frame(struct report *r, uint64_t address, char text[REPORT_TEXT_MAX]);
/* An output_sink: print the lines that end in these bytes, keep the rest. */
long report_take(void *report, const uint8_t *bytes, size_t length);
