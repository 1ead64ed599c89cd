/* SPDX-License-Identifier: MIT */
/* call.c - the calls that concern no resource. */
#include "kernel/call.h"
#include "kernel/arch.h"

struct result
null(void)
{
    return result_ok(0);
}

struct result
clock_wall(struct machine *machine)
{
    (void)machine;
    return result_ok((int64_t)clock_wall_base());
}
