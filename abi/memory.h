/* SPDX-License-Identifier: MIT */
/*
 * abi/memory.h - frames, their types, and what a library may ask of a page-table entry.
 * Units: frame numbers (4 KiB each) and user virtual addresses in bytes.
 */
#pragma once
#include <stdint.h>

enum { FRAME_SHIFT = 12, FRAME_BYTES = 1 << FRAME_SHIFT };

enum memory_limit {
    MAP_BATCH_MAX = 512,  /* entries in one pt_map, pt_unmap, pt_protect, pt_read or pt_copy */
    FRAME_BATCH_MAX = 64, /* frames in one frame_alloc or frame_free */
    FRAME_USES_MAX = 7,   /* uses in flight of one frame */
    PT_LEVELS = 4,        /* 4 is a root; 1 holds the pages */
    PT_ENTRIES = 512,
};

/* User addresses lie below it; it ends one page below the canonical edge of the processor. */
static const uint64_t USER_TOP = 0x00007ffffffff000;

/* What a frame is. Type and owner change only while nothing refers to the frame. */
enum frame_type {
    FRAME_ABSENT = 0, /* no memory there, or the machine's own */
    FRAME_KERNEL,     /* the kernel's image and boot-time memory */
    FRAME_FREE,       /* nobody's */
    FRAME_PLAIN,      /* its owner's, to map as it likes */
    FRAME_PT1,        /* page tables by level: FRAME_PT1 + level - 1 */
    FRAME_PT2,
    FRAME_PT3,
    FRAME_PT4,
    FRAME_ACCOUNT, /* kernel objects, from here on: never mapped by a library */
    FRAME_SLOTS,
    FRAME_CELLS,
    FRAME_ENV,
    FRAME_CONTEXT,
    FRAME_EVENTS,
    FRAME_ENTRY,
    FRAME_CONSOLE,
    FRAME_VECTOR,    /* vector registers of a context */
    FRAME_BUFFER,    /* input buffer of a console */
    FRAME_ENDED,     /* an object that ended while another still names it: zeroes, nobody's */
    FRAME_COMPANION, /* of a page table: the reverse links of its entries */
    FRAME_PART,      /* of a frame object of 2 MiB or 1 GiB, which its first frame stands for */
    FRAME_EXPOSED,   /* part of an account's page: its holders map it to read */
    FRAME_IN_FLIGHT, /* given back or taken while a device uses it: nobody's, free once it is done */
    FRAME_TYPES,
};

/*
 * One entry of pt_map: frame << FRAME_SHIFT | flags, bits 52 and above 0. Without MAP_READ the
 * entry is absent for the processor and its other 63 bits are the library's to use.
 */
enum map_flag {
    MAP_READ = 1 << 0,     /* present */
    MAP_WRITE = 1 << 1,    /* needs MAP_READ */
    MAP_EXEC = 1 << 2,     /* needs MAP_READ */
    MAP_ACCESSED = 1 << 3, /* reported by pt_read; refused in pt_map */
    MAP_DIRTY = 1 << 4,    /* likewise */
    MAP_SOFT_SHIFT = 5,    /* three bits that the processor ignores */
    MAP_KEY_SHIFT = 8,     /* protection key, four bits; 0 where the processor has none */
    MAP_FLAGS = (1 << FRAME_SHIFT) - 1,
    /* all that pt_protect can set; cleared too, the flags are just those that are set */
    MAP_CHANGEABLE = MAP_FLAGS & ~(MAP_READ | MAP_ACCESSED | MAP_DIRTY),
};

/* What frame_read tells of one frame. */
struct frame_state {
    uint32_t owner; /* account, by frame */
    uint32_t refs;  /* entries that name it, and objects that stand on it */
    uint32_t pins;  /* lasting uses of a plain frame */
    uint8_t type;   /* enum frame_type */
    uint8_t size;   /* of the frame object that it begins: 0: 4 KiB, 1: 2 MiB, 2: 1 GiB */
    uint8_t vital;  /* 1: so its owner says */
    uint8_t uses;   /* in flight: by a device, each until it is done */
};
_Static_assert(sizeof(struct frame_state) == 16, "layout");

/*
 * What pt_copy is asked: n entries of a level (0, 1: 4 KiB) from one table's from_va on to
 * another's to_va on, which may be the same table elsewhere. Both sides of each present entry are
 * changed as by pt_protect, accessed and dirty bits kept (or cleared); other entries are copied as
 * they are, but for 0, which leaves the place as it is.
 */
struct copy_request {
    uint32_t from, to; /* page tables, by frame */
    uint64_t from_va, to_va;
    uint32_t level, n;
    uint16_t from_clear, from_set, to_clear, to_set; /* flags */
};
_Static_assert(sizeof(struct copy_request) == 40, "layout");

/* In what pt_read tells: the entry links a table, and has the rights that the link leaves. */
static const uint64_t MAP_LINK = (uint64_t)1 << 63;
