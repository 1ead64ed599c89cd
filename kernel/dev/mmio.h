/* SPDX-License-Identifier: MIT */
/*
 * kernel/dev/mmio.h - registers of devices in memory, mapped by arch_mmio_map: each access is one
 * load or store of its width. What is read is the device's word, to be checked.
 */
#pragma once
#include <stdint.h>

typedef volatile uint8_t mmio_t;

static inline uint8_t
mmio_read8(const mmio_t *at)
{
    return *at;
}

static inline uint16_t
mmio_read16(const mmio_t *at)
{
    return *(const volatile uint16_t *)(const volatile void *)at;
}

static inline uint32_t
mmio_read32(const mmio_t *at)
{
    return *(const volatile uint32_t *)(const volatile void *)at;
}

static inline void
mmio_write8(mmio_t *at, uint8_t value)
{
    *at = value;
}

static inline void
mmio_write16(mmio_t *at, uint16_t value)
{
    *(volatile uint16_t *)(volatile void *)at = value;
}

static inline void
mmio_write32(mmio_t *at, uint32_t value)
{
    *(volatile uint32_t *)(volatile void *)at = value;
}

/* Two stores, low half first: what virtio asks for in 64-bit fields. */
static inline void
mmio_write64(mmio_t *at, uint64_t value)
{
    mmio_write32(at, (uint32_t)value);
    mmio_write32(at + 4, (uint32_t)(value >> 32));
}
