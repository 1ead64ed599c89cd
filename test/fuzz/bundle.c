/* SPDX-License-Identifier: MIT */
/*
 * bundle.c - any bytes to lib/bundle.c: the modules of a checked bundle lie inside, apart, named.
 */
#include <string.h>
#include "abi/error.h"
#include "lib/bundle.h"
#include "test/fuzz/fuzz.h"

static void
module_require(const uint8_t *bytes, size_t n, const struct bundle_module *m)
{
    size_t name_at = (size_t)((const uint8_t *)m->name - bytes);
    REQUIRE(name_at <= n && n - name_at >= BUNDLE_NAME_MAX);
    REQUIRE(m->name[0] && memchr(m->name, 0, BUNDLE_NAME_MAX));
    REQUIRE(m->offset % 4096 == 0 && m->offset <= n && m->length <= n - m->offset);
    REQUIRE(m->bytes == bytes + m->offset);
    REQUIRE(m->offset > name_at); /* behind the entries */
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct bundle_module m[BUNDLE_MODULES_MAX + 1];
    int good = bundle_check(bytes, n);
    uint32_t i = 0;
    int r;
    REQUIRE(good == 0 || good == -E_INVAL);
    while ((r = bundle_module(bytes, n, i, &m[i])) == 0) {
        module_require(bytes, n, &m[i]);
        for (uint32_t j = 0; j < i && good == 0; j++) {
            const struct bundle_module *low = m[i].offset < m[j].offset ? &m[i] : &m[j];
            const struct bundle_module *high = low == &m[i] ? &m[j] : &m[i];
            REQUIRE(!low->length || !high->length || low->offset + low->length <= high->offset);
            REQUIRE(strcmp(low->name, high->name) != 0);
        }
        REQUIRE(++i <= BUNDLE_MODULES_MAX);
    }
    REQUIRE(good || (r == -E_NOENT && i >= 1));
    return 0;
}
