#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
as_init.py - the emulator, with a boot bundle (abi/bundle.h) whose one module is the first partition's library OS: so a test
runs as init, with the root account and every right, in place of examples/init.c.
"""
import os, struct, sys

BUNDLE, HEAD, ENTRY, PAGE, FIRST = 3, '<QIIQ', '<QQ40s', 4096, 2  # modules: init, the plan, the first partition's

length = os.fstat(BUNDLE).st_size
image = os.pread(BUNDLE, length, 0)
magic, _, reserved, _ = struct.unpack_from(HEAD, image)
offset, n, _ = struct.unpack_from(ENTRY, image, struct.calcsize(HEAD) + FIRST * struct.calcsize(ENTRY))
head = struct.pack(HEAD, magic, 1, reserved, PAGE + n) + struct.pack(ENTRY, PAGE, n, b'init')
bundle = os.memfd_create('bundle', 0)
os.pwrite(bundle, head, 0)
os.pwrite(bundle, image[offset:offset + n], PAGE)
os.dup2(bundle, BUNDLE)
os.execvp('qemu-system-x86_64', ['qemu-system-x86_64', *sys.argv[1:]])
