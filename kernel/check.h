/* SPDX-License-Identifier: MIT */
/*
 * kernel/check.h - does the kernel still stand as it did? For tests: the word `check` of the
 * command line.
 */
#pragma once

/* Boot, last: remembers what must not change. */
void check_begin(const char *command_line);
/* Before the end of the machine: says on the log what has changed and whether the counts add up. */
void check_end(void);
