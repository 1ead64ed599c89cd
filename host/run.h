/* SPDX-License-Identifier: MIT */
/*
 * run.h - the verbs that start a machine: run.c and gdb.c. Both return the exit code of the
 * command.
 */
#pragma once
#include "host/options.h"

int run_verb(const struct options *o);
int gdb_verb(const struct options *o);
