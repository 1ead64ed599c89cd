# SPDX-License-Identifier: MIT
"""Exits of a virtual machine per operation, under KVM one level down (outer.py), ours beside Linux'.

bench/exits_drive.c, in the host that outer.py makes, starts a guest and has it do operations by its
console; KVM counts. What a command costs that does nothing is taken off; what comes from the host's
own interrupts (irq_exits) is left out.
"""
import os
import re
import shlex

import linux
import machine
import outer

DRIVE = "/drive/exits_drive"
KIT = outer.PROJECT + "/out/bench/exits_kit"
BOTH = ["nothing:1", "null_call:20000", "upcall:20000", "map_unmap:5000", "alone:10000", "idle:10000"]
THEIRS_MORE = ["env_create:200", "transfer:2000", "yield:5000", "spin:3000"]
SWITCHES = {"yield": 2, "spin": 2}  # away and back
WHOLE = ("boot", "alone", "idle")  # counted as they are, not per operation
SILENCE_S = 120


def counts_parse(text):
    """{operation: exits of one} of what exits_drive printed."""
    told = {name: (int(n), int(exits)) for name, n, exits in re.findall(r"^(\w+) (\d+) (\d+)$", text, re.M)}
    counts = {}
    for name, (n, exits) in told.items():
        if name in WHOLE:
            counts[name] = exits - (told["nothing"][1] if name != "boot" else 0)
        elif name != "nothing" and n:
            once = (exits - told["nothing"][1]) / n / SWITCHES.get(name, 1)
            counts[name] = max(0.0, round(once, 2))
    return counts


def drive(operations, command):
    return shlex.join([DRIVE, *operations, "--", *command])


def ours_command(beside=None):
    words = [outer.PROJECT + "/out/host/tessera", "run", "--accel", "kvm", "-m", "64m"]
    return words + (["--beside-memory", "16m", "--beside", f"{KIT} {beside}"] if beside else []) + [KIT]


def theirs_command():
    modules = " ".join(os.path.basename(m) for m in linux.MODULES)
    words = ["qemu-system-x86_64", "-machine", "q35,accel=kvm", "-cpu", "max", "-smp", "1",
             "-m", str(machine.MEMORY_MIB), "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
             "-kernel", "/linux/vmlinux", "-initrd", "/linux/initramfs", "-serial", "file:/tmp/linux.log",
             "-append", f"{linux.PARAMETERS} rdinit=/init -- {modules} run /exits_linux",
             "-device", "virtio-serial-pci,max_ports=4"]
    for n, back in enumerate(["stdio,signal=off", "file,path=/proc/self/fd/1", "file,path=/dev/null"], 1):
        words += ["-chardev", f"{back},id=port{n}", "-device", f"virtserialport,nr={n},chardev=port{n}"]
    return words


def measure():
    """({operation: exits}, the same of Linux)"""
    tools = os.path.join(machine.OUT, "bench")
    with machine.scratch() as tmp:
        linux.fetch()
        image = os.path.join(tmp, "initramfs")
        linux.image_make(image, {"exits_linux": os.path.join(tools, "exits_linux")})
        script = "\n".join([
            "echo @ours", drive(BOTH, ours_command()),
            "echo @yield", drive(["nothing:1", "yield:5000"], ours_command("yield")),
            "echo @spin", drive(["nothing:1", "spin:3000"], ours_command("spin")),
            "echo @theirs", drive(BOTH + THEIRS_MORE, theirs_command()),
        ])
        more = {DRIVE: os.path.join(tools, "exits_drive"), "/linux/initramfs": image,
                "/linux/vmlinux": os.path.join(linux.DIR, "vmlinux")}
        text = outer.run(script, ["out/examples/init", "out/bench/exits_kit"], more, silence_s=SILENCE_S)
    if "@done" not in text:
        raise machine.Failed(f"the outer guest stood still: {text[-300:]}")
    parts = dict(re.findall(r"^@(\w+)\n((?:(?!@).*\n)*)", text, re.M))
    ours = {}
    for part in ("yield", "spin", "ours"):
        ours.update(counts_parse(parts[part]))
    return ours, counts_parse(parts["theirs"])
