# SPDX-License-Identifier: MIT
"""
pauses.py - machines that stand still: the host stops the emulator at random moments, for long or for a moment, while a
context lingers in its grace (pauses.c), or has something to give back until a deadline (overdue.c). It costs nobody its context,
nor what he would have given.

Two ways to stop one:
  signals   SIGSTOP, SIGCONT: the machine's clock goes on, as it does where a host puts a virtual machine aside
  monitor   QMP's `stop`, `cont`: the clock of an emulated machine stands still with it, and nothing is to be seen there
"""
import collections, json, os, random, re, signal, socket, tempfile, time
from harness import *

Pauses = collections.namedtuple('Pauses', 'seconds gap_s lost_us losses most')  # each; after it; what of a grace is lost, how often
LONG = Pauses((0.2, 0.2), 0.02, 150000, 2, 400)
PIECES = Pauses((0.00002, 0.0002), 0.001, 50, 200, 100000)  # and what the host adds to each
LATE = Pauses((0.25, 0.45), 0.4, 0, 3, 100)  # until it was late by the clock so often
UNSEEN = Pauses((0.2, 0.2), 0.02, 150000, 1000, 40)  # the host alone may take as much, now and then


class Signals:
    """To the emulator, the command's only child."""
    def __init__(self, process, folder):
        with open(f'/proc/{process.pid}/task/{process.pid}/children') as file:
            self.pid = int(file.read())

    def pause(self, seconds):
        os.kill(self.pid, signal.SIGSTOP)
        try:
            time.sleep(seconds)
        finally:
            os.kill(self.pid, signal.SIGCONT)


class Monitor:
    def __init__(self, process, folder):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(os.path.join(folder, 'monitor'))
        self.said = self.socket.makefile('rb')
        self.said.readline()
        self.ask('qmp_capabilities')

    def ask(self, what):
        self.socket.sendall(json.dumps({'execute': what}).encode())
        while b'"return"' not in (line := self.said.readline()):
            if not line:
                raise OSError('the monitor has gone')

    def pause(self, seconds):
        self.ask('stop')
        time.sleep(seconds)
        self.ask('cont')


def words_of(how):
    return ['overdue', 'paused', str(how.losses)] if how is LATE else ['pauses', 'paused', str(how.lost_us), str(how.losses)]


def paused(way, how, kernel_words=(), kernel=None):
    """What came of a run with at most how.most pauses, fewer where the program has ended by then; and how many there were."""
    with tempfile.TemporaryDirectory() as folder:
        options = ['-v', '-m', '24m', '--kernel-arg', 'check', '--emulator', os.path.join(ROOT, 'test/boot/nmi.sh')]
        for word in kernel_words:
            options += ['--kernel-arg', word]
        name, *words = words_of(how)
        p = start(options + (['--kernel', kernel] if kernel else []), [os.path.join(ROOT, 'out/test', name), *words],
                  env={**os.environ, 'TESSERA_MONITOR': os.path.join(folder, 'monitor')})
        line, made = p.stdout.readline(), 0
        try:
            host = way(p, folder)
            while made < how.most and p.poll() is None:
                host.pause(random.uniform(*how.seconds))
                time.sleep(random.uniform(0, how.gap_s))
                made += 1
        except (OSError, ValueError):
            pass  # the machine has ended meanwhile
        finally:
            r = finish(p, b'')
        return Result(r.code, line + r.out, r.err, r.seconds), made


def lives(judge, way, how):
    r, made = paused(way, how)
    wrong = judge('pauses', r)
    wrong.pop('victim')  # there is none
    expect(not wrong, str(wrong))
    losses = int(re.search(rb'^(\d+) losses$', r.out, re.M).group(1))
    if how is UNSEEN:
        expect(made == how.most and losses <= how.most / 10, f'{losses} losses in {made} pauses')
    else:
        expect(losses >= how.losses, f'{losses} losses in {made} pauses')


def is_lost(judge, how, words, kernel):
    wrong = judge('pauses', paused(Signals, how, words, kernel)[0])
    seen = re.search('it is ended|no chance', wrong.get('refused', '')) or 'status 99' in wrong.get('said', '')  # a breach's, if its line was cut off
    expect(seen, f'lost time counted as strikes was not seen: {wrong}')


def enter_pauses(judge, faults, kernel):
    test(MACHINE, name='pauses.signals')(lambda: lives(judge, Signals, LONG))
    test(MACHINE, name='pauses.overdue')(lambda: lives(judge, Signals, LATE))
    test(MACHINE, name='pauses.monitor')(lambda: lives(judge, Monitor, UNSEEN))
    test(MACHINE, name='pauses.pieces')(lambda: lives(judge, Signals, PIECES))
    words = [f'plant={faults["LOST"]}']
    test(MACHINE, name='pauses.control.LOST')(lambda: is_lost(judge, LONG, words, kernel))
    test(MACHINE, name='pauses.control.LOST.overdue')(lambda: is_lost(judge, LATE, words, kernel))
    test(MACHINE, name='pauses.control.LOST.pieces')(lambda: is_lost(judge, PIECES, words, kernel))
