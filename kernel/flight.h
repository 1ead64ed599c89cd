/* SPDX-License-Identifier: MIT */
/*
 * kernel/flight.h - uses in flight: what the console port's device has of users' frames.
 *
 * Unlike a mapping or a pin nobody can take such a use away: the device may read the frame until it
 * says that it has done so. So the frame is counted (F8 of frame.h), and outlives its owner.
 *
 * Invariants
 *  V1 flight i is begun as the port is given its descriptors, and ends when they are back; until
 *     then each of its frames has one of its USES, and is not cleared, given out or made an object.
 *  V2 it is charged to the account of the console that it went through, and raises a counter of
 *     that console's. When the console ends the flight goes on, no counter is raised, and root's
 *     account has the charge: what the device still holds is not given out once more, and so what
 *     others have as their reserve is there. (But where that account keeps a reserve of its own for
 *     it, which is to root as if it were used: then nobody is charged.)
 */
#pragma once
#include <stdint.h>

struct events;

struct flight {
    uint32_t console; /* by frame; 0: none any more */
    uint32_t payer;   /* the account that is charged; 0: none */
    uint32_t index;   /* of the counter that is raised at the end */
    uint32_t frame, n_frames;
};

/*
 * 0 when n frames from `frame` on may be in flight once more for the object in frame `object`,
 * under that slot of an account: as pin_check, and E_AGAIN when one is FRAME_USES_MAX times. What is
 * stale of those before that is cleared.
 */
int flight_check(uint64_t object, uint64_t slot, uint64_t frame, uint64_t n);
/* Flight i of the port has begun, and is charged. */
void flight_begin(uint32_t i, struct flight flight);
/* Ends those that are back. */
void flights_land(void);
/* The console raises those counters no more. */
void flights_unsource(uint64_t console, struct events *events);
/* The console ends. */
void flights_detach(uint64_t console);
/* For check.c: the uses of frames that all of them are. */
uint64_t flights_uses(void);
