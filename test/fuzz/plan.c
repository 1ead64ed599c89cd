/* SPDX-License-Identifier: MIT */
/* plan.c - any text to lib/plan.c: a partition that comes out has all its fields in range. */
#include <string.h>
#include "abi/channel.h"
#include "abi/error.h"
#include "lib/plan.h"
#include "test/fuzz/fuzz.h"

static char text_room[PLAN_TEXT_MAX];

static uint32_t
texts_require(struct lines block, bool (*next)(struct lines *, struct word *))
{
    struct word w;
    uint32_t n = 0;
    for (; next(&block, &w); n++)
        REQUIRE(percent_decode(text_room, sizeof text_room, w) >= 0);
    return n;
}

static void
partition_require(const struct plan_partition *p)
{
    REQUIRE(p->channel >= 1 && p->channel < CHANNEL_MAX && p->memory_bytes >= 1);
    REQUIRE(p->name[0] && memchr(p->name, 0, PLAN_NAME_MAX) && !strchr(p->name, '/'));
    REQUIRE(p->library[0] && memchr(p->library, 0, BUNDLE_NAME_MAX));
    REQUIRE(memchr(p->program, 0, BUNDLE_NAME_MAX));
    REQUIRE(texts_require(p->block, plan_argument_next) == p->n_arguments);
    REQUIRE(texts_require(p->block, plan_environment_next) == p->n_environment);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct plan plan = plan_of((const char *)bytes, n);
    struct plan_partition p;
    uint64_t channels = 0;
    int r;
    while ((r = plan_next(&plan, &p)) > 0) {
        partition_require(&p);
        REQUIRE(!(channels & 1ull << p.channel));
        channels |= 1ull << p.channel;
    }
    REQUIRE(r == 0 || (r == -E_INVAL && plan.why && *plan.why));
    REQUIRE(plan_next(&plan, &p) == r);
    return 0;
}
