/* SPDX-License-Identifier: MIT */
/* owned.c - the frames of an account (owned.h): a walk through the tree of accounts, written down.
 */
#include "kernel/owned.h"
#include "kernel/account.h"

uint32_t owned_walks;

void
owned_init(uint64_t root)
{
    frame_table[root].next = frame_table[root].prev = (uint32_t)root;
    owned_walks = 0;
}

void
owned_walk(struct account *account, bool on)
{
    if (account->walked != on)
        owned_walks += on ? 1u : -1u;
    if (!account->walked)
        account->reap_cursor = account->force_frame = (uint32_t)frame_of(account);
    account->walked = on;
}

void
owned_cursors_move(uint64_t n)
{
    const struct frame *f = &frame_table[n];

    for (struct account *a = account_at(f->owner); a; a = account_parent(a)) {
        if (a->reap_cursor == n)
            a->reap_cursor = f->prev;
        if (a->force_frame == n)
            a->force_frame = f->prev;
    }
}

uint64_t
owned_after(const struct account *account, uint64_t n)
{
    uint32_t next = frame_table[n].next;

    return account_covers(account, frame_table[next].owner) ? next : 0; /* O2 */
}
