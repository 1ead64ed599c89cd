/* SPDX-License-Identifier: MIT */
/*
 * others.c - what is named in place of what is meant: a context whose frames are of two accounts, so that one would
 * wait for the end of the other; a console's counters that have ended, and others in their frame.
 */
#include "abi/channel.h"
#include "test/boot/kit.h"

enum { CHILD = 60, CONTEXT, REBORN, LENGTH = 6, CHILD_FRAMES = 4 };

static void
context_of_two(void)
{
    struct account_terms terms = {.name = 1, .limit_frames = CHILD_FRAMES};
    struct context_start start = {.rip = LIBRARY_VA, .stop_slot = SLOT_NOTHING};
    uint64_t frame = frame_new(), vector = frame_new(), theirs;

    fine(call_account_make(SLOT_ACCOUNT, frame_new(), CHILD, (uintptr_t)&terms).value,
         "account_make");
    theirs = frame_of_account(CHILD);
    start.vector_frame = theirs;
    refuse(call_context_make(SLOT_ENV, frame, CONTEXT, (uintptr_t)&start).value, E_PERM,
           "a context whose vector registers are another account's");
    start.vector_frame = vector;
    refuse(call_context_make(SLOT_ENV, theirs, CONTEXT, (uintptr_t)&start).value, E_PERM,
           "a context whose vector registers are an account's above");
    while (fine(call_account_destroy(CHILD).value, "account_destroy"))
        ;
    fine(call_context_make(SLOT_ENV, frame, CONTEXT, (uintptr_t)&start).value, "context_make");
}

/*
 * Last: nobody tells us of our console any more; there is credit by now. Where one beside us is faster to take the
 * frame nothing is to be seen: a slice that begins makes that rare.
 */
static void
counters_again(void)
{
    uint64_t frame = object_of_slot(SLOT_EVENTS), page_frame;
    char *page = page_new(MAP_READ | MAP_WRITE, &page_frame);
    int64_t r;

    memcpy(page, "again\n", LENGTH);
    call_yield(SLOT_NOTHING);
    do
        r = call_frame_free(SLOT_ACCOUNT, frame, 1).value;
    while (r == -E_AGAIN);
    expect(r == 1, "our counters end");
    if (!frame_again(frame))
        return;
    fine(call_events_make(SLOT_ACCOUNT, frame, REBORN).value, "events_make");
    refuse(call_console_send(SLOT_CONSOLE, STREAM_OUTPUT, SLOT_ACCOUNT, page_frame, 0, LENGTH,
                             REBORN, 0)
               .value,
           E_INVAL, "sending with counters that the console does not know");
}

int
exo_main(const struct start_page *start)
{
    (void)start;
    say("it begins");
    context_of_two();
    counters_again();
    return done();
}
