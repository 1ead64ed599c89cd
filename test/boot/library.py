# SPDX-License-Identifier: MIT
"""
library.py - what libos/exo promises: regions, heap, threads, contexts, roll-forward, whole lines.
"""
import os, re, time
from harness import *
from counted import COUNTED
import corners  # enters its tests


def program(name):
    return os.path.join(ROOT, 'out/test', name)


LIBRARY = [  # program, argument, exit code, what it says there; the options of its run
    ('regions', '', 0, '', []),
    ('regions', 'guard', 139, 'segmentation fault: write to 0x7e44', []),
    ('regions', 'dropped', 139, 'segmentation fault: write to 0x7e44', []),
    ('regions', 'protected', 139, 'segmentation fault: write to 0x7e44', []),
    ('giant', '', 0, '', ['-m', '2300m']),
    ('heap', '', 0, '', []),
    ('corners', 'timers', 0, '', COUNTED),
    ('corners', 'unthreaded', 0, '', COUNTED),
    ('corners', 'early', 0, '', []),
    ('corners', 'pool', 0, '', []),
    ('corners', 'room', 0, '', ['--cpus', '4']),
    ('corners', 'memory', 0, '', []),
    ('corners', 'stack', 139, 'segmentation fault: write to 0x7e00', []),
    ('corners', 'holder', 134, 'a mutex was misused: its holder ends with it', []),
    ('threads', '', 0, '', ['-m', '160m']),
    ('threads', 'time', 0, '', COUNTED),
    ('threads', 'slow', 0, '', COUNTED),
    ('threads', 'shares', 0, '', COUNTED),
    ('threads', 'shares spread', 0, '', COUNTED),
    ('threads', 'shares spread', 0, '', ['--cpus', '2', *COUNTED]),
    ('threads', 'shares spread', 0, '', ['--cpus', '4', *COUNTED]),
    ('threads', 'spread', 0, '', ['-m', '160m']),
    ('threads', 'spread', 0, '', ['--cpus', '2', '-m', '160m']),
    ('threads', 'spread', 0, '', ['--cpus', '4', '-m', '160m']),
    ('threads', 'spread exit', 7, '', ['--cpus', '2']),
    ('threads', 'spread fault', 139, 'segmentation fault: write to 0x8', ['--cpus', '2']),
    ('threads', 'deep', 139, 'segmentation fault: write to 0x7e44', []),
    ('mixed', 'calls', 0, '', COUNTED),
    ('mixed', 'revoked', 0, '', []),
    ('mixed', 'plain', 0, '', COUNTED),
    ('mixed', 'all', 0, '', []),
    ('mixed', 'all', 0, '', ['--cpus', '4']),
    ('switches', '', 0, '', COUNTED),
    ('several', '', 0, '', []),
    ('several', '', 0, '', ['--cpus', '2']),
    ('several', '', 0, '', ['--cpus', '4']),
    ('several', 'twice', 134, 'the library OS failed: it takes a lock twice', []),
    ('several', 'order', 134, 'the library OS failed: it drops a lock that it did not take last', []),
    ('several', 'many', 134, 'the library OS failed: it holds too many locks', []),
    ('lent', '', 0, '', ['--cpus', '2']),
    ('rolls', '10', 0, '', []),
    ('rolls', '10', 0, '', ['--cpus', '2']),
    ('rolls', '40 forgotten', 99, '', ['--cpus', '2']),
    ('stalls', 'time', 0, '', COUNTED),
    ('heap', 'twice', 134, 'the heap was misused: a block that is free already at 0x7e44', []),
    ('heap', 'wild', 134, 'the heap was misused: no block of the heap at 0x7e44', []),
]


def library(name, word, code, says, options, kernel_checks, n_counts):
    """Its own checks hold, or it ends as it must; nothing is left behind."""
    r = run(['-v', '--kernel-arg', 'check', '-m', '32m', *options], [program(name), *word.split()])
    same(r.code, code, f'exit code ({short(r.out[-300:])} {short(r.err)})')
    expect(code or re.search(rb'^done [0-9]+\n\Z', r.out, re.M), short(r.out[-300:]))
    expect(says.encode() in r.err, f'not told "{says}": {short(r.err)}')
    counts = kernel_checks(r.err.decode())['counts']
    expect(len(counts) == n_counts and all(line.endswith(' add up') for line in counts), str(counts))


def lines_whole_and_all_there(words, options):
    """Five write 4 MB against a reader who begins late and takes little at a time."""
    p = start(['-m', '32m', *options], [program('lines'), *words])
    p.stdin.close()
    time.sleep(2)
    out = b''
    while piece := os.read(p.stdout.fileno(), 7000):
        out += piece
        time.sleep(0.001)
    same(p.wait(TIMEOUT), 0, f'exit code ({short(p.stderr.read())})')
    lines = out.decode().splitlines()
    expect(lines.pop().startswith('done '), 'no end')
    for writer in range(5):
        mine = [line for line in lines if line.startswith(f'{writer} ')]
        want = [f'{writer} {i} ' + chr(97 + writer) * ((i * 131 + writer * 17) % 700 if i % 100 else 20000) for i in range(1500)]
        expect(mine == want, f'writer {writer}: {len(mine)} lines, {sum(a != b for a, b in zip(mine, want))} others')
    same(len(lines), 7500, 'lines')


def enter_library(kernel_checks, n_counts):
    for name, word, code, says, options in LIBRARY:
        cpus = f'.{options[1]}_processors' if options[:1] == ['--cpus'] else ''
        test(MACHINE, name=f'{name}.{word.replace(" ", "_") or "holds"}{cpus}')(
            lambda n=name, w=word, c=code, s=says, o=options: library(n, w, c, s, o, kernel_checks, n_counts))
    test(MACHINE, name='lines.whole_and_all_there')(lambda: lines_whole_and_all_there([], []))
    for words in ['spread'], ['contexts'], ['both']:
        test(MACHINE, name=f'lines.{words[0]}.2_processors')(lambda w=words: lines_whole_and_all_there(w, ['--cpus', '2']))
