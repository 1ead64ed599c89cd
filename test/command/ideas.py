# SPDX-License-Identifier: MIT
"""ideas.py - the library OSes of examples/, run by name: what each prints is what its idea promises."""
import os, re
from harness import *


COUNTED = ['--emulator', os.path.join(ROOT, 'test/boot/counted.sh')]  # the machine's own instructions are its clock


def example(name, *arguments, options=(), code=0, timeout=TIMEOUT):
    r = run(list(options), [name, *arguments], timeout=timeout)
    same(r.code, code, f'exit code ({short(r.out[-300:])} {short(r.err)})')
    return r.out.decode()


def numbers(pattern, text):
    found = re.search(pattern, text)
    expect(found, f'no line like "{pattern}" in {short(text)}')
    return [int(n) for n in found.groups()]


@test(MACHINE)
def example_stride_shares_a_processor_as_told():
    for tickets in (3, 2, 1), (1, 1, 5, 3):
        words = [] if tickets == (3, 2, 1) else [str(n) for n in tickets]
        out = example('stride', *words, options=COUNTED)
        had = re.findall(r'^tickets (\d+): (\d+) slices, ([\d.]+) % of the time, ([\d.]+) % of the work$', out, re.M)
        same([int(client[0]) for client in had], list(tickets), 'clients')
        same(sum(int(client[1]) for client in had), 1200, 'slices')
        for n, _, time, work in had:
            due = 100 * int(n) / sum(tickets)
            expect(all(abs(float(share) - due) < due / 50 for share in (time, work)), f'{n} of {sum(tickets)}: {time}, {work} %')


@test(MACHINE)
def example_stride_says_what_it_takes():
    for words in ['0'], ['101'], ['many'], ['1'] * 9:
        expect(example('stride', *words, code=1).startswith('stride: up to 8 numbers of tickets, each 1 to 100'), words)


@test(MACHINE)
def examples_say_what_they_take():
    for name, words, says in (('pager', ['--help'], ''), ('pagetable', ['x'], ''), ('revoke', ['--help'], ''), ('rpc', ['1'], ''),
                              ('gc', ['--help'], ' [careless]'), ('gc', ['careless', 'x'], ' [careless]'), ('dedicate', ['1', '2'], ' [MILLISECONDS]'),
                              ('procs', ['1', '2', '3'], ' [KILLS [PROCESSES]]')):
        same(example(name, *words, code=2), f'usage: {name}{says}\n', f'{name} {words}')
    for word in '0', '60001', 'x', '99999999999999999999':
        same(example('dedicate', word, code=1), 'dedicate: how many milliseconds, 1 to 60000?\n', word)


@test(MACHINE)
def example_dedicate_has_no_interrupt_on_its_own_processor():
    out = example('dedicate', '50', options=['--cpus', '2', *COUNTED])
    taken, put_on = numbers(r'shared: \d+ loops, .*; (\d+) interrupts, put on (\d+) times', out)
    expect(taken > 20 and put_on > 10, 'it never shared the processor')
    loops, taken, put_on = numbers(r'dedicated: (\d+) loops, .*; (\d+) interrupts, put on (\d+) times', out)
    same((taken, put_on), (0, 0), 'interrupts, switches')
    same(re.findall(r'(\d+) ns more or above: (\d+)', out[out.index('dedicated:'):]), [('0', str(loops))], 'its noise: none')
    expect('one processor must stay' in example('dedicate', code=1), 'on one processor')


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
def example_revoke_polite_chooses_and_rude_finds_out():
    out = example('revoke')
    gone = {who: [int(n) for n in re.search(rf'{who}: without pages([ \d]+)', out).group(1).split()] for who in ('polite', 'rude')}
    same(numbers(r'polite: asked for (\d+) .*; (\d+) by force', out), [16, 0], 'polite')
    same(gone['polite'], [i for i in range(63, 0, -1) if i % 4][:16], 'what it chose')
    same(numbers(r'polite: goes on with (\d+) pages, computes (\d+) again, has lost (\d+); (\d+) wrong', out), [48, 16, 0, 0], 'polite')
    same(numbers(r'rude: asked for (\d+) .*; (\d+) by force', out), [16, 16], 'rude')
    lost = sum(i % 4 == 0 for i in gone['rude'])
    same(len(set(gone['rude'])), 16, 'pages that the rude one knows it has not')
    same(numbers(r'rude: goes on with (\d+) pages, computes (\d+) again, has lost (\d+); (\d+) wrong', out), [48, 16 - lost, lost, 0], 'rude')


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


SCENES = {  # of procs: what comes to its end, and what its processes report together
    'fork by copying entries': (1, 25), 'fork by sharing tables': (1, 25), 'fork, both at once': (2, 50),
    'exec': (2, 2), 'exec by two tasks': (100, 100), 'pipe': (4, 1200), 'registers': (2, 300), 'signal': (3, 180),
}


def procs(kills, many, *options, timeout=TIMEOUT):
    """Fewest and most turns, least and most microseconds that a process had; meetings in the region. On two processors
    an exec finds tasks of its process running on the other one, and so does a signal."""
    out = example('procs', str(kills), str(many), options=['-m', '128m', *options], timeout=timeout)
    ran, contexts, wrong = numbers(r'many: (\d+) processes ran on (\d+) contexts .*; (\d+) memories wrong', out)
    expect(ran == many and contexts >= 2 and wrong == 0, 'the crowd')
    shares = numbers(r'many: each had (\d+) to (\d+) turns, \d+ in all; (\d+) to (\d+) us', out)
    for scene, (n, total) in SCENES.items():
        same(numbers(rf'{scene}: (\d+) of \d+ came to their end, (\d+) in all; (\d+) frames missing', out), [n, total, 0], scene)
    if '--cpus' in options:
        for scene, least in ('exec', 1), ('signal', 7):  # six of the latter end a child
            interrupted, = numbers(rf'{scene}: .* (\d+) interrupted as they ran elsewhere', out)
            expect(interrupted >= least, f'{scene}: to those that run on the other processor')
    met = numbers(r'region: 2 of 2 came to their end, (\d+) in all; 0 frames missing', out)
    stopped, library, critical, rolled = numbers(
        r'kills: (\d+) contexts stopped, (\d+) of them in the library, (\d+) in a critical section; (\d+) rolled', out)
    expect(stopped >= library >= critical >= kills and rolled >= critical, 'kills')
    same(numbers(r'kills: (\d+) frames missing, (\d+) processes left, (\d+) messages garbled', out), [0, 0, 0], 'what kills left')
    struck, *left = numbers(r'waits: (\d+) contexts stopped; (\d+) processes waited for ever, (\d+) at the end; (\d+) frames missing', out)
    expect(struck >= min(4 * kills, 400) and left == [0, 0, 0] and 'missing; all contexts idle\n' in out, f'who waits for one that was killed: {left}')
    pages, tables = numbers(r'(\d+) pages copied when they were written, (\d+) tables', out)
    expect(pages > 1000 and tables > 20, 'copies')
    before, after = numbers(r'(\d+) frames held before, (\d+) after', out)
    same(after, before, 'frames held')
    return shares + met


@test(MACHINE)
def example_procs_a_thousand_in_turn_on_two_processors():
    fewest, most, _, _, met = procs(20, 1000, '--cpus', '2', *COUNTED)
    expect(most <= fewest + 2 and met > 0, f'{fewest} to {most} turns, {met} meetings')


@test(MACHINE)
def example_procs_on_two_processors_at_once():
    for attempt in range(5):  # by the host's clock: its other work may keep the two apart
        try:
            met = procs(3, 20, '--cpus', '2')[-1]
        except Failure as apart:
            if 'on the other processor' in str(apart) and attempt < 4:
                continue
            raise
        if met > 0:
            return
    expect(False, 'no meetings')


@test(MACHINE)
def example_procs_share_one_processor_fairly():
    fewest, most, least_us, most_us, _ = procs(5, 200, *COUNTED)
    expect(most <= fewest + 2 and most_us <= 2 * least_us, f'{fewest} to {most} turns, {least_us} to {most_us} us')


@test(MACHINE, long=True)
def example_procs_a_thousand_kills_in_critical_sections():
    procs(1000, 20, '--cpus', '2', *COUNTED, timeout=3000)


@test(MACHINE)
def docs_exo_is_a_program():
    with open(os.path.join(ROOT, 'docs/exo.md')) as page:
        says = re.search(r'^```text\n(.*?)^```$', page.read(), re.M | re.S).group(1)
    same(example('afternoon'), says, 'output')
