# SPDX-License-Identifier: MIT
"""
shares.py - the victim's share of the processor beside acts, where the clock counts instructions and the victim works instead of
sleeping: from the begin of each slice of its own to that of the next it has at least 95 % of what its slices promise it.
"""
import os, re, sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '../command'))
from harness import *

COUNTED = ['--accel', 'tcg', '--emulator', os.path.join(ROOT, 'test/boot/counted.sh')]
ROUNDS = 20  # as a judge expects
PROMISED = 500  # permille: two partitions, each with a slice of the same length
# Those that take several slices of time; others are over before the victim's second slice.
ACTS = ['act04_tree', 'act15_flags', 'act20_vectors', 'act24_revoke', 'act25_transfer', 'caps', 'slots_walk', 'stalls']
ACTS_LONG = ['act27_calls', 'chains']  # some seconds of the processor


def shared(judge, name, kernel=None, words=()):
    """{oracle: why it failed}."""
    victim = os.path.join(ROOT, 'out/test/victim')
    options = ['-v', *COUNTED, '-m', '16m', '--beside-memory', '8m', '--beside', f'{victim} {ROUNDS} {PROMISED}']
    for word in ['check', 'inspect', *words]:
        options += ['--kernel-arg', word]
    r = run(options + (['--kernel', kernel] if kernel else []), [os.path.join(ROOT, 'out/test', name)], b'x', timeout=100)
    said = rb'^beside1\| victim had (\d+) permille at least, in (\d+) looks\n'
    looks = re.search(said, r.err, re.M)
    wrong = judge('', Result(r.code, r.out, re.sub(said, b'', r.err, flags=re.M), r.seconds))
    if not looks or int(looks.group(2)) == 0:
        wrong['victim'] = wrong.get('victim', 'it had no slice beside the other')
    return wrong


def holds(*how, **more):
    wrong = shared(*how, **more)
    expect(not wrong, str(wrong))


def caught(*how, **more):
    wrong = shared(*how, **more)
    expect('victim' in wrong, f'nothing was seen: {wrong}')


def enter_shares(judge, faults, plant_kernel):
    for name in ACTS + ACTS_LONG:
        test(MACHINE, long=name in ACTS_LONG, name=f'{name}.share')(lambda n=name: holds(judge, n))
    for name in ('act15_flags', 'act25_transfer'):
        test(MACHINE, name=f'{name}.share.control.SLICE_TIMER')(
            lambda n=name: caught(judge, n, kernel=plant_kernel, words=[f'plant={faults["SLICE_TIMER"]}']))
