/* SPDX-License-Identifier: MIT */
/*
 * abi/error.h - the one error space, end to end: Linux's numbers, returned negative.
 * Named E_ and not E so that hosted code may include <errno.h> beside it.
 */
#pragma once

enum error {
    E_PERM = 1,          /* the capability does not carry the right */
    E_NOENT = 2,         /* no page table, or nothing there */
    E_INTR = 4,          /* an event or a revoke is pending */
    E_IO = 5,            /* the device failed */
    E_NOEXEC = 8,        /* not an executable for this machine */
    E_BADF = 9,          /* no such slot, or a slot that is dead */
    E_AGAIN = 11,        /* not now: no credit, or an epoch has not passed */
    E_NOMEM = 12,        /* the frame is not free */
    E_FAULT = 14,        /* an address of the caller is absent; the second result is the address */
    E_BUSY = 16,         /* in use: references are left */
    E_EXIST = 17,        /* already there */
    E_INVAL = 22,        /* an argument is out of its range */
    E_NOSPC = 28,        /* no room on the device */
    E_PIPE = 32,         /* the reader has gone */
    E_RANGE = 34,        /* the answer does not fit */
    E_NOSYS = 38,        /* no such call */
    E_LOOP = 40,         /* nested too deep */
    E_INPROGRESS = 115,  /* begun; the end is an event */
    E_DQUOT = 122,       /* the account's limit is reached */
    E_KEYREJECTED = 129, /* a capability whose tag is not the kernel's */
    E_OWNERDEAD = 130,   /* the one that was called has ended */
};
