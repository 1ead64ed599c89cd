/* SPDX-License-Identifier: MIT */
/*
 * abi/channel.h - what travels between the kernel and the host command on the console port.
 *
 * The port is a byte stream in each direction, little-endian, a run of messages: a head of eight
 * bytes, then for CH_DATA and CH_LOG `length` bytes of payload. For every other type `length` is
 * an argument and no payload follows.
 *
 * A channel belongs to one partition; channel 0 is init's. Only the kernel makes heads, so no
 * byte that a program writes can forge another channel's data or a status.
 *
 * Invariants
 *  C1 A sender has at most as many bytes of CH_DATA in flight on a stream as it holds credit for:
 *     credit starts at 0, grows by the peer's CH_CREDIT, shrinks by each CH_DATA length.
 *  C2 After CH_EOF no CH_DATA follows on that stream.
 *  C3 After CH_CLOSED the reader is gone: data still in flight is dropped, none is sent.
 *  C4 CH_STATUS is the last message of its channel.
 * The receiver trusts none of it: a message that breaks a rule is a named error (lib/message.h).
 */
#pragma once
#include <stdint.h>

enum channel_limit {
    CHANNEL_MAX = 64,               /* channels 0 .. 63 */
    CHANNEL_PAYLOAD_MAX = 16 << 10, /* bytes in one CH_DATA or CH_LOG message */
    CHANNEL_HEAD_BYTES = 8,
    CHANNEL_FLIGHTS_MAX = 8, /* descriptors of console_send on the port, of all channels */
};

enum channel_type {
    CH_HELLO = 1,  /* kernel -> host, first message of all: length = ABI_VERSION */
    CH_DATA = 2,   /* both ways: bytes of a stream, 1 .. CHANNEL_PAYLOAD_MAX */
    CH_CREDIT = 3, /* both ways: the receiver of the stream allows `length` bytes more */
    CH_EOF = 4,    /* both ways: the writer has ended */
    CH_CLOSED = 5, /* both ways: the reader has gone; length = the error that writers now get */
    CH_STATUS = 6, /* kernel -> host: the partition has ended; length = exit status, 0 .. 255 */
    CH_SIGNAL = 7, /* host -> kernel: deliver signal number `length` (1 .. 62) to the partition */
    CH_LOG = 8,    /* kernel -> host: text of the kernel's log; channel and stream are 0 */
};

/* The streams of a channel. INPUT runs host -> kernel, the others kernel -> host. */
enum channel_stream {
    STREAM_INPUT = 0,
    STREAM_OUTPUT = 1,
    STREAM_ERROR = 2,
    STREAM_REPORT = 3, /* what the library OS or init says of the program: see docs/report.md */
    STREAM_COUNT = 4,
};

struct channel_head {
    uint8_t type; /* enum channel_type */
    uint8_t stream;
    uint16_t channel;
    uint32_t length;
};
_Static_assert(sizeof(struct channel_head) == CHANNEL_HEAD_BYTES, "wire layout");
