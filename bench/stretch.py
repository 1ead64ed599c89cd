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
            "accounts", "act24_revoke", "roots", "pins", "crowds", "burdens", "meets", "giant", "unfinished", "act05_map", "act25_transfer"]
# What several processors have a part in: words of the program, processors. The wait for the lock is told apart.
SEVERAL = [("stops asked", 2), ("stops dies", 2), ("throng", 2), ("throng", 64)]
LARGE = {"giant": 2300}  # MiB for the partition, where that is more than usual
WAITS = ["lock_wait"]
WAITED = "wait for the lock"  # a way of its own in what is told; no stretch


def symbols():
    """Sorted addresses and names of the kernel's functions."""
    told = subprocess.run(["nm", tessera.KERNEL], capture_output=True, text=True, check=True).stdout
    found = sorted((int(w[0], 16), w[2]) for w in map(str.split, told.splitlines()) if len(w) == 3 and w[1] in "tT")
    return [f[0] for f in found], [f[1] for f in found]


def waits(table):
    """The option by which the plugin knows what is a wait."""
    starts, names = table
    return ":".join(f"{starts[names.index(w)]:x}-{starts[names.index(w) + 1]:x}" for w in WAITS)


def way_name(addresses, table):
    """What the entry code went to: a call, or the first function that is none of the entry paths."""
    starts, names = table
    called = [names[max(bisect.bisect_right(starts, a) - 1, 0)] for a in addresses if a]
    for name in called:
        if name.startswith("sys_"):
            return name.removeprefix("sys_")
    return called[0] if called else "entry code alone"


def measure(program, cpus=1):
    """{way in: instructions of the longest stretch} of one run of a test program, which may have arguments."""
    with machine.scratch() as tmp:
        out, table = os.path.join(tmp, "stretch"), symbols()
        name, *words = program.split()
        more = [*machine.ICOUNT, "-plugin", f"{PLUGIN},out={out},wait={waits(table)}"]
        options = ["--cpus", str(cpus)]
        if name in LARGE:
            more += ["-m", str(LARGE[name] + 512)]
            options += ["-m", f"{LARGE[name]}m"]
        ended = tessera.run([os.path.join(machine.OUT, "test", name), *words], extra=more, options=options)
        if not re.search(rb"^done \d+$", ended.output, re.M):
            raise machine.Failed(f"{program}: status {ended.status}: {ended.output[-200:]} {ended.errors[-300:]}")
        longest = {}
        with open(out, encoding="ascii") as f:
            for line in f:
                _, most, waited, *addresses = line.split()
                name = way_name([int(a, 16) for a in addresses], table)
                longest[name] = max(longest.get(name, 0), int(most))
                longest[WAITED] = max(longest.get(WAITED, 0), int(waited))
    if cpus == 1:
        del longest[WAITED]
    return longest


def measure_all(programs=None):
    """{way in: (instructions, program)} over all of them."""
    longest = {}
    for program, cpus in [(p, 1) for p in programs] if programs else [*((p, 1) for p in PROGRAMS), *SEVERAL]:
        machine.say(f"stretches of {program}" + (f" on {cpus} processors" if cpus > 1 else ""))
        for name, most in measure(program, cpus).items():
            if name != WAITED:
                longest[name] = max(longest.get(name, (0, "")), (most, program))
    return longest


def table_text(longest, rows_max=None):
    rows = sorted(longest.items(), key=lambda item: -item[1][0])[:rows_max]
    return "\n".join(f"{most:8} {name:24} {program}" for name, (most, program) in rows)
