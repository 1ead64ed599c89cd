# SPDX-License-Identifier: MIT
"""
floods.py - what others send as fast as they can costs who it is for, not the partition beside: input, messages, posts.
"""
import contextlib, os, re, subprocess
from harness import *

# shares of time do not depend on the host
CLOCKED = ['--accel', 'tcg', '--emulator', os.path.join(ROOT, 'test/boot/counted.sh')]
FLOODED = ['--accel', 'tcg', '--emulator', os.path.join(ROOT, 'test/boot/flooding.py')]
SLICES = os.path.join(ROOT, 'out/test/slices')
BESIDE = ['-m', '8m', '--beside-memory', '8m', '--beside', f'{SLICES} interrupted']
# It has 10 ms, who is woken as much, and 500 positions use hardly anything of theirs: with work between each two it had 317
CROWDED = ['-m', '8m', '--beside-memory', '8m', '--beside', f'{SLICES} interrupted 400', '--beside', f'{SLICES} crowd']


def beside_has_its_share(said):
    expect('BREACH' not in said and re.search(r'^beside1\| done [0-9]+$', said, re.M), short(said[-400:]))


def flood_console():
    """Input as fast as the host can send it costs who reads it, not the partition beside."""
    r = finish(start(['-v', *CLOCKED, *BESIDE], ['busybox', 'md5sum'], stdin=subprocess.PIPE), bytes(100 << 20))
    beside_has_its_share(r.err.decode())
    expect(b'2f282b84e7e608d5852449ed940bfc51  -' in r.out, short(r.out))


def small_messages(kernel, *words, beside=BESIDE):
    """
    What the partition beside says, with messages without credit, as many as the machine takes, to a main partition that looks
    at each.
    """
    options = ['-v', *FLOODED, *beside, '--kernel', kernel]
    for word in words:
        options += ['--kernel-arg', word]
    p, said = start(options, ['busybox', 'cat'], stdin=subprocess.PIPE), b''
    while b'beside1| exited' not in said and (line := p.stderr.readline()):
        said += line
    r = finish(p, b'')
    same(r.code, 0, 'exit code')
    return said.decode()


def messages_without_share(kernel, fault, **more):
    said = small_messages(kernel, fault, **more)
    expect('beside1| BREACH' in said, f'work that takes all was not seen: {short(said[-400:])}')


def posted(judge, kernel, words):
    p = run(['-v', '-m', '24m', '--cpus', '2', *CLOCKED, '--kernel', kernel, *(w for x in ['check', *words] for w in ('--kernel-arg', x))],
            [os.path.join(ROOT, 'out/test/posts'), 'share'])
    return judge('posts', p)


def flood_posts(judge, kernel):
    wrong = posted(judge, kernel, [])
    wrong.pop('victim')
    expect(not wrong, str(wrong))


def leaving(judge, kernel, *words):
    """{oracle: why it failed} where processor 0 has nothing to run but messages, and the root of who ran last ends."""
    options = ['-v', *FLOODED, '-m', '8m', '--beside-memory', '8m', '--beside', os.path.join(ROOT, 'out/test/victim') + ' 2', '--cpus', '2']
    for word in ['check', *words]:
        options += ['--kernel-arg', word]
    wrong = judge('departs', run([*options, '--kernel', kernel], [os.path.join(ROOT, 'out/test/departs')], timeout=60))
    wrong.pop('victim', None)
    return wrong


def leaves_hold(*how):
    wrong = leaving(*how)
    expect(not wrong, str(wrong))


def leaves_fall(*how):
    """Who stands on a root that is another's frame may also stop all: that shows nothing."""
    for attempt in range(8):
        with contextlib.suppress(Failure):
            wrong = leaving(*how)
            if wrong:
                return
    expect(False, 'a root that ended under a processor was not seen')


def enter_floods(judge, faults, kernel, release):
    test(MACHINE, name='flood.console')(flood_console)
    test(MACHINE, name='flood.messages')(lambda: beside_has_its_share(small_messages(kernel)))
    test(MACHINE, name='flood.messages.release')(lambda: beside_has_its_share(small_messages(release)))
    test(MACHINE, name='flood.control.WORK_SHARE')(lambda: messages_without_share(kernel, f'plant={faults["WORK_SHARE"]}'))
    test(MACHINE, name='flood.crowd')(lambda: beside_has_its_share(small_messages(kernel, beside=CROWDED)))
    test(MACHINE, name='flood.crowd.release')(lambda: beside_has_its_share(small_messages(release, beside=CROWDED)))
    test(MACHINE, name='flood.crowd.control.WORK_SHARE')(
        lambda: messages_without_share(kernel, f'plant={faults["WORK_SHARE"]}', beside=CROWDED))
    test(MACHINE, name='flood.departs')(lambda: leaves_hold(judge, kernel))
    test(MACHINE, name='flood.departs.release')(lambda: leaves_hold(judge, release))
    test(MACHINE, name='flood.control.IDLE_ROOT')(lambda: leaves_fall(judge, kernel, f'plant={faults["IDLE_ROOT"]}'))
    test(MACHINE, name='flood.posts')(lambda: flood_posts(judge, kernel))
    test(MACHINE, name='flood.control.POST_RATE')(
        lambda: expect('refused' in posted(judge, kernel, [f'plant={faults["POST_RATE"]}']), 'a flood was not seen'))
