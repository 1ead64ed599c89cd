/* SPDX-License-Identifier: MIT */
/* images.S - the programs' files (programs/), by enum image of calls.h. */
    .macro image name
    .section .rodata
    .balign 16
\name\()_file:
    .incbin "out/procs/\name"
\name\()_file_end:
    .section .data.rel.ro, "aw"
    .quad \name\()_file, \name\()_file_end - \name\()_file
    .endm

    .section .data.rel.ro, "aw"
    .balign 8
    .globl image_files
image_files:
    image count
    image fork
    image exec
    image both
    image after
    image pipe
    image signal
    image meet
    image registers
    image churn
    image ends
    image measure
    .section .note.GNU-stack, "", @progbits
