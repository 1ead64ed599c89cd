# SPDX-License-Identifier: MIT
"""stretches.py - no path of the kernel keeps interrupts off for more than 50,000 instructions, where as much as may hangs on what ends or is looked at."""
import os, sys
from harness import *
sys.path.append(os.path.join(ROOT, 'bench'))
import stretch

MOST = 50000  # design rule 7: 50 us, at an instruction a nanosecond
PROGRAMS = ['burdens', 'crowds', 'act24_revoke', 'reap']


def stays_short(name):
    longest = {way: (most, name) for way, most in stretch.measure(name).items()}
    print(stretch.table_text(longest, 3), flush=True)
    over = {way: most for way, (most, _) in longest.items() if most > MOST}
    expect(longest and not over, f'instructions with interrupts off: {over}')


def enter_stretches():
    for name in PROGRAMS:
        test(MACHINE, name=f'stretches.{name}')(lambda n=name: stays_short(n))
