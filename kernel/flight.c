/* SPDX-License-Identifier: MIT */
/* flight.c - uses in flight (flight.h). */
#include "kernel/flight.h"
#include "abi/error.h"
#include "kernel/account.h"
#include "kernel/arch.h"
#include "kernel/console.h"
#include "kernel/dev/port.h"
#include "kernel/event.h"
#include "kernel/frame.h"
#include "kernel/pin.h"
#include "kernel/work.h"

static struct flight flights[CHANNEL_FLIGHTS_MAX];

int
flight_check(uint64_t object, uint64_t slot, uint64_t frame, uint64_t n)
{
    struct cell *cell;
    int error = 0;

    for (uint64_t i = 0; i < n && !error; i++) {
        error = pin_check(object, slot, frame + i, &cell);
        if (!error && (frame_at(frame + i)->flags & FRAME_USES) == FRAME_USES)
            error = E_AGAIN;
        if (!error)
            frame_ready(frame + i);
    }
    return error;
}

void
flight_begin(uint32_t i, struct flight flight)
{
    flights[i] = flight;
    for (uint32_t k = 0; k < flight.n_frames; k++)
        frame_at(flight.frame + k)->flags += FRAME_USE; /* V1 */
}

void
flights_land(void)
{
    for (uint64_t landed = port_landed(); landed; landed &= landed - 1) {
        struct flight *f = &flights[__builtin_ctzll(landed)];
        const struct console *console = f->console ? frame_address(f->console) : NULL;
        for (; f->n_frames; f->n_frames--)
            frame_land(f->frame + f->n_frames - 1);
        if (console && event_told(&console->told)) {
            event_tell(&console->told, f->index);
            event_unsource(event_told(&console->told), f->index);
        }
        if (f->payer) {
            account_return(account_at(f->payer), ACCOUNT_DESCRIPTORS, 1);
            work_served(account_at(f->payer));
        }
        f->console = f->payer = 0;
    }
}

void
flights_unsource(uint64_t console, struct events *events)
{
    for (const struct flight *f = flights; f < flights + CHANNEL_FLIGHTS_MAX; f++)
        if (f->console == console)
            event_unsource(events, f->index);
}

void
flights_detach(uint64_t console)
{
    struct account *payer = account_at(frame_at(console)->owner);

    for (struct flight *f = flights; f < flights + CHANNEL_FLIGHTS_MAX; f++) {
        if (f->console != console)
            continue;
        f->console = 0;
        f->payer = (uint32_t)frame_of(account_root);
        if (account_move(payer, account_root, ACCOUNT_DESCRIPTORS, 1)) {
            account_return(payer, ACCOUNT_DESCRIPTORS, 1);
            f->payer = 0;
        }
    }
}

uint64_t
flights_uses(void)
{
    uint64_t n = 0;

    for (uint32_t i = 0; i < CHANNEL_FLIGHTS_MAX; i++)
        n += flights[i].n_frames;
    return n;
}
