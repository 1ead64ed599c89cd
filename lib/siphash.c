/* SPDX-License-Identifier: MIT */
/*
 * siphash.c - SipHash-2-4, as its paper gives it: four words of state, two rounds a word, four to
 * end.
 */
#include "lib/siphash.h"
#include "lib/string.h"

struct state {
    uint64_t v0, v1, v2, v3;
};

static inline uint64_t
rotate(uint64_t x, uint32_t by)
{
    return x << by | x >> (64 - by);
}

static inline void
sip_round(struct state *s)
{
    s->v0 += s->v1;
    s->v2 += s->v3;
    s->v1 = rotate(s->v1, 13) ^ s->v0;
    s->v3 = rotate(s->v3, 16) ^ s->v2;
    s->v0 = rotate(s->v0, 32);
    s->v2 += s->v1;
    s->v0 += s->v3;
    s->v1 = rotate(s->v1, 17) ^ s->v2;
    s->v3 = rotate(s->v3, 21) ^ s->v0;
    s->v2 = rotate(s->v2, 32);
}

static inline void
take_word(struct state *s, uint64_t m)
{
    s->v3 ^= m;
    sip_round(s);
    sip_round(s);
    s->v0 ^= m;
}

/* Little-endian, as the paper has it; so are the machines that Tessera is compiled for. */
static inline uint64_t
word_at(const uint8_t *p)
{
    uint64_t w;
    __builtin_memcpy(&w, p, sizeof w);
    return w;
}

uint64_t
siphash_2_4(const uint64_t key[2], const void *bytes, size_t n)
{
    struct state s = {
        key[0] ^ 0x736f6d6570736575ull,
        key[1] ^ 0x646f72616e646f6dull,
        key[0] ^ 0x6c7967656e657261ull,
        key[1] ^ 0x7465646279746573ull,
    };
    const uint8_t *p = bytes;
    uint64_t tail = (uint64_t)n << 56;
    for (; n >= 8; n -= 8, p += 8)
        take_word(&s, word_at(p));
    while (n--)
        tail |= (uint64_t)p[n] << (8 * n);
    take_word(&s, tail);
    s.v2 ^= 0xff;
    for (uint32_t i = 0; i < 4; i++)
        sip_round(&s);
    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}
