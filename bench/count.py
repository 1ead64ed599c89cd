# SPDX-License-Identifier: MIT
"""Counting a whole program's guest instructions with bench/count.c: its options and its answer."""
import os
import struct

import machine

PLUGIN = os.path.join(machine.OUT, "bench", "count.so")
QUIET = os.path.join(machine.OUT, "bench", "quiet.so")
PLACES = ("kernel", "program", "library")


def text_of(path):
    """(entry, low, high) of a static executable: where it begins, and what it loads to execute."""
    with open(path, "rb") as f:
        head = f.read(64)
        if head[:5] != b"\x7fELF\x02" or struct.unpack_from("<H", head, 16)[0] != 2:
            raise machine.Failed(f"{path} is not a static executable with a fixed address")
        entry, table = struct.unpack_from("<QQ", head, 24)
        size, number = struct.unpack_from("<HH", head, 54)
        f.seek(table)
        entries = [f.read(size) for _ in range(number)]
    spans = []
    for e in entries:
        kind, flags, _, va, _, _, memory = struct.unpack_from("<IIQQQQQ", e)
        if kind == 1 and flags & 1:
            spans.append((va, va + memory))
    return entry, min(s[0] for s in spans), max(s[1] for s in spans)


def options(program, out):
    """QEMU's options to count `program`; the answer will be in the file `out`."""
    entry, low, high = text_of(program)
    return ["-plugin", f"{PLUGIN},out={out},entry={entry:x},low={low:x},high={high:x}"]


def quiet_options(program, out):
    """QEMU's options to count what the kernel takes of a processor between noise_begin and noise_end of `program`."""
    told = machine.run(["nm", program])[1].decode().splitlines()
    at = {words[2]: words[0] for words in map(str.split, told) if len(words) == 3}
    return ["-plugin", f"{QUIET},out={out},begin={at['noise_begin']},end={at['noise_end']}"]


def quiet_read(out):
    """Instructions of the kernel on the loop's processor, between the marks."""
    with open(out, "rb") as f:
        marks, _, start, end = struct.unpack("<4Q", f.read(32))
    if marks != 2:
        raise machine.Failed("the loop did not run from mark to mark on one processor")
    return end - start


def read(out):
    """{place: instructions} from the program's first instruction to its exit."""
    with open(out, "rb") as f:
        words = struct.unpack("<10Q", f.read(80))
    if not words[0]:
        raise machine.Failed("the program never began")
    start, end = words[4:7], words[7:10]
    return {place: end[i] - start[i] for i, place in enumerate(PLACES)}
