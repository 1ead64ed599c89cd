# SPDX-License-Identifier: MIT
"""ends.py - how a command ends: signals, kill -9, the machine's death, panics; and what it leaves behind: nothing."""
import glob, resource, signal, threading, uuid
from harness import *

LOOP = ['busybox', 'sh', '-c', 'echo ready; while :; do :; done']


def started(options, program, **popen):
    p = start(options, program, stdin=subprocess.DEVNULL, **popen)
    same(p.stdout.readline(), b'ready\n', 'output')
    return p


@test()
def a_program_that_loops_ends_by_a_signal():
    for signo in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        p = started([], LOOP)
        p.send_signal(signo)
        same(finish(p, None).code, 128 + signo, f'exit code after {signo.name}')


@test()
def a_signal_ends_all_partitions():
    p = started(['--beside', 'busybox sh -c :', '--beside', 'busybox sleep 1000'], LOOP)
    p.send_signal(signal.SIGTERM)
    r = finish(p, None)
    same(r.code, 128 + signal.SIGTERM, 'exit code')
    expect(b'beside2| exited with status 143\n' in r.err, short(r.err))


@test()
def a_program_that_ignores_signals_is_destroyed():
    p = started([], ['busybox', 'sh', '-c', 'trap "" INT TERM; echo ready; while :; do :; done'])
    p.send_signal(signal.SIGTERM)
    r = finish(p, None)
    same(r.code, 128 + signal.SIGTERM, 'exit code')


@test()
def a_second_signal_ends_the_machine_at_once():
    """Init has no time to destroy the program, and to tell of its end; the stand-in never does."""
    p = started(['--kernel-arg', 'stubborn'] if emulator_options() else ['-v'], ['busybox', 'sh', '-c', 'trap "" INT TERM; echo ready; while :; do :; done'])
    p.send_signal(signal.SIGINT)
    time.sleep(0.2)
    p.send_signal(signal.SIGINT)
    r = finish(p, None)
    same(r.code, 128 + signal.SIGINT, 'exit code')
    expect(b'status' not in r.err, f'not at once: {short(r.err)}')
    expect(r.seconds < 2, f'after {r.seconds:.1f} s')  # the first one's grace is over after 2.8


@test(STAND_IN)
def a_machine_that_hears_nothing_is_ended():
    mark = f'mark={uuid.uuid4()}'
    p = started(['--kernel-arg', 'deaf', '--kernel-arg', 'stubborn', '--kernel-arg', mark], LOOP)
    p.send_signal(signal.SIGTERM)
    r = finish(p, None)
    same(r.code, 128 + signal.SIGTERM, 'exit code')
    expect(2.5 < r.seconds, f'after {r.seconds:.1f} s')
    wait_until(lambda: not emulators_marked(mark), 'the emulator has ended')


@test(STAND_IN)
def a_signal_before_the_greeting_ends_the_machine():
    p = start(['--kernel-arg', 'hang'], ['busybox', 'true'])
    time.sleep(0.5)
    p.send_signal(signal.SIGINT)
    time.sleep(0.2)
    p.send_signal(signal.SIGINT)
    same(finish(p, b'').code, 128 + signal.SIGINT, 'exit code')


@test()
def a_signal_ignored_from_the_start_stays_so():
    p = started([], ['busybox', 'sh', '-c', 'echo ready; i=0; while [ $i -lt 100000 ]; do i=$((i + 1)); done; echo done'],
                preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    p.send_signal(signal.SIGHUP)
    same(finish(p, None).code, 0, 'exit code')


def files_around():
    """Files that a command or its emulator may have made: others make files meanwhile, so only by their names."""
    places = {'/tmp', '/dev/shm', '/var/tmp', ROOT, os.environ.get('XDG_RUNTIME_DIR', '/run')}
    names = ('*tessera*', '*qemu*', '*vl.*', '*gdb*', '*bundle*', '*.sock*')
    return {f for place in places for name in names for dot in ('', '.') for f in glob.glob(f'{place}/{dot}{name}')}


@test(alone=True)
def nothing_is_left_after_kill_9():
    mark = f'mark={uuid.uuid4()}'
    before = files_around()
    with tempfile.TemporaryDirectory(prefix='command-') as where:
        for delay in (0, 0.02, 0.05, 0.1, 0.3, 1):
            p = start(['--kernel-arg', mark, '--beside', 'busybox yes'], LOOP, stdin=subprocess.DEVNULL, cwd=where,
                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(delay)
            p.kill()
            p.wait()
            wait_until(lambda: not emulators_marked(mark), f'the emulator has ended (kill after {delay} s)')
        same(os.listdir(where), [], 'files left where it was started')
    same(files_around() - before, set(), 'files left')


@test(alone=True)
def nothing_is_left_after_the_end():
    mark = f'mark={uuid.uuid4()}'
    before = files_around()
    with tempfile.TemporaryDirectory(prefix='command-') as where:
        same(busybox('echo', 'x', options=['--kernel-arg', mark], cwd=where).code, 0, 'exit code')
        same(os.listdir(where), [], 'files left where it was started')
    same(emulators_marked(mark), [], 'processes left')
    same(files_around() - before, set(), 'files left')


@test(alone=True)
def several_at_once_do_not_disturb_one_another():
    results = {}

    def one(i):
        data = (b'%d\n' % i) * 100000
        results[i] = (busybox('sh', '-c', f'cat; exit {i}', input=data) if emulator_options() else busybox('cat', input=data)).out == data
    threads = [threading.Thread(target=one, args=(i,)) for i in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    same(results, {i: True for i in range(8)}, 'results')


def taken():
    """Seconds that others had of the processors so far: who is not our child, and gives way to nobody."""
    with open('/proc/stat') as file:
        user, _, system, _, _, irq, softirq, steal = map(int, file.readline().split()[1:9])
    ours = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (user + system + irq + softirq + steal) / os.sysconf('SC_CLK_TCK') - ours.ru_utime - ours.ru_stime


@test(alone=True)
def output_comes_within_two_seconds():
    begin, others = time.monotonic(), taken()
    p = subprocess.Popen([os.path.join(ROOT, 'tessera'), 'run', *emulator_options(), 'busybox', 'echo', 'hello'], stdout=subprocess.PIPE)
    same(p.stdout.readline(), b'hello\n', 'output')
    seconds = time.monotonic() - begin
    p.communicate()
    others = taken() - others
    expect(seconds < (2 if others < seconds / 2 else 4), f'{seconds:.2f} s, in which others had {others:.2f} s of the processors')


@test(alone=True)
def a_killed_emulator_is_named():
    mark = f'mark={uuid.uuid4()}'
    p = started(['--kernel-arg', mark], LOOP)
    for pid in emulators_marked(mark):
        if pid != p.pid:
            os.kill(pid, signal.SIGKILL)
    one_line(finish(p, None), 125, 'emulator', 'signal 9')


@test(STAND_IN)
def a_machine_that_fails_to_start_is_named():
    one_line(run(['--kernel-arg', 'silent=1'], ['busybox', 'true']), 125, 'did not start', 'stand-in: told to fail')


@test(STAND_IN)
def a_machine_that_ends_early_is_named():
    one_line(run(['--kernel-arg', 'exit=1'], ['busybox', 'true']), 125, 'ended', 'before the program')
    one_line(run(['--kernel-arg', 'exit=0'], ['busybox', 'true']), 123, 'reset')
    one_line(run(['--kernel-arg', 'exit=255'], ['busybox', 'true']), 123, 'panicked')
    one_line(run(['--kernel-arg', 'die'], ['busybox', 'true']), 125, 'signal 11')


@test(STAND_IN)
def a_panic_is_printed_and_has_its_own_exit_code():
    r = run(['--kernel-arg', 'panic'], ['busybox', 'true'])
    same(r.code, 123, 'exit code')
    same(r.err, b'tessera: kernel panic: the \\x1b[31mstand-in was told to\nrip ffffffff80001234\n    0x10\nframe zz\n', 'words')


@test(STAND_IN)
def a_kernel_that_breaks_the_rules_ends_the_session():
    for word, words in (('version=7', 'version 7'), ('stray', 'not in the plan'), ('garbage', 'rules'), ('early', 'rules')):
        one_line(run(['--kernel-arg', word], ['busybox', 'sleep', '5']), 125, words)


@test(STAND_IN)
def a_kernel_that_sends_more_than_its_credit_ends_the_session():
    p = start(['--kernel-arg', 'overrun'], ['busybox', 'sleep', '5'], stdin=subprocess.DEVNULL)
    lines = p.stderr.read().splitlines()  # the output is not read, so that no more credit is given
    same(p.wait(), 125, 'exit code')
    expect(len(lines) == 1 and b'credit' in lines[0], short(lines))
    p.stdout.close()


@test(STAND_IN)
def reports_are_lines_for_people():
    with tempfile.TemporaryDirectory() as where:
        program = os.path.join(where, 'program')
        subprocess.run(['gcc', '-static', '-x', 'c', '-o', program, '-'], input=b'int main(void) { return 0; }', check=True)
        r = run(['--kernel-arg', 'report', '--name', 'victim'], [program])
    same(r.code, 0, 'exit code')
    lines = r.err.decode().splitlines()
    same(lines[:2], ['tessera: victim: wild \\x1b[31m store', '    rip    0x0000000000401000'], 'death')
    same(lines[2:5], ['    0x401000 _init+0x0 (program)', '    0x0', '    0x10401004 _init+0x4 (program)'], 'frames')
    same(lines[5:], ['tessera: victim: call not implemented: io_uring_setup (3 times)', 'tessera: victim: one',
                     'tessera: victim: two'], 'the rest')


CRASH = """
#include <stdlib.h>
__attribute__((noinline)) static void inner(volatile int *p) { *p = 1; }
__attribute__((noinline)) static void outer(char **v) { inner((int *)strtoul(v[1], 0, 16)); v[1][0]++; }
int main(int n, char **v) { outer(v); return n; }
"""


@test(MACHINE)
def a_crash_is_told_with_its_backtrace():
    for kind in ('-static', '-static-pie'):
        with tempfile.TemporaryDirectory() as where:
            program = os.path.join(where, 'crash')
            subprocess.run(['gcc', kind, '-O0', '-fno-omit-frame-pointer', '-x', 'c', '-o', program, '-'], input=CRASH.encode(), check=True)
            r = run([], [program, 'ffff800000000000'])
        same((r.code, r.out), (128 + signal.SIGSEGV, b''), f'{kind}: result')
        lines = r.err.decode().splitlines()
        expect(lines[0].startswith('tessera: crash: ') and '0xffff800000000000' in lines[0], short(lines))
        for function in ('inner+', 'outer+', 'main+'):
            found = [i for i, line in enumerate(lines) if f' {function}' in line and line.endswith('(crash)')]
            expect(len(found) == 1, f'{kind}: {function} is not named once: {lines}')


@test(MACHINE)
def a_call_that_is_not_there_is_named():
    r = busybox('wget', 'http://nowhere.invalid/')
    same((r.code, r.out), (1, b''), 'result')
    expect(b'tessera: busybox: call not implemented: socket (' in r.err, short(r.err))


@test(MACHINE)
def verbose_shows_the_kernel_log():
    r = run(['-v'], ['busybox', 'echo', 'x'])
    same((r.code, r.out), (0, b'x\n'), 'result')
    expect(b'kernel| ' in r.err, short(r.err))


@test(MACHINE)
def microvm_runs_the_same():
    r = run(['--machine', 'microvm'], ['busybox', 'sh', '-c', 'echo x; exit 4'])
    same((r.code, r.out), (4, b'x\n'), 'result')


@test(MACHINE)
def hello_says_hello():
    r = run([], ['hello'])
    same(r.code, 0, 'exit code')
    expect(b'hello' in r.out.lower() and r.err == b'', short(r))


@test(MACHINE, alone=True)
def gdb_stops_in_the_kernel_and_shows_names():
    before = files_around()
    commands = ['-batch', '-ex', 'hbreak boot_main', '-ex', 'continue', '-ex', 'backtrace', '-ex', 'delete', '-ex', 'kill']
    options = [w for c in commands for w in ('--gdb-arg', c)]
    r = run(options, ['busybox', 'true'], verb='gdb')
    expect(b'boot_main' in r.out, short(r))
    wait_until(lambda: files_around() <= before, 'the socket and its directory are removed')


GDB_SOURCE = '''
#include <stdio.h>
static __attribute__((noinline)) int twice(int n) { return 2 * n; }
int main(void)
{
    int n = 0;
    if (scanf("%d", &n) == 1) printf("twice is %d\\n", twice(n));
    return 0;
}
'''


def debugged(program, *commands, options=()):
    words = [w for c in ('-batch', *[x for c in commands for x in ('-ex', c)]) for w in ('--gdb-arg', c)]
    return run([*options, *words], program, verb='gdb')


@test(MACHINE, alone=True)
def gdb_stops_in_a_library_os_and_shows_names_of_both():
    r = debugged(['hello', 'x'], 'hbreak hello.c:exo_main', 'continue', 'backtrace', 'print start->n_arguments', 'delete',
                 'hbreak console_write', 'continue', 'backtrace', 'kill')
    for word in (b'in exo_start (', b'examples/hello.c:', b'$1 = 2', b'console_write (', b'libos/exo/console.c:'):
        expect(word in r.out, f'{word} is not in {r.out.decode()} {r.err.decode()}')


@test(MACHINE, alone=True)
def gdb_stops_in_a_linux_program_with_input():
    with tempfile.TemporaryDirectory() as directory:
        source, built, text = (os.path.join(directory, name) for name in ('it.c', 'it', 'text'))
        for path, what in ((source, GDB_SOURCE), (text, '21\n')):
            with open(path, 'w') as file:
                file.write(what)
        subprocess.run(['gcc', '-static', '-no-pie', '-g', '-O1', '-o', built, source], check=True)
        r = debugged([built], 'hbreak twice', 'continue', 'print n', 'backtrace', 'delete', 'continue', options=['--input', text])
        for word in (b'$1 = 21', b'in main () at ', b'twice is 42\n'):
            expect(word in r.out, f'{word} is not in {r.out.decode()} {r.err.decode()}')
    one_line(run(['--input', '/nonesuch/x'], ['hello'], verb='gdb'), 125, '--input', '/nonesuch/x')


@test(alone=True)
def a_killed_gdb_verb_leaves_nothing():
    mark = f'mark={uuid.uuid4()}'
    before = files_around()
    p = start(['--kernel-arg', mark], ['busybox', 'true'], verb='gdb')
    wait_until(lambda: files_around() - before, 'a socket is made: else this shows nothing')
    p.kill()
    p.wait()
    wait_until(lambda: not emulators_marked(mark), 'the emulator has ended')
    wait_until(lambda: files_around() <= before, 'the socket and its directory are removed')
