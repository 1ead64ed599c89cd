# SPDX-License-Identifier: MIT
"""
same.py - a call that is refused changes nothing of the kernel's own, by its own witness (kernel/plant/on/same.c).

The programs that try what is refused run once more with the word `same` of the test build, on one processor. What they look
at themselves otherwise (test/boot/state.c) is left out: the kernel sees more.
"""
import re, subprocess
from harness import *

REFUSED_MIN = 50  # calls, in the shortest
WALKS = [  # program, [planted fault]
    ('slots_walk', ['KEEP', 'HEARD', 'RIGHT_LEFT', 'LATE']),
    ('root_walk', ['RIGHT_LEFT']),
    ('refusals', []),
    ('misfits', []),
    ('batches', []),
]


def symbol_of(address, kernel):
    """The name of the kernel's data there."""
    before = '?'
    for line in subprocess.run(['nm', '-n', kernel], stdout=subprocess.PIPE, check=True, text=True).stdout.splitlines():
        at, _, name = line.split()[-3:] if len(line.split()) == 3 else ('0', '', '')
        if int(at, 16) > address:
            break
        before = f'{name} + {address - int(at, 16)}'
    return before


def changed(err, kernel):
    """What the witness has said of a call that was refused; None: nothing, and it has seen many."""
    panic = re.search(r'panic: same: (.*)', err)
    if panic:
        said = re.findall(r'^kernel\| same: (.*:.*)$', err, re.M)
        return '; '.join([panic.group(1)] + [re.sub(r'data at ([0-9a-f]+)', lambda m: symbol_of(int(m.group(1), 16), kernel), line) for line in said])
    told = re.findall(r'^kernel\| same: (\d+) calls were refused, and changed nothing', err, re.M)
    if not told or int(told[-1]) < REFUSED_MIN:
        return f'it has seen no {REFUSED_MIN} refusals: {told}'
    return None


def enter_same(run_beside, judge, root_walk, faults, kernel):
    def looked(name, words, *arguments):
        if name == 'root_walk':
            return root_walk(['same', *words], 41, look=lambda err: changed(err, kernel))
        r = run_beside(name, ['same', *arguments], ['same', *words], kernel)
        wrong, what = judge(name, r), changed(r.err.decode(errors='replace'), kernel)
        return {**wrong, 'same': what} if what else wrong

    def holds(name, *arguments):
        wrong = looked(name, [], *arguments)
        expect(not wrong, wrong.get('same') or str(wrong))

    def caught(name, fault):
        wrong = looked(name, [f'plant={faults[fault]}'])
        expect('have changed' in wrong.get('same', ''), f'with {fault} the witness saw nothing: {wrong}')

    for name, planted in WALKS:
        test(MACHINE, name=f'{name}.same')(lambda n=name: holds(n))
        for fault in planted:
            test(MACHINE, name=f'{name}.same.control.{fault}')(lambda n=name, f=fault: caught(n, f))
    test(MACHINE, name='act27_calls.same')(lambda: holds('act27_calls', 'bounds'))
