/* SPDX-License-Identifier: MIT */
/* abi/version.h - changed whenever a call, a number or a layout in abi/ changes its meaning. */
#pragma once

enum { ABI_VERSION = 2 };
