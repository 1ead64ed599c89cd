# SPDX-License-Identifier: MIT
"""Our side: programs run by the project's own command, on the reference machine.

The command starts the emulator by itself; what a measurement adds (the reference processor,
instruction counting, a plugin) comes in through --emulator, as a script that appends options.
QEMU takes the last of a repeated option.
"""
import collections
import contextlib
import os
import re
import shlex
import struct
import subprocess
import threading

import machine

COMMAND = os.path.join(machine.OUT, "host", "tessera")
KERNEL = os.path.join(machine.OUT, "tessera.elf")
PARTITION = "448m"  # of the machine's 512 MiB: the rest is the kernel's, init's and the modules'

Ended = collections.namedtuple("Ended", "status output errors")


def command(tmp, words, extra=(), options=()):
    """The command that runs `words`; tmp holds the script that stands for the emulator."""
    script = os.path.join(tmp, "emulator")
    more = ["-cpu", machine.CPU, "-m", str(machine.MEMORY_MIB), *extra]
    with open(script, "w", encoding="utf-8") as f:
        f.write(f'#!/bin/sh\nexec {machine.QEMU} "$@" {shlex.join(more)}\n')
    os.chmod(script, 0o700)
    return [COMMAND, "run", "--accel", "tcg", "-m", PARTITION, "--emulator", script, *options, *words]


def run(words, data_in=os.devnull, extra=(), options=()):
    """Runs a program to its end with standard input from a file."""
    with machine.scratch() as tmp, open(data_in, "rb") as stdin:
        status, out, err = machine.attempt(command(tmp, words, extra, options), stdin=stdin)
        return Ended(status, out, err.decode(errors="replace"))


@contextlib.contextmanager
def stream(words):
    """Starts a program; gives descriptors of its standard input and output."""
    pipe = subprocess.PIPE
    with machine.scratch() as tmp:
        with machine.started(command(tmp, words), stdin=pipe, stdout=pipe) as child:
            yield child.stdin.fileno(), child.stdout.fileno()


def memory_of(name):
    """
    Bytes: the most that the account of the partition running `name` ever held, as init logs it when
    that has ended. What is charged to root itself is as before its launch, while it runs and then. It
    runs beside a program that waits for us, so that the log is whole.
    """
    pipe = subprocess.PIPE
    said = []
    with machine.scratch() as tmp:
        words = command(tmp, ["busybox", "cat"], options=["-v", "--beside", name])
        with machine.started(words, stdin=pipe, stderr=pipe) as child:
            guard = threading.Timer(machine.LIMIT_S, child.kill)
            guard.start()
            try:
                for line in child.stderr:
                    said.append(line.decode(errors="replace"))
                    found = re.search(r"init: beside1: status 0, peak (\d+) bytes", said[-1])
                    if found:
                        grown = re.findall(r"init: beside1: .* (-?\d+) of root's own", "".join(said))
                        if grown != ["0", "0"]:
                            raise machine.Failed(f"root's own charge grew at the launch of {name}, or by its end: {grown}")
                        return int(found.group(1))
            finally:
                guard.cancel()
    raise machine.Failed(f"init did not say what {name} held: {''.join(said)[-300:]}")


def kernel_frames(memory_mib):
    """(frames that the kernel keeps for itself, frames in all) of a machine of so much memory, as it counts at the end."""
    ended = run(["hello"], extra=["-m", str(memory_mib)], options=["-v", "--kernel-arg", "check"])
    found = re.search(r"check: \d+ free \+ \d+ owned \+ (\d+) kernel of (\d+) frames add up", ended.errors)
    if ended.status or not found:
        raise machine.Failed(f"the kernel did not count its frames: {ended.errors[-300:]}")
    return int(found.group(1)), int(found.group(2))


def image_bytes(path):
    """Text, read-only data and data of an executable: what its sections occupy in memory and file."""
    with open(path, "rb") as f:
        data = f.read()
    (table,) = struct.unpack_from("<Q", data, 40)
    size, number = struct.unpack_from("<HH", data, 58)
    total = 0
    for i in range(number):
        _, kind, flags, _, _, length = struct.unpack_from("<IIQQQQ", data, table + i * size)
        if flags & 2 and kind != 8:  # SHF_ALLOC, and not SHT_NOBITS
            total += length
    return total
