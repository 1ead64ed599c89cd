/* SPDX-License-Identifier: MIT */
/* vectors.c - vector registers, looked at and filled (vectors.h). */
#include "test/boot/vectors.h"
#include "lib/string.h"

enum {
    CONTROL_START = 0x37f,
    MXCSR_START = 0x1f80,
    CONTROL_OURS = 0xf7f, /* towards 0 */
    MXCSR_OURS = 0x7f80,
    VALUES = 32, /* offset of the registers' contents in what fxsave writes */
    XMM = 160,
    END = 416,
    CPUID_XSAVE_ON = 1 << 27,
    CPUID_AVX = 1 << 28,
    STATE_YMM = 1 << 2,
};

struct state {
    uint16_t control, status;
    uint8_t tags, reserved;
    uint16_t opcode;
    uint64_t rip, rdp;
    uint32_t mxcsr, mask;
    uint8_t rest[512 - VALUES];
} __attribute__((aligned(16)));
_Static_assert(sizeof(struct state) == 512, "as fxsave writes");

static bool
has_ymm(void)
{
    uint32_t a = 1, b, c, d, low;

    __asm__("cpuid" : "+a"(a), "=b"(b), "=c"(c), "=d"(d));
    if ((c & (CPUID_XSAVE_ON | CPUID_AVX)) != (CPUID_XSAVE_ON | CPUID_AVX))
        return false;
    __asm__("xgetbv" : "=a"(low), "=d"(d) : "c"(0));
    return low & STATE_YMM;
}

static void
state_now(struct state *s)
{
    memset(s, 0, sizeof(*s));
    __asm__ volatile("fxsave64 (%0)" ::"r"(s) : "memory");
}

/* The upper halves of the sixteen. */
static void
upper_halves(uint64_t half[32])
{
    __asm__ volatile(
        "vextractf128 $1, %%ymm0, 0(%0)\n\tvextractf128 $1, %%ymm1, 16(%0)\n\t"
        "vextractf128 $1, %%ymm2, 32(%0)\n\tvextractf128 $1, %%ymm3, 48(%0)\n\t"
        "vextractf128 $1, %%ymm4, 64(%0)\n\tvextractf128 $1, %%ymm5, 80(%0)\n\t"
        "vextractf128 $1, %%ymm6, 96(%0)\n\tvextractf128 $1, %%ymm7, 112(%0)\n\t"
        "vextractf128 $1, %%ymm8, 128(%0)\n\tvextractf128 $1, %%ymm9, 144(%0)\n\t"
        "vextractf128 $1, %%ymm10, 160(%0)\n\tvextractf128 $1, %%ymm11, 176(%0)\n\t"
        "vextractf128 $1, %%ymm12, 192(%0)\n\tvextractf128 $1, %%ymm13, 208(%0)\n\t"
        "vextractf128 $1, %%ymm14, 224(%0)\n\tvextractf128 $1, %%ymm15, 240(%0)" ::"r"(half)
        : "memory");
}

static bool
all_are(const void *at, uint64_t bytes, uint64_t value)
{
    const uint64_t *words = at;

    for (uint64_t i = 0; i < bytes / sizeof(*words); i++)
        if (words[i] != value)
            return false;
    return true;
}

static bool
upper_halves_are(uint64_t value)
{
    uint64_t half[32] = {0};

    if (!has_ymm())
        return true;
    upper_halves(half);
    return all_are(half, sizeof(half), value);
}

const char *
vectors_unclean(void)
{
    struct state s;

    state_now(&s);
    if (s.control != CONTROL_START || s.status || s.tags || s.mxcsr != MXCSR_START)
        return "control, status or tags";
    if (s.opcode || s.rip || s.rdp)
        return "the last x87 instruction";
    if (!all_are(s.rest, XMM - VALUES, 0))
        return "x87 registers";
    if (!all_are(s.rest + XMM - VALUES, END - XMM, 0))
        return "XMM registers";
    return upper_halves_are(0) ? NULL : "upper halves of YMM registers";
}

bool
vectors_clean(void)
{
    return !vectors_unclean();
}

void
vectors_fill(uint64_t pattern)
{
    struct state s;

    state_now(&s);
    for (uint64_t i = 0; i < END - VALUES; i += sizeof(pattern))
        memcpy(s.rest + i, &pattern, sizeof(pattern));
    s.control = CONTROL_OURS;
    s.mxcsr = MXCSR_OURS;
    s.tags = 0xff;
    s.rip = pattern & UINT32_MAX;
    s.rdp = pattern >> 32;
    __asm__ volatile("fxrstor64 %0" ::"m"(s));
    if (!has_ymm())
        return;
    __asm__ volatile(
        "vinsertf128 $1, %%xmm0, %%ymm0, %%ymm0\n\tvinsertf128 $1, %%xmm0, %%ymm1, %%ymm1\n\t"
        "vinsertf128 $1, %%xmm0, %%ymm2, %%ymm2\n\tvinsertf128 $1, %%xmm0, %%ymm3, %%ymm3\n\t"
        "vinsertf128 $1, %%xmm0, %%ymm4, %%ymm4\n\tvinsertf128 $1, %%xmm0, %%ymm5, %%ymm5\n\t"
        "vinsertf128 $1, %%xmm0, %%ymm6, %%ymm6\n\tvinsertf128 $1, %%xmm0, %%ymm7, %%ymm7\n\t"
        "vinsertf128 $1, %%xmm0, %%ymm8, %%ymm8\n\tvinsertf128 $1, %%xmm0, %%ymm9, %%ymm9\n\t"
        "vinsertf128 $1, %%xmm0, %%ymm10, %%ymm10\n\tvinsertf128 $1, %%xmm0, %%ymm11, %%ymm11\n\t"
        "vinsertf128 $1, %%xmm0, %%ymm12, %%ymm12\n\tvinsertf128 $1, %%xmm0, %%ymm13, %%ymm13\n\t"
        "vinsertf128 $1, %%xmm0, %%ymm14, %%ymm14\n\tvinsertf128 $1, %%xmm0, %%ymm15, %%ymm15" ::);
}

bool
vectors_filled(uint64_t pattern)
{
    struct state s;

    state_now(&s);
    return s.control == CONTROL_OURS && s.mxcsr == MXCSR_OURS && s.tags == 0xff &&
           all_are(s.rest + XMM - VALUES, END - XMM, pattern) && upper_halves_are(pattern);
}
