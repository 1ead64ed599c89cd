/* SPDX-License-Identifier: MIT */
/*
 * seed.c - writes inputs without a fault for a fuzzer to start from.
 *
 *     out/fuzz/seed NAME DIRECTORY
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include "abi/trace.h"
#include "lib/message.h"
#include "test/unit/made.h"

static bool
write_file(const char *directory, const char *name, const void *bytes, size_t n)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *f = fopen(path, "wb");
    if (!f)
        return false;
    bool good = fwrite(bytes, 1, n, f) == n;
    return fclose(f) == 0 && good;
}

static bool
seed_elf(const char *directory)
{
    static struct made_elf e;
    elf_make(&e);
    bool good = write_file(directory, "static", &e, MADE_ELF_BYTES);
    e.head.e_type = ET_DYN;
    e.section[MADE_SYMTAB].sh_type = SHT_NULL;
    return write_file(directory, "pie", &e, MADE_ELF_BYTES) && good;
}

static bool
seed_bundle(const char *directory)
{
    static struct made_bundle b;
    bundle_make(&b);
    b.head.length = offsetof(struct made_bundle, plan) + 10;
    return write_file(directory, "three", &b, b.head.length);
}

/* A message behind the n bytes of a wire. Returns the new length. */
static size_t
message_put(uint8_t *wire, size_t n, enum channel_type type, uint32_t channel,
            enum channel_stream stream, uint32_t length)
{
    struct channel_head head = message_head_make(type, channel, stream, length);
    memcpy(wire + n, &head, sizeof head);
    n += sizeof head;
    if (type != CH_DATA && type != CH_LOG)
        return n;
    memset(wire + n, 'x', length);
    return n + length;
}

static bool
seed_message(const char *directory)
{
    uint8_t wire[512] = {1 + 2 * 6}; /* from the kernel, in pieces of 7: see message.c */
    size_t n = message_put(wire, 1, CH_HELLO, 0, 0, 1);
    n = message_put(wire, n, CH_LOG, 0, 0, 20);
    n = message_put(wire, n, CH_CREDIT, 1, STREAM_INPUT, 65536);
    n = message_put(wire, n, CH_DATA, 1, STREAM_OUTPUT, 30);
    n = message_put(wire, n, CH_CLOSED, 1, STREAM_INPUT, 32);
    n = message_put(wire, n, CH_EOF, 1, STREAM_OUTPUT, 0);
    n = message_put(wire, n, CH_STATUS, 1, 0, 3);
    bool good = write_file(directory, "kernel", wire, n);
    wire[0] = 2 * 4; /* from the host, in pieces of 5 */
    n = message_put(wire, 1, CH_CREDIT, 1, STREAM_OUTPUT, 65536);
    n = message_put(wire, n, CH_DATA, 1, STREAM_INPUT, 30);
    n = message_put(wire, n, CH_CLOSED, 1, STREAM_OUTPUT, 32);
    n = message_put(wire, n, CH_EOF, 1, STREAM_INPUT, 0);
    n = message_put(wire, n, CH_SIGNAL, 1, 0, 2);
    return write_file(directory, "host", wire, n) && good;
}

static bool
seed_words(const char *directory)
{
    static const char report[] = "died 11 wild read of 0x0\nregister rip 401000\n"
                                 "frame 7fffdeadBEEF\nmissing 435 12\nloaded 400000\nframe "
                                 "401000\nloaded 400000\nnote a%20b %25\n";
    return write_file(directory, "report", report, sizeof report - 1);
}

static bool
seed_plan(const char *directory)
{
    return write_file(directory, "two", made_plan, strlen(made_plan));
}

static bool
seed_options(const char *directory)
{
    static const char run[] = "run\0-m\00064m\0-e\0LANG=C\0--name=a\0--machine\0q35\0--accel\0tcg\0"
                              "--beside\0busybox yes\0--beside-memory=1g\0--beside-output\0x\0"
                              "-v\0--\0busybox\0sort\0-n";
    static const char gdb[] = "gdb\0--gdb-arg\0-q\0--emulator=e\0--kernel=k\0--kernel-arg\0w\0./a";
    bool good = write_file(directory, "run", run, sizeof run - 1);
    good &= write_file(directory, "gdb", gdb, sizeof gdb - 1);
    static const char image[] = "image\0iso\0--kernel-arg\0log\0-m\00064m\0x.iso\0busybox\0cat";
    good &= write_file(directory, "image", image, sizeof image - 1);
    good &= write_file(directory, "help", "help\0run", 8);
    return write_file(directory, "test", "test\0--help", 11) && good;
}

static bool
seed_multiboot(const char *directory)
{
    uint8_t info[MADE_MULTIBOOT_MAX];
    size_t n = multiboot_make(info);
    return write_file(directory, "whole", info, n);
}

static bool
seed_firmware(const char *directory)
{
    uint8_t image[1 + MADE_FIRMWARE_BYTES] = {1}; /* see firmware.c */
    firmware_make(image + 1);
    return write_file(directory, "tables", image, sizeof image);
}

/* Blocks of every kind of size taken, resized and freed. */
static bool
seed_heap(const char *directory)
{
    uint8_t commands[600 * 3];
    uint32_t seed = 1;
    for (size_t i = 0; i < sizeof commands; i++)
        commands[i] = (uint8_t)((seed = seed * 1664525 + 1013904223) >> 24);
    return write_file(directory, "any", commands, sizeof commands);
}

static bool
seed_events(const char *directory)
{
    static struct {
        struct trace_head head;
        struct trace_record record[16];
        struct trace_name name[2];
    } m = {.head = {.magic = TRACE_MAGIC,
                    .version = TRACE_VERSION,
                    .records_per_cpu = 16,
                    .counter_hz = 1000000000,
                    .n_names = 2}};
    m.head.names_pa = offsetof(__typeof__(m), name);
    m.head.ring[1].pa = m.head.ring[3].pa = offsetof(__typeof__(m), record);
    m.head.ring[1].next = 16;
    m.head.ring[3].next = 20;
    m.name[0] = (struct trace_name){.context = 7};
    m.name[1] = (struct trace_name){.context = 9, .partition = 1};
    for (uint32_t i = 0; i < 16; i++)
        m.record[i] = (struct trace_record){i * 100ull, i % TRACE_EVENTS, 7 + 2 * (i / 8), i, i};
    if (!write_file(directory, "rings", &m, sizeof m))
        return false;
    for (uint32_t i = 0; i < 16; i++) /* idle in a call of its own, as no kernel is */
        m.record[i] =
            (struct trace_record){i * 100ull, i % 2 ? TRACE_IDLE_BEGIN : TRACE_CALL_BEGIN, 7, i, i};
    return write_file(directory, "idle_in_a_call", &m, sizeof m);
}

static const struct {
    const char *name;
    bool (*make)(const char *directory);
} seeds[] = {
    {"elf", seed_elf},       {"bundle", seed_bundle},       {"message", seed_message},
    {"words", seed_words},   {"plan", seed_plan},           {"options", seed_options},
    {"report", seed_words},  {"multiboot", seed_multiboot}, {"firmware", seed_firmware},
    {"heap", seed_heap},     {"grants", seed_heap},         {"events", seed_events},
    {"accounts", seed_heap},
};

int
main(int argc, char **argv)
{
    for (size_t i = 0; argc == 3 && i < sizeof seeds / sizeof seeds[0]; i++)
        if (strcmp(seeds[i].name, argv[1]) == 0)
            return seeds[i].make(argv[2]) ? 0 : 1;
    fprintf(stderr, "usage: seed NAME DIRECTORY\n");
    return 2;
}
