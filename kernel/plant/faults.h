/* SPDX-License-Identifier: MIT */
/*
 * kernel/plant/faults.h - the checks that the test build can leave out, one a run, so that the
 * test of the hostile act can be seen to fail. `if (!planted(PLANT_X) && check fails) refuse`.
 */
#pragma once

enum planted_fault {
    PLANT_NONE = 0,
    PLANT_RESUME_FLAGS, /* act 15: registers go back unsanitised */
    PLANT_COPY_RANGE,   /* act 29: copies take any address */
    PLANT_FRAME_OWNER,  /* act 5: any account may map any frame */
    PLANT_FRAME_TYPE,   /* acts 5, 8: a frame of any type may be mapped or linked */
    PLANT_FRAME_REFS,   /* act 7: a frame that is still mapped becomes an object */
    PLANT_SLOT_KIND,    /* act 27: a slot of any kind will do */
    PLANT_SLOT_RIGHTS,  /* act 27: no right is asked for */
    PLANT_CAP_TAG,      /* act 27: any tag is good */
    PLANT_MAP_RANGE,    /* acts 5, 27: mappings anywhere, the kernel half too */
    PLANT_MAP_BITS,     /* act 6: reserved bits of an entry are not looked at */
    PLANT_START,        /* act 13: a context may start anywhere */
    PLANT_UPCALL_RANGE, /* act 14: stacks and entries of upcalls may lie anywhere */
    PLANT_ENDED,        /* an object of a dying account is plain while others name it */
    PLANT_CURRENT,      /* the context that runs may be freed */
    PLANT_REVOKE_ROOT,  /* an object ends though an unfinished revocation begins in it */
    PLANT_SLICE_TIMER,  /* a slice has no end */
    PLANT_FLUSH,        /* act 7: the processor keeps rights that pt_protect took away */
    PLANT_ENTRY_FLAGS,  /* act 15: a call begins with the caller's flags, but for interrupts */
    PLANT_GATES,        /* act 16: every gate is open to users */
    PLANT_SELECTORS,    /* act 16: the kernel's data segment is the users' too */
    PLANT_SEGMENTS,     /* act 16: segment registers keep what another context loaded */
    PLANT_NMI_BASE,     /* act 18: an NMI finds its processor by the gs base */
    PLANT_NMI_STACK,    /* act 19: an NMI has the stack of debug exceptions */
    PLANT_VECTORS,      /* act 20: vector registers stay as another context left them */
    PLANT_VECTOR_HEAD,  /* act 20: the state that a context begins with is what lies in its frame */
    PLANT_PORTS,        /* act 21: a context has the privilege of ports */
    PLANT_UMIP,         /* act 21: descriptor tables may be asked for */
    PLANT_SLOT_INDEX,   /* act 27: the index of a slot has no bound */
    PLANT_GRANT_MORE,   /* act 3: a grant may have rights that its giver lacks */
    PLANT_GRANT_AGAIN,  /* act 4: a cell that is in use is granted into, an ancestor's too */
    PLANT_JOIN_MIXED,   /* act 6: frames of two owners become one object */
    PLANT_REVOKE,       /* acts 2, 4: what is revoked stays alive */
    PLANT_REVOKE_CHAIN, /* act 4: what is granted or bound looks at its own cell, not above */
    PLANT_LEAF,         /* acts 2, 4: a slot stays when its cell falls */
    PLANT_CALL_DEPTH,   /* act 25: transfers nest without a bound */
    PLANT_CALL_DEAD,    /* act 25: a caller is told that the callee that died has returned */
    PLANT_CALL_LOST,    /* act 25: a callee answers one that was stopped, who runs on by that */
    PLANT_CALL_PASSES,  /* where the kernel's lock is taken vectors and bases do not pass */
    PLANT_CALL_PAYER,   /* who runs pays, whoever's slice it is */
    PLANT_CALL_DYING,   /* act 25: an account that ends is called on for a while */
    PLANT_ENTRY_SLOT,   /* act 25: without the lock, what a slot names is taken for an entry */
    PLANT_POST_RATE,    /* another account's posts interrupt as often as they come */
    PLANT_STRANGER,     /* act 25: who was not called may return */
    PLANT_IDENTITY,     /* act 25: the identity is what the message says */
    PLANT_ENTRY_POINT,  /* act 25: an activation may begin anywhere */
    PLANT_ALONE,        /* slices end though nobody follows */
    PLANT_WORK_SHARE,   /* an interrupt's work takes all of a processor */
    PLANT_WAIT_LOOK,    /* a word is not looked at again once its waiter is counted */
    PLANT_STALE,        /* act 12: a frame comes with what its last owner left there */
    PLANT_ABSENT,       /* act 6: an absent entry with a frame's number alone holds that frame */
    PLANT_ZERO,        /* act 12: a table ends with what its entries hold and is taken for zeroes */
    PLANT_BREAK,       /* mappings of a frame outlive its owner */
    PLANT_ROOT,        /* act 7: a root ends under a processor that stands on it */
    PLANT_ROOM,        /* act 7: an interrupt between a change of root and a return hides it */
    PLANT_EPOCH,       /* act 9: nobody waits for other processors' translations */
    PLANT_ALIAS_IMAGE, /* the direct map shows text and read-only data writable */
    PLANT_ALIAS_ENTRY, /* and the processors' copies of the entry page */
    PLANT_DATA_CODE,   /* the kernel's data is executable */
    PLANT_RODATA_CODE, /* its read-only data is */
    PLANT_GUARD,       /* a page lies below a stack */
    PLANT_EXPOSED,     /* what users see of the kernel's, they write */
    PLANT_LIMIT,       /* act 26: no limit holds */
    PLANT_NAME,        /* two children may have one name */
    PLANT_RESERVE,     /* act 24: what is reserved is asked back, too */
    PLANT_FORCE,       /* act 24: a deadline passes and nothing is taken */
    PLANT_REJECT,      /* act 1: wrong tags cost nothing */
    PLANT_HOLDER,      /* a capability is that of whatever account has the holder's frame */
    PLANT_IDLE_REAP,   /* an account is reaped only by whoever destroys it */
    PLANT_INSPECT,     /* what INSPECT shows stays when the right is gone */
    PLANT_INSPECT_ROOT, /* INSPECT of any account shows the whole machine */
    PLANT_PIN,          /* a frame is taken, and who pinned it goes on with it */
    PLANT_PIN_RIGHT,    /* whoever maps another's frames pins them */
    PLANT_VITAL,        /* act 24: a frame that its owner marked is taken singly */
    PLANT_MARKS,        /* act 24: any number may be marked */
    PLANT_LOSS,         /* act 24: what was taken is not said */
    PLANT_TIME_TAKEN,   /* act 24: a position is taken, and who runs there runs on */
    PLANT_WHOLE,        /* act 24: one that has nothing to be taken singly keeps it */
    PLANT_LEAK,         /* a read-only entry leaves its reference until the account ends */
    PLANT_FETCH,        /* act 28: context_make reads its structure again, once it is checked */
    PLANT_KEEP,         /* act 27: pt_make, refused, has marked the frame */
    PLANT_ERROR,        /* act 27: event_post gives an error that its page does not name */
    PLANT_BATCH,        /* pt_map says that it mapped what it did not */
    PLANT_WAKE_TIME,    /* one that sleeps until a time is looked at when a slice ends */
    PLANT_DONATED,      /* act 23: who gives its slice away has not used any of it */
    PLANT_STALL,        /* no fault: in each grace the machine stands still for a while */
    PLANT_DEBT,         /* what is used beyond the slice is nobody's debt */
    PLANT_LOST,         /* time that the machine lost is a strike */
    PLANT_WALLS,        /* no fault: all that may lie between two accounts does */
    PLANT_ADDRESS,      /* act 30: account_read tells where the account lies */
    PLANT_TAG_MODEL,    /* no fault: what would be kept by tags is compared with the tables */
    PLANT_SHOW,         /* what an account holds is not shown in its page */
    PLANT_EVENT_BACK,   /* event_start moves a counter back */
    PLANT_FLIGHT,       /* act 10: a frame that is taken is free while a device uses it */
    PLANT_DEVICE,       /* no fault of ours: with all flights out the port's device breaks a rule */
    PLANT_TAG_CONTROL,  /* the same, and a root loaded again keeps what was taken meanwhile */
    PLANT_CLING,        /* act 24: who maps a frame again and again keeps it */
    PLANT_DEBT_LEFT,    /* a position has debts that its last owner made */
    PLANT_BACKLOG,      /* who is to wake behind many waits for whoever sleeps next */
    PLANT_ROUNDS,     /* each position that names a chain which cannot run is followed to its end */
    PLANT_POKES,      /* each change of a vector interrupts who runs there */
    PLANT_IDLE_ROOT,  /* act 7: a processor that has nothing to run stands on the last one's root */
    PLANT_REGISTER,   /* act 12: a call that gave way comes back with a register of who ran then */
    PLANT_RESUME_RIP, /* act 13: a debugger may set any rip */
    PLANT_MASK,       /* a source that fires is not masked */
    PLANT_UNASKED,    /* a source is armed though nobody waits */
    PLANT_SERVE_ARMS, /* who works for himself arms the source, whatever its share */
    PLANT_SERVE_ENDS, /* who works for himself takes the work from whoever has it, and leaves it */
    PLANT_PADDING,    /* act 12: words that mean nothing are told as they lie on the stack */
    PLANT_BOUND,      /* what is bound hangs on the object, not on the right by which it was */
    PLANT_NAMED,      /* positions name a context on when the right has fallen */
    PLANT_SOURCED,    /* a source's counter is one on when the source has let go of it */
    PLANT_SERVED,     /* root pays for an interrupt's work, whomever it serves */
    PLANT_SOONEST,    /* who is parked is taken for one that runs, and told */
    PLANT_PLACES,     /* strangers take every place of those whom counters tell */
    PLANT_STOPS,      /* a processor is asked to stop any number at once */
    PLANT_SLOT_SWAP,  /* act 28: a slot is filled anew under who calls through what it named */
    PLANT_CELL_TYPE,  /* act 2: what lies in any frame is taken for a cell */
    PLANT_HEARD,      /* account_listen, refused, has entered the context */
    PLANT_RIGHT_LEFT, /* a slot that lacks a right is refused, and has it from then on */
    PLANT_LATE,       /* wait, refused, has moved the caller's deadline */
};
