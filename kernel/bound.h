/* SPDX-License-Identifier: MIT */
/*
 * kernel/bound.h - how much one call does. Alone, so that tests on the host can put a small bound in
 * its place.
 */
#pragma once

/*
 * The most elementary steps (a frame looked at, an entry cleared) in one call; each is at most
 * some tens of instructions, so that a call stays below 50 us.
 */
enum { STEPS_MAX = 1024 };
