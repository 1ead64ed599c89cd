/* SPDX-License-Identifier: MIT */
/*
 * report.c - any bytes as the lines of a report to host/report.c: what comes out is one line,
 * fits, and holds nothing that steers a terminal, whatever the program and its symbols are.
 */
#include "host/report.h"
#include "test/fuzz/fuzz.h"

static void
text_require(const char *text, size_t n)
{
    REQUIRE(n < REPORT_TEXT_MAX);
    REQUIRE(n == 0 || text[n - 1] == '\n');
    for (size_t i = 0; i + 1 < n; i++)
        REQUIRE(((unsigned char)text[i] >= 0x20 && text[i] != 0x7f) || text[i] == '\t');
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    static char text[REPORT_TEXT_MAX];
    struct report report = {.name = "fuzzed", .image = {{"image", bytes, n, 0}}, .n_images = 1};
    struct lines lines = lines_of((const char *)bytes, n);
    struct line line;
    while (line_next(&lines, &line))
        text_require(text, report_line(&report, line, text));
    return 0;
}
