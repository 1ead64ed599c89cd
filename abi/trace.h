/* SPDX-License-Identifier: MIT */
/*
 * abi/trace.h - what the kernel records about itself, where the host command finds it.
 *
 * With the word `trace=KIB` on its command line the kernel keeps a ring of that many KiB for each
 * processor, in which the newest events replace the oldest. The host command reads them out of the
 * machine's memory, which is a file of its own, also after a machine that was killed: it finds
 * trace_head by its symbol. The kernel is not believed: host/events.c.
 */
#pragma once
#include <stdint.h>

static const uint64_t TRACE_MAGIC = 0x6563617274737354;

enum trace_limit {
    TRACE_VERSION = 1,
    TRACE_CPUS_MAX = 64,
    TRACE_NAMES_MAX = 1024,
    TRACE_KIB_MIN = 4,
    TRACE_KIB_MAX = 65536,
};

enum trace_event {
    TRACE_NONE = 0,
    TRACE_CALL_BEGIN,  /* a: number, b: first argument */
    TRACE_CALL_END,    /* a: number, b: result; absent when the call switches away */
    TRACE_UPCALL,      /* a: enum upcall, b: fault: address; foreign: rax; else vector */
    TRACE_SLICE_BEGIN, /* a: position, b: nanoseconds */
    TRACE_SLICE_END,   /* a: position */
    TRACE_IDLE_BEGIN,
    TRACE_IDLE_END,
    TRACE_INTERRUPT, /* a: enum trace_source */
    TRACE_STOP,      /* a: frame of the context that ended, b: enum context_cause */
    TRACE_MAP,       /* a: first address, b: pages done */
    TRACE_UNMAP,     /* likewise */
    TRACE_EVENTS,
};

enum trace_source {
    TRACE_TIMER = 0x40,
    TRACE_CONSOLE = 0x41,
    TRACE_REQUEST = 0x42, /* another processor's */
    TRACE_SPURIOUS = 0xff,
};

struct trace_record {
    uint64_t counter; /* the processor's cycle counter */
    uint32_t event;   /* enum trace_event */
    uint32_t context; /* frame of the context that was current; 0: none */
    uint64_t a, b;
};
_Static_assert(sizeof(struct trace_record) == 32, "layout");

/* A context, as it was made. */
struct trace_name {
    uint64_t counter;
    uint32_t context; /* frame */
    uint32_t reserved;
    uint64_t partition; /* name of its account's ancestor below root; 0: root itself */
};
_Static_assert(sizeof(struct trace_name) == 24, "layout");

struct trace_ring {
    uint64_t pa;   /* of records_per_cpu records; 0: this processor has none */
    uint64_t next; /* how many were ever recorded; record n lies at n % records_per_cpu */
    uint64_t reserved[6];
};
_Static_assert(sizeof(struct trace_ring) == 64, "layout");

struct trace_head {
    uint64_t magic; /* TRACE_MAGIC once all else is there */
    uint32_t version;
    uint32_t reserved;
    uint64_t records_per_cpu; /* a power of 2 */
    uint64_t counter_hz;
    uint64_t counter_base; /* the cycle counter at the kernel's first instruction */
    uint64_t names_pa;     /* of TRACE_NAMES_MAX */
    uint64_t n_names;      /* at most TRACE_NAMES_MAX; later contexts have none */
    uint64_t unused;
    struct trace_ring ring[TRACE_CPUS_MAX];
};
_Static_assert(sizeof(struct trace_head) == 64 + 64 * 64, "layout");
