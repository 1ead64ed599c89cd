# SPDX-License-Identifier: MIT
"""The peer: Debian's cloud kernel as a guest of the same QEMU, with a memory image of our own.

Fetched once into out/bench/linux by apt-get download (which checks the archive's signatures) and
never installed. The kernel is booted by PVH from the ELF image inside its boot file, as
Tessera is, so neither side pays for firmware's loader or for unpacking. Its parameters are those
at which Linux is fastest: what Debian's defaults add (AppArmor's hooks, cleared allocations, stack
randomisation, mitigations) would flatter every ratio.
"""
import collections
import contextlib
import os
import re
import shutil
import socket
import struct

import machine

PACKAGE = "linux-image-cloud-amd64"
DIR = os.path.join(machine.OUT, "bench", "linux")
PARAMETERS = (
    "init_on_alloc=0 randomize_kstack_offset=off lsm=capability mitigations=off "
    "nokaslr norandmaps quiet panic=-1 console=ttyS0"
)
# In the order of their needs.
MODULES = [
    "virtio/virtio_ring.ko",
    "virtio/virtio.ko",
    "virtio/virtio_pci_modern_dev.ko",
    "virtio/virtio_pci_legacy_dev.ko",
    "virtio/virtio_pci.ko",
    "char/virtio_console.ko",
]


# What makes a guest of ours a host of its own (test/kvm): paths from the modules' root.
KVM_MODULES = ["virt/lib/irqbypass.ko", "arch/x86/kvm/kvm.ko", "arch/x86/kvm/kvm-amd.ko"]

Ended = collections.namedtuple("Ended", "status output errors begun_tsc")


def package_download():
    """Downloads the package that the metapackage depends on into DIR; returns its name."""
    told = machine.attempt(["apt-cache", "depends", PACKAGE])[1].decode()
    found = re.search(r"Depends: (linux-image-\S+)", told)
    if not found:
        raise machine.Failed(f"the package {PACKAGE} is not known here: run apt-get update")
    machine.run(["apt-get", "download", found.group(1)], cwd=DIR)
    return found.group(1)


def lz4_unpack(data):
    """The legacy LZ4 stream that a kernel's boot file holds."""
    if data[:4] != b"\x02\x21\x4c\x18":
        raise machine.Failed("the kernel's boot file is not compressed with LZ4")
    whole, at = [], 4
    while at + 4 <= len(data):
        size = struct.unpack_from("<I", data, at)[0]
        at += 4
        if at + size > len(data):  # not a block: the length of it all, which ends the stream
            break
        whole.append(lz4_block(data[at : at + size]))
        at += size
    return b"".join(whole)


def lz4_count(data, at, count):
    """A count whose four bits are `count`, and where what follows it begins."""
    more = 255 if count == 15 else 0
    while more == 255:
        more = data[at]
        at += 1
        count += more
    return count, at


def lz4_block(data):
    out, at, end = bytearray(), 0, len(data)
    while True:
        token = data[at]
        at += 1
        count, at = lz4_count(data, at, token >> 4)
        out += data[at : at + count]
        at += count
        if at >= end:
            return out
        start = len(out) - (data[at] | data[at + 1] << 8)
        at += 2
        count, at = lz4_count(data, at, token & 15)
        count += 4
        while count > 0:  # the copy may overlap what it writes
            piece = out[start : start + count]
            out += piece
            start += len(piece)
            count -= len(piece)


def kernel_unpack(boot_file):
    """The ELF image inside a bzImage: the boot protocol's header says where (payload_offset)."""
    with open(boot_file, "rb") as f:
        data = f.read()
    sectors = data[0x1F1] or 4
    offset, length = struct.unpack_from("<II", data, 0x248)
    start = (sectors + 1) * 512 + offset
    image = lz4_unpack(data[start : start + length])
    if image[:4] != b"\x7fELF":
        raise machine.Failed("no ELF image in the kernel's boot file")
    return image


def fetch():
    """Makes sure that out/bench/linux holds vmlinux and the modules; returns the package's name."""
    with machine.locked("linux"):
        return fetch_locked()


def fetch_locked():
    name_file = os.path.join(DIR, "package")
    kept = [os.path.join(DIR, "modules", os.path.basename(m)) for m in MODULES + KVM_MODULES]
    if os.path.exists(name_file) and all(map(os.path.exists, kept)):
        with open(name_file, encoding="ascii") as f:
            return f.read().strip()
    shutil.rmtree(DIR, ignore_errors=True)
    os.makedirs(DIR)
    machine.say(f"fetching {PACKAGE}")
    try:
        name = package_download()
    except machine.Failed:  # the machine's lists of packages may be old
        machine.attempt(["apt-get", "update"])
        name = package_download()
    archive = next(f for f in os.listdir(DIR) if f.endswith(".deb"))
    root = os.path.join(DIR, "root")
    machine.run(["dpkg-deb", "-x", os.path.join(DIR, archive), root])
    version = name.removeprefix("linux-image-")
    with open(os.path.join(DIR, "vmlinux"), "wb") as f:
        f.write(kernel_unpack(os.path.join(root, "boot", "vmlinuz-" + version)))
    modules = os.path.join(root, "lib", "modules", version, "kernel")
    os.mkdir(os.path.join(DIR, "modules"))
    for module in ["drivers/" + m for m in MODULES] + KVM_MODULES:
        shutil.copy(os.path.join(modules, module), os.path.join(DIR, "modules"))
    shutil.rmtree(root)
    os.remove(os.path.join(DIR, archive))
    full = archive.removesuffix(".deb")
    with open(name_file, "w", encoding="ascii") as f:
        f.write(full + "\n")
    return full


def cpio_entry(name, mode, data=b"", device=(0, 0), inode=[0]):
    """One entry of an archive in the "newc" format, padded as it must be."""
    inode[0] += 1
    fields = (inode[0], mode, 0, 0, 1, 0, len(data), 0, 0, device[0], device[1], len(name) + 1, 0)
    head = b"070701" + b"".join(b"%08X" % v for v in fields) + name.encode() + b"\0"
    return head + b"\0" * (-len(head) % 4) + data + b"\0" * (-len(data) % 4)


def image_make(path, programs):
    """An initramfs: our init, the modules, and `programs` (name -> path) in its root."""
    parts = [cpio_entry("dev", 0o40755), cpio_entry("modules", 0o40755)]
    parts.append(cpio_entry("dev/console", 0o20600, device=(5, 1)))
    files = {"init": os.path.join(machine.OUT, "bench", "linux_init"), **programs}
    for module in MODULES:
        name = "modules/" + os.path.basename(module)
        files[name] = os.path.join(DIR, name)
    for name, source in files.items():
        with open(source, "rb") as f:
            parts.append(cpio_entry(name, 0o100755, f.read()))
    parts.append(cpio_entry("TRAILER!!!", 0))
    with open(path, "wb") as f:
        f.write(b"".join(parts))


def guest(tmp, program, arguments, backs, parameters=""):
    """
    The command of a fresh guest that runs one static program; backs are QEMU's back ends for its
    standard input and output. What init says comes in tmp/report.
    """
    fetch()
    image, name = os.path.join(tmp, "initramfs"), os.path.basename(program)
    image_make(image, {name: program})
    words = [os.path.basename(m) for m in MODULES] + ["run", "/" + name, *arguments]
    made = machine.command() + [
        "-kernel", os.path.join(DIR, "vmlinux"),
        "-initrd", image,
        "-append", f"{PARAMETERS} {parameters} rdinit=/init -- {' '.join(map(word_quote, words))}",
        "-serial", f"file:{tmp}/log",
        "-device", "virtio-serial-pci,max_ports=4",
    ]
    for n, back in enumerate([*backs, f"file,path={tmp}/report"], 1):
        made += ["-chardev", f"{back},id=port{n}"]
        made += ["-device", f"virtserialport,nr={n},chardev=port{n},name=bench.{n}"]
    return made


def word_quote(word):
    """A word for the kernel's command line, which knows double quotes and no escapes."""
    return f'"{word}"' if re.search(r"\s", word) else word


def report_read(tmp):
    """(status, time stamp at init's first instruction, what the program said on standard error)"""
    with open(os.path.join(tmp, "report"), encoding="utf-8", errors="replace") as f:
        found = re.search(r"begun (\d+)\n(?s:(.*))status (\d+)\n\Z", f.read())
    if not found:
        with open(os.path.join(tmp, "log"), encoding="utf-8", errors="replace") as f:
            raise machine.Failed(f"the Linux guest did not finish: {f.read()[-500:]}")
    return int(found.group(3)), int(found.group(1)), found.group(2)


def run(program, arguments, data_in, extra=(), parameters=""):
    """Runs one static program to its end between two files, no other program taking part; parameters: the kernel's."""
    with machine.scratch() as tmp:
        out = os.path.join(tmp, "out")
        # The back end "pipe" reads NAME.in and writes NAME.out, which may be plain files.
        os.symlink(os.path.abspath(data_in), os.path.join(tmp, "data.in"))
        os.symlink("/dev/null", os.path.join(tmp, "data.out"))
        backs = [f"pipe,path={tmp}/data", f"file,path={out}"]
        machine.run(guest(tmp, program, arguments, backs, parameters) + list(extra))
        status, begun_tsc, errors = report_read(tmp)
        with open(out, "rb") as f:
            return Ended(status, f.read(), errors, begun_tsc)


@contextlib.contextmanager
def stream(program, arguments):
    """Starts one static program; gives descriptors of its standard input and output."""
    with machine.scratch() as tmp, contextlib.ExitStack() as held:
        pairs = [socket.socketpair() for _ in range(2)]
        ours, theirs = zip(*((held.enter_context(a), held.enter_context(b)) for a, b in pairs))
        fds = [end.fileno() for end in theirs]
        words = guest(tmp, program, arguments, [f"socket,fd={fd}" for fd in fds])
        with machine.started(words, pass_fds=fds):
            for end in theirs:
                end.close()
            yield ours[0].fileno(), ours[1].fileno()
