#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
run.py - tests of the kernel in QEMU: library OSes against its calls, beside a victim on the same processor.

    test/boot/run.py [--list] [NAME...]      a NAME is a test's, or the head of it up to a dot

Oracles of a run, each with a name:
  said      the program ends with status 0 and `done N`: every check of its own held
  refused   it printed no `BREACH`
  alive     the kernel did not panic, and the machine ended by itself
  victim    the partition beside printed all that it must, and ended with status 0
  tables    the kernel's half of the live page tables grants what kernel/x86/audit.c lists, and no more
  image     the kernel's text, read-only data, descriptor tables and entry points are those of the boot
  same      where asked for (same.py): nothing of the kernel's own has changed behind a call that was refused
  counts    free + owned + kernel = all frames; references stated = references held
A control runs the same program on the kernel with one check left out, and passes when the run fails by the oracle that it
names. docs/hostile.md lists them.
"""
import contextlib, os, re, signal, socket, subprocess, sys, tempfile, time
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '../command'))
from harness import *
from bochs import enter_bochs
from deaths import enter_deaths
from floods import enter_floods
from flights import enter_flights
from sources import enter_sources
from library import enter_library
from machines import enter_machines
from pauses import enter_pauses
from same import enter_same
from stretches import enter_stretches
from counted import COUNTED, enter_counted, judge_shared, victim_beside

TRACED = ['upcalls', 'resume', 'act25_transfer', 'act29_pointers', 'caps']  # also where events are recorded: other entry paths
TIMED = ['upcalls']  # its checks name times
MANY = (2, 4)  # processors: each act runs on so many too, on the test build
PLANT_KERNEL = os.path.join(ROOT, 'out/tessera-plant.elf')
RELEASE_KERNEL = os.path.join(ROOT, 'out/tessera.elf')
COUNTS = 3  # lines of the kernel's that must add up
VICTIM_ROUNDS = 20
BRIEF = ['brief']  # what never comes is waited for 2 s
LONG_ROUNDS = {'act27_calls': 300, 'act04_tree': 200}  # the victim outlasts no act that takes seconds
ACTS = [  # program, arguments, [(planted fault, arguments, the oracle that catches it; |: whichever is first)]
    ('act30_addresses', [], [('ADDRESS', [], 'refused')]),
    ('accounts', [], [('LIMIT', [], 'refused'), ('NAME', [], 'refused'), ('HOLDER', [], 'refused'),
                      ('REJECT', [], 'refused|said'), ('RESERVE', [], 'refused|said'), ('FORCE', [], 'refused')]),
    ('act24_revoke', [], [('FORCE', BRIEF, 'refused'), ('RESERVE', [], 'refused'), ('VITAL', BRIEF, 'refused'), ('MARKS', [], 'refused'),
                          ('LOSS', [], 'refused'), ('WHOLE', BRIEF, 'refused')]),
    ('destroys', [], [('IDLE_REAP', BRIEF, 'refused')]),
    ('exposed', [], [('EXPOSED', [], 'refused'), ('SHOW', [], 'refused')]),
    ('starts', [], [('EVENT_BACK', [], 'refused')]),
    ('pins', [], [('PIN', [], 'refused'), ('PIN_RIGHT', [], 'refused')]),
    ('act05_map', [], [('FRAME_OWNER', [], 'refused'), ('FRAME_TYPE', [], 'refused'),
                       ('MAP_RANGE', ['kernel-half'], 'refused')]),
    ('act06_bits', [], [('MAP_BITS', [], 'refused'), ('ABSENT', [], 'refused|alive')]),
    ('act07_table', [], [('FRAME_REFS', [], 'refused'), ('FLUSH', [], 'refused'), ('FRAME_TYPE', [], 'refused')]),
    ('roots', [], [('ROOM', [], 'refused')]),  # its other control may hang: below
    ('act09_stale', [], []),  # its control needs two processors: below
    ('act12_scan', [], [('STALE', [], 'refused'), ('ZERO', [], 'refused')]),
    ('act12_leaks', [], [('REGISTER', [], 'refused'), ('PADDING', [], 'refused'), ('VECTORS', [], 'refused'), ('SEGMENTS', [], 'refused')]),
    ('act13_edge', [], [('MAP_RANGE', [], 'alive'), ('START', [], 'refused'), ('RESUME_RIP', [], 'refused')]),
    ('act14_stacks', [], [('UPCALL_RANGE', [], 'refused')]),
    ('act15_flags', [], [('RESUME_FLAGS', [], 'refused'), ('ENTRY_FLAGS', [], 'alive')]),
    ('act16_gates', [], [('GATES', [], 'refused'), ('SELECTORS', [], 'refused|alive'),
                         ('SEGMENTS', [], 'victim')]),
    ('act20_vectors', [], [('VECTORS', [], 'victim'), ('VECTOR_HEAD', [], 'alive')]),
    ('act21_privileged', [], [('PORTS', [], 'refused'), ('UMIP', [], 'refused')]),
    ('act02_revoke', [], [('REVOKE', [], 'refused'), ('LEAF', [], 'refused')]),
    ('act04_tree', [], [('GRANT_AGAIN', [], 'refused'), ('REVOKE', [], 'refused'), ('REVOKE_CHAIN', [], 'refused'), ('LEAF', [], 'refused')]),
    ('act25_transfer', [], [('CALL_DEPTH', [], 'refused'), ('CALL_DEAD', [], 'refused'), ('STRANGER', [], 'alive'),
                            ('IDENTITY', [], 'refused'), ('ENTRY_SLOT', [], 'alive'), ('ENTRY_POINT', [], 'refused')]),
    ('chains', [], [('CALL_DEAD', [], 'refused')]),
    ('stalls', [], [('CALL_LOST', [], 'refused'), ('CALL_DYING', [], 'refused')]),
    ('act26_exhaust', [], [('LIMIT', [], 'refused')]),
    ('act27_calls', [], [('MAP_RANGE', [], 'alive'), ('SLOT_INDEX', [], 'alive'), ('KEEP', [], 'refused'),
                         ('ERROR', [], 'said')]),
    ('batches', [], [('BATCH', [], 'refused')]),
    ('act28_races', [], []),  # its control needs two processors: below
    ('act29_pointers', [], [('COPY_RANGE', [], 'refused'), ('COPY_RANGE', ['image'], 'image')]),
    ('slots_walk', [], [('SLOT_KIND', [], 'refused'), ('SLOT_RIGHTS', [], 'refused'), ('SLOT_INDEX', [], 'alive'),
                        ('KEEP', [], 'refused')]),
    ('refusals', [], [('START', [], 'refused'), ('ENTRY_POINT', [], 'refused')]),
    ('misfits', [], [('CELL_TYPE', [], 'refused'), ('RESERVE', [], 'refused'), ('FRAME_REFS', [], 'refused')]),
    ('unfinished', [], []),
    ('again', [], []),
    ('leaves', [], [('BOUND', [], 'refused'), ('NAMED', [], 'refused'), ('LOSS', [], 'refused'), ('PLACES', [], 'refused'), ('SOONEST', [], 'refused')]),
    ('dangling', [], [('REVOKE_ROOT', [], 'refused')]),
    ('resume', [], []),
    ('reap', [], [('CURRENT', [], 'alive|said'), ('ENDED', [], 'refused')]),
    ('caps', [], [('CAP_TAG', [], 'refused'), ('GRANT_MORE', [], 'refused')]),
    ('links', [], []),
    ('forks', [], []),
    ('large', [], [('JOIN_MIXED', [], 'refused')]),
    ('limits', [], [('BREAK', [], 'refused')]),
    ('clings', [], [('CLING', [], 'refused')]),
    ('others', [], []),
    ('upcalls', [], []),
]

HANDOFFS = 20000  # and a million in --long
HOGS = ['spin', 'calls', 'batches', 'traps', 'deaf', 'deadlines', 'posts', 'privileged', 'stack', 'handler']


def program(name):
    return os.path.join(ROOT, 'out/test', name)


def faults():
    with open(os.path.join(ROOT, 'kernel/plant/faults.h')) as file:
        return {name: n for n, name in enumerate(re.findall(r'^\s+PLANT_(\w+)', file.read(), re.M))}


def victim_output(rounds):
    seed, lines = 1, []
    for i in range(rounds):
        seed = (seed * 6364136223846793005 + 1442695040888963407) % 2**64
        lines.append(f'victim {i} {seed:x}\n')
    return ''.join(lines) + 'victim whole\n'


def kernel_checks(err):
    """The kernel's own lines: {oracle: what it says}."""
    lines = re.findall(r'^kernel\| check: (.*)$', err, re.M)
    return {'tables': lines[:1], 'image': lines[1:2], 'counts': lines[2:]}


def judge(name, r):
    """{oracle: why it failed} of one run with a victim beside."""
    out, err = r.out.decode(errors='replace'), r.err.decode(errors='replace')
    wrong = {}
    breach = re.search(r'^BREACH .*$', out, re.M)
    if breach:
        wrong['refused'] = breach.group()
    elif r.code != 0 or not re.search(r'^done [0-9]+\n\Z', out, re.M):
        wrong['said'] = f'status {r.code}, {short(out[-300:])} {short(err)}'
    if r.code == 123 or 'panic' in err:
        wrong['alive'] = short(err)
    beside = ''.join(line + '\n' for line in re.findall(r'^beside1\| (.*)$', err, re.M))
    if beside != victim_output(LONG_ROUNDS.get(name, VICTIM_ROUNDS)) + 'exited with status 0\n':
        wrong['victim'] = short(beside[-300:])
    said = kernel_checks(err)
    if not ''.join(said['tables']).endswith(' mappings are as they must be'):
        wrong['tables'] = str(said['tables'])
    if said['image'] != ['image and tables unchanged']:
        wrong['image'] = str(said['image'])
    if len(said['counts']) != COUNTS or not all(line.endswith(' add up') for line in said['counts']):
        wrong['counts'] = str(said['counts'])
    return wrong


INSPECTING = ['slots_walk', 'act27_calls', 'act12_leaks']  # they use root_inspect too


def kernel_words_of(name):
    return ['check'] + (['inspect'] if name in INSPECTING else [])


def run_beside(name, arguments, kernel_words=(), kernel=None, cpus=1, timeout=TIMEOUT):
    rounds = LONG_ROUNDS.get(name, VICTIM_ROUNDS)
    options = ['-v', '-m', '16m', '--beside-memory', '8m', '--beside', f'{program("victim")} {rounds}']
    for word in [*kernel_words_of(name), *kernel_words]:
        options += ['--kernel-arg', word]
    if kernel:
        options += ['--kernel', kernel]
    if cpus > 1:
        options += ['--cpus', str(cpus)]
    elif name in TIMED:
        options += COUNTED
    return run(options, [program(name), *arguments], b'x', timeout=timeout)


def holds(name, arguments, **how):
    wrong = judge(name, run_beside(name, arguments, **how))
    expect(not wrong, '; '.join(f'{oracle}: {why}' for oracle, why in wrong.items()))


def caught(name, arguments, fault, oracle, cpus=1):
    wrong = judge(name, run_beside(name, arguments, [f'plant={faults()[fault]}'], PLANT_KERNEL, cpus))
    expect(any(o in wrong for o in oracle.split('|')), f'with {fault} left out, oracle {oracle} saw nothing; failed: {wrong}')


def enter_acts():
    for name, arguments, controls in ACTS:
        test(MACHINE, name=f'{name}.release')(lambda n=name, a=arguments: holds(n, a))
        test(MACHINE, name=f'{name}.test-build')(lambda n=name, a=arguments: holds(n, a, kernel=PLANT_KERNEL))
        for cpus in () if name in TIMED else MANY:
            test(MACHINE, name=f'{name}.cpus{cpus}')(lambda n=name, a=arguments, c=cpus: holds(n, a, kernel=PLANT_KERNEL, cpus=c))
        if name in TRACED:
            test(MACHINE, name=f'{name}.traced')(lambda n=name, a=arguments: holds(n, a, kernel_words=['trace=64']))
        for fault, words, oracle in controls:
            test(MACHINE, name='.'.join([name, 'control', fault, *(words if words != BRIEF else [])]))(
                lambda n=name, a=words, f=fault, o=oracle: caught(n, a, f, o))


@test(MACHINE, name='act09_stale.control.EPOCH')
def stale_without_epochs():
    caught('act09_stale', [], 'EPOCH', 'refused', cpus=2)


TAGGED = ['roots', 'links', 'forks', 'act07_table', 'act28_races', 'pins']  # they change entries below several roots


def enter_tags():
    """What a processor with tags would keep, of a sample, is what the tables say (kernel/x86/tag_model.c)."""
    model = [f'plant={faults()["TAG_MODEL"]}']
    for name in TAGGED:
        for cpus in (1, *MANY):
            test(MACHINE, name=f'{name}.tags.cpus{cpus}')(lambda n=name, c=cpus: holds(n, [], kernel_words=model, kernel=PLANT_KERNEL, cpus=c))
    test(MACHINE, name='roots.control.TAG_CONTROL')(lambda: caught('roots', [], 'TAG_CONTROL', 'alive'))


@test(MACHINE, name='roots.control.ROOT')
def roots_that_end_under_us():
    for attempt in range(16):  # who goes on with a root that is another's by now may also stop all: that shows nothing
        with contextlib.suppress(Failure):
            wrong = judge('roots', run_beside('roots', [], [f'plant={faults()["ROOT"]}'], PLANT_KERNEL, timeout=4 + attempt))
            if 'refused' in wrong or 'said' in wrong:
                return
    expect(False, 'a root that ended under its context was not seen')


def inspected(cpus, words, fault=None):
    kernel_words = ([] if words else ['inspect']) + ([f'plant={faults()[fault]}'] if fault else [])
    return several('inspect', words, cpus, kernel_words)[0]


def inspect_holds(cpus, words):
    wrong = inspected(cpus, words)
    expect(not wrong, str(wrong))


def inspect_caught(words, fault):
    wrong = inspected(1, words, fault)
    expect('refused' in wrong, f'with {fault} left out nothing was seen: {wrong}')


def enter_inspect():
    for cpus in (1, *MANY):
        test(MACHINE, name=f'inspect.cpus{cpus}')(lambda c=cpus: inspect_holds(c, []))
    test(MACHINE, name='inspect.without_the_right')(lambda: inspect_holds(1, ['without']))
    test(MACHINE, name='inspect.control.INSPECT')(lambda: inspect_caught([], 'INSPECT'))
    test(MACHINE, name='inspect.control.INSPECT_ROOT')(lambda: inspect_caught(['without'], 'INSPECT_ROOT'))


@test(MACHINE, name='act24_revoke.control.TIME_TAKEN')
def revoke_without_leaving_the_processor():
    for attempt in range(12):  # nobody else may want the second processor just then
        wrong, _ = several('act24_revoke', BRIEF, 2, [f'plant={faults()["TIME_TAKEN"]}'])
        if 'refused' in wrong:
            return
    expect(False, f'with TIME_TAKEN left out nothing was seen: {wrong}')


@test(MACHINE, name='act28_races.control.FETCH')
def races_with_two_looks():
    for attempt in range(20):  # two processors must meet within some hundred instructions
        wrong = judge('act28_races', run_beside('act28_races', ['100000', 'context_make'], [f'plant={faults()["FETCH"]}'], PLANT_KERNEL, 2))
        if 'refused' in wrong:
            return
    expect(False, f'two looks were not seen: {wrong}')


AS_INIT = os.path.join(ROOT, 'test/boot/as_init.py')
CHANNELS = 32  # root_walk opens some
LOGGED = ['a line?kernel| check: forged', '?[2J???.?.', 'with an end', '', ' ~']  # what root_walk writes, as it is to be


def root_walk(words, status, cpus=1, kernel=PLANT_KERNEL, look=None):
    """{oracle: why it failed} of a test that is init, and ends the machine with that status; look: at what the kernel said, too."""
    options = ['-v', '-m', '8m', '--beside-memory', '1m', '--emulator', AS_INIT, '--cpus', str(cpus), '--kernel', kernel]
    for word in ['check', f'off={status}', *words]:
        options += ['--kernel-arg', word]
    for n in range(CHANNELS):
        options += ['--beside', 'hello']
    r = run(options, [program('root_walk')])
    err, wrong = r.err.decode(errors='replace'), judge('root_walk', r)
    wrong.pop('victim')  # there is none
    if 'kernel| ' + '\nkernel| '.join(LOGGED) + '\n' not in err:
        wrong['log'] = short(err)
    ended = f'the machine ended (status {status * 2 + 1}) before the program'  # as QEMU's device says a status
    if r.code == 125 and ended in err and re.search(rb'^done [0-9]+\n\Z', r.out, re.M):
        wrong.pop('said', None)
    what = look and look(err)
    return {**wrong, 'same': what} if what else wrong


def root_walk_holds(*how, **more):
    wrong = root_walk(*how, **more)
    expect(not wrong, str(wrong))


def root_walk_caught(fault, oracle):
    wrong = root_walk([f'plant={faults()[fault]}'], 41)
    expect(oracle in wrong, f'with {fault} left out, {oracle} saw nothing: {wrong}')


def enter_root_walk():
    test(MACHINE, name='root_walk.release')(lambda: root_walk_holds([], 41, kernel=RELEASE_KERNEL))
    for cpus in (1, *MANY):
        test(MACHINE, name=f'root_walk.cpus{cpus}')(lambda c=cpus: root_walk_holds([], 41, cpus=c))
    for status in (0, 1, 63):
        test(MACHINE, name=f'root_walk.off{status}')(lambda s=status: root_walk_holds(['only'], s))
    for fault, oracle in (('SLOT_KIND', 'refused'), ('SLOT_RIGHTS', 'refused'), ('SLOT_INDEX', 'alive'), ('LIMIT', 'refused'), ('BOUND', 'refused'), ('RESERVE', 'refused')):
        test(MACHINE, name=f'root_walk.control.{fault}')(lambda f=fault, o=oracle: root_walk_caught(f, o))


def nmis(path, n, process):
    """As many NMIs into every processor of the machine whose monitor is at `path`; how many were taken."""
    end = time.monotonic() + 20
    while not os.path.exists(path) and time.monotonic() < end:
        time.sleep(0.01)
    with socket.socket(socket.AF_UNIX) as monitor:
        monitor.connect(path)
        said = monitor.makefile('rb')
        said.readline()
        monitor.sendall(b'{"execute":"qmp_capabilities"}')
        said.readline()
        for sent in range(n):
            try:
                monitor.sendall(b'{"execute":"inject-nmi"}')
                while b'"return"' not in (line := said.readline()):
                    if not line:
                        return sent
            except OSError:
                return sent
    return n


def storm(n, cpus, kernel_words=(), kernel=PLANT_KERNEL, timeout=TIMEOUT, share=False):
    """{oracle: why it failed} of the storms under n NMIs, beside a victim, whose share is looked at where the clock counts instructions."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, 'monitor')
        beside = ['-v', '-m', '16m', '--beside-memory', '8m', '--beside', f'{program("victim")} {VICTIM_ROUNDS}',
                  '--emulator', os.path.join(ROOT, 'test/boot/nmi.sh')]
        options = [*(victim_beside(cpus) if share else beside + ['--cpus', str(cpus)]), '--kernel', kernel]
        for word in ['check', *kernel_words]:
            options += ['--kernel-arg', word]
        p = start(options, [program('act18_storms')], env={**os.environ, 'TESSERA_MONITOR': path})
        try:
            line = p.stdout.readline()
            taken = nmis(path, n, p)
        finally:
            r = finish(p, b'', timeout)
        r = r._replace(out=line + r.out)
        wrong = judge_shared(judge, r) if share else judge('act18_storms', r)
        if not wrong:
            expect(taken == n, f'{taken} NMIs of {n}')
        return wrong


def storm_holds(n, cpus, **how):
    wrong = storm(n, cpus, **how)
    expect(not wrong, str(wrong))


NMIS = 2000  # and a hundred thousand in --long


def enter_storms():
    test(MACHINE, name='act18_storms.release')(lambda: storm_holds(NMIS, 1, kernel=os.path.join(ROOT, 'out/tessera.elf')))
    for cpus in (1, *MANY):
        test(MACHINE, name=f'act18_storms.cpus{cpus}')(lambda c=cpus: storm_holds(NMIS, c))
    for cpus in (1, 2):
        test(MACHINE, name=f'act18_storms.share.cpus{cpus}')(lambda c=cpus: storm_holds(NMIS, c, share=True))
    test(MACHINE, long=True, name='act18_storms.long')(lambda: storm_holds(100000, 2, timeout=1200))
    for fault, oracle in (('NMI_BASE', 'alive'), ('NMI_STACK', 'alive|refused|said|victim')):
        def control(f=fault, o=oracle):
            for attempt in range(24):  # a stack that is written over stops all, each second time: that shows nothing
                with contextlib.suppress(Failure):
                    wrong = storm(NMIS, 2, [f"plant={faults()[f]}"], timeout=4 + attempt)
                    if any(name in wrong for name in o.split('|')):
                        return
            expect(False, f'with {f} nothing was seen')
        test(MACHINE, name=f'act18_storms.control.{fault}')(control)


@test(MACHINE, long=True, name='act28_races.long')
def races_long():
    holds('act28_races', ['1000000'], kernel=PLANT_KERNEL, cpus=2, timeout=1800)


@test(MACHINE, long=True, name='caps.long')
def caps_long():
    """Hostile act 1: ten million that are not the kernel's."""
    holds('caps', ['10000000'], timeout=3600)


def two_slices(main, beside, kernel_words=(), kernel=None):
    """Both of two busy partitions on one processor; {oracle: why}."""
    options = ['-v', *COUNTED, '-m', '8m', '--beside-memory', '8m', '--beside', f'{program("slices")} {beside}']
    for word in ['check', *kernel_words]:
        options += ['--kernel-arg', word]
    r = run(options + (['--kernel', kernel] if kernel else []), [program('slices'), main])
    wrong, text = {}, r.out.decode() + r.err.decode()
    if 'BREACH' in text:
        wrong['refused'] = re.search(r'BREACH .*', text).group()
    if r.code != 0 or not re.search(r'^beside1\| done [0-9]+$', text, re.M) or not re.search(r'^done [0-9]+$', text, re.M):
        wrong['said'] = short(text[-400:])
    return wrong


def shares(main, beside):
    wrong = two_slices(main, beside)
    expect(not wrong, str(wrong))


@test(MACHINE, name='slices.both_listen')
def slices_both_listen():
    shares('yield', 'yield')


@test(MACHINE, name='slices.one_is_deaf')
def slices_one_is_deaf():
    shares('deaf', 'yield')


@test(MACHINE, name='slices.control.SLICE_TIMER')
def slices_without_a_timer():
    wrong = two_slices('deaf', 'yield', [f'plant={faults()["SLICE_TIMER"]}'], PLANT_KERNEL)
    expect('refused' in wrong, f'a slice without end was not seen: {wrong}')


def alone(ms, kernel_words=(), kernel=None):
    options = ['-v', '--cpus', '2', '-m', '8m']
    for word in kernel_words:
        options += ['--kernel-arg', word]
    return run(options + (['--kernel', kernel] if kernel else []), [program('alone'), str(ms)]).out.decode()


@test(MACHINE, name='alone.holds')
def alone_holds():
    """No interrupt for 10 s of guest time where one context has the whole vector."""
    ms = 10000
    same(re.sub('^done .*', 'done', alone(ms), flags=re.M), f'0 interrupts in {ms} ms\ndone\n', 'output')


@test(MACHINE, name='alone.control.ALONE')
def alone_control():
    out = alone(1000, [f'plant={faults()["ALONE"]}'], PLANT_KERNEL)
    expect('BREACH nobody interrupts' in out, short(out))


def hogged(kind):
    """It costs only its own slices, and ends by Ctrl-C."""
    p = start(['-v', *COUNTED, '--kernel-arg', 'check', '-m', '8m', '--beside-memory', '8m', '--beside', f'{program("slices")} yield'],
              [program('hog'), kind], stdin=subprocess.DEVNULL)
    said = b''
    while b'beside1| exited' not in said:
        line = p.stderr.readline()
        if not line:
            break
        said += line
    p.send_signal(signal.SIGINT)
    r = finish(p, None)
    same(r.code, 128 + signal.SIGINT, 'exit code')
    same(r.out, f'{kind} for ever\n'.encode(), 'output')
    beside = [line for line in said.decode().splitlines() if line.startswith('beside1| ')]
    expect(len(beside) == 3 and beside[0].startswith('beside1| share ') and beside[1].startswith('beside1| done ') and
           beside[2] == 'beside1| exited with status 0', f'{beside}')
    wrong = kernel_checks(r.err.decode())
    same(wrong['image'], ['image and tables unchanged'], 'image')
    expect(len(wrong['counts']) == COUNTS and all(line.endswith(' add up') for line in wrong['counts']), str(wrong))


def enter_hogs():
    for kind in HOGS:
        test(MACHINE, name=f'hog.{kind}')(lambda k=kind: hogged(k))


def several(name, words, cpus, kernel_words=(), kernel=PLANT_KERNEL, timeout=TIMEOUT):
    """{oracle: why it failed} of a program of several contexts, on so many processors, and its output."""
    options = ['-v', '-m', '24m']
    for word in ['check', *kernel_words]:
        options += ['--kernel-arg', word]
    r = run([*options, '--kernel', kernel, '--cpus', str(cpus)], [program(name), *words], timeout=timeout)
    wrong = judge(name, r)
    wrong.pop('victim')  # there is none
    return wrong, r.out.decode(errors='replace')


def several_hold(name, words, cpus, **how):
    wrong, out = several(name, words, cpus, **how)
    expect(not wrong, f'{name} {" ".join(words)}: {wrong}')
    print('\n'.join(f'{name}.cpus{cpus}: {line}' for line in out.splitlines() if line.startswith('seed ')), flush=True)


def seed_new():
    """Another at each run, unless the environment names one: TESSERA_SEED."""
    return os.environ.get('TESSERA_SEED') or str(int.from_bytes(os.urandom(4), 'little'))


def handoffs(n, cpus):
    several_hold('handoff', [str(n), seed_new()], cpus, timeout=TIMEOUT + n // 500)


@test(MACHINE, name='handoff.control.WAIT_LOOK')
def handoff_without_the_second_look():
    for attempt in range(20):  # two processors must meet within some hundred instructions
        wrong, _ = several('handoff', [str(10 * HANDOFFS), seed_new(), '1'], 2, [f'plant={faults()["WAIT_LOOK"]}'])
        if 'refused' in wrong:
            return
    expect(False, f'a lost wake-up was not seen: {wrong}')


@test(MACHINE, name='swaps.control.SLOT_SWAP')
def swaps_under_who_calls():
    for attempt in range(12):  # the other processor must call within some tens of instructions
        wrong, _ = several('swaps', ['20000'], 2, [f'plant={faults()["SLOT_SWAP"]}'])
        if 'refused' in wrong or 'alive' in wrong:
            return
    expect(False, f'a slot filled anew under a call was not seen: {wrong}')


@test(MACHINE, name='granters.control.REVOKE_CHAIN')
def granters_on_what_is_revoked():
    for attempt in range(8):  # the other processor must grant within the walk
        wrong, _ = several('granters', [], 2, [f'plant={faults()["REVOKE_CHAIN"]}'])
        if 'refused' in wrong:
            return
    expect(False, f'a grant from what is being revoked was not seen: {wrong}')


def enter_granters():
    test(MACHINE, name='granters.release')(lambda: several_hold('granters', [], 2, kernel=RELEASE_KERNEL))
    for cpus in (1, *MANY):
        test(MACHINE, name=f'granters.cpus{cpus}')(lambda c=cpus: several_hold('granters', [], c))


@test(MACHINE, name='crowds.control.BACKLOG')
def crowds_without_the_halted():
    for attempt in range(8):  # the first processor must have halted before the other one posts
        wrong, _ = several('crowds', [], 2, [f'plant={faults()["BACKLOG"]}'])
        if 'refused' in wrong:
            return
    expect(False, f'who was to wake and did not was not seen: {wrong}')


def enter_handoffs():
    test(MACHINE, name='swaps.release')(lambda: several_hold('swaps', [], 2, kernel=RELEASE_KERNEL))
    for cpus in (1, *MANY):
        for name in ('crowds', 'burdens'):
            test(MACHINE, name=f'{name}.cpus{cpus}')(lambda n=name, c=cpus: several_hold(n, [], c))
        test(MACHINE, name=f'swaps.cpus{cpus}')(lambda c=cpus: several_hold('swaps', [], c))
        test(MACHINE, name=f'halts.cpus{cpus}')(lambda c=cpus: several_hold('halts', [], c))
        test(MACHINE, name=f'handoff.cpus{cpus}')(lambda c=cpus: handoffs(HANDOFFS, c))
    test(MACHINE, long=True, name='handoff.long')(lambda: handoffs(1000000, 2))


STRESS_ROUNDS = 40  # and twenty times as many in --long
STRESS_FAULTS = {'LEAK': 'references of a plain frame', 'FRAME_REFS': 'a kernel object is mapped'}


def stress_sees(fault, says):
    """By what the kernel exposes; the machine ends by itself."""
    wrong, _ = several('stress', [str(STRESS_ROUNDS), seed_new()], 2, [f'plant={faults()[fault]}'])
    expect(says in wrong.get('refused', ''), f'with {fault} left out: {wrong}')


def enter_stress():
    for cpus in (1, *MANY):
        test(MACHINE, name=f'stress.cpus{cpus}')(lambda c=cpus: several_hold('stress', [str(STRESS_ROUNDS), seed_new()], c))
        test(MACHINE, long=True, name=f'stress.long{cpus}')(
            lambda c=cpus: several_hold('stress', [str(20 * STRESS_ROUNDS), seed_new()], c, timeout=3600))
    for fault, says in STRESS_FAULTS.items():
        test(MACHINE, name=f'stress.control.{fault}')(lambda f=fault, s=says: stress_sees(f, s))


def frames_left(argument):
    r = run(['-v', '-m', '16m'], [program('limits'), argument])
    same(r.code, 0, f'exit code ({short(r.out)})')
    return int(re.search(r'; (\d+) frames in use now', r.err.decode()).group(1))



@test(MACHINE, name='walls.up')
def walls_up():
    """All that a processor may need between accounts, where this one needs none of it: nothing breaks, and it is passed."""
    r = run_beside('stalls', [], [f'plant={faults()["WALLS"]}'], PLANT_KERNEL)
    wrong, said = judge('stalls', r), r.err.decode(errors='replace')
    expect(not wrong, str(wrong))
    expect('between accounts: branch barrier on, return stack on, buffers on' in said, short(said))
    passed = re.search(r'walls: passed (\d+) times', said)
    expect(passed and int(passed.group(1)) > 10, short(said))


@test(MACHINE, name='limits.all_comes_back')
def all_comes_back():
    same(frames_left('spend'), frames_left('nothing'), 'frames in use after one that took all')


enter_acts()
enter_root_walk()
enter_same(run_beside, judge, root_walk, faults(), PLANT_KERNEL)
enter_storms()
enter_inspect()
enter_machines(faults(), PLANT_KERNEL)
enter_pauses(judge, faults(), PLANT_KERNEL)
enter_bochs()
enter_floods(judge, faults(), PLANT_KERNEL, RELEASE_KERNEL)
enter_tags()
enter_deaths(run_beside, judge)
enter_flights(judge, faults(), PLANT_KERNEL)
enter_sources(judge, faults(), PLANT_KERNEL, RELEASE_KERNEL)
enter_hogs()
enter_stretches()
enter_library(kernel_checks, COUNTS)
enter_granters()
enter_handoffs()
enter_stress()
enter_counted(judge, faults(), PLANT_KERNEL, RELEASE_KERNEL)

if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
