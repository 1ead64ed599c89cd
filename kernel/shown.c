/* SPDX-License-Identifier: MIT */
/*
 * shown.c - what an account tells: its page (A7 of account.h), which only shows what is there, and
 * account_read.
 */
#include "abi/memory.h"
#include "kernel/account.h"
#include "kernel/arch.h"
#include "kernel/call.h"
#include "kernel/frame.h"
#include "kernel/owned.h"
#include "plant.h"

static struct account_page *
page_of(const struct account *account)
{
    return account->page ? frame_address(account->page) : NULL;
}

void
account_show(const struct account *account)
{
    struct account_page *page = page_of(account);

    if (page)
        page->state = account->state;
}

void
count_show(const struct account *account, enum account_kind kind)
{
    struct account_page *page = page_of(account);

    if (page && !planted(PLANT_SHOW))
        page->state.count[kind] = account->state.count[kind];
}

void
account_worked(struct account *account, uint64_t cycles)
{
    struct account_page *page = page_of(account);

    account->state.work_cycles += cycles;
    if (page)
        page->state.work_cycles = account->state.work_cycles;
}

void
account_lose(struct account *account, struct account_taken taken)
{
    struct account_page *page = page_of(account);

    if (page && !planted(PLANT_LOSS))
        page->taken[account->state.n_taken % page->n_ring] = taken;
    account->state.n_taken++;
    if (taken.kind < ACCOUNT_KINDS)
        account->state.count[taken.kind].taken++;
    account_show(account);
}

int
account_page_check(const struct account *parent, const struct account_terms *terms, uint64_t frame)
{
    uint64_t first = terms->page_frame, n = terms->n_pages;

    if (!first)
        return n ? E_INVAL : 0;
    if (n < 1 || n > ACCOUNT_PAGES_MAX || n > terms->limit_frames ||
        (frame >= first && frame - first < n))
        return E_INVAL;
    for (uint64_t i = 0; i < n; i++) {
        int error = frame_check_unused(parent, first + i);
        if (!error && frame_at(first + i)->owner != frame_of(parent))
            error = E_PERM;
        if (error)
            return error;
    }
    return 0;
}

void
account_page_make(struct account *account, const struct account_terms *terms)
{
    struct account_page *page;

    if (!terms->page_frame)
        return;
    (void)account_move(account_parent(account), account, ACCOUNT_FRAMES,
                       terms->n_pages); /* page_check: it has room */
    for (uint64_t i = terms->page_frame; i < terms->page_frame + terms->n_pages; i++) {
        frame_become(i, FRAME_EXPOSED);
        owned_leave(i);
        owned_enter((uint32_t)frame_of(account), i, 1); /* A7 */
        frame_ref(i);
    }
    account->page = (uint32_t)terms->page_frame;
    account->n_pages = (uint32_t)terms->n_pages;
    page = frame_address(account->page);
    page->version = ACCOUNT_PAGE_VERSION;
    page->n_ring = (uint32_t)((terms->n_pages * FRAME_BYTES - ACCOUNT_PAGE_HEAD) /
                              sizeof(struct account_taken));
    page->account = frame_of(account);
}

void
account_page_drop(struct account *account)
{
    uint64_t first = account->page, n = account->n_pages;

    account->page = account->n_pages = 0;
    for (uint64_t i = first; i < first + n; i++) {
        frame_unref(i);
        frame_retire(i);
    }
}

struct result
account_read(struct account *account, struct account_state *out)
{
    *out = account->state;
    if (planted(PLANT_ADDRESS))
        out->n_taken = (uintptr_t)account;
    return result_ok(0);
}
