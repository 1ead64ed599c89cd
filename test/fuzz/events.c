/* SPDX-License-Identifier: MIT */
/*
 * events.c - any bytes as a machine's memory to host/events.c: on every track each span that begins
 * ends, none ends that has not begun, and time never goes back.
 */
#include "host/events.h"
#include <string.h>
#include "abi/error.h"
#include "abi/trace.h"
#include "test/fuzz/fuzz.h"

static void
line_require(const char *line, int depth[TRACE_CPUS_MAX], double last[TRACE_CPUS_MAX])
{
    char phase;
    unsigned track;
    double at;
    if (sscanf(line, "{\"ph\":\"%c\",\"pid\":0,\"tid\":%u,\"ts\":%lf", &phase, &track, &at) != 3)
        return;
    REQUIRE(track < TRACE_CPUS_MAX && at >= last[track]);
    last[track] = at;
    depth[track] += (phase == 'B') - (phase == 'E');
    REQUIRE(depth[track] >= 0 && depth[track] <= 2);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct events e = {.memory = bytes, .bytes = n, .name = {[1] = "main"}};
    int depth[TRACE_CPUS_MAX] = {0};
    double last[TRACE_CPUS_MAX] = {0};
    char *text = NULL, *rest;
    size_t length;
    FILE *to = open_memstream(&text, &length);
    REQUIRE(to);
    int r = events_write(to, &e);
    REQUIRE(r == 0 || r == -E_INVAL);
    fclose(to);
    REQUIRE(length > 3 && !strcmp(text + length - 3, "}}\n"));
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
        line_require(line, depth, last);
    for (int i = 0; i < TRACE_CPUS_MAX; i++)
        REQUIRE(!depth[i]);
    free(text);
    return 0;
}
