# SPDX-License-Identifier: MIT
"""inputs.py - bad input of every kind: one line that names the fault and what to do, and the right exit code."""
import struct
from harness import *

HEAD, SEGMENT = '<16sHHIQQQIHHHHHH', '<IIQQQQQQ'


def elf(segments=((1, 5, 0, 0x400000, 200, 200),), machine=62, kind=2, entry=0x400080, bits=2, phnum=None, phoff=64):
    """An executable of these segments (type, flags, file offset, address, bytes in the file, bytes in memory)."""
    count = len(segments) if phnum is None else phnum
    head = struct.pack(HEAD, b'\x7fELF' + bytes([bits, 1, 1]) + bytes(9), kind, machine, 1, entry, phoff, 0, 0, 64, 56, count, 0, 0, 0)
    body = b''.join(struct.pack(SEGMENT, t, f, o, va, va, n, m, 4096) for t, f, o, va, n, m in segments)
    return (head + body).ljust(4096 * 2, b'\0')


TEXT = (1, 5, 0, 0x400000, 200, 200)
OUTSIDE = "a segment lies outside the program's address range"
NOT_EXECUTABLES = {  # what is wrong with it, how the line names that
    'empty': (b'', 'not an ELF file'), 'text': (b'hello\n', 'not an ELF file'),
    'truncated head': (elf()[:40], 'truncated: the file ends within its header'),
    'truncated table': (elf()[:100], 'truncated: the program headers lie outside the file'),
    'truncated segment': (elf()[:150], 'truncated: a segment lies outside the file'),
    'aarch64': (elf(machine=183), 'made for another machine'), 'i386': (elf(machine=3, bits=1), 'not a 64-bit program'),
    'object file': (elf(kind=1), 'not an executable: an object file'), 'no segment': (elf(segments=()), 'no program headers'),
    'overlap': (elf(segments=(TEXT, (1, 6, 0x50, 0x400050, 200, 200))), 'segments overlap'),
    'absurd count': (elf(phnum=65535), 'truncated: the program headers'), 'absurd place': (elf(phoff=1 << 63), 'truncated: the program headers'),
    'segment past the end of the file': (elf(segments=((1, 5, 0, 0x400000, 1 << 40, 1 << 40),)), 'truncated: a segment'),
    'less memory than file': (elf(segments=((1, 5, 0, 0x400000, 200, 100),)), 'a segment has more bytes in the file than in memory'),
    'address that wraps': (elf(segments=(TEXT, (1, 6, 0, (1 << 64) - 4096, 100, 8192))), OUTSIDE),
    'kernel half': (elf(segments=(TEXT, (1, 6, 0, 0xffffffff80000000, 100, 100))), OUTSIDE),
    'entry outside': (elf(entry=0x900000), 'the entry point is not in an executable segment'),
}


def in_file(content, mode=0o755):
    file = tempfile.NamedTemporaryFile(prefix='command-')
    file.write(content)
    file.flush()
    os.chmod(file.name, mode)
    return file


def refused(program, code, *words, options=()):
    one_line(run(list(options), [program]), code, *words)


@test()
def what_is_no_executable_is_refused():
    """One line that names the file, the fault, and what is needed instead."""
    for kind, (content, words) in NOT_EXECUTABLES.items():
        with in_file(content) as file:
            r = run([], [file.name])
            try:
                one_line(r, 126, f'{file.name}: {words}', 'a static x86-64 executable is needed')
            except Failure as e:
                raise Failure(f'{kind}: {e}')


@test()
def a_script_is_refused_by_name():
    with in_file(b'#!/bin/sh\necho no\n') as file:
        refused(file.name, 126, 'script')


@test()
def a_dynamic_executable_is_refused_by_name():
    refused('/bin/ls', 126, 'dynamically linked', 'static')


@test()
def what_is_not_there_is_not_found():
    refused('./nothere', 127, './nothere: not found')
    refused('/bin/busybox/x', 127, 'not found')
    refused('nothere', 127, 'nothere: not found', './nothere')
    refused('../init', 127, 'not found')


@test()
def what_is_no_file_is_refused():
    refused('/tmp', 126, 'is a directory')
    refused('./', 126, 'is a directory')
    refused('/dev/null', 126, 'not a regular file')
    with tempfile.TemporaryDirectory() as where:
        fifo = os.path.join(where, 'fifo')
        os.mkfifo(fifo)
        refused(fifo, 126, 'not a regular file')


@test()
def no_permission_is_refused():
    with in_file(elf(), 0o644) as file:
        refused(file.name, 126, 'permission', 'chmod')


@test()
def a_program_larger_than_its_memory_is_refused():
    with in_file(elf(segments=(TEXT, (1, 6, 0, 0x500000, 0, 1 << 40)))) as file:
        refused(file.name, 126, 'raise -m')


@test(MACHINE)
def what_fits_its_memory_but_not_with_its_tables_is_refused():
    """Only the machine can tell: of a library OS, and of a program with the library OS that serves it."""
    refused('hello', 126, 'the memory limit is too low', '-m', options=['-m', '256k'])
    with in_file(elf()) as file:
        refused(file.name, 126, 'the memory limit is too low', '-m', options=['-m', '256k'])


@test(MACHINE)
def a_program_on_reserved_addresses_is_refused():
    """The library's image, its room, the page at 0, what lies above all programs; a library OS anywhere but at its place."""
    note = struct.pack('<III8s', 8, 4, 1, b'Tessera\0') + bytes(4)
    for va in (0x7e0000000000, 0x7dfffffff000, 0x7e4000000000, 0x7ffffffff000, 0):
        segments = sorted((TEXT, (1, 6, 0, va, 100, 8192)), key=lambda s: s[3])
        with in_file(elf(segments=segments)) as file:
            refused(file.name, 126, 'address', 'is needed' if va == 0x7ffffffff000 else 'link it for 0x400000')
        library = elf(segments=[*segments, (4, 4, 4096, 0, len(note), len(note))])
        with in_file(library[:4096] + note + library[4096 + len(note):]) as file:
            refused(file.name, 126, 'address' if va == 0x7ffffffff000 else 'link it by libos/exo/library.ld')


@test()
def bad_sizes_are_refused():
    for size in ('0', '0g', '-1', '', 'x', '1.5g', '64mb', ' 1m', '0x10', '99999999999999999999', '18446744073709551615t'):
        refused('busybox', 125, '-m', options=['-m', size])
    for size in ('4t', '17179869184g', '18446744073709551615'):
        refused('busybox', 125, '-m', options=['-m', size])


@test()
def more_memory_than_the_host_has_is_refused():
    with open('/proc/meminfo') as file:
        kib = next(int(l.split()[1]) for l in file if l.startswith('MemTotal'))
    refused('busybox', 125, 'this host has', options=['-m', f'{kib}k'])
    refused('busybox', 125, 'this host has', options=['--beside', 'busybox true', '--beside-memory', f'{kib}k'])


@test()
def bad_options_are_refused():
    for options, word in ((['--nothere'], 'no such option'), (['-x'], 'no such option'), (['-m'], 'needs a value'),
                          (['-v=1'], 'no such option'), (['--verbose=1'], 'takes no value'), (['-e', 'x'], 'KEY=VALUE'),
                          (['-e', '=x'], 'KEY=VALUE'), (['--name', ''], 'name'), (['--name', 'a/b'], 'name'),
                          (['--name', 'x' * 32], 'name'), (['--machine', 'pc'], 'q35'), (['--accel', 'xen'], 'auto, kvm or tcg'),
                          (['--beside', ' '], 'no program'), (['--beside-output', 'x'], '--beside'), (['--gdb-arg', 'x'], 'gdb')):
        one_line(run(options, [] if len(options) == 1 and options[0] == '-m' else ['busybox', 'true']), 125, word)
    one_line(run([], []), 125, 'no program')
    one_line(run([], ['']), 125, 'no program')
    one_line(run(['-e', 'A=1'] * 33, ['busybox', 'true']), 125, 'more than')


@test()
def an_unknown_verb_is_refused():
    one_line(run([], [], verb='frob'), 125, 'no such verb')
    one_line(finish(subprocess.Popen([COMMAND, 'help', 'frob'], stdout=subprocess.PIPE, stderr=subprocess.PIPE)), 125, 'no such verb')


@test()
def no_program_is_refused_with_an_example_of_the_verb():
    one_line(run([], [], verb='gdb'), 125, 'no program given: for instance tessera gdb hello')


@test(MACHINE)
def what_runs_no_program_of_its_own_is_refused():
    one_line(run([], ['init']), 126, 'the kernel starts it, and nobody else')
    one_line(run([], ['linux']), 126, 'it runs a Linux executable')


@test(MACHINE)
def an_example_without_memory_says_so():
    """One line that names the option, from whoever finds it out."""
    for name, sizes in {'rpc': ['500k'], 'stride': ['500k', '1m'], 'pager': ['300k', '1m'], 'gc': ['300k', '1m'], 'procs': ['1m', '4m', '24m', '40m'],
                        'revoke': ['500k', '1m'], 'pagetable': ['600k', '1m', '3m'], 'dedicate': ['600k', '3m']}.items():
        for size in sizes:
            r = run(['-m', size, '--cpus', '2'], [name])
            lines = (r.out + r.err).decode().splitlines()
            expect(r.code in (1, 126, 137) and '-m' in lines[-1] and ' 0 MiB' not in lines[-1], f'{name} {size}: {r.code}, {short(lines)}')


@test()
def a_bad_program_beside_is_refused():
    refused('busybox', 127, 'nothere', options=['--beside', 'nothere x'])
    refused('busybox', 126, 'dynamically', options=['--beside', '/bin/ls'])


@test()
def a_missing_emulator_is_named():
    one_line(run(['--emulator', '/nothere'], ['busybox', 'true']), 125, '/nothere: not found', 'qemu-system-x86')
    one_line(run(['--emulator', 'nothere'], ['busybox', 'true']), 125, 'nothere: not found', 'qemu-system-x86')
    bare = subprocess.run([COMMAND, 'run', '--kernel', COMMAND, 'busybox', 'true'], env={'PATH': '/nothere'}, capture_output=True)
    one_line(Result(bare.returncode, bare.stdout, bare.stderr, 0), 125, 'qemu-system-x86_64: not found')


@test()
def a_missing_kernel_is_named():
    one_line(run(['--kernel', '/nothere'], ['busybox', 'true']), 125, '/nothere', 'build')


@test()
def an_output_file_that_cannot_be_is_named():
    one_line(run(['--beside', 'busybox true', '--beside-output', '/nothere/x'], ['busybox', 'true']), 125, '/nothere/x')


@test()
def a_long_argument_arrives():
    r = busybox('sh', '-c', 'echo ${#1}', 'sh', 'x' * 131000)
    same((r.code, r.out), (0, b'131000\n'), 'result')


def run_words(words, **popen):
    r = subprocess.run(words, stderr=subprocess.PIPE, **popen)
    return Result(r.returncode, r.stdout or b'', r.stderr, 0)


@test()
def help_is_everywhere():
    for words in ([], ['help'], ['--help'], ['-h'], ['help', 'run'], ['run', '--help'], ['run', '-h'], ['run', '-m', '1g', '--help'],
                  ['gdb', '--help'], ['test', '--help'], ['bench', '--help'], ['help', 'gdb'], ['help', 'test'], ['help', 'bench']):
        for command in (COMMAND, os.path.join(ROOT, 'tessera')):
            r = subprocess.run([command, *words], capture_output=True)
            same((r.returncode, r.stderr), (0, b''), f'{words}')
            expect(r.stdout.startswith(b'usage: tessera'), f'{words}: {short(r.stdout)}')
    for command in COMMAND, os.path.join(ROOT, 'tessera'):
        with open('/dev/full', 'wb') as full:
            one_line(run_words([command, 'help', 'run'], stdout=full), 125, 'standard output')
    r = subprocess.run([COMMAND, 'version'], capture_output=True)
    expect(r.returncode == 0 and r.stdout.startswith(b'tessera '), short(r))


@test()
def the_script_is_found_through_links_and_from_anywhere():
    with tempfile.TemporaryDirectory() as where:
        link = os.path.join(where, 'link')
        os.symlink(os.path.join(ROOT, 'tessera'), link)
        os.symlink(link, os.path.join(where, 'link2'))
        r = subprocess.run(['./link2', 'run', *emulator_options(), 'busybox', 'cat'], cwd=where, input=b'through', capture_output=True)
        same((r.returncode, r.stdout, r.stderr), (0, b'through', b''), 'result')
