/* SPDX-License-Identifier: MIT */
/* lock.c - the one word that kernel/lock.h is about: taken from the start, for the boot. */
#include "kernel/lock.h"

struct lock kernel_lock_word = {.next = 1};
