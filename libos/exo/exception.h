/* SPDX-License-Identifier: MIT */
/* libos/exo/exception.h - what the processor's exceptions are called. */
#pragma once
#include <stdint.h>

/* The Linux signal that an exception stands for, and its words ("invalid instruction"). */
int exception_signal(uint64_t vector);
const char *exception_words(uint64_t vector);
