# SPDX-License-Identifier: MIT
"""How long the kernel runs at a stretch with interrupts off, by bench/stretch.c, over programs that ask the most of it."""
import bisect
import os
import re
import subprocess

import machine
import tessera

PLUGIN = os.path.join(machine.OUT, "bench", "stretch.so")
# Every call with its largest batches, what is refused, and the destruction of what is large, deep or wide.
PROGRAMS = ["batches", "act27_calls", "forks", "large", "links", "act04_tree", "act02_revoke", "reap", "destroys", "limits",
            "accounts", "act24_revoke", "roots", "pins", "crowds", "burdens", "unfinished", "act05_map", "act25_transfer"]


def symbols():
    """Sorted addresses and names of the kernel's functions."""
    told = subprocess.run(["nm", tessera.KERNEL], capture_output=True, text=True, check=True).stdout
    found = sorted((int(w[0], 16), w[2]) for w in map(str.split, told.splitlines()) if len(w) == 3 and w[1] in "tT")
    return [f[0] for f in found], [f[1] for f in found]


def way_name(addresses, table):
    """What the entry code went to: a call, or the first function that is none of the entry paths."""
    starts, names = table
    called = [names[max(bisect.bisect_right(starts, a) - 1, 0)] for a in addresses if a]
    for name in called:
        if name.startswith("sys_"):
            return name.removeprefix("sys_")
    return called[0] if called else "entry code alone"


def measure(program):
    """{way in: instructions of the longest stretch} of one run of a test program."""
    with machine.scratch() as tmp:
        out = os.path.join(tmp, "stretch")
        ended = tessera.run([os.path.join(machine.OUT, "test", program)], extra=[*machine.ICOUNT, "-plugin", f"{PLUGIN},out={out}"])
        if not re.search(rb"^done \d+$", ended.output, re.M):
            raise machine.Failed(f"{program}: status {ended.status}: {ended.output[-200:]} {ended.errors[-300:]}")
        table, longest = symbols(), {}
        with open(out, encoding="ascii") as f:
            for line in f:
                _, most, *addresses = line.split()
                name = way_name([int(a, 16) for a in addresses], table)
                longest[name] = max(longest.get(name, 0), int(most))
    return longest


def measure_all(programs=None):
    """{way in: (instructions, program)} over all of them."""
    longest = {}
    for program in programs or PROGRAMS:
        machine.say(f"stretches of {program}")
        for name, most in measure(program).items():
            longest[name] = max(longest.get(name, (0, "")), (most, program))
    return longest


def table_text(longest, rows_max=None):
    rows = sorted(longest.items(), key=lambda item: -item[1][0])[:rows_max]
    return "\n".join(f"{most:8} {name:24} {program}" for name, (most, program) in rows)
