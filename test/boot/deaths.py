# SPDX-License-Identifier: MIT
"""
deaths.py - how a program dies, of which only it may suffer: one line that says why, 128 + signal, registers, a backtrace.
"""
import re
from harness import *

SEGV, ILL, FPE, SYS = 11, 4, 8, 31
PRIVILEGED = 'privileged instruction or wild address'
DEATHS = [  # deed, signal, how the one line goes on, the innermost function that the backtrace names
    ('read_kernel', SEGV, 'segmentation fault: read of 0xffffffff80100000', 'deed_read_kernel'),
    ('read_memory', SEGV, 'segmentation fault: read of 0xffff800000000000', 'deed_read_memory'),
    ('write_kernel', SEGV, 'segmentation fault: write to 0xffffffffc0006ff8', 'deed_write_kernel'),
    ('write_exposed', SEGV, 'segmentation fault: write to 0xffffff0000000000', 'deed_write_exposed'),
    ('jump_kernel', SEGV, 'segmentation fault: jump to 0xffffffff80100000', 'exo_main'),
    ('jump_exposed', SEGV, 'segmentation fault: jump to 0xffffff0000000000', 'exo_main'),
    ('jump_data', SEGV, 'segmentation fault: jump to ', 'exo_main'),
    ('write_text', SEGV, 'segmentation fault: write to ', 'deed_write_text'),
    ('null', SEGV, 'segmentation fault: read of 0x8', 'deed_null'),
    ('halt', SEGV, PRIVILEGED, 'deed_halt'),
    ('interrupts_off', SEGV, PRIVILEGED, 'deed_interrupts_off'),
    ('control_register', SEGV, PRIVILEGED, 'deed_control_register'),
    ('port', SEGV, PRIVILEGED, 'deed_port'),
    ('undefined', ILL, 'invalid instruction', 'deed_undefined'),
    ('divide', FPE, 'division error', 'deed_divide'),
    ('foreign', SYS, 'system call without an operating system', 'deed_foreign'),
    ('stack', SEGV, 'segmentation fault: write to ', 'deed_stack_deeper'),
    ('stack_wild', SEGV, 'segmentation fault: write to 0xffffffffc0006ff8', 'deed_stack_wild'),
]
LIBRARY_DEATHS = [  # argument of upcalls, signal, the line, the innermost function: only the kernel can tell of these ends
    ('deep', ILL, 'the library OS failed: invalid instruction that it could not take', 'deeper'),
    ('faulting', SEGV, 'the library OS failed: segmentation fault that it could not take', 'fault_again'),
    ('beyond', SEGV, 'the library OS failed: invalid instruction while it resumed', 'raw_'),
]


def dies(how, name, deed, signo, words, function):
    """It dies alone: one line that says why, 128 + signal, a backtrace that names where; all else goes on."""
    run_beside, judge = how
    r = run_beside(name, [deed])
    wrong = judge(name, r)
    wrong.pop('said')
    expect(not wrong, f'others: {wrong}')
    same(r.code, 128 + signo, 'exit code')
    own = [line for line in r.err.decode().splitlines() if not line.startswith(('kernel| ', 'beside1| '))]
    lines = [line for line in own if re.match('tessera: (?!accelerator )', line)]
    same(len(lines), 1, f'lines that say why ({lines})')
    expect(lines[0].startswith(f'tessera: {name}: {words}'), lines[0])
    trace = [line.split() for line in own if re.match(r' +0x[0-9a-f]+( |$)', line)]
    expect(trace, 'no backtrace')
    named = [frame[1] for frame in trace if len(frame) > 1]
    expect(not function or named[0].startswith(function), f'the backtrace begins {named}')
    for register in ('rip', 'rsp', 'rax', 'r15'):
        expect(any(re.match(rf' +{register} +0x[0-9a-f]+$', line) for line in own), f'no {register}')


def enter_deaths(*how):
    for deed, signo, words, function in DEATHS:
        test(MACHINE, name=f'deaths.{deed}')(lambda d=deed, s=signo, w=words, f=function: dies(how, 'deaths', d, s, w, f))
    for deed, signo, words, function in LIBRARY_DEATHS:
        test(MACHINE, name=f'upcalls.{deed}')(lambda d=deed, s=signo, w=words, f=function: dies(how, 'upcalls', d, s, w, f))
