#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
A stand-in for the emulator, the kernel, init and examples/linux together: it reads the boot bundle and the plan,
runs the Linux programs in it as processes of this host, and speaks abi/channel.h. With it the host command is tested
alone, and the tests of test/command are tested themselves; words of the kernel's command line make it misbehave:

  panic          write a panic on the serial port and power off as the kernel does then
  silent=N       exit with status N before the first message
  exit=N         exit with status N instead of running anything
  die            be ended by a signal
  hang           greet, and do nothing more
  version=N      greet with interface version N
  deaf           take no CH_SIGNAL      stubborn   take no kill command
  overrun        send more data than there is credit for
  stray          send a message for a channel that is not in the plan
  garbage        send bytes that are no message
  early          send data before the greeting
  report         send one report of each kind, and some that are none
  seize=FILE     write the emulator's process id to FILE
"""
import ctypes, os, selectors, signal, socket, struct, subprocess, sys, urllib.parse

HELLO, DATA, CREDIT, EOF, CLOSED, STATUS, SIGNAL, LOG = range(1, 9)
INPUT, OUTPUT, ERROR, REPORT = range(4)
PAYLOAD_MAX, INPUT_CREDIT = 16 << 10, 128 << 10

console = socket.socket(fileno=4)
serial = socket.socket(fileno=5)
words = dict(w.partition('=')[::2] for w in sys.argv[sys.argv.index('-append') + 1].split())
chooser = selectors.DefaultSelector()
out_queue = bytearray()


def send(kind, channel=0, stream=0, length=0, payload=b''):
    out_queue.extend(struct.pack('<BBHI', kind, stream, channel, length or len(payload)) + payload)


def flush(blocking=False):
    console.setblocking(blocking)
    while out_queue:
        try:
            n = console.send(out_queue[:65536])
        except BlockingIOError:
            break
        del out_queue[:n]
    chooser.modify(console, selectors.EVENT_READ | (selectors.EVENT_WRITE if out_queue else 0), take_console)


def bundle_modules():
    image = open('/proc/self/fd/3', 'rb').read()
    magic, count, _, length = struct.unpack_from('<QIIQ', image)
    assert magic == 0x656c646e75425354 and length <= len(image)
    modules = {}
    for i in range(count):
        offset, size, name = struct.unpack_from('<QQ40s', image, 24 + 56 * i)
        assert offset % 4096 == 0 and offset + size <= length
        modules[name.rstrip(b'\0').decode()] = image[offset:offset + size]
    return modules


def die_with_parent():
    """A machine that is killed leaves no program behind."""
    PR_SET_PDEATHSIG = 1
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Partition:
    def __init__(self, channel):
        self.channel, self.arguments, self.environment = channel, [], {}
        self.credit = {OUTPUT: 0, ERROR: 0}
        self.pipes, self.input, self.input_eof, self.status = {}, bytearray(), False, None

    def start(self, image):
        fd = os.memfd_create('program', 0)
        os.write(fd, image)
        path = f'/proc/{os.getpid()}/fd/{fd}'
        self.process = subprocess.Popen(self.arguments, executable=path, env=self.environment, bufsize=0,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        preexec_fn=die_with_parent)
        self.stdin = self.process.stdin.fileno()
        os.set_blocking(self.stdin, False)
        self.pipes = {OUTPUT: self.process.stdout.fileno(), ERROR: self.process.stderr.fileno()}
        send(CREDIT, self.channel, INPUT, INPUT_CREDIT)

    def watch(self):
        for stream, fd in self.pipes.items():
            wanted = self.credit[stream] > 0
            if wanted and fd not in chooser.get_map():
                chooser.register(fd, selectors.EVENT_READ, lambda s=stream: self.read(s))
            if not wanted and fd in chooser.get_map():
                chooser.unregister(fd)

    def read(self, stream):
        data = os.read(self.pipes[stream], min(PAYLOAD_MAX, self.credit[stream]))
        if data:
            self.credit[stream] -= len(data)
            send(DATA, self.channel, stream, payload=data)
        else:
            self.close(stream)
            send(EOF, self.channel, stream)

    def close(self, stream):
        fd = self.pipes.pop(stream, None)
        if fd is not None:
            if fd in chooser.get_map():
                chooser.unregister(fd)
            (self.process.stdout if stream == OUTPUT else self.process.stderr).close()

    def write(self):
        try:
            while self.input and self.stdin is not None:
                n = os.write(self.stdin, self.input[:65536])
                del self.input[:n]
                send(CREDIT, self.channel, INPUT, n)
        except BlockingIOError:
            return
        except BrokenPipeError:
            send(CLOSED, self.channel, INPUT, 32)
            self.input.clear()
        if self.input_eof and self.stdin is not None:
            self.process.stdin.close()
            self.stdin = None

    def poll(self):
        self.write()
        self.watch()
        code = self.process.poll()
        if self.status is None and code is not None and not self.pipes:
            self.end(code if code >= 0 else 128 - code)

    def end(self, status):
        self.status = status
        for stream in list(self.pipes):
            self.close(stream)
        send(STATUS, self.channel, 0, status) if status else send_status_zero(self.channel)


def send_status_zero(channel):
    out_queue.extend(struct.pack('<BBHI', STATUS, 0, channel, 0))


partitions = {}


def plan_read(modules):
    current = None
    for line in modules['plan'].decode().splitlines():
        key, _, rest = line.partition(' ')
        if key == 'partition':
            current = partitions[int(rest.split()[0])] = Partition(int(rest.split()[0]))
        elif key == 'program':
            current.image = modules[rest]
        elif key == 'argument':
            current.arguments.append(urllib.parse.unquote_to_bytes(rest))
        elif key == 'environment':
            name, _, value = urllib.parse.unquote_to_bytes(rest).partition(b'=')
            current.environment[name] = value


inbox, commands = bytearray(), bytearray()


def take_console():
    flush()
    try:
        data = console.recv(65536)
    except BlockingIOError:
        return
    if not data:
        for p in partitions.values():
            p.process.kill()
        os._exit(0)
    inbox.extend(data)
    while len(inbox) >= 8:
        kind, stream, channel, length = struct.unpack_from('<BBHI', inbox)
        size = 8 + (length if kind == DATA else 0)
        if len(inbox) < size:
            return
        take_frame(kind, stream, channel, length, bytes(inbox[8:size]))
        del inbox[:size]


def take_frame(kind, stream, channel, length, payload):
    if channel == 0:
        if kind == DATA:
            commands.extend(payload)
            send(CREDIT, 0, INPUT, len(payload))
            take_commands()
        return
    p = partitions[channel]
    if kind == DATA:
        assert stream == INPUT and not p.input_eof and len(p.input) + length <= INPUT_CREDIT
        p.input.extend(payload)
    elif kind == EOF:
        p.input_eof = True
    elif kind == CREDIT and stream in p.credit:
        p.credit[stream] += length
    elif kind == CLOSED:
        p.close(stream)
    elif kind == SIGNAL and 'deaf' not in words:
        p.process.send_signal(length)


def take_commands():
    while b'\n' in commands:
        line, _, rest = bytes(commands).partition(b'\n')
        commands[:] = rest
        verb, channel, status = line.split()
        p = partitions[int(channel)]
        if verb == b'kill' and p.status is None and 'stubborn' not in words:
            p.process.kill()
            p.process.wait()
            p.end(int(status))


def misbehave():
    if 'seize' in words:
        with open(words['seize'], 'w') as file:
            file.write(str(os.getpid()))
    if 'silent' in words:
        sys.stderr.write('stand-in: told to fail\n')
        sys.exit(int(words['silent']))
    if 'early' in words:
        send(CREDIT, 1, INPUT, 1)
    send(HELLO, length=int(words.get('version', 2)))
    if 'exit' in words or 'die' in words or 'panic' in words:
        flush(True)
        if 'panic' in words:
            serial.send(b'booting\npanic: the \x1b[31mstand-in was told to\nrip ffffffff80001234\nframe 10\nframe zz\n')
            os._exit(255)
        if 'die' in words:
            os.kill(os.getpid(), signal.SIGSEGV)
        os._exit(int(words['exit']))
    if 'stray' in words:
        send(CREDIT, 40, INPUT, 1)
    if 'garbage' in words:
        out_queue.extend(b'\xff' * 64)
    if 'overrun' in words:
        for _ in range(64):
            send(DATA, 1, OUTPUT, payload=b'x' * PAYLOAD_MAX)
    if 'report' in words:
        send(CREDIT, 1, INPUT, 1)
        send(DATA, 1, REPORT, payload=b'died 11 wild \x1b[31m store\nregister rip 401000\nframe 401000\nframe 0\nframe zz\n'
             b'loaded 10000000\nframe 10401004\nloaded x\nmissing io_uring_setup 3\nmissing x\nnote one\nunknown word\n' + b'note ' + b'y' * 5000 + b'\nnote two\nnote cut')


def main():
    chooser.register(console, selectors.EVENT_READ, take_console)
    misbehave()
    if 'hang' in words:
        flush(True)
        while True:
            signal.pause()
    plan_read(bundle_modules())
    send(CREDIT, 0, INPUT, 4096)
    for p in partitions.values():
        p.start(p.image)
    while out_queue or any(p.status is None for p in partitions.values()):
        for p in partitions.values():
            if p.status is None:
                p.poll()
        flush()
        for key, _ in chooser.select(0.02):
            if key.fileobj in chooser.get_map():
                key.data()
    sys.exit(1)


main()
