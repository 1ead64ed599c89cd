# SPDX-License-Identifier: MIT
"""
counted.py - tests where the emulator's clock counts instructions (counted.sh), so that shares and times do not depend on the host;
and the victim's share of the processor beside acts, where the clock counts instructions and the victim works instead of
sleeping: it has at least 95 % of what its slices promise it (test/boot/victim.c).
"""
import os, re, sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '../command'))
from harness import *

COUNTED = ['--accel', 'tcg', '--emulator', os.path.join(ROOT, 'test/boot/counted.sh')]
ROUNDS = 20  # as a judge expects
PROMISED = 500  # permille: two partitions, each with a slice of the same length
# Those that take several slices of time; others are over before the victim's second slice.
ACTS = ['act04_tree', 'act15_flags', 'act20_vectors', 'act24_revoke', 'act25_transfer', 'caps', 'slots_walk', 'stalls']
ACTS_LONG = ['act27_calls']  # some seconds of the processor; `chains` owns hundreds of positions, and so most of the time
OF_FOUR = 769  # permille: 10 ms beside three of 1 ms
MEETINGS_MAX = 5  # so often at most is tried what two processors that one thread of a busy host runs in turn do only if they meet
OTHERS = [  # program, arguments, processors, what the victim's slices promise it
    ('act23_charge', ['1200'], 1, OF_FOUR),
    ('granters', [], 2, PROMISED),
    ('act24_revoke', [], 2, PROMISED),
    ('act28_races', ['2000'], 2, PROMISED),
]


def victim_beside(cpus=1, promised=PROMISED):
    """Options."""
    victim = f'{os.path.join(ROOT, "out/test/victim")} {ROUNDS} {promised} {cpus}'
    return ['-v', *COUNTED, '-m', '24m', '--beside-memory', '8m', '--cpus', str(cpus), '--beside', victim]


def shared(judge, name, arguments=(), cpus=1, promised=PROMISED, kernel=None, words=()):
    """{oracle: why it failed}."""
    options = victim_beside(cpus, promised)
    for word in ['check', 'inspect', *words]:
        options += ['--kernel-arg', word]
    r = run(options + (['--kernel', kernel] if kernel else []), [os.path.join(ROOT, 'out/test', name), *arguments], b'x')
    return judge_shared(judge, r)


def judge_shared(judge, r):
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


COUNTED_ACTS = [  # where the clock counts instructions: name, program, arguments, processors, what is planted, the oracle that sees it
    ('act22_storm.calls', 'act22_storm', ['calls'], 2, '', ''),
    ('act22_storm.batches', 'act22_storm', ['batches'], 2, '', ''),
    ('act22_storm.control.SLICE_TIMER', 'act22_storm', ['calls'], 2, 'SLICE_TIMER', 'refused'),
    ('act23_charge.holds', 'act23_charge', [], 1, '', ''),
    ('act23_charge.control.DONATED', 'act23_charge', [], 1, 'DONATED', 'refused'),
    ('act24_revoke.bound', 'act24_revoke', ['bound'], 1, '', ''),
    ('transfers.holds', 'transfers', [], 1, '', ''),
    ('transfers.control.CALL_PASSES', 'transfers', [], 1, 'CALL_PASSES', 'refused'),
    ('transfers.control.CALL_PAYER', 'transfers', [], 1, 'CALL_PAYER', 'refused'),
    ('transfers.control.CALL_DEAD', 'transfers', [], 1, 'CALL_DEAD', 'refused'),
    ('sleeper.holds', 'sleeper', [], 1, '', ''),
    ('sleeper.control.WAKE_TIME', 'sleeper', ['100'], 1, 'WAKE_TIME', 'refused'),
    ('turns.positions', 'turns', ['positions'], 2, '', ''),
    ('turns.grace', 'turns', ['grace'], 2, '', ''),
    ('turns.credit', 'turns', ['credit'], 2, '', ''),
    ('turns.charge', 'turns', ['charge'], 2, '', ''),
    ('turns.grace.control.DEBT', 'turns', ['grace'], 2, 'DEBT', 'refused'),
    ('turns.credit.control.DEBT', 'turns', ['credit'], 2, 'DEBT', 'refused'),
    ('turns.charge.control.DONATED', 'turns', ['charge'], 2, 'DONATED', 'refused'),
    ('turns.sold', 'turns', ['sold'], 2, '', ''),
    ('turns.sold.control.DEBT_LEFT', 'turns', ['sold'], 2, 'DEBT_LEFT', 'refused'),
    ('turns.pokes', 'turns', ['pokes'], 2, '', ''),
    ('turns.pokes.control.POKES', 'turns', ['pokes'], 2, 'POKES', 'refused'),
    ('rounds.are_short', 'rounds', [], 1, '', ''),
    ('rounds.control.ROUNDS', 'rounds', [], 1, 'ROUNDS', 'refused'),
    ('stops.asked', 'stops', ['asked'], 2, '', ''),
    ('stops.asked.control.STOPS', 'stops', ['asked'], 2, 'STOPS', 'refused'),
    ('stops.dies', 'stops', ['dies'], 2, '', ''),
    ('stops.resumed', 'stops', ['resumed'], 2, '', ''),
    ('turns.ends', 'turns', ['ends'], 2, '', ''),
    ('turns.ends.control.POKES', 'turns', ['ends'], 2, 'POKES', 'refused'),
    ('strikes.lingers', 'pauses', ['2000'], 1, '', ''),
    ('strikes.deaf', 'pauses', ['2000', 'deaf'], 1, '', 'refused'),
    ('strikes.many', 'pauses', ['1000', 'deaf', 'many'], 1, '', ''),
    ('strikes.seldom', 'pauses', ['2000', 'seldom'], 1, '', ''),
    ('strikes.control.LOST', 'pauses', ['2000', 'seldom'], 1, 'LOST', 'refused'),
    ('overdue.is_taken', 'overdue', ['1000'], 1, '', 'refused'),
    ('overdue.stalled', 'overdue', ['1000'], 1, 'STALL', ''),
    ('strikes.stalled', 'pauses', ['2000', 'deaf'], 1, 'STALL', ''),
]


def counted_act(judge, faults, kernel, program, words, cpus, fault, oracle):
    options = ['-v', '-m', '24m', *COUNTED, '--cpus', str(cpus), '--kernel', kernel, '--kernel-arg', 'check']
    options += ['--kernel-arg', f'plant={faults[fault]}'] if fault else []
    for _ in range(MEETINGS_MAX):
        r = run(options, [os.path.join(ROOT, 'out/test', program), *words])
        if b'no meeting' not in r.out:
            break
    expect(b'no meeting' not in r.out, f'not once in {MEETINGS_MAX} runs did its processors meet')
    wrong = judge(program, r)
    wrong.pop('victim')  # there is none
    expect(oracle in wrong if oracle else not wrong, str(wrong))


def enter_counted(judge, faults, plant_kernel, release_kernel):
    for name, *how in COUNTED_ACTS:
        test(MACHINE, name=name)(lambda h=how: counted_act(judge, faults, plant_kernel, *h))
        if not how[3]:
            test(MACHINE, name=f'{name}.release')(lambda h=how: counted_act(judge, faults, release_kernel, *h))
    enter_shares(judge, faults, plant_kernel)


def enter_shares(judge, faults, plant_kernel):
    for name in ACTS + ACTS_LONG:
        test(MACHINE, long=name in ACTS_LONG, name=f'{name}.share')(lambda n=name: holds(judge, n))
    for name, *how in OTHERS:
        test(MACHINE, name=f'{name}.share' + (f'.cpus{how[1]}' if how[1] > 1 else ''))(lambda n=name, h=how: holds(judge, n, *h))
    for name, cpus in (('act15_flags', 1), ('act25_transfer', 1), ('act25_transfer', 2)):
        test(MACHINE, name=f'{name}.share.control.SLICE_TIMER' + (f'.cpus{cpus}' if cpus > 1 else ''))(
            lambda n=name, c=cpus: caught(judge, n, cpus=c, kernel=plant_kernel, words=[f'plant={faults["SLICE_TIMER"]}']))
