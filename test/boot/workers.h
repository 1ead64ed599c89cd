/* SPDX-License-Identifier: MIT */
/*
 * test/boot/workers.h - further contexts of a test, each at a position of its own on a processor of
 * its choice. They share our root and our slots. A worker has no upcalls: what traps there ends it.
 */
#pragma once
#include "abi/slice.h"
#include "test/boot/kit.h"

enum { WORKERS_MAX = 16, WORKER_STACK_BYTES = 16 << 10 };

struct worker {
    struct context here; /* what gs names there; its page is not registered */
    uint8_t stack[WORKER_STACK_BYTES] __attribute__((aligned(16)));
    uint32_t slot; /* of its context */
    uint32_t cpu, position;
    uint64_t frame, vector_frame;
    void (*body)(struct worker *self);
    uint64_t number;
};

uint32_t cpu_count(void);

/* Makes a context in `slot` that runs body(w), and gives it duration_ns at a position. */
void worker_start(struct worker *w, uint32_t slot, uint32_t cpu, uint64_t duration_ns,
                  void (*body)(struct worker *self));
/* Its phase (abi/context.h); *cause where it is not NULL. */
uint32_t worker_phase(const struct worker *w, uint32_t *cause);
/* Waits until its body has returned; FAIL where it ended in another way, or not within some s. */
void worker_join(struct worker *w, const char *what);
/* Stops it, wherever it is, and takes back its position. It is stopped when this returns. */
void worker_stop(struct worker *w);
