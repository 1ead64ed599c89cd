# SPDX-License-Identifier: MIT
"""
flights.py - a host that stands still while a device has frames of users' (flight.c): what it gets in the end is every byte
that was sent, whole and in order, though their owners are gone by then.
"""
import os, re, signal, time
from harness import *

BETWEEN = 12  # blocks between two uses of a frame, as in flight.c
STEPS, STEP_MORE_S, STEP_STILL_S = 50, 0.00001, 0.01
PIECES, STILL_S = 120, (4, 10, 25)  # the last for a machine that is slow


def pieces():
    """What the first part of the test sends and writes by turns."""
    for i in range(PIECES):
        yield f'sent {i} ' + chr(97 + i % 26) * (i * 977 % ((16 << 10) - 64)) + f'\nwritten {i}\n'
    yield '\0' * 8 + '\n'


def lines_of(letter, n):
    return (letter * 63 + '\n') * n


def told_apart(err):
    """What the program wrote of standard error, and the whole lines of others, which may come amid its own."""
    parts = re.split(r'((?:kernel\| |beside\d\| |tessera: ).*\n)', err)
    return ''.join(parts[::2]), ''.join(parts[1::2])


def wrong_bytes(out, err):
    """What the host got of all that was in flight, as text; or None."""
    told = re.search(r'^filled (\d+), ours (\d+)$', out, re.M)
    if not told:
        return f'no end: {short(out[-300:])}'
    filled, ours = map(int, told.groups())
    wanted = ''.join(pieces()) + 'hold\n' + lines_of('E', 64) + lines_of('L', 64) + lines_of('O', ours) + told.group() + '\n'
    if not re.fullmatch(re.escape(wanted) + r'done \d+\n', out):
        return difference(out.encode(), wanted.encode())
    ours, others = told_apart(err)
    if ours != lines_of('.', filled * 256) or [others.count(f'beside{n + 1}| ' + lines_of(x, 1)) for n, x in enumerate('SG')] != [2 * 64, 64]:
        return f'standard error: {len(ours)} bytes of {filled * 256 * 64}, {short(others)}'
    return None


def flown_raw(still_s, kernel_words=(), kernel=None, cpus=1, steps=0):
    """What came of a run in which the host command stands still once it is told to, and goes on in so many small steps."""
    options = ['-v', '-m', '16m', '--beside-memory', '1m', '--beside', 'hello', '--beside', 'hello', '--cpus', str(cpus),
               '--emulator', os.path.join(ROOT, 'test/boot/as_init.py')]
    for word in ['check', *kernel_words]:
        options += ['--kernel-arg', word]
    p = start(options + (['--kernel', kernel] if kernel else []), [os.path.join(ROOT, 'out/test/flight')])
    p.stdin.close()
    p.stdin, out = None, b''
    while (more := os.read(p.stdout.fileno(), 1 << 16)):
        out += more
        if out.endswith(b'hold\n'):
            break
    p.send_signal(signal.SIGSTOP)
    try:
        time.sleep(still_s)
        for step in range(steps):
            p.send_signal(signal.SIGCONT)
            time.sleep(step * STEP_MORE_S)
            p.send_signal(signal.SIGSTOP)
            time.sleep(STEP_STILL_S)
    finally:
        p.send_signal(signal.SIGCONT)
    r = finish(p, None)
    return Result(r.code, out + r.out, r.err, r.seconds)


def flown(judge, still_s, *more, **how):
    """{oracle: why it failed} of such a run."""
    r = flown_raw(still_s, *more, **how)
    _, others = told_apart(r.err.decode(errors='replace'))
    wrong = judge('flight', r._replace(err=others.encode()))  # the kernel's lines come in the midst of the program's
    wrong.pop('victim')  # there is none
    if r.code == 125 and b'the machine ended (status 1) before the program' in r.err and re.search(rb'^done [0-9]+\n\Z', r.out, re.M):
        wrong.pop('said', None)
    bytes_wrong = wrong_bytes(r.out.decode(errors='replace'), r.err.decode(errors='replace'))
    if bytes_wrong:
        wrong['bytes'] = bytes_wrong
    return wrong


def is_reset(faults, kernel):
    """A device that breaks a rule is reset: all that it had lands; nobody hears of that but by how the machine ends."""
    for still_s in STILL_S:
        r = flown_raw(still_s, [f'plant={faults["DEVICE"]}'], kernel)
        if (r.code, b'the machine ended (status 1) before the program' in r.err) == (125, True):
            break
    expect(b'done' not in r.out and r.code == 125 and b'(status 1)' in r.err, f'{r.code}, {short(r.out[-200:])} {short(r.err)}')


def flies(judge, **how):
    for still_s in STILL_S:
        wrong = flown(judge, still_s, **how)
        if 'has not stood still' not in str(wrong):
            break
    expect(not wrong, str(wrong))


def flies_twice(judge, kernel, cpus=1):
    """A frame that is in flight twice; the host goes on while the program looks between the one landing and the other."""
    looks = 0
    for still_s in STILL_S:
        r = flown_raw(still_s, ['twice'], kernel, cpus, STEPS)
        out, err = r.out.decode(errors='replace'), r.err.decode(errors='replace')
        told = re.search(r'^filled (\d+), looks (\d+)$', out, re.M)
        expect(told or 'has not stood still' in out, f'{r.code}, {short(out[-300:])} {short(err)}')
        if not told:
            continue
        ours, others = told_apart(err)
        wrong = judge('flight', r._replace(err=others.encode()))
        expect(not wrong.keys() - {'victim', 'said'} and b'the machine ended (status 1) before the program' in r.err, str(wrong))
        wanted = 'hold\n' + lines_of('E', 64) + lines_of('.', BETWEEN * 256) + lines_of('E', 64) + told.group() + '\n'
        expect(re.fullmatch(re.escape(wanted) + r'done \d+\n', out), difference(r.out, wanted.encode()))
        same(ours, lines_of('.', int(told.group(1)) * 256), 'standard error')
        looks = int(told.group(2))
        if looks:
            return
    expect(looks, 'no look fell between the one landing and the other')


def is_given_out(judge, words, kernel):
    for still_s in STILL_S:
        wrong = flown(judge, still_s, words, kernel)
        if 'refused' in wrong:
            return
    expect(False, f'a frame that was given out in flight was not seen: {wrong}')


def enter_flights(judge, faults, kernel):
    test(MACHINE, name='flight.release')(lambda: flies(judge))
    for cpus in (1, 2, 4):
        test(MACHINE, name=f'flight.cpus{cpus}')(lambda c=cpus: flies(judge, kernel=kernel, cpus=c))
    for name, image in (('twice', kernel), ('twice.release', None)):
        test(MACHINE, name=f'flight.{name}')(lambda k=image: flies_twice(judge, k))
    test(MACHINE, name='flight.reset')(lambda: is_reset(faults, kernel))
    for fault in ('FLIGHT', 'LIMIT'):
        test(MACHINE, name=f'flight.control.{fault}')(lambda f=fault: is_given_out(judge, [f'plant={faults[f]}'], kernel))
