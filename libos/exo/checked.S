/* SPDX-License-Identifier: MIT */
/*
 * checked.S - linked by libraries that hold events back in their handlers: crt0.S then lets them in on
 * the way back, and looks for those that came meanwhile.
 */
#include "libos/exo/layout.h"

    .globl exo_resume_entry, exo_events_held
    .set exo_resume_entry, RESUME_CHECKED
    .section .rodata
exo_events_held: /* named by who wants this linked */
    .byte 1
    .section .note.GNU-stack, "", @progbits
