/* SPDX-License-Identifier: MIT */
/* exception.c - what the processor's exceptions are called. Intel SDM vol. 3A, 6.3.1. */
#include "libos/exo/exception.h"
#include "abi/context.h"

int
exception_signal(uint64_t vector)
{
    switch (vector) {
    case VECTOR_DIVIDE:
    case 16: /* x87 */
    case 19: /* vector arithmetic */
        return 8;
    case VECTOR_DEBUG:
    case VECTOR_BREAKPOINT:
        return 5;
    case VECTOR_INVALID:
        return 4;
    case VECTOR_ALIGNMENT:
        return 7;
    case VECTOR_FOREIGN:
    case VECTOR_INT80:
        return 31;
    default:
        return 11;
    }
}

const char *
exception_words(uint64_t vector)
{
    switch (vector) {
    case VECTOR_DIVIDE:
        return "division error";
    case 16:
    case 19:
        return "arithmetic error";
    case VECTOR_DEBUG:
    case VECTOR_BREAKPOINT:
        return "trap";
    case VECTOR_INVALID:
        return "invalid instruction";
    case VECTOR_PROTECTION:
        return "privileged instruction or wild address";
    case VECTOR_PAGE:
        return "segmentation fault";
    case VECTOR_ALIGNMENT:
        return "unaligned access";
    case VECTOR_FOREIGN:
    case VECTOR_INT80:
        return "system call without an operating system";
    default:
        return "exception";
    }
}
