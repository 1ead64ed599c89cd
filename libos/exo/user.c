/* SPDX-License-Identifier: MIT */
/*
 * user.c - on behalf of a program. The kernel copies between console and program and names the page
 * that is absent: we bring it, and ask again.
 */
#include "libos/exo/user.h"
#include "abi/error.h"
#include "abi/memory.h"
#include "lib/string.h"
#include "libos/exo/console.h"
#include "libos/exo/region.h"

int64_t
user_put(uint64_t va, const void *from, uint64_t n)
{
    if (!region_covers(va, n, MAP_WRITE))
        return -E_FAULT;
    memcpy((void *)va, from, n);
    return 0;
}

int64_t
user_read(uint64_t va, uint64_t n)
{
    struct call_result r;
    do
        r = console_read(&exo_console, va, n);
    while (r.value == -E_FAULT && region_touch(r.detail, MAP_WRITE) == 0);
    return r.value;
}

int64_t
user_write(uint32_t stream, uint64_t va, uint64_t n)
{
    uint64_t done = 0;
    while (done < n) {
        struct call_result r = console_write(&exo_console, stream, va + done, n - done);
        if (r.value == -E_FAULT && region_touch(r.detail, MAP_READ) == 0)
            continue;
        if (r.value < 0)
            return done > 0 ? (int64_t)done : r.value;
        done += (uint64_t)r.value;
    }
    return (int64_t)done;
}
