/* SPDX-License-Identifier: MIT */
/* call.c - the calls that concern no resource. */
#include "kernel/call.h"
#include "kernel/arch.h"

struct result
null(void)
{
    return result_ok(0);
}

LAST_USED struct result
call_unknown(uint64_t a, uint64_t b, uint64_t c, uint64_t number, uint64_t d, uint64_t e)
{
    (void)a;
    (void)b;
    (void)c;
    (void)number;
    (void)d;
    (void)e;
    return result_error(E_NOSYS);
}

struct result
clock_wall(struct machine *machine)
{
    (void)machine;
    return result_ok((int64_t)clock_wall_base());
}
