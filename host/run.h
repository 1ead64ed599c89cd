/* SPDX-License-Identifier: MIT */
/*
 * run.h - the verbs that start a machine, run.c and gdb.c, or make an image of one, image.c. They
 * return the exit code of the command.
 */
#pragma once
#include "host/options.h"

int run_verb(const struct options *o);
int gdb_verb(const struct options *o);
int image_verb(const struct options *o);
