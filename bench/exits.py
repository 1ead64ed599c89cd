# SPDX-License-Identifier: MIT
"""Exits of a virtual machine per operation, under KVM one level down (outer.py), ours beside Linux'.

bench/exits_drive.c, in the host that outer.py makes, starts a guest and has it do operations by its
console; KVM counts. Taken off are what a command costs that does nothing, and what a busy program costs
in the same time (its slices end); what comes from the host's own interrupts (irq_exits) is left out.
"""
import os
import re
import shlex
import statistics

import linux
import machine
import outer

DRIVE = "/drive/exits_drive"
KIT = outer.PROJECT + "/out/bench/exits_kit"
BOTH = ["null_call:20000", "transfer:5000", "upcall:20000", "map_unmap:5000", "env_create:300", "idle:10000"]
THEIRS_MORE = ["yield:5000", "spin:3000"]  # ours need a partition beside
PAIR = [*["dedicated:100"] * 5, *["dedicated:10000"] * 3, "remote_flush:2000", "event_post:2000",
        "remote_flush_off:2000", "event_post_off:20000"]  # on two processors
REST = ["nothing:1", "alone:3000"]  # what a command costs by itself, and what being busy for so long
SWITCHES = {"yield": 2, "spin": 2}  # away and back
WHOLE = ("boot", "idle")  # counted as they are, not per operation
LONG_MS = 5000
SILENCE_S = 180


def counts_parse(text):
    """{operation: exits of one, to a tenth: what is left is the clock's} of what exits_drive printed."""
    told = [(name, *map(int, rest)) for name, *rest in re.findall(r"^(\w+) (\d+) (\d+) (\d+)$", text, re.M)]
    whole = {name: exits for name, n, exits, _ in told}
    alone_ms = next(ms for name, n, exits, ms in told if name == "alone")
    rate = (whole["alone"] - whole["nothing"]) / alone_ms  # of a busy program, by a millisecond
    counts, dedicated = {}, ([], [])
    for name, n, exits, ms in told:
        if name == "dedicated":  # what comes with the length, not with the begin and the end, which differ by one or two
            dedicated[ms > LONG_MS].append(exits)
        elif name in WHOLE:
            counts[name] = exits - (whole["nothing"] if name != "boot" else 0)
        elif n:
            ticks = 0 if name == "spin" else rate * ms
            counts[name] = max(0.0, round((exits - whole["nothing"] - ticks) / n / SWITCHES.get(name, 1), 1))
    if dedicated[True]:
        counts["dedicated"] = max(0, statistics.median(dedicated[True]) - statistics.median(dedicated[False]))
    return counts


def drive(operations, command):
    return shlex.join([DRIVE, *operations, *REST, "--", *command])


def ours_command(beside=None, cpus=1):
    words = [outer.PROJECT + "/out/host/tessera", "run", "--accel", "kvm", "-m", "64m", "--cpus", str(cpus)]
    if beside:
        return words + ["--beside-memory", "16m", "--beside", f"{KIT} {beside}", KIT, "share"]
    return words + [KIT]


def theirs_command(cpus=1):
    modules = " ".join(os.path.basename(m) for m in linux.MODULES)
    words = ["qemu-system-x86_64", "-machine", "q35,accel=kvm", "-cpu", "max", "-smp", str(cpus),
             "-m", str(machine.MEMORY_MIB), "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
             "-kernel", "/linux/vmlinux", "-initrd", "/linux/initramfs", "-serial", "file:/tmp/linux.log",
             "-append", f"{linux.PARAMETERS} rdinit=/init -- {modules} run /exits_linux",
             "-device", "virtio-serial-pci,max_ports=4"]
    for n, back in enumerate(["stdio,signal=off", "file,path=/proc/self/fd/1", "file,path=/dev/null"], 1):
        words += ["-chardev", f"{back},id=port{n}", "-device", f"virtserialport,nr={n},chardev=port{n}"]
    return words


def inside(commands, image, cpus):
    """{label: {operation: exits}} of commands ({label: command}), one after the other in one boot."""
    tools = os.path.join(machine.OUT, "bench")
    script = "\n".join(f"echo @{label}\n{command}" for label, command in commands.items())
    more = {DRIVE: os.path.join(tools, "exits_drive"), "/linux/initramfs": image,
            "/linux/vmlinux": os.path.join(linux.DIR, "vmlinux")}
    text = outer.run(script, ["out/examples/init", "out/bench/exits_kit"], more, cpus, SILENCE_S)
    if "@done" not in text:
        raise machine.Failed(f"the outer guest stood still: {text[-300:]}")
    parts = re.findall(r"^@(\w+)\n((?:(?!@).*\n)*)", text, re.M)
    return {label: counts_parse(part) for label, part in parts if label in commands}


def measure():
    """({operation: exits}, the same of Linux)"""
    with machine.scratch() as tmp:
        linux.fetch()
        image = os.path.join(tmp, "initramfs")
        linux.image_make(image, {"exits_linux": os.path.join(machine.OUT, "bench", "exits_linux")})
        one = inside({
            "yield": drive(["yield:5000"], ours_command("yield")),
            "spin": drive(["spin:3000"], ours_command("spin")),
            "ours": drive(BOTH, ours_command()),
            "theirs": drive(BOTH + THEIRS_MORE, theirs_command()),
        }, image, 1)
        two = inside({"ours": drive(PAIR, ours_command(cpus=2)), "theirs": drive(PAIR, theirs_command(2))}, image, 2)
    return two["ours"] | one["yield"] | one["spin"] | one["ours"], two["theirs"] | one["theirs"]
