/* SPDX-License-Identifier: MIT */
/* abi/console.h - limits of the console calls; what travels is in abi/channel.h. */
#pragma once

enum console_limit { CONSOLE_BUFFERS_MAX = 64 };
