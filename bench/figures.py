# SPDX-License-Identifier: MIT
"""The figures: what each is, how both sides are measured, and what it is to reach.

A figure's `measure` gives the samples of both sides (Linux: None where it has no such thing), taken
in turn: one of ours, one of theirs. What several figures share is measured once (class Measured).
"""
import collections
import functools
import hashlib
import os
import random
import statistics
import subprocess
import sys
import time

import count
import exits
import linux
import machine
import stretch
import tessera

BUSYBOX = "/bin/busybox"
INPUT_BYTES = 8 << 20
STREAM_BYTES = 64 << 20
FRAME_BYTES = 4096
NOISE_S = 5  # bench/noise.h
ALONE = "isolcpus=nohz,domain,managed_irq,1 nohz_full=1 rcu_nocbs=1 irqaffinity=0 sysctl.kernel.sched_rt_runtime_us=-1"
TOOLS = os.path.join(machine.OUT, "bench")

# goal: ("value", most) | ("rate", least) | ("ratio", least) | ("par", least that counts as 1 by instructions)
# larger: whether more is better
Figure = collections.namedtuple("Figure", "name unit goal larger measure method")

APPLETS = {
    "sort": ["sort", "-n"],
    "gzip": ["gzip", "-c"],
    "sha256sum": ["sha256sum"],
    "awk": ["awk", "{s+=$1;n++}END{print n,s}"],
}


def kit_parse(words):
    return {name: int(value) for name, value in (line.split() for line in words.splitlines())}


def noise_run(side, program, extra, parameters):
    if side == 0:
        return tessera.run([program], extra=extra, options=["--cpus", "2"])
    return linux.run(program, [], os.devnull, ["-smp", "2", *extra], parameters)


def check_run(side, ended):
    if ended.status:
        raise machine.Failed(f"{side}: status {ended.status}: {ended.errors.strip()[-300:]}")
    return ended


@functools.cache
def numbers_file():
    """8 MiB of random decimal numbers, a line each, the same every time."""
    path = os.path.join(TOOLS, "numbers")
    draw = random.Random(INPUT_BYTES)
    lines = "".join(f"{draw.randrange(10**7)}\n" for _ in range(INPUT_BYTES // 7))
    with machine.scratch() as tmp:
        made = os.path.join(tmp, "numbers")
        with open(made, "w", encoding="ascii") as f:
            f.write(lines[: INPUT_BYTES - 1] + "\n")
        os.replace(made, path)
    return path


class Measured:
    """Every measurement of one run of the bench, each made when it is first asked for."""

    def __init__(self, repeats, pairs):
        self.repeats, self.pairs = repeats, pairs

    @functools.cache
    def kits(self, part, counted):
        """One part of both kits, in turn: (ours, theirs), lists of {name: instructions or cycles}."""
        ours, theirs = [], []
        extra = machine.ICOUNT if counted else []
        for _ in range(self.repeats if counted else self.pairs):
            machine.say(f"{part}, {'instructions' if counted else 'time'}")
            kit = "kit_procs" if part == "procs" else "kit"  # a library OS of another kind
            ended = check_run("tessera", tessera.run([os.path.join(TOOLS, kit), part], extra=extra))
            ours.append(kit_parse(ended.output.decode()))
            ended = check_run("linux", linux.run(os.path.join(TOOLS, "kit_linux"), [part], os.devnull, extra))
            theirs.append(kit_parse(ended.output.decode()))
        return ours, theirs

    def path(self, part, ours, theirs, per=1):
        """Instructions of a path on both sides, of `per` operations each."""
        sides = self.kits(part, True)
        return tuple([k[name] if per == 1 else k[name] / per for k in side] if name else None
                     for side, name in zip(sides, (ours, theirs)))

    def path_time(self, part, ours, theirs, per=1):
        """Nanoseconds of a path, by the processor's counter."""
        sides = self.kits(part, False)
        return tuple([k[name] * 1e9 / k["counter_hz"] / per for k in side] if name else None
                     for side, name in zip(sides, (ours, theirs)))

    @functools.cached_property
    def boots(self):
        """Milliseconds of virtual time from the kernel's first instruction to a program's first."""
        ours, theirs = [], []
        kit = os.path.join(TOOLS, "kit")
        for _ in range(self.repeats):
            machine.say("boot")
            floor = machine.firmware_tsc()
            ended = check_run("tessera", tessera.run([kit], extra=machine.ICOUNT_BOOT))
            ours.append((kit_parse(ended.output.decode())["begun"] - floor) / 1e6)
            theirs.append((linux.run(os.path.join(TOOLS, "kit_linux"), [], os.devnull,
                                     machine.ICOUNT_BOOT).begun_tsc - floor) / 1e6)
        return ours, theirs

    def kernel_bytes(self):
        linux.fetch()
        theirs = tessera.image_bytes(os.path.join(linux.DIR, "vmlinux"))
        return [tessera.image_bytes(tessera.KERNEL)], [theirs]

    def hello_memory(self):
        return [tessera.memory_of("hello") for _ in range(self.repeats)], None

    def frame_tables(self):
        machine.say("memory by memory size")
        sizes = (1024, 2048)
        (less, _), (more, _) = map(tessera.kernel_frames, sizes)
        totals = []
        for mib in sizes:
            ended = check_run("linux", linux.run(os.path.join(TOOLS, "kit_linux"), ["machine"], os.devnull, ["-m", str(mib)]))
            totals.append(kit_parse(ended.output.decode())["total_bytes"])
        return [(more - less) * FRAME_BYTES], [(1 << 30) - (totals[1] - totals[0])]

    @functools.cache
    def noise(self, parameters):
        """
        Of a loop of fixed work on a processor of its own, Linux booted with these parameters: (instructions a second
        that the kernel takes of it, nanoseconds that 999 of 1,000 turns stay below), each (ours, theirs).
        """
        taken, most = ([], []), ([], [])
        for _ in range(self.repeats):
            machine.say("noise")
            for side, name in enumerate(("noise_kit", "noise_linux")):
                program = os.path.join(TOOLS, name)
                with machine.scratch() as tmp:
                    out = os.path.join(tmp, "quiet")
                    check_run(name, noise_run(side, program, count.quiet_options(program, out), parameters))
                    taken[side].append(count.quiet_read(out) // NOISE_S)
                ended = check_run(name, noise_run(side, program, [], parameters))
                most[side].append(kit_parse(ended.output.decode())["most_ns"])
        return taken, most

    @functools.cached_property
    def stretches(self):
        """{way into the kernel: (instructions of its longest stretch, program)}; the longest are printed."""
        longest = stretch.measure_all()
        print(stretch.table_text(longest, 12), file=sys.stderr)
        return longest

    def stretch_longest(self, per=1):
        return [max(most for most, _ in self.stretches.values()) / per], None

    @functools.cached_property
    def all_exits(self):
        """{operation: exits}: ours, theirs."""
        machine.say("exits under KVM, one level down")
        return exits.measure()

    def exits(self, name):
        ours, theirs = self.all_exits
        return [ours[name]], [theirs[name]]

    def applet(self, name):
        """Guest instructions of one applet of busybox, start to exit, its output compared too."""
        ours, theirs = [], []
        words, source = APPLETS[name], numbers_file()
        with open(source, "rb") as f:
            said = subprocess.run([BUSYBOX, *words], stdin=f, capture_output=True, check=True)
        right = hashlib.sha256(said.stdout).digest()
        with machine.scratch() as tmp:
            tally = os.path.join(tmp, "tally")
            extra = machine.ICOUNT + count.options(BUSYBOX, tally)
            sides = (
                ("tessera", ours, lambda: tessera.run(["busybox", *words], source, extra)),
                ("linux", theirs, lambda: linux.run(BUSYBOX, words, source, extra)),
            )
            for _ in range(self.repeats):
                for side, samples, run in sides:
                    machine.say(f"{name} on {side}")
                    ended = check_run(side, run())
                    if hashlib.sha256(ended.output).digest() != right:
                        raise machine.Failed(f"{side}: {name} gave a wrong output")
                    places = count.read(tally)
                    machine.say(", ".join(f"{k} {v}" for k, v in places.items()))
                    samples.append(sum(places.values()))
        return ours, theirs

    def applet_time(self, name):
        """Milliseconds of the host's clock that the same applet takes beyond what it takes without input, in pairs."""
        ours, theirs = [], []
        words, source = APPLETS[name], numbers_file()
        sides = ((ours, lambda data: tessera.run(["busybox", *words], data)),
                 (theirs, lambda data: linux.run(BUSYBOX, words, data)))
        for i in range(self.pairs):
            machine.say(f"{name}, time, pair {i + 1} of {self.pairs}")
            for samples, run in sides:
                took = []
                for data in (os.devnull, source):
                    begun = time.monotonic()
                    check_run(name, run(data))
                    took.append(time.monotonic() - begun)
                samples.append((took[1] - took[0]) * 1000)
        if min(map(statistics.median, (ours, theirs))) <= 0:
            raise machine.Failed("the host was too busy to time it")
        return ours, theirs

    def rates(self, direction):
        """MB/s through the console's data port, by the host's clock."""
        ours, theirs = [], []
        program = os.path.join(TOOLS, "stream")
        words = [direction, str(STREAM_BYTES)]
        sides = (
            (ours, lambda: tessera.stream([program, *words])),
            (theirs, lambda: linux.stream(program, words)),
        )
        for i in range(self.pairs):
            machine.say(f"console {direction}, pair {i + 1} of {self.pairs}")
            for samples, start in sides:
                with start() as (to, since):
                    if direction == "in":
                        samples.append(machine.rate_in(to, since, STREAM_BYTES))
                    else:
                        samples.append(machine.rate_out(since, STREAM_BYTES))
        return ours, theirs


def path_figures(part, name, ours, theirs, goal, method, per=1):
    """A path by instructions, which is judged, and by time beside it: emulation distorts that."""
    instructions = Figure(name, "instructions", goal, False, lambda m: m.path(part, ours, theirs, per),
                          "rdtsc difference under -icount shift=0, less an empty span, median of many; " + method)
    timed = Figure(name.removeprefix("instr.") + "_time", "ns", None, False,
                   lambda m: m.path_time(part, ours, theirs, per),
                   f"as {name}, by the counter of a machine that counts no instructions, in pairs")
    return instructions, timed


def applet_figures(name):
    command = " ".join(APPLETS[name])
    how = (f"all guest instructions, user and kernel, of Debian's busybox `{command}` on {INPUT_BYTES} bytes, "
           "first instruction to exit, by bench/count.c; data through virtio serial ports")
    return (
        Figure("applet." + name, "instructions", ("par", 0.98), False, lambda m: m.applet(name), how),
        Figure(f"applet.{name}_time", "ms", None, False, lambda m: m.applet_time(name),
               f"`{command}` on the same bytes less on none, by the host's clock, on machines that count nothing, in pairs"),
    )


def exits_figure(name, operation, most, method):
    how = f"KVM's count, one level down, without interrupts of the host; {method}"
    return Figure("exits." + name, "exits", ("value", most), False, lambda m: m.exits(operation), how)


def console_figure(direction):
    how = (f"bench/stream.c, {STREAM_BYTES} bytes, by the host's clock, without boot; Linux: a virtio "
           "serial port to a socket")
    return Figure(f"console.{direction}_mb_s", "MB/s", ("rate", 10), True,
                  lambda m: m.rates(direction), how)


FIGURES = [
    *path_figures("paths", "instr.null_call", "null_call", "bare_call", ("value", 18),
                  "call 0, syscall to next instruction; Linux: an unassigned call number"),
    *path_figures("paths", "instr.checked_call", "checked_call", "getppid", None,
                  "event_read of an own counter, the cheapest call that names a slot; Linux: getppid"),
    *path_figures("paths", "instr.context_root", "context_root", None, ("value", 45),
                  "syscall to next instruction, on another root and back in turn"),
    *path_figures("paths", "instr.transfer", "transfer", None, ("value", 40),
                  "one way, to another account, a caller's `syscall` to the callee's first instruction"),
    *path_figures("paths", "instr.foreign_call", "foreign_call", "dispatch_enter", ("value", 56),
                  "`syscall` with a Linux number to its handler's first instruction; Linux: syscall user dispatch"),
    *path_figures("paths", "instr.exception", "exception", "exception_enter", ("value", 56),
                  "ud2 to the first instruction of the library's entry, all registers saved; Linux: to the SIGILL handler's"),
    *path_figures("paths", "instr.page_fault_resume", "page_fault_resume", "fault_resume", ("ratio", 30),
                  "a write to a page without right to its next instruction, the handler stepping over it; "
                  "Linux: SIGSEGV"),
    *path_figures("memory", "trap", "trap", "trap", ("ratio", 30),
                  "a write to a page without right, a handler in C, back behind it; Linux: SIGSEGV"),
    *path_figures("memory", "prot1", "prot1", "prot1", ("ratio", 30),
                  "one page amid 100 loses the right to be written; Linux: mprotect"),
    *path_figures("memory", "protn", "protn", "protn", ("ratio", 8),
                  "100 pages in one call, each; Linux: mprotect", 100),
    *path_figures("memory", "appel1", "appel1", "appel1", ("ratio", 30),
                  "a write to a protected page, whose handler protects another and opens this one; Linux: SIGSEGV, mprotect"),
    *path_figures("memory", "appel2", "appel2", "appel2", ("ratio", 30),
                  "100 pages protected in one call, then written to in random order, each opened by the handler; each",
                  100),
    *path_figures("memory", "map_batch_per_page", "map_batch", "map_batch", None,
                  "512 frames mapped by one call, each; Linux: mmap of a file in memory with MAP_POPULATE", 512),
    *path_figures("memory", "unmap_batch_per_page", "unmap_batch", "unmap_batch", None,
                  "and unmapped again; Linux: munmap", 512),
    *path_figures("paths", "rpc_round_trip", "rpc_round_trip", "pipe_round_trip", ("ratio", 60),
                  "rpc_call of libos/exo, caller and service of two accounts, neither trusting the other, six words "
                  "there and back; Linux: a byte through a pipe to another process and one back"),
    *path_figures("threads", "thread_switch", "thread_switch", "thread_switch", ("ratio", 50),
                  "semaphore_post and semaphore_wait of libos/exo to another thread and back; Linux: two threads, futex"),
    *path_figures("envs", "env_create_destroy", "env_create_destroy", "env_create_destroy", ("ratio", 15),
                  "frames taken, a root with its tables and stack, environment, context made; it makes one kernel call "
                  "and ends; frames freed, as many free as before; Linux: fork, one system call, exit, wait"),
    *path_figures("wake", "wake_latency.p50", "wake_p50", "wake_p50", None,
                  "how late one runs that sleeps until a time beside one that never gives way (median); on credit; Linux: "
                  "SCHED_FIFO, clock_nanosleep"),
    *path_figures("wake", "wake_latency.p999", "wake_p999", "wake_p999", None, "the same, all but one in 1,000"),
    *path_figures("procs", "procs.fork", "fork", "fork", ("ratio", 4),
                  "a process of examples/procs with 40 pages written forks by pt_copy, the child ends, it is waited for; "
                  "Linux: the same pages, fork, _exit, waitpid"),
    *path_figures("procs", "procs.fork_share", "fork_share", "fork_share", None,
                  "the same by sharing the whole table; Linux: as before"),
    *path_figures("procs", "procs.cow_fault", "cow_fault", "cow_fault", ("ratio", 4),
                  "a write to a page that a child shares, to the next instruction, the page copied; Linux too"),
    *path_figures("procs", "procs.pipe", "pipe", "pipe", ("ratio", 8),
                  "a byte through a pipe to another process, one back; Linux too"),
    *path_figures("procs", "procs.signal", "signal", "signal", ("ratio", 8),
                  "a signal to another process, whose handler answers with one, until that has been handled; "
                  "Linux: kill and sigsuspend on both sides"),
    Figure("boot_ms", "ms", ("value", 100), False, lambda m: m.boots,
           "virtual time under -icount shift=0,sleep=off from the kernel's first instruction (bench/floor.S) to a "
           "program's first; Linux: to init's first, booted by PVH as well"),
    Figure("irq_off_max", "instructions", ("value", 50000), False, lambda m: m.stretch_longest(),
           "bench/stretch.c: the most that the kernel runs from user level, or from its wait, to the next `sysretq`, `iretq` or `hlt`, "
           f"over {len(stretch.PROGRAMS) + len(stretch.SEVERAL)} runs of tests that call with the largest batches and destroy what is large, deep and wide"),
    Figure("irq_off_max_us", "us", ("value", 50), False, lambda m: m.stretch_longest(1000),
           "the same, at an instruction a nanosecond"),
    Figure("kernel_bytes", "bytes", ("value", 256 << 10), False, lambda m: m.kernel_bytes(),
           "sections of the kernel's ELF file that are loaded from it; Linux: vmlinux, without modules"),
    Figure("hello_memory_bytes", "bytes", ("value", 1 << 20), False, lambda m: m.hello_memory(),
           "most that the account of a partition that runs hello ever held, root's own charge being as before its launch, "
           "as init reports them"),
    Figure("frame_table_bytes_per_gib", "bytes", None, False, lambda m: m.frame_tables(),
           "what the kernel keeps for itself on a machine of 2 GiB and not on one of 1 GiB: frame table, bitmap, waiters, "
           "direct map; Linux: what of the second GiB is not in MemTotal (struct page, and tables by memory size)"),
    Figure("noise.dedicated", "instructions", ("value", 0), False, lambda m: m.noise(ALONE)[0],
           "instructions a second that the kernel takes (bench/quiet.c) of the second processor from a loop that has it to "
           f"itself; Linux: pinned, SCHED_FIFO, booted with `{ALONE}`"),
    Figure("noise.dedicated_time", "ns", None, False, lambda m: m.noise(ALONE)[1],
           "what all but one in 1,000 turns of that loop, 20,000 steps each, take at most beyond the shortest; mostly the "
           "host's own noise on both sides"),
    Figure("noise.unplanned", "instructions", ("value", 0), False, lambda m: m.noise("")[0],
           "noise.dedicated where Linux was told nothing when it booted: pinned, SCHED_FIFO"),
    exits_figure("null_call", "null_call", 0, "call 0; Linux: getppid"),
    exits_figure("transfer", "transfer", 0, "a call of another environment that trusts nobody, and its return; Linux: a "
                 "round trip through pipes"),
    exits_figure("upcall", "upcall", 0, "a write to an absent page, the handler steps over it; Linux: SIGSEGV"),
    exits_figure("map_unmap", "map_unmap", 0, "a page mapped, written, unmapped; Linux: mmap, write, munmap"),
    exits_figure("env_create", "env_create", 0, "an environment made, called once and destroyed; Linux: fork, exit, wait"),
    exits_figure("slice_switch", "spin", 1, "two busy partitions, a switch from one to the other; Linux: processes"),
    exits_figure("yield", "yield", 0, "two partitions that yield, a switch; Linux: sched_yield of two processes"),
    exits_figure("remote_flush", "remote_flush", 1, "a page mapped, and taken from a context that runs on another "
                 "processor, both processors' exits; Linux: mmap, write, munmap beside a thread"),
    exits_figure("event_post", "event_post", 1, "an event to a context that runs on another processor, until its upcall, "
                 "both processors' exits; Linux: a signal to a thread"),
    exits_figure("remote_flush_off", "remote_flush_off", 0, "the same where that context is on no processor"),
    exits_figure("event_post_off", "event_post_off", 0, "the same where that context is on no processor; Linux: held back "
                 "by a thread that sleeps"),
    exits_figure("dedicated_10s", "dedicated", 0, "10 s busy on a processor whose vector names one context; Linux: pinned"),
    exits_figure("idle_10s", "idle", 10, "one program that sleeps for 10 s, and its being woken; Linux too"),
    exits_figure("boot", "boot", 5000, "power-on to the first program waiting for input, firmware's too; Linux too"),
    console_figure("in"),
    console_figure("out"),
    *(figure for name in APPLETS for figure in applet_figures(name)),
]


def spread(samples):
    """(largest - smallest) / median, in per cent."""
    middle = statistics.median(samples)
    return 100 * (max(samples) - min(samples)) / middle if middle else 0.0


def ratio(figure, ours, theirs):
    """How many times better than Linux: the median over the pairs."""
    if not theirs or 0 in ours:
        return None
    if figure.larger:
        return statistics.median(o / t for o, t in zip(ours, theirs))
    return statistics.median(t / o for o, t in zip(ours, theirs))


def reached(figure, value, times):
    kind, limit = figure.goal
    if kind == "value":
        return value <= limit
    if kind == "rate":
        return value >= limit
    return times is not None and times >= limit
