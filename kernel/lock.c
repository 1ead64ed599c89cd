/* SPDX-License-Identifier: MIT */
/* lock.c - waiting for the one lock that kernel/lock.h is about. It is taken from the start, for
 * the boot. */
#include "kernel/lock.h"
#include "kernel/slice.h"

struct lock kernel_lock_word = {.turn = 1};

void
lock_quiesce(void)
{
    atomic_thread_fence(memory_order_seq_cst); /* pairs with the first step of such a path */
    for (uint32_t i = 0; i < cpu_count(); i++)
        while (arch_inside(cpu_at(i)))
            arch_pause();
}

uint64_t *
stretch_steps(struct stretch *stretch, uint64_t most)
{
    uint32_t now = atomic_load_explicit(&kernel_lock_word.turn, memory_order_relaxed);

    if (stretch->turn != now)
        stretch->left = most;
    stretch->turn = now;
    return &stretch->left;
}

uint64_t *
lock_steps(void)
{
    static struct stretch beside;

    return stretch_steps(&beside, BESIDE_STEPS);
}

/* Does the claim of processor `me` come first, or are there none? */
static bool
claim_first(uint32_t me)
{
    uint64_t claims = atomic_load_explicit(&kernel_lock_word.claims, memory_order_relaxed);
    uint32_t from =
        (atomic_load_explicit(&kernel_lock_word.last, memory_order_relaxed) + 1) % CPUS_MAX;
    uint64_t turned = from ? claims >> from | claims << (CPUS_MAX - from) : claims;

    return !claims || (from + (uint32_t)__builtin_ctzll(turned)) % CPUS_MAX == me;
}

void
lock_wait(void)
{
    struct lock *lock = &kernel_lock_word;
    uint32_t me = cpu_this()->number, turn, before, looks = 0;
    uint32_t first = before = atomic_load_explicit(&lock->turn, memory_order_relaxed);
    bool claimed = false;

    for (;; arch_pause()) {
        turn = atomic_load_explicit(&lock->turn, memory_order_relaxed);
        looks = turn == before ? looks + 1 : 0;
        before = turn;
        if (!(turn & 1) && (claim_first(me) || looks > (claimed ? LOCK_HONOUR : 2 * LOCK_HONOUR)) &&
            lock_try())
            break;
        if (claimed || turn - first < 2 * LOCK_PATIENCE)
            continue;
        claimed = true;
        atomic_fetch_or_explicit(&lock->claims, (uint64_t)1 << me, memory_order_relaxed);
    }
    if (!claimed)
        return;
    atomic_store_explicit(&lock->last, me, memory_order_relaxed);
    atomic_fetch_and_explicit(&lock->claims, ~((uint64_t)1 << me), memory_order_relaxed);
}
