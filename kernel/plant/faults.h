/* SPDX-License-Identifier: MIT */
/*
 * kernel/plant/faults.h - the checks that the test build can leave out, one a run, so that the
 * test of the hostile act can be seen to fail. `if (!planted(PLANT_X) && check fails) refuse`.
 */
#pragma once

enum planted_fault {
    PLANT_NONE = 0,
};
