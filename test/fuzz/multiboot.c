/* SPDX-License-Identifier: MIT */
/* multiboot.c - any bytes to lib/multiboot.c: what comes out lies inside, and ranges do not wrap.
 */
#include <string.h>
#include "abi/error.h"
#include "lib/multiboot.h"
#include "test/fuzz/fuzz.h"

static void
inside(const uint8_t *bytes, size_t n, const void *at, size_t length)
{
    size_t offset = (size_t)((const uint8_t *)at - bytes);
    REQUIRE(offset <= n && length <= n - offset);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct multiboot m;
    struct multiboot_range range;
    uint32_t i = 0;
    int r = multiboot_decode(bytes, n, &m);
    REQUIRE(r == 0 || r == -E_INVAL);
    if (r)
        return 0;
    REQUIRE(m.n_memory >= 1 && m.module_pa + m.module_bytes <= UINT32_MAX);
    if (*m.command_line)
        inside(bytes, n, m.command_line, strlen(m.command_line) + 1);
    if (m.rsdp)
        inside(bytes, n, m.rsdp, m.rsdp_bytes);
    REQUIRE(!m.rsdp || (m.rsdp_bytes >= 20 && m.rsdp_bytes <= MULTIBOOT_RSDP_MAX));
    inside(bytes, n, m.memory, (size_t)m.n_memory * m.memory_entry_bytes);
    for (; multiboot_memory(&m, i, &range); i++)
        REQUIRE(range.pa + range.length >= range.pa);
    REQUIRE(i == m.n_memory);
    return 0;
}
