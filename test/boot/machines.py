# SPDX-License-Identifier: MIT
"""
machines.py - tests of what Tessera needs of a machine, and of the tables it makes there.

A feature of the processor that is missing is named; so is too little memory, with the minimum, which suffices; the kernel's
half of the live page tables (kernel/x86/audit.c) is sound on every kind of machine, and a fault planted in it is seen. And
what a launch takes is the partition's.
"""
import os, re, tempfile
from harness import *

HELLO = b'hello from a library operating system\nmy arguments: hello\n'
NEEDED = [  # what QEMU takes away, what the line names
    ('lm', '64 bits'), ('nx', 'NX'), ('syscall', 'SYSCALL'), ('apic', 'an APIC'), ('xsave', 'XSAVE'), ('smep', 'SMEP'),
    ('smap', 'SMAP'), ('fsgsbase', 'FSGSBASE'), ('rdrand', None),
]
SPARED = ['umip', 'pku', 'xsaveopt', 'avx', 'avx2', 'pdpe1gb', 'x2apic', 'tsc-deadline']
TABLE_FAULTS = [  # planted fault, what the audit says
    ('ALIAS_IMAGE', 'writable, and of the image'), ('ALIAS_ENTRY', 'writable, and executable elsewhere'),
    ('DATA_CODE', 'writable and executable'), ('RODATA_CODE', 'executable, and no code'),
    ('GUARD', 'present below a stack'), ('EXPOSED', "the users'"),
]


def emulated(words, options=()):
    """hello on an emulator with further words, of which QEMU takes the last."""
    with tempfile.NamedTemporaryFile('w', suffix='.sh') as file:
        file.write(f'#!/bin/sh\nexec qemu-system-x86_64 "$@" {words}\n')
        file.flush()
        os.chmod(file.name, 0o700)
        copy = file.name + '.run'  # one that nobody has open to write
        os.link(file.name, copy)
        file.close()
        try:
            return run(['--accel', 'tcg', '--emulator', copy, *options], ['hello'])
        finally:
            os.unlink(copy)


def says_hello(r):
    same((r.code, r.out), (0, HELLO), f'result (told {short(r.err)})')


def lacks(feature, named):
    r = emulated(f'-cpu max,-{feature}')
    same((r.code, r.out), (123, b''), f'result (told {short(r.err)})')
    words = f'this processor lacks {named}, which Tessera needs' if named else 'this processor gives no random numbers'
    expect(f'tessera: kernel panic: {words}'.encode() in r.err, short(r.err))


def spared(kind):
    says_hello(emulated('-cpu max,' + ','.join('-' + f for f in SPARED), ['--machine', kind]))


def little_memory(kind):
    r = emulated('-m 2M', ['--machine', kind])
    found = re.search(rb'too little memory: Tessera needs a machine of at least (\d+) MiB, and (\d+) KiB for each', r.err)
    expect(r.code == 123 and found, f'not told: {short(r.err)}')
    least, each = int(found.group(1)), int(found.group(2))
    says_hello(emulated(f'-m {least}M', ['--machine', kind]))
    says_hello(emulated(f'-m {least * 1024 + 15 * each}k', ['--machine', kind, '--cpus', '16']))


def come_up(kind, cpus):
    r = run(['-v', '--machine', kind, '--cpus', str(cpus)], ['hello'])
    says_hello(r)
    expect(f'kernel| {cpus} processors\n'.encode() in r.err, short(r.err))


def audited(options):
    r = run(['-v', '--kernel-arg', 'check', *options], ['hello'])
    said = re.findall(rb'^kernel\| check: (.*mapping.*)$', r.err, re.M)
    expect(len(said) == 1, short(r.err))
    return said[0].decode()


def sound(options):
    said = audited(options)
    found = re.match(r'(\d+) mappings are as they must be$', said)
    expect(found and int(found.group(1)) > 500, said)


def seen(fault, number, words, kernel):
    said = audited(['--kernel', kernel, '--kernel-arg', f'plant={number}'])
    expect(re.match(rf'mapping [0-9a-f]+ IS {words}', said), f'with {fault} the audit said: {said}')


CLOCKS = {  # the machine, what else QEMU is told, by what the counter is measured
    'hpet': ('q35', '', 'high-precision timer'), 'pit': ('q35', '-no-hpet', 'interval timer'), 'microvm': ('microvm', '', 'interval timer'),
}


def calibrated(name):
    """By what the clock is set is what this machine has; how many kHz that says its counter has."""
    kind, words, named = CLOCKS[name]
    r = emulated(words, ['-v', '--machine', kind])
    says_hello(r)
    found = re.search(f'^kernel\\| clock: by the {named}, counter (\\d+) kHz'.encode(), r.err, re.M)
    expect(found, short(r.err))
    return int(found.group(1))


def agree():
    khz = [calibrated(name) for name in CLOCKS]
    expect(max(khz) - min(khz) < max(khz) / 50, f'{khz} kHz')


def leaks():
    """A processor whose users read the kernel's memory is refused, but by who does not mind."""
    r = emulated('-cpu max,vendor=GenuineIntel')
    same((r.code, r.out), (123, b''), f'result (told {short(r.err)})')
    expect(b'(Meltdown): run with --unsafe' in r.err, short(r.err))
    says_hello(emulated('-cpu max,vendor=GenuineIntel', ['--unsafe']))


def launch():
    """What root holds itself is as before the launch when a partition runs, and when it has ended, whatever it did."""
    beside = ['hello', *(os.path.join(ROOT, 'out/test', words) for words in ('limits tables', 'deaths null', 'victim 2'))]
    options = [word for words in beside for word in ('--beside', words)]
    r = run(['-v', '-m', '16m', '--beside-memory', '16m', *options], ['busybox', 'echo'])
    said = re.findall(r"^kernel\| init: .* (-?\d+) of root's own$", r.err.decode(), re.M)
    same(said, ['0'] * 2 * (1 + len(beside)), f"growth of root's own charge ({short(r.err)})")


def enter_machines(faults, plant_kernel):
    test(MACHINE, name='launch.at_its_own_charge')(launch)
    for feature, named in NEEDED:
        test(MACHINE, name=f'lacks.{feature}')(lambda f=feature, n=named: lacks(f, n))
    test(MACHINE, name='leaks.meltdown')(leaks)
    for name in CLOCKS:
        test(MACHINE, name=f'clock.{name}')(lambda n=name: calibrated(n))
    test(MACHINE, name='clock.agree')(agree)
    for kind in ('q35', 'microvm'):
        test(MACHINE, name=f'plain_processor.{kind}')(lambda k=kind: spared(k))
        test(MACHINE, name=f'little_memory.{kind}')(lambda k=kind: little_memory(k))
        for cpus in ('1', '4'):
            test(MACHINE, name=f'tables.{kind}.{cpus}')(lambda k=kind, c=cpus: sound(['--machine', k, '--cpus', c]))
        test(MACHINE, name=f'processors.{kind}.64')(lambda k=kind: come_up(k, 64))
    for fault, words in TABLE_FAULTS:
        test(MACHINE, name=f'tables.control.{fault}')(
            lambda f=fault, w=words: seen(f, faults[f], w, plant_kernel))
