# SPDX-License-Identifier: MIT
"""traces.py - run --trace: what is written can be read, and tells what the programs did."""
import collections, json, re, signal, time
from harness import *

RING = (4 << 20) // 32  # records
ATTEMPTS = 5


def traced(program, options=(), input=b'', code=0):
    with tempfile.NamedTemporaryFile(suffix='.json') as file:
        r = run(['--trace', file.name, *options], program, input)
        same(r.code, code, f'exit code ({r.err[-300:]})')
        return r, checked(file.name)


def checked(path):
    """The events of a file by track, after what must hold of every such file."""
    with open(path) as file:
        trace = json.load(file)
    tracks, names = collections.defaultdict(list), {}
    for e in trace['traceEvents']:
        if e['ph'] == 'M':
            names[e.get('tid', 'process'), e['name']] = e['args']['name']
        else:
            tracks[e['tid']].append(e)
    for tid, events in tracks.items():
        same(names.get((tid, 'thread_name')), f'processor {tid}', 'name of a track')
        times = [e['ts'] for e in events]
        expect(times == sorted(times), f'times go back on track {tid}')
        open_spans = []
        for e in events:
            if e['ph'] == 'B':
                expect(e['cat'] != 'call' or [s['cat'] for s in open_spans] == ['slice'], f'a call outside a slice: {e}')
                open_spans.append(e)
            elif e['ph'] == 'E':
                expect(open_spans, f'an end without a begin on track {tid}')
                e['of'] = open_spans.pop()
            else:
                same(e['ph'], 'i', 'phase')
        same(open_spans, [], f'spans without an end on track {tid}')
    return tracks, trace['otherData']['replaced by newer']


def spans(events, kind, name=None):
    return [e for e in events if e['ph'] == 'B' and e['cat'] == kind and (name is None or e['name'] == name)]


def points(events, name):
    return [e for e in events if e['ph'] == 'i' and e['name'] == name]


def traced_while_it_waits():
    """Of a Linux program that is sent its input when it sleeps until there is some."""
    with tempfile.NamedTemporaryFile(suffix='.json') as file:
        p = start(['--trace', file.name], ['busybox', 'awk', 'BEGIN { print "ready"; fflush() } { print $1 * 2 }'])
        ready = p.stdout.readline()
        time.sleep(0.2)
        r = finish(p, b'21\n')
        same((r.code, ready + r.out), (0, b'ready\n42\n'), f'result ({r.err[-300:]})')
        return checked(file.name)


@test(MACHINE, name='trace.tells')
def a_trace_tells_what_a_program_did():
    for _ in range(ATTEMPTS):
        tracks, lost = traced_while_it_waits()
        if points(tracks[0], 'console'):  # else a busy host let it come so late to its wait that the input was there
            break
    same(lost, 0, 'lost records')
    events = tracks[0]
    for kind, name in (('slice', 'init'), ('slice', 'busybox'), ('call', 'console_write'), ('call', 'console_read'),
                       ('call', 'pt_map'), ('call', 'wait'), ('call', 'context_exit'), ('call', 'power_off')):
        expect(spans(events, kind, name), f'no {kind} {name}')
    for name in ('upcall foreign call', 'upcall fault', 'timer', 'console', 'map', 'context stops'):
        expect(points(events, name), f'no {name}')
    writes = [e for e in points(events, 'upcall foreign call') if e['args']['rax'] in ('0x1', '0x14')]  # write or writev
    expect(writes, 'the write of the Linux program is not there')
    durations = [e['ts'] - e['of']['ts'] for e in events if e['ph'] == 'E' and e['of']['cat'] == 'call']
    expect(sum(d > 0 for d in durations) > len(durations) / 2, 'most calls take no time')


@test(MACHINE, name='trace.idle')
def idle_time_has_spans():
    r, (tracks, _) = traced(['busybox', 'sleep', '0.2'])
    idle = [e['ts'] - e['of']['ts'] for e in tracks[0] if e['ph'] == 'E' and e['of']['cat'] == 'idle']
    expect(190000 < sum(idle) < r.seconds * 1000000, f'idle for {sum(idle)} us of 200,000 asleep, in {r.seconds} s')


@test(MACHINE, name='trace.processors')
def each_processor_has_a_track_and_partitions_have_names():
    _, (tracks, _) = traced(['busybox', 'sleep', '0.5'], ['--cpus', '4', '--name', 'first', '--beside', 'busybox true', '-m', '64m',
                                                   '--beside-memory', '64m'])
    same(sorted(tracks), [0, 1, 2, 3], 'tracks')
    seen = {e['name'] for events in tracks.values() for e in spans(events, 'slice')}
    same(seen, {'init', 'first', 'beside1'}, 'names of what ran')


@test(MACHINE, name='trace.microvm')
def a_small_machine_is_traced_too():
    _, (tracks, _) = traced(['hello'], ['--machine', 'microvm'])
    expect(spans(tracks[0], 'slice', 'hello') and spans(tracks[0], 'call', 'console_write'), 'it did not run')


@test(MACHINE, name='trace.ring')
def the_newest_events_stay():
    r, (tracks, lost) = traced(['busybox', 'awk', '{ print; fflush() }'], input=b'x\n' * 100000)
    same(r.out, b'x\n' * 100000, 'output')
    expect(lost > 0, 'nothing was replaced: the test shows nothing')
    expect(RING - 10 < len(tracks[0]) < 3 * RING, f'{len(tracks[0])} events of a ring of {RING}')
    expect(spans(tracks[0], 'call', 'power_off') and not spans(tracks[0], 'call', 'account_make'), 'not the newest')


@test(MACHINE, name='trace.killed')
def a_machine_that_was_killed_leaves_its_trace():
    mark = f'trace_mark_{os.getpid()}'
    with tempfile.NamedTemporaryFile(suffix='.json') as file:
        p = start(['--trace', file.name, '--kernel-arg', mark], ['busybox', 'awk', '{ print; fflush() }'])
        p.stdin.write(b'x\n' * 100)
        p.stdin.flush()
        same(p.stdout.read(200), b'x\n' * 100, 'output')
        for pid in emulators_marked(mark):
            if pid != p.pid:
                os.kill(pid, signal.SIGKILL)
        r = finish(p)
        same(r.code, 125, f'exit code ({r.err})')
        tracks, _ = checked(file.name)
        expect(len(spans(tracks[0], 'call', 'console_write')) >= 100, 'the writes are not there')


@test(MACHINE, name='trace.signal')
def a_command_that_is_ended_writes_it_too():
    with tempfile.NamedTemporaryFile(suffix='.json') as file:
        p = start(['--trace', file.name], ['busybox', 'cat'])
        p.stdin.write(b'x')
        p.stdin.flush()
        same(p.stdout.read(1), b'x', 'output')
        p.send_signal(signal.SIGTERM)
        same(finish(p).code, 128 + signal.SIGTERM, 'exit code')
        expect(spans(checked(file.name)[0][0], 'slice', 'busybox'), 'the program is not there')


@test(MACHINE, name='trace.bad_input')
def a_trace_that_cannot_be_written_is_one_line():
    one_line(run(['--trace', '/nonesuch/x'], ['hello']), 125, '--trace', '/nonesuch/x')
    one_line(run(['--trace', '/dev/full'], ['hello']), 125, '--trace', '/dev/full')
    one_line(run(['--trace', '/proc'], ['hello']), 125, '--trace', 'irectory')
    one_line(run(['--trace', '/tmp/x'], ['hello'], verb='gdb'), 125, '--trace', 'gdb')
