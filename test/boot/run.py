#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
run.py - tests of the kernel in QEMU: library OSes against its calls, beside a victim on the same processor.

    test/boot/run.py [--list] [NAME...]      a NAME is a test's, or the head of it up to a dot

Oracles of a run, each with a name:
  said      the program ends with status 0 and `done N`: every check of its own held
  refused   it printed no `BREACH`
  alive     the kernel did not panic, and the machine ended by itself
  victim    the partition beside printed all that it must, and ended with status 0
  image     the kernel's text, read-only data, descriptor tables and entry points are those of the boot
  counts    free + owned + kernel = all frames; references stated = references held
A control runs the same program on the kernel with one check left out, and passes when the run fails by the oracle that it
names. docs/hostile.md lists them.
"""
import os, re, sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '../command'))
from harness import *

PLANT_KERNEL = os.path.join(ROOT, 'out/tessera-plant.elf')
VICTIM_ROUNDS = 20
LONG_ROUNDS = {'act27_calls': 300}  # the victim outlasts no act that takes seconds
ACTS = [  # program, arguments, [(planted fault, arguments, the oracle that catches it)]
    ('act05_map', [], [('FRAME_OWNER', [], 'refused'), ('FRAME_TYPE', [], 'refused'),
                       ('MAP_RANGE', ['kernel-half'], 'refused')]),
    ('act06_bits', [], [('MAP_BITS', [], 'refused')]),
    ('act07_table', [], [('FRAME_REFS', [], 'refused'), ('FLUSH', [], 'refused')]),
    ('act13_edge', [], [('MAP_RANGE', [], 'alive'), ('START', [], 'refused')]),
    ('act15_flags', [], [('RESUME_FLAGS', [], 'refused'), ('ENTRY_FLAGS', [], 'alive')]),
    ('act16_gates', [], [('GATES', [], 'refused'), ('SELECTORS', [], 'refused'),
                         ('SEGMENTS', [], 'victim')]),
    ('act21_privileged', [], [('PORTS', [], 'refused'), ('UMIP', [], 'refused')]),
    ('act02_revoke', [], [('REVOKE', [], 'refused')]),
    ('act27_calls', [], [('MAP_RANGE', [], 'alive'), ('SLOT_INDEX', [], 'alive')]),
    ('act29_pointers', [], [('COPY_RANGE', [], 'refused')]),
    ('slots_walk', [], [('SLOT_KIND', [], 'refused'), ('SLOT_RIGHTS', [], 'refused'), ('SLOT_INDEX', [], 'alive')]),
    ('resume', [], []),
    ('reap', [], [('CURRENT', [], 'alive'), ('ENDED', [], 'refused')]),
]


def program(name):
    return os.path.join(ROOT, 'out/test', name)


def faults():
    with open(os.path.join(ROOT, 'kernel/plant/faults.h')) as file:
        return {name: n for n, name in enumerate(re.findall(r'^\s+PLANT_(\w+)', file.read(), re.M))}


def victim_output(rounds):
    seed, lines = 1, []
    for i in range(rounds):
        seed = (seed * 6364136223846793005 + 1442695040888963407) % 2**64
        lines.append(f'victim {i} {seed:x}\n')
    return ''.join(lines) + 'victim whole\n'


def kernel_checks(err):
    """The kernel's own lines: {oracle: what it says}."""
    lines = re.findall(r'^kernel\| check: (.*)$', err, re.M)
    return {'image': lines[:1], 'counts': lines[1:]}


def judge(name, r):
    """{oracle: why it failed} of one run with a victim beside."""
    out, err = r.out.decode(errors='replace'), r.err.decode(errors='replace')
    wrong = {}
    breach = re.search(r'^BREACH .*$', out, re.M)
    if breach:
        wrong['refused'] = breach.group()
    elif r.code != 0 or not re.search(r'^done [0-9]+\n\Z', out, re.M):
        wrong['said'] = f'status {r.code}, {short(out[-300:])} {short(err[-600:])}'
    if r.code == 123 or 'panic' in err:
        wrong['alive'] = short(err[-600:])
    beside = ''.join(line + '\n' for line in re.findall(r'^beside1\| (.*)$', err, re.M))
    if beside != victim_output(LONG_ROUNDS.get(name, VICTIM_ROUNDS)) + 'exited with status 0\n':
        wrong['victim'] = short(beside[-300:])
    said = kernel_checks(err)
    if said['image'] != ['image and tables unchanged']:
        wrong['image'] = str(said['image'])
    if len(said['counts']) != 3 or not all(line.endswith(' add up') for line in said['counts']):
        wrong['counts'] = str(said['counts'])
    return wrong


def run_beside(name, arguments, kernel_words=(), kernel=None):
    rounds = LONG_ROUNDS.get(name, VICTIM_ROUNDS)
    options = ['-v', '-m', '16m', '--beside-memory', '8m', '--beside', f'{program("victim")} {rounds}']
    for word in ['check', *kernel_words]:
        options += ['--kernel-arg', word]
    if kernel:
        options += ['--kernel', kernel]
    return run(options, [program(name), *arguments], b'x', timeout=60)


def holds(name, arguments, **how):
    wrong = judge(name, run_beside(name, arguments, **how))
    expect(not wrong, '; '.join(f'{oracle}: {why}' for oracle, why in wrong.items()))


def caught(name, arguments, fault, oracle):
    wrong = judge(name, run_beside(name, arguments, [f'plant={faults()[fault]}'], PLANT_KERNEL))
    expect(oracle in wrong, f'with {fault} left out, oracle {oracle} saw nothing; failed: {wrong}')


def enter_acts():
    for name, arguments, controls in ACTS:
        test(MACHINE, name=f'{name}.release')(lambda n=name, a=arguments: holds(n, a))
        test(MACHINE, name=f'{name}.test-build')(lambda n=name, a=arguments: holds(n, a, kernel=PLANT_KERNEL))
        for fault, words, oracle in controls:
            test(MACHINE, name=f'{name}.control.{fault}')(
                lambda n=name, a=words, f=fault, o=oracle: caught(n, a, f, o))


enter_acts()

if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
