/* SPDX-License-Identifier: MIT */
/* kernel/exposed.h - pages of the kernel's that everybody reads (abi/exposed.h). */
#pragma once
#include "abi/exposed.h"

extern struct machine_page *exposed_machine; /* made by the clock, which is the first to need it */
