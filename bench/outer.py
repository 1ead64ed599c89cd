# SPDX-License-Identifier: MIT
"""A Linux guest with SVM in which `tessera run --accel kvm` works: KVM one level down.

QEMU's emulated processor has SVM and nested paging, so Debian's cloud kernel (fetched by
bench/linux.py) offers /dev/kvm there. Its memory image holds KVM's modules, busybox, QEMU with its
libraries and firmware, and of this project what the command needs: so the command itself runs, as
a user runs it (test/kvm, bench/exits.py). What a shell script prints on the first serial port comes back.
"""
import os
import re
import subprocess
import time

import linux
import machine

MEMORY_MIB = 1280
PROJECT = "/tessera"  # where the project lies in there
FIRMWARE_DIRS = ["/usr/share/qemu", "/usr/share/seabios"]
FIRMWARE = ["bios-256k.bin", "bios-microvm.bin", "qboot.rom", "pvh.bin", "linuxboot_dma.bin", "kvmvapic.bin"]
TCG = "/usr/lib/x86_64-linux-gnu/qemu/accel-tcg-x86_64.so"  # QEMU loads emulation on demand
PARAMETERS = "mitigations=off loglevel=1 panic=-1 console=ttyS0 rdinit=/init"

INIT = """#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin:/usr/bin
mount -t proc none /proc
mount -t sysfs none /sys
mount -t devtmpfs none /dev
mount -t debugfs none /sys/kernel/debug
mount -t tmpfs none /tmp
for module in %(modules)s; do insmod /modules/$module; done
%(script)s
echo "@done"
poweroff -f
"""


def libraries(program):
    """The shared libraries of a program: paths as its loader has them."""
    told = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    return re.findall(r"(/\S+) \(0x", told)


def firmware_find(name):
    for directory in FIRMWARE_DIRS:
        if os.path.exists(os.path.join(directory, name)):
            return os.path.join(directory, name)
    raise machine.Failed(f"QEMU's firmware {name} is not in {', '.join(FIRMWARE_DIRS)}")


def files_needed(project_files, more):
    """Path inside -> path here."""
    qemu = "/usr/bin/qemu-system-x86_64"
    host = os.path.join(machine.OUT, "host", "tessera")
    files = {qemu: qemu, TCG: TCG, "/bin/busybox": "/bin/busybox"}
    for library in libraries(qemu) + libraries(host):
        files[library] = library
    for name in FIRMWARE:
        files["/usr/share/qemu/" + name] = firmware_find(name)
    for module in linux.KVM_MODULES:
        name = os.path.basename(module)
        files["/modules/" + name] = os.path.join(linux.DIR, "modules", name)
    for name in ["out/host/tessera", "out/tessera.elf", *project_files]:
        files[f"{PROJECT}/{name}"] = os.path.join(machine.ROOT, name)
    return files | more


def image_make(path, script, files):
    made = set()
    init = INIT % {"script": script, "modules": " ".join(map(os.path.basename, linux.KVM_MODULES))}
    with open(path, "wb") as f:

        def directory(name):
            if name and name not in made:
                directory(os.path.dirname(name))
                made.add(name)
                f.write(linux.cpio_entry(name, 0o40755))

        for name in ["proc", "sys", "dev", "tmp"]:
            directory(name)
        f.write(linux.cpio_entry("dev/console", 0o20600, device=(5, 1)))
        f.write(linux.cpio_entry("init", 0o100755, init.encode()))
        for name, source in files.items():
            name = name.lstrip("/")
            directory(os.path.dirname(name))
            with open(source, "rb") as g:
                f.write(linux.cpio_entry(name, 0o100755, g.read()))
        f.write(linux.cpio_entry("TRAILER!!!", 0))


def log_read(path):
    with open(path, encoding="utf-8", errors="replace") as f:
        return f.read().replace("\r", "")


def end_wait(child, log, silence_s):
    """Waits for the guest's end, or until it has printed nothing for so long."""
    size, since = -1, time.monotonic()
    while child.poll() is None and time.monotonic() < since + silence_s:
        time.sleep(0.2)
        now = os.path.getsize(log) if os.path.exists(log) else -1
        if now != size:
            size, since = now, time.monotonic()


def run(script, project_files=(), more=None, cpus=1, silence_s=180):
    """
    Boots the guest, in which `script` runs; returns all that was printed. project_files: names from
    the project's root; more: path inside -> path here. Ends with "@done", unless
    the guest stood still: the emulator loses an interrupt of it now and then.
    """
    os.makedirs(os.path.join(machine.OUT, "bench"), exist_ok=True)
    with machine.scratch() as tmp:
        linux.fetch()
        image, log = os.path.join(tmp, "initramfs"), os.path.join(tmp, "log")
        image_make(image, script, files_needed(project_files, more or {}))
        words = [
            machine.QEMU, "-machine", "q35,accel=tcg", "-cpu", "max,svm=on",
            "-smp", str(cpus), "-m", str(MEMORY_MIB), "-nodefaults", "-no-user-config",
            "-display", "none", "-no-reboot", "-kernel", os.path.join(linux.DIR, "vmlinux"),
            "-initrd", image, "-append", PARAMETERS, "-serial", f"file:{log}",
        ]
        with machine.started(words) as child:
            end_wait(child, log, silence_s)
        return log_read(log)
