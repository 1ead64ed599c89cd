# SPDX-License-Identifier: MIT
"""
examples.py - the examples by name, each with what it must say. Numbers of time are the machine's own.
"""
import re
from harness import *


@test(MACHINE)
def rpc_counts_behind_walls():
    r = run(['-v', '--kernel-arg', 'check'], ['rpc'])
    same(r.code, 0, 'exit code')
    lines = r.out.decode().splitlines()
    expect(re.fullmatch(r'(\d+) calls by trust, \d+ ns each; \1 without, \d+ ns each', lines[0]), lines[0])
    calls = int(lines[0].split()[0])
    same(lines[1:], [f'the counter stands at {2 * calls}, ours at 0', 'it knows us by our cell: yes', 'it is told to die: we live on',
                     'asked again: nobody is there'], 'output')
    checks = re.findall(r'^kernel\| check: (.*)$', r.err.decode(), re.M)
    expect(len(checks) > 3 and not any('NOT' in c or 'CHANGED' in c for c in checks), str(checks))
