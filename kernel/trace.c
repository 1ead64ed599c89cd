/* SPDX-License-Identifier: MIT */
/*
 * trace.c - see trace.h.
 * Invariants  T1 a ring is written by its own processor alone, with interrupts off: no lock.
 *             T2 `next` grows after the record is whole: who reads meanwhile sees no half one.
 */
#include "kernel/trace.h"
#include <stdatomic.h>
#include "abi/memory.h"
#include "kernel/account.h"
#include "kernel/arch.h"
#include "kernel/context.h"
#include "kernel/frame.h"
#include "kernel/slice.h"
#include "lib/words.h"
#include "plant.h"

bool trace_on;
__attribute__((used)) struct trace_head trace_head; /* the host finds it by its symbol */
static struct trace_record *records[TRACE_CPUS_MAX];
static struct trace_name *names;

_Static_assert((int)TRACE_TIMER == (int)IRQ_TIMER && (int)TRACE_CONSOLE == (int)IRQ_CONSOLE &&
                   (int)TRACE_REQUEST == (int)IRQ_REQUEST &&
                   (int)TRACE_SPURIOUS == (int)IRQ_SPURIOUS,
               "abi/trace.h");

void
trace_init(const char *command_line)
{
    uint64_t kib = 0, n = 1;

    trace_on = line_has_number(command_line, "trace", &kib) && kib >= TRACE_KIB_MIN &&
               kib <= TRACE_KIB_MAX;
    if (!trace_on)
        return;
    while (2 * n * sizeof(struct trace_record) <= kib << 10)
        n *= 2;
    trace_head.records_per_cpu = n;
}

void
trace_cpu(uint32_t number)
{
    uint64_t bytes = trace_head.records_per_cpu * sizeof(struct trace_record);

    if (!trace_on || number >= TRACE_CPUS_MAX)
        return;
    records[number] = frame_boot_alloc((bytes + FRAME_BYTES - 1) >> FRAME_SHIFT);
    trace_head.ring[number].pa = arch_physical(records[number]);
}

void
trace_begin(void)
{
    uint64_t bytes = TRACE_NAMES_MAX * sizeof(struct trace_name);

    if (!trace_on)
        return;
    names = frame_boot_alloc((bytes + FRAME_BYTES - 1) >> FRAME_SHIFT);
    trace_head.names_pa = arch_physical(names);
    trace_head.counter_hz = exposed_machine->counter_hz;
    trace_head.counter_base = exposed_machine->boot_counter;
    trace_head.version = TRACE_VERSION;
    atomic_thread_fence(memory_order_release); /* pairs with the host, which looks for the magic */
    trace_head.magic = TRACE_MAGIC;
}

void
trace_put(enum trace_event event, uint64_t a, uint64_t b)
{
    const struct cpu *cpu = cpu_this();
    struct trace_ring *ring = &trace_head.ring[cpu->number % TRACE_CPUS_MAX];

    if (!ring->pa)
        return;
    records[cpu->number][ring->next % trace_head.records_per_cpu] =
        (struct trace_record){.counter = arch_counter(),
                              .event = event,
                              .context = cpu->current ? cpu->current->self : 0,
                              .a = a,
                              .b = b};
    atomic_thread_fence(memory_order_release); /* T2 */
    ring->next++;
}

void
trace_context(const struct context *context)
{
    const struct env *env = frame_address(context->env);
    const struct account *of = account_at(env->account);

    if (!trace_on || trace_head.n_names == TRACE_NAMES_MAX)
        return;
    /* The partition has the name that root, or whom it asked, gave the account just below root. */
    names[trace_head.n_names] =
        (struct trace_name){.counter = arch_counter(),
                            .context = context->self,
                            .partition = of->state.depth ? account_at(of->path[1])->state.name : 0};
    atomic_thread_fence(memory_order_release); /* T2 */
    trace_head.n_names++;
}

/* From entry.S, for calls that it settles itself. */
void call_traced_begin(uint64_t number, uint64_t a);
void
call_traced_begin(uint64_t number, uint64_t a)
{
    trace_put(TRACE_CALL_BEGIN, number, a);
    plant_call_begins(number);
}

/* Of a call that saves: with the caller's registers saved. It may not come back. */
LAST struct result
call_traced(uint64_t a, uint64_t b, uint64_t c, uint64_t number, uint64_t d, uint64_t e)
{
    trace_put(TRACE_CALL_BEGIN, number, a);
    call_entry *entry = call_saving_table[number] ? call_saving_table[number] : call_table[number];
    plant_call_begins(number);
    struct result r = entry(a, b, c, number, d, e);
    plant_call_ends(r.value);
    if ((number == CALL_pt_map || number == CALL_pt_unmap) && r.value > 0)
        trace_put(number == CALL_pt_map ? TRACE_MAP : TRACE_UNMAP, c, (uint64_t)r.value);
    trace_put(TRACE_CALL_END, number, (uint64_t)r.value);
    return r;
}
