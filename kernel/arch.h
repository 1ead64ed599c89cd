/* SPDX-License-Identifier: MIT */
/*
 * kernel/arch.h - the one door to kernel/x86: all that the rest of the kernel asks of a processor.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "abi/context.h"

struct context;
struct cpu;

enum { CPUS_MAX = 64 };

/* ---- this processor ---- */
struct cpu *cpu_this(void);
struct cpu *cpu_at(uint32_t number); /* any processor, number < cpu_count() */
uint32_t cpu_count(void);            /* 1 .. CPUS_MAX */
uint64_t arch_walls(void);           /* how often processors went from one account to another */
void arch_processors_start(void);    /* boot: all wait for the lock, and are counted from then on */
void arch_pause(void);               /* in a loop that waits for another processor */
void arch_interrupt(const struct cpu *cpu); /* another processor, soon: IRQ_REQUEST */
void arch_halt_until_interrupt(void);       /* lets one interrupt in; kernel idle only */
_Noreturn void arch_stop(void);             /* for ever, interrupts off */

/* ---- the caller's memory: 0, or the address that was absent (never 0) ---- */
uint64_t copy_in(void *to, uint64_t from_va, size_t n);
uint64_t copy_out(uint64_t to_va, const void *from, size_t n);
/* One word, at once. False: not all of it is there, and copy_in says where. */
bool copy_in_word(uint64_t *to, uint64_t from_va);
/*
 * index when it is below n, else 0, without a branch that a processor could run ahead of: here, for
 * a compiler that has seen the check before would leave it out.
 */
uint64_t index_masked(uint64_t index, uint64_t n);

/* ---- frames ---- */
void arch_copy(void *to, const void *from, size_t n); /* much at a time: 8 bytes an instruction */
void arch_frame_clear(void *frame);
/* Where the kernel reads and writes a frame. */
void *frame_address(uint64_t n);
/* Boot: shows `bytes` of page-aligned direct-map memory at the fixed address va (abi/exposed.h). */
void exposed_map(uint64_t va, const void *memory, uint64_t bytes);

/* ---- page tables: entries of abi/memory.h in, entries of abi/memory.h out ---- */
struct pte_change {
    uint64_t keep, add; /* pte -> (pte & keep) | add */
};
void arch_root_init(void *root); /* zeroes: but the kernel's half from here on */
void arch_root_end(void *root);  /* its half is zeroes again */
void arch_root_load(uint64_t frame);
void arch_root_leave(
    uint64_t frame); /* on to the kernel's own root, if this processor stands on that one */
uint64_t arch_root_of(const struct cpu *cpu); /* that it stands on; 0: the kernel's own */
uint64_t arch_root_here(void);                /* that this processor stands on */
/* Does a root show what only INSPECT lets read? The caller flushes. */
void arch_root_show(uint64_t frame, bool on);
/* size as in struct frame's flags: 0 for an entry of level 1, ... */
uint64_t arch_pte_encode(uint64_t entry, uint32_t size);
uint64_t arch_pte_decode(uint64_t pte);
struct pte_change arch_pte_change(uint64_t clear, uint64_t set); /* flags of present entries */
/* Is there, in what entries of the same frames lost and got, a right less, or what they recorded?
 */
bool arch_pte_loses(uint64_t lost, uint64_t got);
bool arch_pte_gains(uint64_t from, uint64_t to); /* the right to write or execute */
bool arch_pte_present(uint64_t pte);
bool arch_pte_links(uint64_t pte); /* present, of level 2 and above: it links a table */
uint64_t arch_pte_frame(uint64_t pte);
/* withheld: MAP_WRITE, MAP_EXEC. A link is shared when the table hangs elsewhere too (pt.c, M5). */
uint64_t arch_link_encode(uint64_t table_frame, uint64_t withheld);
uint64_t arch_link_share(uint64_t link);
bool arch_link_shared(uint64_t links); /* is one of those, or'ed? */
void arch_flush_page(uint64_t va);
void arch_flush_all(void);

/* ---- contexts ---- */
struct context *arch_context_of(uint64_t frame);
void arch_context_init(struct context *context, const struct context_start *start);
int arch_upcalls_set(struct context *context,
                     const struct upcall_setup *setup); /* 0, or E_INVAL and nothing is changed */
void arch_context_registers(const struct context *context, struct save_area *out);
/* Of one that is on no processor: 0, or E_INVAL for addresses that are no user's. */
int arch_context_set_registers(struct context *context, const struct save_area *regs);
void arch_context_result(struct context *context, int64_t value, uint64_t detail);
void arch_context_restart(struct context *context); /* back before the call it stands in */
void arch_context_root(struct context *context, uint64_t root); /* the current one: on to that */
uint32_t arch_context_stands(const struct context *context);    /* the root it is on, or would be */
void arch_context_skip(struct context *context);                /* and behind it again */
/*
 * Brings an upcall to a context that is off its processor: false, with *cause, when it cannot be.
 */
bool arch_upcall(struct context *context, enum upcall kind, enum context_cause *cause);
bool arch_upcall_masked(const struct context *context, enum upcall kind);
void arch_upcall_pend(struct context *context, enum upcall kind);
uint32_t
arch_upcall_pending(const struct context *context); /* set of 1 << kind, as the library left it */
/* Puts `to` on the processor: vectors, segment bases, root. Its registers follow by arch_resume. */
void arch_context_switch(struct cpu *cpu, struct context *to);
void arch_context_leave(struct context *context); /* off the processor: all its registers saved */
void arch_root_idle(void);                        /* this processor onto the kernel's own tables */
void arch_charge_show(struct context *context, uint64_t on_since_ns); /* in its upcall page */
uint64_t arch_counter(void);                                          /* cycles */
_Noreturn void arch_resume(struct context *context);

/* ---- transfers: both contexts' registers are saved in their frames ---- */
struct transfer_setup;
void arch_transfer_set(struct context *context, const struct transfer_setup *setup,
                       struct context *_Atomic *home); /* checked */
/* That many more calls may nest on this processor; settle: without kernel/transfer.c. */
void arch_transfer_room(struct cpu *cpu, uint32_t calls, bool settle);
bool arch_inside(const struct cpu *cpu); /* is it on a path that takes no lock? */
/* It is to begin with the caller's message (NULL: none), and with that identity. */
void arch_transfer_begin(struct context *callee, const struct context *caller, uint64_t identity);
/* The caller is to go on behind its call, with the callee's message. */
void arch_transfer_answer(struct context *caller, const struct context *callee);
void arch_transfer_fail(struct context *caller, int64_t error); /* and with no message */
/* From one to the other: all but the saved registers stays in the processor. */
void arch_transfer_hand(struct cpu *cpu, struct context *to);
void arch_transfer_vectors(struct context *to); /* what is in the processor is that one's */

/* ---- time ---- */
uint64_t clock_now(void);            /* nanoseconds since the kernel's start */
uint64_t clock_wall_base(void);      /* nanoseconds since 1970 of clock 0 */
void arch_timer_set(uint64_t at_ns); /* one-shot on this processor; 0: off */

/* ---- devices ---- */
enum irq_vector { IRQ_TIMER = 0x40, IRQ_CONSOLE = 0x41, IRQ_REQUEST = 0x42, IRQ_SPURIOUS = 0xff };
uint32_t arch_pci_read(uint32_t function,
                       uint32_t offset); /* function = bus<<8|device<<3|function; aligned */
void arch_pci_write(uint32_t function, uint32_t offset, uint32_t value);
void *arch_mmio_map(uint64_t pa, uint64_t bytes); /* boot only; uncached; never unmapped */
void arch_msi_message(enum irq_vector vector, uint64_t *address, uint32_t *data);
void arch_irq_route(uint32_t line,
                    enum irq_vector vector); /* an interrupt controller's line, edge */

/* ---- the first serial port, COM1 ---- */
enum { SERIAL_FIFO_BYTES = 16 };
enum serial_want { SERIAL_WANT_RECEIVE = 1, SERIAL_WANT_SEND = 2 };
void arch_serial_write(const char *text, size_t n); /* polled; for panics and the early log */
bool arch_serial_begin(enum irq_vector vector);     /* false: there is none */
/* How many of n bytes were taken: as many as it has room for now, at most SERIAL_FIFO_BYTES. */
uint32_t arch_serial_send(const uint8_t *bytes, uint32_t n);
/* How many of at most SERIAL_FIFO_BYTES that have come were written to `to`. */
uint32_t arch_serial_receive(uint8_t to[SERIAL_FIFO_BYTES]);
/* It interrupts while something of that set is to be done, from now on, once more if it is now. */
void arch_serial_want(uint32_t want);
bool arch_serial_sent(void); /* has all left the port? */

/* ---- the end ---- */
_Noreturn void arch_power_off(uint32_t status);
uint64_t arch_physical(const void *kernel_pointer); /* of direct-map memory */
bool arch_random(uint64_t *out);

/* ---- for tests ---- */
/* The kernel's half of the tables that this processor runs on. */
struct arch_audit {
    uint64_t n;        /* mappings */
    const char *fault; /* what is wrong with the first that is; NULL: all are as they must be */
    uint64_t fault_va;
};
void arch_tables_audit(struct arch_audit *found);
uint64_t arch_fingerprint(void);         /* of all that must stay as boot left it */
uint64_t arch_root_kernel_entries(void); /* present entries of the kernel's half */
