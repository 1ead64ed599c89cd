/* SPDX-License-Identifier: MIT */
/* accel.h - which accelerator runs the machine: see accel.c. */
#pragma once
#include "host/options.h"

/*
 * QEMU's word for the accelerator to take. Says which and why, where the user asked for `auto` or
 * for many words.  Returns 0, or an exit code, having said why.
 */
int accel_choose(const struct options *o, const char **accel);
