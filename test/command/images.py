# SPDX-License-Identifier: MIT
"""
images.py - the verb image: an ISO as a machine without a host command boots it, by SeaBIOS and by OVMF, with the serial port
or a virtio console at the other end; what comes there is compared byte by byte.

OVMF and GRUB write on the serial port before the kernel does: there only what follows the word READY, or the end, counts.
"""
import contextlib, fcntl, re, shutil, signal, socket, struct, termios, threading
from harness import *
sys.path.append(os.path.join(ROOT, 'test/boot'))
from flights import pieces

OVMF = '/usr/share/OVMF/OVMF_'
QEMU = ['qemu-system-x86_64', '-accel', 'tcg', '-cpu', 'max', '-nodefaults', '-no-user-config',
        '-display', 'none']  # a machine that reset instead of going off would start again
FIRMWARE = {
    'bios': [],
    'uefi': ['-drive', f'if=pflash,format=raw,readonly=on,file={OVMF}CODE.fd',
             '-drive', f'if=pflash,format=raw,snapshot=on,file={OVMF}VARS.fd'],
}
CONSOLES = {  # the last: a virtio console without any port is none
    'serial': ['-serial', 'chardev:end'],
    'virtconsole': ['-device', 'virtio-serial-pci', '-device', 'virtconsole,chardev=end'],
    'virtport': ['-device', 'virtio-serial-pci', '-device', 'virtserialport,nr=1,chardev=end'],
    'oneport': ['-device', 'virtio-serial-pci,max_ports=1', '-device', 'virtconsole,chardev=end'],
    'noport': ['-serial', 'chardev:end', '-device', 'virtio-serial-pci'],
}
NUMBERS = b''.join(b'%d\n' % n for n in range(1, 8001))
DOUBLE = ['awk', 'BEGIN { print "READY"; fflush() } { print $1 * 2 }']


@contextlib.contextmanager
def image(program, options=()):
    """An ISO of a program, which goes at the end."""
    with tempfile.TemporaryDirectory() as directory:
        iso = os.path.join(directory, 'it.iso')
        made = subprocess.run([COMMAND, 'image', 'iso', *options, iso, *program], capture_output=True, timeout=TIMEOUT)
        same((made.returncode, made.stdout, made.stderr), (0, b'', b''), 'making the image')
        yield iso


class Booted:
    """A machine with the image, and our end of its console."""
    def __init__(self, iso, firmware='bios', console='serial', more=(), machine='q35', disk=False):
        ours, theirs = socket.socketpair()
        self.end, self.got = ours, b''
        memory = [] if '-m' in more else ['-m', '1g']
        self.process = subprocess.Popen(
            QEMU + ['-M', machine, *(['-drive', f'file={iso},format=raw,snapshot=on'] if disk else ['-cdrom', iso]),
                    '-chardev', f'socket,id=end,fd={theirs.fileno()}', *memory, *FIRMWARE[firmware],
                    *CONSOLES[console], *more], pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        theirs.close()
        ours.settimeout(TIMEOUT)

    def read_until(self, mark=None):
        """All up to a mark, or to the end of the machine; what came before the mark is dropped."""
        while mark is None or mark not in self.got:
            try:
                more = self.end.recv(1 << 16)
            except ConnectionResetError:
                more = b''
            except TimeoutError:
                raise Failure(f'not over after {TIMEOUT} s; wrote {self.got[-300:]!r}')
            if not more:
                expect(mark is None, f'ended before {mark}: {self.got[-300:]!r}')
                break
            self.got += more
        if mark is None:
            out, self.got = self.got, b''
        else:
            out, self.got = self.got.split(mark, 1)
        return out

    def full(self):
        """Has our end taken what it can? A socket takes some hundred bytes that come one by one."""
        def unread():
            return struct.unpack('i', fcntl.ioctl(self.end, termios.FIONREAD, bytes(4)))[0]
        before = unread()
        time.sleep(2)
        return unread() == before > 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()
        self.end.close()


def boots(program, options=(), ready=None, **how):
    """What the machine wrote until it powered off; behind the word `ready`, if there is one."""
    with image(program, options) as iso, Booted(iso, **how) as machine:
        if ready:
            machine.read_until(ready)
        out = machine.read_until()
        same(machine.process.wait(TIMEOUT), 0, 'exit status of the emulator: it has not powered off')
        return out


def cases():
    yield from ((f, c) for f in FIRMWARE for c in ('serial', 'virtconsole', 'virtport'))
    yield from (('bios', 'oneport'), ('bios', 'noport'))


def hello_says_the_same(firmware, console):
    wanted = b'hello from a library operating system\nmy arguments: hello a b c\n'
    out = boots(['hello', 'a', 'b c'], firmware=firmware, console=console)
    if firmware == 'uefi' and console == 'serial':
        expect(out.endswith(b'm' + wanted) or out.endswith(b'\r' + wanted) or out.endswith(b'\n' + wanted),
               f'not the end of: {out[-300:]!r}')
    else:
        same(out, wanted, 'output')


def numbers_go_in_and_out(firmware, console):
    with image(['busybox', *DOUBLE], ['--kernel-arg', 'plain-eof']) as iso, Booted(iso, firmware, console) as machine:
        machine.read_until(b'READY\n')
        feeder = threading.Thread(target=machine.end.sendall, args=(NUMBERS + b'\4ignored',))
        feeder.start()
        out = machine.read_until()
        feeder.join()
        same(out, b''.join(b'%d\n' % (2 * n) for n in range(1, 8001)), 'output')
        same(machine.process.wait(TIMEOUT), 0, 'exit status of the emulator')


for firmware, console in cases():
    test(MACHINE, name=f'image.hello.{firmware}.{console}', firmware=firmware, console=console)(hello_says_the_same)
    if CONSOLES[console][-1] != 'virtconsole,chardev=end':  # QEMU drops what its reader has no room for there
        test(MACHINE, name=f'image.numbers.{firmware}.{console}', firmware=firmware, console=console)(numbers_go_in_and_out)


def frames_are_sent(console):
    """By a device, which reads them where they lie, or copied to a serial line: whole, and in order with what is written."""
    out = boots([os.path.join(ROOT, 'out/test/flight')], console=console)
    wanted = ''.join(pieces()).encode()
    same(out[:len(wanted)], wanted, 'output')
    expect(re.fullmatch(rb'done \d+\n', out[len(wanted):]), f'not the end: {out[-300:]!r}')


for console in ('serial', 'virtport'):
    test(MACHINE, name=f'image.flights.{console}', console=console)(frames_are_sent)


@test(MACHINE, name='image.old_machine')
def a_machine_of_another_kind_goes_off_too():
    """There the port that turns it off depends on the firmware, whose tables tell it."""
    for firmware in FIRMWARE:
        out = boots(['hello'], firmware=firmware, machine='pc')
        expect(out.endswith(b'my arguments: hello\n') and out.count(b'hello from') == 1, f'{firmware}: {out[-300:]!r}')


@test(MACHINE, name='image.disk')
def it_boots_from_a_disk_as_well_as_from_a_cd():
    for firmware in FIRMWARE:
        out = boots(['hello'], firmware=firmware, console='virtport', disk=True)
        same(out, b'hello from a library operating system\nmy arguments: hello\n', f'output under {firmware}')


@test(MACHINE, name='image.slow_reader')
def a_reader_that_sleeps_loses_nothing():
    for console in ('serial', 'virtport'):
        with image(['busybox', 'seq', '60000']) as iso, Booted(iso, console=console) as machine:
            time.sleep(3)
            same(machine.read_until(), on_host('seq', '60000').out, f'output on {console}')


@test(MACHINE, name='image.slow_end')
def what_is_left_at_the_end_is_waited_for_as_long_as_some_leaves():
    with image(['busybox', 'seq', '6000']) as iso, Booted(iso) as machine:
        got = machine.end.recv(1)
        end = time.monotonic() + 13 # a machine ends when nothing has left for 10 s
        while time.monotonic() < end:
            time.sleep(0.2)
            got += machine.end.recv(256)
        same(got + machine.read_until(), on_host('seq', '6000').out, 'output')


@test(MACHINE, name='image.status')
def a_status_is_a_line_of_its_own():
    same(boots(['busybox', 'sh', '-c', 'printf "no newline"; exit 3']), b'no newline\ntessera: status 3\n', 'output')
    same(boots(['busybox', 'sh', '-c', 'echo newline; exit 255']), b'newline\ntessera: status 255\n', 'output')
    same(boots(['busybox', 'false'], console='virtport'), b'tessera: status 1\n', 'output')


@test(MACHINE, name='image.beside')
def what_runs_beside_has_its_line_too():
    out = boots(['busybox', 'true'], ['--beside', 'busybox false', '--beside', 'busybox cat'])
    same(out, b'tessera: partition 2: status 1\n', 'output')


@test(MACHINE, name='image.late')
def the_first_words_wait_for_their_reader():
    with image(['busybox', 'echo', 'out'], ['-v', '-m', '32m']) as iso, Booted(iso) as machine:
        wait_until(machine.full, 'the machine says more than is read')
        out = machine.read_until()
    expect(b'\nout\n' in out, short(out))


@test(MACHINE, name='image.log')
def the_log_is_marked_and_frames_add_up_around_holes():
    for firmware, memory, cpus in (('bios', '256m', 1), ('bios', '6g', 4), ('uefi', '256m', 2), ('uefi', '5g', 1)):
        out = boots(['busybox', 'echo', 'out'], ['-v', '-m', '32m', '--kernel-arg', 'check'], firmware=firmware,
                    more=['-m', memory, '-smp', str(cpus)])
        lines = out[out.index(b'kernel| '):].decode().splitlines()
        rest = [line for line in lines if not line.startswith('kernel| ')]
        same(rest, ['out'], f'lines that are not marked ({short(out)})')
        where = f'{firmware} with {memory}'
        expect(f'kernel| {cpus} processor' + 's' * (cpus > 1) in lines, f'{where}: {lines}')
        checks = [line for line in lines if line.startswith('kernel| check: ')]
        expect(len(checks) >= 4 and all(line.endswith(('add up', 'unchanged', 'as they must be')) for line in checks), f'{where}: {checks}')


@test(MACHINE, name='image.crash')
def a_crash_is_told():
    out = boots([os.path.join(ROOT, 'out/test/deaths'), 'null']).decode()
    expect('died 11 segmentation fault: read of 0x8' in out and '\nregister rip ' in out and '\nframe ' in out, out)
    expect(out.endswith('\ntessera: status 139\n'), out)


@test(MACHINE, name='image.bad_input')
def bad_input_is_one_line():
    def refused(code, *words, options=(), file=None, program=('hello',), **how):
        with tempfile.TemporaryDirectory() as directory:
            iso = file or os.path.join(directory, 'it.iso')
            one_line(run(['iso', *options], [iso, *program], verb='image', **how), code, *words)
            same(os.listdir(directory), [], 'left behind')
    refused(127, 'nonesuch', program=['nonesuch'])
    refused(127, '/nonesuch', program=['/nonesuch'])
    refused(126, 'test/run.sh', 'script', program=[os.path.join(ROOT, 'test/run.sh')])
    refused(126, 'README.md', program=[os.path.join(ROOT, 'README.md')])
    refused(126, 'directory', program=['/tmp/'])
    refused(125, 'no program given', program=[])
    refused(125, '/nonesuch/x.iso', 'can be written', file='/nonesuch/x.iso')
    refused(125, '/proc', 'irectory', file='/proc')
    refused(125, '/dev/full', 'No space', file='/dev/full')
    refused(125, '--cpus', 'image', options=['--cpus', '2'])
    refused(125, '--kernel-arg', 'GRUB', options=['--kernel-arg', 'a"b'])
    refused(125, 'TMPDIR', env={**os.environ, 'TMPDIR': '/nonesuch'})
    refused(125, 'grub-mkrescue', 'install', env={**os.environ, 'PATH': '/nonesuch'})
    one_line(run([], ['floppy', 'x', 'hello'], verb='image'), 125, 'iso')


@test(MACHINE, name='image.again')
def an_image_replaces_a_longer_file():
    with tempfile.TemporaryDirectory() as directory:
        iso = os.path.join(directory, 'it.iso')
        with open(iso, 'wb') as file:
            file.truncate(100 << 20)
        same(run(['iso'], [iso, 'hello'], verb='image').code, 0, 'exit code')
        expect(1 << 20 < os.stat(iso).st_size < 100 << 20, f'{os.stat(iso).st_size} bytes')
        with Booted(iso) as machine:
            same(machine.read_until(), b'hello from a library operating system\nmy arguments: hello\n', 'output')


@test(MACHINE, name='image.signal')
def a_signal_leaves_nothing():
    with tempfile.TemporaryDirectory() as directory:
        place, tools = os.path.join(directory, 'tmp'), os.path.join(directory, 'tools')
        os.mkdir(place)
        os.mkdir(tools)
        with open(os.path.join(tools, 'grub-mkrescue'), 'w') as file:  # one that never ends, and has a child
            file.write('#!/bin/sh\nsleep 1000 &\necho $! >"$TMPDIR/child"\nwait\n')
        os.chmod(file.name, 0o755)
        iso = os.path.join(directory, 'it.iso')
        env = {**os.environ, 'TMPDIR': place, 'PATH': f'{tools}:{os.environ["PATH"]}'}
        process = start(['iso'], [iso, 'hello'], verb='image', env=env)
        found = lambda: [os.path.join(d, 'child') for d, _, files in os.walk(place) if 'child' in files]
        wait_until(lambda: found() and open(found()[0]).read().endswith('\n'), 'the tool runs')
        child = int(open(found()[0]).read())
        process.send_signal(signal.SIGTERM)
        same(finish(process).code, 128 + signal.SIGTERM, 'exit code')
        same(sorted(os.listdir(directory)), ['tmp', 'tools'], 'left behind')
        same(os.listdir(place), [], 'left behind')
        wait_until(lambda: not os.path.exists(f'/proc/{child}') or
                   open(f'/proc/{child}/stat').read().split(')')[1].split()[0] == 'Z', 'its child has gone')
