/* SPDX-License-Identifier: MIT */
/* accel.h - which accelerator runs the machine: see accel.c. */
#pragma once
#include "host/options.h"

int accel_choose(const struct options *o, const char **accel);
