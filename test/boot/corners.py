# SPDX-License-Identifier: MIT
"""
corners.py - test/boot/corners.c beside a host that sends signals, and reads late or slowly.
"""
import os, re, signal, subprocess, threading, time
from harness import *
from counted import COUNTED

PROGRAM = os.path.join(ROOT, 'out/test/corners')
BEGINS = range(20000, 35000, 500)  # how long before its end, in ns: from the first call of the library's to the last on the way there


def begin(word, options=()):
    return start(['-m', '32m', *options], [PROGRAM, word], stdin=subprocess.DEVNULL)


@test(MACHINE, name='corners.begins')
def a_slice_ends_as_threads_begin():
    beside = [word for ns in BEGINS for word in ('--beside', f'{PROGRAM} begins {ns}')]
    r = run(['-v', '-m', '8m', '--beside-memory', '8m', *COUNTED, *beside], [PROGRAM, 'begins', '250'])
    same((r.code, r.err.count(b'exited with status 0')), (0, len(BEGINS)), f'ends ({short(r.err)})')


@test(MACHINE, name='corners.asleep')
def a_sleeping_context_takes_signals():
    p = begin('asleep')
    same(p.stdout.readline(), b'asleep\n', 'first line')
    time.sleep(0.3)
    p.send_signal(signal.SIGTERM)
    r = finish(p, None, 10)
    same(r.code, 3, f'exit code ({short(r.err)})')
    same(r.out, b'signals 8000\n', 'output')


@test(MACHINE, name='corners.signals')
def a_handler_writes_while_a_thread_waits_for_the_host():
    p = begin('signals')
    time.sleep(4)  # all that the host takes by itself is full
    p.send_signal(signal.SIGTERM)
    time.sleep(0.3)  # and less than the command leaves it to end
    r = finish(p, None, 30)
    same(r.code, 3, f'exit code ({short(r.out[-200:])} {short(r.err)})')
    expect(b'signals 8000\n' in r.out and r.out.endswith(b'done by a thread\n'), short(r.out[-300:]))


def handlers_of_faults_write(options):
    p = begin('faults', options)
    end = threading.Timer(60, p.kill)
    end.start()
    time.sleep(2)
    out = b''
    while piece := os.read(p.stdout.fileno(), 700):
        out += piece
        time.sleep(0.002)
    end.cancel()
    same(p.wait(30), 0, f'exit code ({short(p.stderr.read())})')
    rest, told = re.subn(r'fault of page \d+\n', '', out.decode())  # between two pieces of a line, maybe
    same(told, 4 * 300, 'faults told')
    same(sorted(line for line in rest.splitlines() if line.startswith('touched')), sorted(f'touched {i} of {k}' for i in range(300) for k in range(4)), 'pages')


@test(MACHINE, name='corners.faults')
def handlers_of_faults_wait_for_the_host():
    handlers_of_faults_write([])


@test(MACHINE, name='corners.stuck')
def a_lock_is_misused_while_a_thread_waits_for_the_host():
    p = begin('stuck')
    time.sleep(5)
    r = finish(p, None, 30)
    same(r.code, 134, f'exit code ({short(r.out[-200:])} {short(r.err)})')
    expect(b'the library OS failed: it takes a lock twice' in r.err, short(r.err))
