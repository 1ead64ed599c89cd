#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
flooding.py - the emulator with counted.sh's clock, and beside the host command one who sends the machine small messages that
need no credit, as fast as it takes them: CH_CREDIT of one byte for the main partition's output (abi/channel.h), each of which
wakes who waits at that console. It begins when the partition beside has started, and ends after so many that a machine with
nothing else to do takes them in some seconds.
"""
import os, select, socket, struct, sys

CONSOLE, CHUNK = 4, 64 << 10  # as host/machine.c has it
HEAD, CH_DATA, CH_CREDIT, OUTPUT, MAIN = '<BBHI', 2, 3, 1, 1
BEGIN, CHUNKS = b'beside1: started', 384  # 3 million messages
FLOOD = struct.pack(HEAD, CH_CREDIT, OUTPUT, MAIN, 1) * (CHUNK // 8)


def whole(data):
    """How many of these bytes are whole messages of the host's."""
    at = 0
    while at + 8 <= len(data):
        kind, _, _, n = struct.unpack_from(HEAD, data, at)
        size = 8 + (n if kind == CH_DATA else 0)
        if at + size > len(data):
            break
        at += size
    return at


def relay(host, machine):
    kept, out, said, begun, left = b'', b'', b'', False, 0
    while True:
        can_read, can_write, _ = select.select([host, machine], [machine] if out or left else [], [])
        if machine in can_read:
            data = machine.recv(CHUNK)
            if not data:
                return
            host.sendall(data)
            said = said[-len(BEGIN):] + data
            if BEGIN in said and not begun:
                begun, left = True, CHUNKS
        if host in can_read:
            data = host.recv(CHUNK)
            if not data:
                return
            kept += data
            n = whole(kept)
            out, kept = out + kept[:n], kept[n:]
        if can_write:
            if not out:
                out, left = FLOOD, left - 1
            out = out[machine.send(out, socket.MSG_DONTWAIT):]


ours, its = socket.socketpair()
if os.fork():
    os.dup2(its.fileno(), CONSOLE)
    counted = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'counted.sh')
    os.execv(counted, [counted, *sys.argv[1:]])
its.close()
host = socket.socket(fileno=os.dup(CONSOLE))
for fd in (0, 1, 3, 4, 5):  # the emulator's
    os.close(fd)
try:
    relay(host, ours)
except OSError:
    pass  # one of the two has gone
os._exit(0)
