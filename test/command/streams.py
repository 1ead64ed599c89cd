# SPDX-License-Identifier: MIT
"""streams.py - standard input, output and error, the exit status, arguments, environment; partitions beside."""
import fcntl, pty, signal, struct, termios, threading
from harness import *

ECHO_MANY = 'i=0; while [ $i -lt {n} ]; do echo {word}$i {to}; i=$((i + 1)); done; '


@test()
def output_and_error_come_back_apart():
    r = busybox('sh', '-c', 'echo one; echo two >&2; echo three; printf four >&2')
    same((r.code, r.out, r.err), (0, b'one\nthree\n', b'two\nfour'), 'result')


@test()
def the_exit_status_is_exact():
    for status in (0, 1, 2, 7, 124, 125, 126, 127, 128, 137, 255):
        same(busybox('sh', '-c', f'exit {status}').code, status, 'exit status')


@test()
def bytes_that_look_like_frames_are_only_bytes():
    frames = b''.join(struct.pack('<BBHI', t, s, c, n) for t in range(10) for s in range(5) for c in (0, 1, 2)
                      for n in (0, 1, 9, 255))
    r = busybox('cat', input=frames * 50)
    same((r.code, r.out, r.err), (0, frames * 50, b''), 'result')
    r = busybox('sh', '-c', 'cat=1; while IFS= read -r l; do echo "$l" >&2; done; exit 5', input=b'died 11 no\nnote no\nframe 1\n')
    same((r.code, r.err), (5, b'died 11 no\nnote no\nframe 1\n'), 'result')


@test()
def arguments_arrive_as_given():
    words = ['', ' ', 'a b', '%41', '%', 'x\ny', '\t', '-v', '--', '--help', 'ü€', '"\'', '\\', '=', '\x7f\x01', 'long' * 3000]
    r = busybox('sh', '-c', 'for i; do printf "<%s>" "$i"; done', 'sh', *words)
    same(r.out.decode(), ''.join(f'<{w}>' for w in words), 'arguments')


@test()
def the_environment_is_the_default_and_what_e_adds():
    r = busybox('sh', '-c', 'echo "$PATH|$HOME|$TERM|$A|$B|$USER"', options=['-e', 'A=1 %\n', '--env=B=x=y', '-e', 'TERM=t'])
    same(r.out, b'/usr/local/bin:/usr/bin:/bin|/|t|1 %\n|x=y|\n', 'environment')


@test()
def options_end_at_the_program():
    same(busybox('echo', '-m', '--name', '-v').out, b'-m --name -v\n', 'output')
    same(run(['--'], ['busybox', 'echo', '--', 'x']).out, b'-- x\n', 'output')


@test()
def the_end_of_input_arrives():
    same(busybox('wc', '-c', input=b'').out.strip(), b'0', 'empty pipe')
    same(busybox('wc', '-c', stdin=subprocess.DEVNULL).out.strip(), b'0', '/dev/null')
    with open('/bin/busybox', 'rb') as file:
        size = os.fstat(file.fileno()).st_size
        same(int(busybox('wc', '-c', stdin=file).out), size, 'a file')


@test()
def a_closed_input_is_an_empty_one():
    line = ' '.join(['exec', COMMAND, 'run', *emulator_options(), 'busybox', 'wc', '-c', '<&-'])
    r = finish(subprocess.Popen(['sh', '-c', line], stdout=subprocess.PIPE, stderr=subprocess.PIPE), None)
    same((r.code, r.out.strip(), r.err), (0, b'0', b''), 'result')


@test()
def a_closed_output_is_an_error_to_the_program():
    line = ' '.join(['exec', COMMAND, 'run', *emulator_options(), 'busybox', 'sh', '-c', "'while :; do echo x || exit 3; done'", '>&-'])
    r = finish(subprocess.Popen(['sh', '-c', line], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE), None)
    expect(r.code != 0 and b'tessera: sh: standard output: Bad file descriptor' in r.err.replace(b'busybox', b'sh'), short(r))


@test()
def a_closed_error_is_of_no_matter():
    for command in COMMAND, os.path.join(ROOT, 'tessera'):
        line = ' '.join(['exec', command, 'run', *emulator_options(), 'busybox', 'echo', 'fine', '2>&-'])
        r = finish(subprocess.Popen(['sh', '-c', line], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE), None)
        same((r.code, r.out), (0, b'fine\n'), command)


@test()
def a_full_disk_is_an_error_to_the_program():
    with open('/dev/full', 'wb') as full:
        r = busybox('cat', input=bytes(2 << 20), stdout=full)
    expect(r.code not in (0, 125), f'exit code {r.code}')
    lines = r.err.splitlines()
    expect(b'tessera: busybox: standard output: No space left on device; the program has been told' in lines, short(lines))


@test()
def a_reader_that_goes_away_is_sigpipe():
    p = start([], ['busybox', 'yes'], stdin=subprocess.DEVNULL)
    same(p.stdout.read(4), b'y\ny\n', 'output')
    p.stdout.close()
    p.stdout = None
    r = finish(p, None)
    same((r.code, r.err), (128 + signal.SIGPIPE, b''), 'result')


@test()
def a_program_that_stops_reading_does_not_hang_the_writer():
    r = busybox('head', '-n', '1', input=b'first\n' + bytes(8 << 20))
    same((r.code, r.out), (0, b'first\n'), 'result')


@test()
def a_slow_reader_makes_the_writer_wait():
    p = start([], ['busybox', 'cat'], stdin=subprocess.PIPE)
    data = os.urandom(6 << 20)
    writer = threading.Thread(target=lambda: (p.stdin.write(data), p.stdin.close()))
    writer.start()
    time.sleep(3)
    expect(writer.is_alive(), 'all of the input was taken although no output was read')
    with open(f'/proc/{p.pid}/status') as file:
        kib = next(int(l.split()[1]) for l in file if l.startswith('VmRSS'))
    expect(kib < 32 << 10, f'the command holds {kib} KiB')
    out = p.stdout.read()
    writer.join()
    p.stdin = None
    same((out == data, finish(p, None).code), (True, 0), 'result')


@test()
def an_error_stream_that_is_not_read_delays_no_output():
    word = 'x' * 60
    script = ECHO_MANY.format(n=3000, word=word, to='>&2') + ECHO_MANY.format(n=3000, word=word, to='')
    p = start([], ['busybox', 'sh', '-c', script], stdin=subprocess.DEVNULL)
    wanted = b''.join(b'%s%d\n' % (word.encode(), i) for i in range(3000))
    same(p.stdout.read(len(wanted)), wanted, 'standard output')
    same(p.stderr.read(len(wanted)), wanted, 'standard error')
    same(finish(p, None).code, 0, 'exit code')


@test()
def a_program_by_its_path_gets_its_words():
    with tempfile.TemporaryDirectory() as where:
        source = os.path.join(where, 'a.c')
        with open(source, 'w') as file:
            file.write('#include <unistd.h>\n#include <string.h>\nint main(int n, char **v)'
                       '{ for (int i = 1; i < n; i++) { write(1, v[i], strlen(v[i])); write(1, "\\n", 1); } return n; }\n')
        subprocess.run(['gcc', '-static', '-o', os.path.join(where, 'a.out'), source], check=True)
        r = run([], [os.path.join(where, 'a.out'), 'one', 'two words'])
        same((r.code, r.out), (3, b'one\ntwo words\n'), 'result')
        r = run([], ['./a.out'], cwd=where)
        same((r.code, r.out), (1, b''), 'result')


@test()
def a_terminal_is_input_until_its_end():
    ours, theirs = pty.openpty()
    p = start([], ['busybox', 'sed', 's/^/got: /'], stdin=theirs)
    os.close(theirs)
    os.write(ours, b'hello\n')
    time.sleep(0.2)
    os.write(ours, b'more\n\x04')
    r = finish(p, None)
    os.close(ours)
    same((r.code, r.out), (0, b'got: hello\ngot: more\n'), 'result')


def leading_a_session(fd):
    def lead():
        os.setsid()
        fcntl.ioctl(fd, termios.TIOCSCTTY, 0)
    return lead


@test()
def a_terminal_that_goes_away_ends_the_program():
    ours, theirs = pty.openpty()
    p = start([], ['busybox', 'cat'], stdin=theirs, preexec_fn=leading_a_session(theirs))
    os.close(theirs)
    os.write(ours, b'hello\n')
    same(p.stdout.read(6), b'hello\n', 'output')
    os.close(ours)
    r = finish(p, None)
    expect(r.code in (0, 128 + signal.SIGHUP), f'exit code {r.code}')


@test()
def ctrl_c_at_the_terminal_ends_a_loop():
    ours, theirs = pty.openpty()
    p = start([], ['busybox', 'sh', '-c', 'echo ready; while :; do :; done'], stdin=theirs, preexec_fn=leading_a_session(theirs))
    os.close(theirs)
    same(p.stdout.readline(), b'ready\n', 'output')
    os.write(ours, b'\x03')
    r = finish(p, None)
    os.close(ours)
    same((r.code, r.err), (128 + signal.SIGINT, b''), 'result')


@test()
def a_partition_beside_speaks_on_standard_error_with_its_name():
    r = run(['--beside', 'busybox echo hello world', '--beside', 'busybox cat /nothere'], ['busybox', 'echo', 'main'])
    same((r.code, r.out), (0, b'main\n'), 'result')
    lines = r.err.decode().splitlines()
    for line in ('beside1| hello world', 'beside1| exited with status 0', "beside2| cat: can't open '/nothere': No such file or directory",
                 'beside2| exited with status 1'):
        expect(line in lines, f'no "{line}" in {lines}')


@test()
def the_command_ends_when_the_last_partition_does():
    r = run(['--beside', 'busybox sleep 2'], ['busybox', 'sh', '-c', 'exit 9'])
    expect(r.seconds > 1.9, f'over after {r.seconds:.1f} s')
    same(r.code, 9, 'exit code: the main one\'s')


@test()
def the_output_beside_is_whole_in_its_file():
    with tempfile.TemporaryDirectory() as where:
        path = os.path.join(where, 'out')
        r = run(['--beside', 'busybox seq 1 200000', '--beside-output', path], ['busybox', 'seq', '1', '100000'])
        same(r.out, b''.join(b'%d\n' % i for i in range(1, 100001)), 'main')
        with open(path, 'rb') as file:
            same(file.read(), b''.join(b'%d\n' % i for i in range(1, 200001)), 'beside')


@test()
def an_output_that_is_not_read_delays_no_other_partition():
    p = start(['--beside', 'busybox yes'], ['busybox', 'seq', '1', '100000'], stdin=subprocess.DEVNULL)
    wanted = b''.join(b'%d\n' % i for i in range(1, 100001))
    same(p.stdout.read(len(wanted)), wanted, 'standard output')
    p.send_signal(signal.SIGTERM)
    threading.Thread(target=p.stderr.read, daemon=True).start()
    p.wait(TIMEOUT)
