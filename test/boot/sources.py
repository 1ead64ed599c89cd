# SPDX-License-Identifier: MIT
"""
sources.py - interrupts of the console's port (sources.c): to a program that is init, and alone on the machine, the host sends lines
while it polls, while it waits, and while it polls again.
"""
import contextlib, os, re, time
from counted import COUNTED
from harness import *

LINE, PAGE, PAYLOAD, WRITES, FLIGHTS = b'a line!\n', 4096, 16 << 10, 300, 40
PROMPTS = [(b'poll\n', 20, 0.01), (b'marks\n', 20, 0.01), (b'wait\n', 20, 0.01), (b'poll again\n', 20, 0.01), (b'both\n', 300, 0.001)]  # as in sources.c


def asked_raw(words, kernel):
    """What came of a run: the program, told what it asks for."""
    options = ['-v', '-m', '16m', '--beside-memory', '1m', '--beside', 'hello', '--emulator', os.path.join(ROOT, 'test/boot/as_init.py'),
               '--kernel', kernel]
    for word in ['check', *words]:
        options += ['--kernel-arg', word]
    p, out, prompts = start(options, [os.path.join(ROOT, 'out/test/sources')]), b'', list(PROMPTS)
    while prompts and (more := os.read(p.stdout.fileno(), 1 << 16)):
        out += more
        prompt, lines, gap_s = prompts[0]
        if not out.endswith(b'\n' + prompt) and out != prompt:
            continue
        prompts.pop(0)
        with contextlib.suppress(BrokenPipeError):  # it has ended
            for _ in range(lines):
                p.stdin.write(LINE)
                p.stdin.flush()
                time.sleep(gap_s)
    r = finish(p, b'', 100)
    return Result(r.code, out + r.out, r.err, r.seconds)


def asked(judge, kernel, words=()):
    """{oracle: why it failed} of such a run."""
    r = asked_raw(words, kernel)
    wrong = judge('sources', r)
    wrong.pop('victim')  # there is none
    if r.code == 125 and b'the machine ended (status 1) before the program' in r.err and re.search(rb'^done [0-9]+\n\Z', r.out, re.M):
        wrong.pop('said', None)
        if r.out.count(b'p') != 2 * WRITES * PAYLOAD + FLIGHTS * PAGE + 2:  # and of two words
            wrong['bytes'] = f'{len(r.out)} bytes'
    return wrong


def holds(judge, kernel):
    wrong = asked(judge, kernel)
    expect(not wrong, str(wrong))


def is_caught(judge, kernel, fault):
    wrong = asked(judge, kernel, [f'plant={fault}'])
    expect('refused' in wrong, f'an interrupt that nobody asked for was not seen: {wrong}')


def served(kernel, *words):
    """What two say, of whom one reads what the host sends in many small pieces, and the other is busy meanwhile."""
    program = os.path.join(ROOT, 'out/test/served')
    options = ['-v', *COUNTED, '-m', '8m', '--beside-memory', '8m', '--beside', program + ' spins 2000', '--kernel', kernel]
    for word in words:
        options += ['--kernel-arg', word]
    p = start(options, [program, 'reads'])
    said = p.stdout.readline()
    for _ in range(200):
        p.stdin.write(LINE)
        p.stdin.flush()
        time.sleep(0.002)
    r = finish(p, b'', 100)
    return (said + r.out + r.err).decode()


def served_pay(kernel):
    said = served(kernel)
    expect('BREACH' not in said and re.search(r'^done \d+$', said, re.M) and re.search(r'^beside1\| done \d+$', said, re.M), short(said))
    paid, beside = (int(n) for n in re.findall(r'(\d+) cycles$', said, re.M))
    expect(beside * 20 < paid, f'{paid} cycles for whom the host sends to, {beside} for one beside, to whom it says a word at its start')


def enter_sources(judge, faults, kernel, release):
    test(MACHINE, name='sources.release')(lambda: holds(judge, release))
    test(MACHINE, name='sources.plant')(lambda: holds(judge, kernel))
    for name, image in (('release', release), ('plant', kernel)):
        test(MACHINE, name=f'served.{name}')(lambda k=image: served_pay(k))
    test(MACHINE, name='served.control.SERVED')(
        lambda: expect('BREACH who is sent to pays' in served(kernel, f'plant={faults["SERVED"]}'), 'root paid, and nobody saw it'))
    for fault in ('MASK', 'UNASKED', 'SOURCED', 'SERVE_ARMS', 'SERVE_ENDS'):
        test(MACHINE, name=f'sources.control.{fault}')(lambda f=fault: is_caught(judge, kernel, faults[f]))
