/* SPDX-License-Identifier: MIT */
/*
 * virtio_mmio.c - virtio devices at fixed addresses, as the words of the kernel's command line
 * name them: virtio_mmio.device=BYTES@0xADDRESS:LINE. Source: virtio 1.1, 4.2.
 */
#include "kernel/arch.h"
#include "kernel/dev/virtio.h"
#include "kernel/log.h"
#include "lib/string.h"
#include "lib/words.h"

enum mmio_register {
    MMIO_MAGIC = 0x000,
    MMIO_VERSION = 0x004,
    MMIO_DEVICE = 0x008,
    MMIO_OFFERED = 0x010,
    MMIO_OFFERED_WORD = 0x014,
    MMIO_AGREED = 0x020,
    MMIO_AGREED_WORD = 0x024,
    MMIO_QUEUE = 0x030,
    MMIO_QUEUE_MAX = 0x034,
    MMIO_QUEUE_SIZE = 0x038,
    MMIO_QUEUE_READY = 0x044,
    MMIO_BELL = 0x050,
    MMIO_INTERRUPT = 0x060,
    MMIO_INTERRUPT_TAKEN = 0x064,
    MMIO_STATUS = 0x070,
    MMIO_DESCRIPTORS = 0x080,
    MMIO_GIVEN = 0x090,
    MMIO_USED = 0x0a0,
};

enum { MMIO_BYTES_MIN = 0x100, MMIO_MAGIC_VALUE = 0x74726976, MMIO_VERSION_MODERN = 2 };

static uint8_t
mmio_status(struct virtio *v)
{
    return (uint8_t)mmio_read32(v->registers + MMIO_STATUS);
}

static void
mmio_status_set(struct virtio *v, uint8_t status)
{
    mmio_write32(v->registers + MMIO_STATUS, status);
}

static uint32_t
mmio_offered(struct virtio *v, uint32_t word)
{
    mmio_write32(v->registers + MMIO_OFFERED_WORD, word);
    return mmio_read32(v->registers + MMIO_OFFERED);
}

static void
mmio_agree(struct virtio *v, uint32_t word, uint32_t bits)
{
    mmio_write32(v->registers + MMIO_AGREED_WORD, word);
    mmio_write32(v->registers + MMIO_AGREED, bits);
}

static bool
mmio_queue_start(struct virtio *v, struct virtqueue *q)
{
    mmio_write32(v->registers + MMIO_QUEUE, q->number);
    if (mmio_read32(v->registers + MMIO_QUEUE_READY) ||
        mmio_read32(v->registers + MMIO_QUEUE_MAX) < q->size)
        return false;
    mmio_write32(v->registers + MMIO_QUEUE_SIZE, q->size);
    mmio_write64(v->registers + MMIO_DESCRIPTORS, arch_physical(q->rings->descriptor));
    mmio_write64(v->registers + MMIO_GIVEN, arch_physical(&q->rings->given_flags));
    mmio_write64(v->registers + MMIO_USED, arch_physical(&q->rings->used_flags));
    mmio_write32(v->registers + MMIO_QUEUE_READY, 1);
    q->bell = v->registers + MMIO_BELL;
    return true;
}

static void
mmio_ring(const struct virtqueue *q)
{
    mmio_write32(q->bell, q->number);
}

/* Lowers the line, so that its next rise is seen: the line counts edges. */
static void
mmio_interrupt_taken(struct virtio *v)
{
    uint32_t why = mmio_read32(v->registers + MMIO_INTERRUPT);
    mmio_write32(v->registers + MMIO_INTERRUPT_TAKEN, why);
}

static const struct virtio_transport transport_mmio = {
    .status = mmio_status,
    .status_set = mmio_status_set,
    .offered = mmio_offered,
    .agree = mmio_agree,
    .queue_start = mmio_queue_start,
    .ring = mmio_ring,
    .interrupt_taken = mmio_interrupt_taken,
};

/* Is the device there of this kind, and of the modern version? */
static bool
mmio_probe(struct virtio *v, enum virtio_kind kind, uint64_t address)
{
    v->via = &transport_mmio;
    v->registers = arch_mmio_map(address, MMIO_BYTES_MIN);
    if (!v->registers || mmio_read32(v->registers + MMIO_MAGIC) != MMIO_MAGIC_VALUE ||
        mmio_read32(v->registers + MMIO_DEVICE) != (uint32_t)kind)
        return false;
    uint32_t version = mmio_read32(v->registers + MMIO_VERSION);
    if (version != MMIO_VERSION_MODERN)
        log_line("virtio: the device at %lx is of version %u", (unsigned long)address, version);
    return version == MMIO_VERSION_MODERN;
}

/* Cuts the bytes before the first c off a word: false when there is no c. */
static bool
word_cut(struct word *w, char c, struct word *before)
{
    const char *at = w->length ? memchr(w->at, c, w->length) : NULL;
    if (!at)
        return false;
    *before = (struct word){w->at, (size_t)(at - w->at)};
    w->at += before->length + 1;
    w->length -= before->length + 1;
    return true;
}

/* virtio_mmio.device=BYTES@0xADDRESS:LINE */
static bool
word_device(struct word w, uint64_t *address, uint64_t *line)
{
    struct word key, size, at, zero;

    if (!word_cut(&w, '=', &key) || !word_is(key, "virtio_mmio.device"))
        return false;
    return word_cut(&w, '@', &size) && word_cut(&w, ':', &at) && word_cut(&at, 'x', &zero) &&
           number_hex(at, address) == 0 && number_decimal(w, line) == 0;
}

bool
virtio_mmio_find(struct virtio *v, enum virtio_kind kind, const char *command_line)
{
    struct line left = {command_line, strlen(command_line)};
    struct word w;
    uint64_t address, line;

    while (word_next(&left, &w)) {
        if (!word_device(w, &address, &line) || !mmio_probe(v, kind, address))
            continue;
        arch_irq_route((uint32_t)line, IRQ_CONSOLE);
        return true;
    }
    return false;
}
