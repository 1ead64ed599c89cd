/* SPDX-License-Identifier: MIT */
/*
 * test/kernel/small/kernel/bound.h - stands for kernel/bound.h on the host: a call does so little
 * that what takes several calls there does here, too.
 */
#pragma once

enum { STEPS_MAX = 24 };
