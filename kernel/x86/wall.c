/* SPDX-License-Identifier: MIT */
/*
 * wall.c - the walls between accounts, put up as the processor asks: each part of wall_pass.S
 * begins with two bytes that jump over it, and loses these where it is needed.
 */
#include "kernel/x86/wall.h"
#include "kernel/arch.h"
#include "kernel/frame.h"
#include "kernel/log.h"
#include "kernel/x86/cpu.h"
#include "plant.h"

enum { MSR_CAPABILITIES = 0x10a, LEAF7_CAPABILITIES = 29, SKIP_BYTES = 2 };

uint32_t wall_parts;

/* The beginnings of the parts, and what all begin with. */
extern uint8_t wall_any[], wall_branches[], wall_returns[], wall_buffers[];

uint64_t
arch_walls(void)
{
    uint64_t n = 0;

    for (uint32_t i = 0; i < cpu_count(); i++)
        n += cpu_x86_at(i)->walls;
    return n;
}

void
wall_before(const struct context *to)
{
    struct cpu_x86 *cpu = cpu_x86_this();
    uint32_t account = frame_at(to->self)->owner;

    if (cpu->account == account)
        return;
    cpu->account = account;
    cpu->walls++;
    wall_pass();
}

static void
skip_remove(uint8_t *at)
{
    static const uint8_t nothing[SKIP_BYTES] = {0x66, 0x90};

    for (uint32_t i = 0; i < SKIP_BYTES; i++)
        at[i] = nothing[i];
}

void
wall_build(void)
{
    struct wall_asked asked = {.leaf7_d = cpuid(7, 0).d};

    if (cpuid(0x80000000, 0).a >= 0x80000008)
        asked.leaf80000008_b = cpuid(0x80000008, 0).b;
    if (asked.leaf7_d >> LEAF7_CAPABILITIES & 1)
        asked.capabilities = read_msr(MSR_CAPABILITIES);
    wall_parts = wall_choose(&asked);
    if (planted(PLANT_WALLS))
        wall_parts = WALL_BRANCHES | WALL_RETURNS | WALL_BUFFERS;
    if (wall_parts)
        skip_remove(wall_any);
    if (wall_parts & WALL_BRANCHES)
        skip_remove(wall_branches);
    if (wall_parts & WALL_RETURNS)
        skip_remove(wall_returns);
    if (wall_parts & WALL_BUFFERS)
        skip_remove(wall_buffers);
    log_line("between accounts: branch barrier %s, return stack %s, buffers %s",
             wall_parts & WALL_BRANCHES ? "on" : "off", wall_parts & WALL_RETURNS ? "on" : "off",
             wall_parts & WALL_BUFFERS ? "on" : "off");
}
