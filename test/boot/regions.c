/* SPDX-License-Identifier: MIT */
/*
 * regions.c - libos/exo's address space: what is reserved comes when it is touched, a region's
 * handler is asked for its faults and no others, rights hold, what is dropped comes back.
 * Argument `guard`, `dropped`, `protected`: an access that must be the end.
 */
#include "abi/account.h"
#include "abi/error.h"
#include "test/boot/kit.h"

enum { PAGE = FRAME_BYTES, MANY = 2000, BIG = 1024, RW = MAP_READ | MAP_WRITE };

static uint64_t
frames_used(void)
{
    return account_told(SLOT_ACCOUNT).used_frames;
}

static void
lazily(void)
{
    uint64_t before = frames_used();
    uint64_t va = region_reserve((uint64_t)BIG * 64, PAGE, RW, NULL, NULL);
    volatile uint64_t *p = (volatile uint64_t *)va;
    uint64_t wrong = 0;

    expect(va != 0, "256 MiB of addresses");
    expect(frames_used() - before < 64, "cost nothing");
    for (uint64_t i = 0; i < BIG; i += 3)
        wrong += p[i * PAGE / 8]++;
    for (uint64_t i = 0; i < BIG; i += 3)
        wrong += p[i * PAGE / 8] - 1;
    expect(wrong == 0, "pages come, zeroed, and stay");
    fine(region_unmap(va, va + (uint64_t)BIG * 64 * PAGE), "region_unmap");
    expect(frames_used() - before < 64, "frames come back");
    expect(region_free(va, va + PAGE), "addresses come back");
}

/* A region whose n'th page begins with n times a factor: the handler's own doing. */
static uint64_t asked;

static int
numbered(const struct region *r, uint64_t va, uint32_t need)
{
    uint64_t n = (r->offset + va - r->start) / PAGE;
    uint64_t frame;
    int error;

    (void)need;
    asked++;
    if (n == 7)
        return -E_FAULT;
    fine(pool_take(&exo_pool, &frame, 1), "a frame");
    error = space_map_run(&exo_space, va, frame, 1, RW, SLOT_ACCOUNT);
    if (!error)
        *(uint64_t *)va = n * *(const uint64_t *)r->object;
    return error;
}

static void
handlers(void)
{
    static uint64_t three = 3, five = 5;
    uint64_t a = region_reserve(16, PAGE, RW, numbered, &three);
    uint64_t b = region_reserve(16, (uint64_t)PAGE << 9, RW, numbered, &five);
    const volatile uint64_t *p = (const volatile uint64_t *)a, *q = (const volatile uint64_t *)b;

    expect(a && b && b % ((uint64_t)PAGE << 9) == 0, "aligned as asked");
    expect(p[2 * PAGE / 8] == 6 && q[4 * PAGE / 8] == 20 && asked == 2, "each its own handler");
    expect(p[2 * PAGE / 8] == 6 && asked == 2, "asked once");
    fine(region_unmap(a, a + (uint64_t)3 * PAGE), "region_unmap");
    expect(p[9 * PAGE / 8] == 27, "a region that was cut knows where it began");
    expect(region_touch(a + (uint64_t)7 * PAGE, MAP_READ) == -E_FAULT, "what the handler refuses");
    expect(region_touch(a + (uint64_t)9 * PAGE, MAP_EXEC) == -E_FAULT, "a right that it lacks");
    fine(region_unmap(a, a + (uint64_t)16 * PAGE), "region_unmap");
    fine(region_unmap(b, b + (uint64_t)16 * PAGE), "region_unmap");
}

static void
rights(void)
{
    uint64_t va = region_reserve(600, PAGE, RW, NULL, NULL), end = va + (uint64_t)600 * PAGE;
    volatile uint64_t *p = (volatile uint64_t *)va;

    for (uint64_t i = 0; i < 600; i += 5)
        p[i * PAGE / 8] = i + 1;
    fine(region_protect(va, end, MAP_READ), "region_protect");
    expect(!(entry_at(va + (uint64_t)595 * PAGE) & MAP_WRITE), "all pages of 600");
    expect(region_touch(va + (uint64_t)595 * PAGE, MAP_WRITE) == -E_FAULT, "not to be written");
    fine(region_protect(va, va + (uint64_t)300 * PAGE, 0), "region_protect");
    expect(!(entry_at(va + (uint64_t)5 * PAGE) & MAP_READ), "not to be read");
    fine(region_protect(va, end, RW), "region_protect");
    for (uint64_t i = 0; i < 600; i += 5)
        expect(p[i * PAGE / 8]++ == i + 1, "its bytes are kept");
    expect(region_covers(va, (uint64_t)600 * PAGE, RW) &&
               !region_covers(va, (uint64_t)600 * PAGE + 1, RW),
           "covers");
    fine(region_unmap(va, end), "region_unmap");
}

/* Many at a time; every second is dropped, and its place used again. */
static void
many(void)
{
    static uint64_t at[MANY];

    for (uint64_t i = 0; i < MANY; i++) {
        at[i] = region_reserve(i % 5 + 1, PAGE, RW, NULL, NULL);
        expect(at[i] != 0, "another region");
    }
    for (uint64_t i = 0; i < MANY; i += 2)
        fine(region_unmap(at[i], at[i] + (i % 5 + 1) * PAGE), "region_unmap");
    for (uint64_t i = 0; i < MANY; i++) {
        if (i % 2 == 0)
            at[i] = region_reserve(i % 5 + 1, PAGE, RW, NULL, NULL);
        if (i % 50 == 0)
            *(volatile uint64_t *)at[i] = i;
        expect(at[i] && !region_covers(at[i] - 1, 1, 0), "a page before it is nobody's");
        expect(!region_covers(at[i] + (i % 5 + 1) * PAGE, 1, 0), "nor that behind it");
    }
    for (uint64_t i = 0; i < MANY; i++)
        fine(region_unmap(at[i], at[i] + (i % 5 + 1) * PAGE), "region_unmap");
}

static void
copied(void)
{
    static const char words[] = "what a region holds at first";
    uint64_t va = 0x10000000;

    fine(region_map(va, va + (uint64_t)4 * PAGE, MAP_READ, words, sizeof(words)), "region_map");
    expect(!memcmp((const void *)va, words, sizeof(words)), "is copied");
    expect(*(const uint8_t *)(va + sizeof(words)) == 0, "and zeroes follow");
    fine(region_move(va, va + PAGE, va << 1, (uint64_t)2 * PAGE), "region_move");
    expect(!memcmp((const void *)(va << 1), words, sizeof(words)), "it moves with its bytes");
    expect(region_gap(va, PAGE) == va, "from where nothing is now");
    fine(region_unmap(va, va + (uint64_t)4 * PAGE), "region_unmap");
    fine(region_unmap(va << 1, (va << 1) + (uint64_t)2 * PAGE), "region_unmap");
}

static void
end_by(char how)
{
    uint64_t va = region_reserve(2, PAGE, how == 'p' ? MAP_READ : RW, NULL, NULL);

    if (how == 'd')
        fine(region_unmap(va, va + (uint64_t)2 * PAGE), "region_unmap");
    *(volatile uint8_t *)(va + (how == 'g' ? (uint64_t)2 * PAGE : 0)) = 1;
    fail("it was written");
}

int
exo_main(const struct start_page *start)
{
    uint64_t before;

    (void)start;
    if (argument(0)[0])
        end_by(argument(0)[0]);
    lazily();
    before = frames_used();
    handlers();
    rights();
    copied();
    many();
    expect(frames_used() - before < 64, "but for tables all comes back");
    return done();
}
