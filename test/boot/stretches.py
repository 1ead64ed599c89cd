# SPDX-License-Identifier: MIT
"""stretches.py - no path of the kernel keeps interrupts off for more than 50,000 instructions, where as much as may hangs on what ends or is looked at."""
import os, sys
from harness import *
sys.path.append(os.path.join(ROOT, 'bench'))
import stretch

MOST = 50000  # design rule 7: 50 us, at an instruction a nanosecond
PROGRAMS = [('burdens', 1), ('crowds', 1), ('act24_revoke', 1), ('reap', 1), ('meets', 1), *stretch.SEVERAL]  # words, processors
LONG = [('burdens', 64), ('crowds', 64), ('act04_tree', 64), ('giant', 1)]


def stays_short(words, cpus):
    longest = {way: (most, words) for way, most in stretch.measure(words, cpus).items()}
    waited = longest.pop(stretch.WAITED, None)
    print(stretch.table_text(longest, 3), f', waited for the lock: {waited[0]}' if waited else '', flush=True)
    over = {way: most for way, (most, _) in longest.items() if most > MOST}
    expect(longest and not over, f'instructions with interrupts off: {over}')


def enter_stretches():
    for words, cpus in PROGRAMS + LONG:
        name = f'stretches.{words.replace(" ", "_")}' + (f'.cpus{cpus}' if cpus > 1 else '')
        test(MACHINE, long=(words, cpus) in LONG, name=name)(lambda w=words, c=cpus: stays_short(w, c))
