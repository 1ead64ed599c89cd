/* SPDX-License-Identifier: MIT */
/*
 * siphash.c - lib/siphash.c against the vectors its authors published: key 00 01 .. 0f, message
 * 00 01 .. n-1, tag as eight bytes, lowest first.
 */
#include "lib/siphash.h"
#include "test/unit/test.h"

static const uint64_t key[2] = {0x0706050403020100, 0x0f0e0d0c0b0a0908};

/* The tags as numbers, by length of the message. */
static const uint64_t vector[] = {
    0x726fdb47dd0e0e31, 0x74f839c593dc67fd, 0x0d6c8009d9a94f5a, 0x85676696d7fb7e2d,
    0xcf2794e0277187b7, 0x18765564cd99a68d, 0xcbc9466e58fee3ce, 0xab0200f58b01d137,
    0x93f5f5799a932462, 0x9e0082df0ba9e4b0, 0x7a5dbbc594ddb9f3, 0xf4b32f46226bada7,
    0x751e8fbc860ee5fb, 0x14ea5627c0843d90, 0xf723ca908e7af2ee, 0xa129ca6149be45e5,
    0x3f2acc7f57c29bdb,
};

static void
tags_are_the_published_ones(void)
{
    uint8_t message[32];
    for (size_t i = 0; i < sizeof message; i++)
        message[i] = (uint8_t)i;
    for (size_t n = 0; n < sizeof vector / sizeof vector[0]; n++) {
        uint8_t *copy = exact_copy(message, n);
        uint64_t tag = siphash_2_4(key, copy, n);
        exact_free(copy);
        CHECK(tag == vector[n]);
    }
}

static void
a_long_message_has_the_published_tag(void)
{
    uint8_t message[63];
    for (size_t i = 0; i < sizeof message; i++)
        message[i] = (uint8_t)i;
    CHECK(siphash_2_4(key, message, sizeof message) == 0x958a324ceb064572);
}

static void
every_bit_of_key_and_message_counts(void)
{
    uint8_t message[24] = {0};
    uint64_t k[2] = {1, 2};
    uint64_t tag = siphash_2_4(k, message, sizeof message);
    for (uint32_t bit = 0; bit < 8 * sizeof message; bit++) {
        message[bit / 8] ^= (uint8_t)(1u << bit % 8);
        CHECK(siphash_2_4(k, message, sizeof message) != tag);
        message[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (uint32_t bit = 0; bit < 128; bit++) {
        k[bit / 64] ^= 1ull << bit % 64;
        CHECK(siphash_2_4(k, message, sizeof message) != tag);
        k[bit / 64] ^= 1ull << bit % 64;
    }
}

const struct test siphash_tests[] = {
    {"tags_are_the_published_ones", tags_are_the_published_ones},
    {"a_long_message_has_the_published_tag", a_long_message_has_the_published_tag},
    {"every_bit_of_key_and_message_counts", every_bit_of_key_and_message_counts},
    {NULL, NULL},
};
