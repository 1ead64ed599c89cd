# SPDX-License-Identifier: MIT
"""
bochs.py - images on another emulator, Bochs, whose processors are models of makers' own: what they show in which mode, what they
have and lack, is theirs, and not what QEMU thinks best. Console is the serial port, which the firmware leaves unset.
"""
import contextlib, pty, re, threading
from harness import *

SHARE = '/usr/share/bochs/'
RC = """cpu: model={model}, count={cpus}, ips=50000000, reset_on_triple_fault=0
memory: guest=128, host=128
romimage: file={share}BIOS-bochs-latest
vgaromimage: file={share}VGABIOS-lgpl-latest
ata0-master: type=cdrom, path={directory}/it.iso, status=inserted
boot: cdrom
com1: enabled=1, mode=file, dev={directory}/com1
log: {directory}/log
display_library: term
clock: sync=none
"""
HELLO = b'hello from a library operating system\nmy arguments: hello\n'


def drain(terminal):
    """Bochs draws its screen on a terminal, and stops if nobody reads it."""
    try:
        while os.read(terminal, 1 << 16):
            pass
    except OSError:
        pass  # the other end is closed


def written(path):
    with contextlib.suppress(FileNotFoundError), open(path, 'rb') as file:
        return file.read()
    return b''


def boots(model, program, cpus=1, options=(), until=None):
    """What a machine with this processor wrote on its serial port until it went off, or until it wrote some words."""
    with tempfile.TemporaryDirectory() as directory:
        iso, com1, rc, go = (os.path.join(directory, name) for name in ('it.iso', 'com1', 'rc', 'go'))
        made = subprocess.run([COMMAND, 'image', 'iso', *options, iso, *program], capture_output=True, timeout=TIMEOUT)
        same((made.returncode, made.stderr), (0, b''), 'making the image')
        with open(rc, 'w') as file:
            file.write(RC.format(model=model, cpus=cpus, share=SHARE, directory=directory))
        with open(go, 'w') as file:
            file.write('c\n')  # Debian's has a debugger, which waits for this
        terminal, theirs = pty.openpty()
        with subprocess.Popen(['bochs', '-q', '-f', rc, '-rc', go], stdin=theirs, stdout=theirs, stderr=theirs,
                              env={**os.environ, 'TERM': 'vt100'}, start_new_session=True) as process:
            os.close(theirs)
            threading.Thread(target=drain, args=(terminal,), daemon=True).start()
            end = time.monotonic() + TIMEOUT
            while process.poll() is None and time.monotonic() < end and not (until and until in written(com1)):
                time.sleep(0.1)
            ended = process.poll() is not None or until
            process.kill()
        os.close(terminal)
        out = written(com1)
        expect(ended, f'not over after {TIMEOUT} s; wrote {short(out)}')
        return out


def hello(model, cpus):
    same(boots(model, ['hello'], cpus), HELLO, 'output')


def holds(model, cpus, program):
    out = boots(model, [os.path.join(ROOT, 'out/test', program[0]), *program[1:]], cpus)
    expect(re.search(rb'^done \d+\n\Z', out, re.M), f'told {short(out)}')


def leaks():
    """One that Meltdown concerns is refused by name; who does not mind gets on."""
    words = b'run with --unsafe if nothing here is secret\n'
    out = boots('corei7_skylake_x', ['hello'], until=words)
    expect(out.startswith(b'panic: users can read') and words in out, f'told {short(out)}')
    same(boots('corei7_skylake_x', ['hello'], options=['--kernel-arg', 'unsafe']), HELLO, 'output')


def enter_bochs():
    for model, cpus in (('ryzen', 1), ('corei7_icelake_u', 1), ('corei7_icelake_u', 2)):
        test(MACHINE, name=f'bochs.hello.{model}.{cpus}')(lambda m=model, c=cpus: hello(m, c))
    for cpus, *program in ((1, 'upcalls'), (1, 'links'), (1, 'roots'), (2, 'stress', '5', '7')):
        test(MACHINE, name=f'bochs.{program[0]}.{cpus}')(lambda c=cpus, p=program: holds('corei7_icelake_u', c, p))
    test(MACHINE, name='bochs.meltdown')(leaks)
