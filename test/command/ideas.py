# SPDX-License-Identifier: MIT
"""ideas.py - the library OSes of examples/, run by name: what each prints is what its idea promises."""
import re
from harness import *


def example(name, *arguments, options=(), code=0, timeout=TIMEOUT):
    r = run(list(options), [name, *arguments], timeout=timeout)
    same(r.code, code, f'exit code ({short(r.out[-300:])} {short(r.err[-300:])})')
    return r.out.decode()


def numbers(pattern, text):
    found = re.search(pattern, text)
    expect(found, f'no line like "{pattern}" in {short(text)}')
    return [int(n) for n in found.groups()]


@test(MACHINE)
def example_gc_loses_nothing_and_finds_all_garbage():
    out = example('gc')
    cycles = [[int(n) for n in re.findall(r'\d+', line)] for line in out.splitlines() if line.startswith('cycle ')]
    same(len(cycles), 11, 'cycles')
    for n, before, kept, live, freed, faults, written in cycles:
        expect(live <= kept and faults == written, f'cycle {n}')
        expect(n == 11 or (faults > 500 and freed > 10000), f'cycle {n} was idle')
    expect(cycles[10][2] == cycles[10][3], 'garbage that was not found')
    expect(out.endswith('nothing lost, and all garbage found\n'), short(out))


@test(MACHINE)
def example_gc_without_its_barrier_loses_objects():
    expect('the collector is broken' in example('gc', 'careless', code=1), 'nothing was lost')


@test(MACHINE)
def example_pagetable_keeps_every_word_though_tables_are_dropped():
    out = example('pagetable', options=['-m', '12m'])
    pages, gib, size, longest = numbers(r'(\d+) pages over (\d+) GiB in (\d+) bytes of table, at most (\d+) ', out)
    faults, drops, frames = numbers(r'(\d+) faults; .* dropped (\d+) times; (\d+) frames', out)
    expect(pages == 1500 and gib == 64 and size < 50000 and longest < 12, 'the table')
    expect(drops > 50 and faults > 10000, 'the cache was never dropped')
    expect(frames < 2300, 'tables for all would take 3,000 more')
    numbers(r'\n(0) words wrong\n', out)


@test(MACHINE)
def example_pager_beats_lru_by_its_own_policy():
    out = example('pager', options=['-m', '12m'])
    lru, = numbers(r'\nleast recently used: (\d+) faults', out)
    mru, = numbers(r'\nmost recently used: (\d+) faults', out)
    again, = numbers(r'\nleast recently used again: (\d+) faults', out)
    same((lru, again), (6400, 6400), 'faults of a cyclic scan under LRU: all')
    expect(64 * 20 <= mru < 64 * 22, f'{mru} faults, and the least possible are about 1,280')
    whole, tenth, _ = numbers(r'has (\d+)\.(\d) times fewer; (\d+) pages', out)
    expect(whole * 10 + tenth == lru * 10 // mru, 'what it says of itself')
