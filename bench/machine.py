# SPDX-License-Identifier: MIT
"""What both sides of a comparison share: the machine's shape, bounded runs, scratch space."""
import contextlib
import ctypes
import fcntl
import glob
import os
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
OUT = os.path.join(ROOT, "out")
QEMU = "qemu-system-x86_64"
CPU = "max,-erms,-fsrm"  # without them both sides clear memory in steps of eight bytes
MEMORY_MIB = 512
ICOUNT = ["-icount", "shift=0"]  # one nanosecond of virtual time an instruction; rdtsc counts them
ICOUNT_BOOT = ["-icount", "shift=0,sleep=off"]  # idle time ends at the next timer, not by the host's clock
LIMIT_S = 900  # for one run of a machine; past it something hangs
BYTE_LIMIT_S = 120  # for the next byte of a stream


class Failed(Exception):
    """A measurement that could not be made; the text says why."""


def say(words):
    print(f"bench: {words}", file=sys.stderr, flush=True)


def scratch_sweep():
    """Removes what benches left that were killed: their number stands in the name."""
    for path in glob.glob(os.path.join(OUT, "bench", "run.*")):
        if not os.path.exists(f"/proc/{path.split('.')[-2]}"):
            shutil.rmtree(path, ignore_errors=True)


@contextlib.contextmanager
def scratch():
    """A directory under out/ that is gone afterwards."""
    path = tempfile.mkdtemp(prefix=f"run.{os.getpid()}.", dir=os.path.join(OUT, "bench"))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@contextlib.contextmanager
def locked(name):
    """Alone among the benches of this project, for the block."""
    os.makedirs(os.path.join(OUT, "bench"), exist_ok=True)
    with open(os.path.join(OUT, "bench", name + ".lock"), "w", encoding="ascii") as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        yield


def die_with_parent():
    """In a child before exec: prctl(PR_SET_PDEATHSIG, SIGKILL)."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def command():
    """The reference machine, to which each side adds its kernel and its ports."""
    return [
        QEMU, "-machine", "q35,accel=tcg", "-cpu", CPU, "-smp", "1", "-m", str(MEMORY_MIB),
        "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
    ]


@contextlib.contextmanager
def started(words, **options):
    """A child that does not outlive the block, however that is left, nor us."""
    options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL,
               "stderr": subprocess.DEVNULL, "preexec_fn": die_with_parent, **options}
    child = subprocess.Popen(words, **options)
    try:
        yield child
    finally:
        if child.poll() is None:
            child.kill()
            child.wait()


def run(words, limit_s=LIMIT_S, **options):
    """Runs a command to its end; (status, output, errors) as bytes. Other ends than 0 are Failed."""
    status, out, err = attempt(words, limit_s, **options)
    if status:
        text = err.decode(errors="replace").strip()
        raise Failed(f"{words[0]} ended with {status}: {text[-500:]}")
    return status, out, err


def attempt(words, limit_s=LIMIT_S, **options):
    pipe = subprocess.PIPE
    with started(words, stdout=pipe, stderr=pipe, **options) as child:
        try:
            out, err = child.communicate(timeout=limit_s)
        except subprocess.TimeoutExpired:
            raise Failed(f"{words[0]} was not done after {limit_s} s") from None
        return child.returncode, out, err


def firmware_tsc(extra=()):
    """The time stamp counter when firmware hands over to a kernel: see bench/floor.S."""
    with scratch() as tmp:
        stamp = os.path.join(tmp, "stamp")
        floor = os.path.join(OUT, "bench", "floor.elf")
        run(command() + ICOUNT_BOOT + ["-kernel", floor, "-serial", f"file:{stamp}", *extra])
        with open(stamp, "rb") as f:
            return struct.unpack("<Q", f.read(8))[0]


def byte_read(since, limit_s=BYTE_LIMIT_S):
    if not select.select([since], [], [], limit_s)[0]:
        raise Failed(f"no byte came for {limit_s} s")
    return os.read(since, 1)


def feed(to, left):
    """Writes `left` bytes until the reader goes away."""
    chunk = bytes(64 << 10)
    try:
        while left:
            left -= os.write(to, chunk[: min(left, len(chunk))])
    except OSError:
        pass


def rate_in(to, since, size):
    """MB/s into bench/stream.c: from its first read to its last."""
    threading.Thread(target=feed, args=(to, size), daemon=True).start()
    if byte_read(since) != b"r":
        raise Failed("the program that reads did not begin")
    begun = time.monotonic()
    if byte_read(since) != b"d":
        raise Failed("the program that reads did not get it all")
    return size / (time.monotonic() - begun) / 1e6


def rate_out(since, size):
    """MB/s out of bench/stream.c: from the first byte to the last."""
    if byte_read(since) != b"x":
        raise Failed("the program that writes did not begin")
    begun, left = time.monotonic(), size - 1
    while left:
        if not select.select([since], [], [], BYTE_LIMIT_S)[0]:
            raise Failed("the program that writes stopped")
        got = os.read(since, min(left, 1 << 20))
        if not got:
            raise Failed("the program that writes ended early")
        left -= len(got)
    return size / (time.monotonic() - begun) / 1e6
