#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
run.py - Tessera under KVM, one level down (outer.py): the command as a user gives it, in a Linux guest that has /dev/kvm.

    test/kvm/run.py [--list] [--long] [NAME...]      a NAME is a test's, or the head of it up to a dot

All that is chosen runs in one boot of that guest, one after the other; what each wrote, and its status, come back and are
judged here. The acts of test/boot run here too, judged by the same oracles: some, and with --long all but those that count
instructions, which KVM cannot, and those that need vector registers kept, which the emulated processor cannot under KVM. And that
guest stops a machine at random moments, which costs nobody anything (test/boot/pauses.py).
"""
import base64, collections, importlib.util, os, re, shlex, sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, d) for d in ('../../bench', '../command', '../boot')]
from flights import pieces  # noqa: E402
from harness import Failure, Result, expect, one_line, same, short  # noqa: E402
import outer  # noqa: E402

COMMAND = outer.PROJECT + '/out/host/tessera'
LIMIT_S = 180  # for one command; times in there mean nothing, and a busy host makes them long
BOOTS_MAX = 3
# QEMU's emulation of SVM never tells KVM of XSETBV: it takes XCR0 for 1, and no XMM register is saved or loaded. Who fills
# these sees that; all others' victims do not.
FILL_VECTORS = ['act12_leaks', 'act20_vectors', 'stalls']
ACTS_ALWAYS = ['act16_gates', 'act21_privileged', 'resume', 'reap']
HELLO = b'hello from a library operating system\nmy arguments: hello\n'
TWICE = 'while read x; do echo $((x * 2)); done; exit 7'

Case = collections.namedtuple('Case', 'name shell check files long')
cases = []


def boot_tests():
    spec = importlib.util.spec_from_file_location('boot_run', os.path.join(HERE, '../boot/run.py'))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def command(*words):
    return shlex.join(['timeout', str(LIMIT_S), COMMAND, 'run', *words])


def case(name, shell, check, files=(), long=False):
    cases.append(Case(name, shell, check, files, long))


def says(*patterns):
    """The program's output is hello's, and standard error has a line for each pattern."""
    def check(r):
        same((r.code, r.out), (0, HELLO), f'result (told {short(r.err)})')
        for pattern in patterns:
            expect(re.search(pattern.encode(), r.err), f'"{pattern}" is not in {r.err.decode()}')
    return check


def twice(r):
    same((r.code, r.out), (7, b'84\n2\n8\n'), f'result (told {short(r.err)})')


def sent(r):
    """There the device reads what is in flight on a thread of its own."""
    wanted = ''.join(pieces()).encode()
    same(r.out[:len(wanted)], wanted, 'output')
    expect(r.code == 0 and re.fullmatch(rb'done \d+\n', r.out[len(wanted):]), f'{r.code}, not the end: {short(r.out[-300:])} {short(r.err)}')


def refused(*words):
    return lambda r: one_line(r, 125, *words)


def holds(boot, name):
    def check(r):
        wrong = boot.judge(name, r)
        expect(not wrong, '; '.join(f'{oracle}: {why}' for oracle, why in wrong.items()))
    return check


def processor(flags):
    """An emulator whose processor lacks what `flags` take away: QEMU takes the last of a repeated option."""
    return f"printf '#!/bin/sh\\nexec qemu-system-x86_64 \"$@\" -cpu max,{flags}\\n' >/tmp/emulator; chmod +x /tmp/emulator; "


def enter_machines():
    for kind in ('q35', 'microvm'):
        case(f'hello.{kind}', command('--accel', 'kvm', '-v', '--machine', kind, 'hello'),
             says('accelerator kvm', 'clock: by the clock of KVM', 'interrupts by x2APIC, timer by counter deadline, '
                  'end of interrupt by memory'))
        case(f'linux_program.{kind}', "printf '42\\n1\\n4\\n' | " + command('--machine', kind, 'busybox', 'sh', '-c', TWICE), twice)
    case('two_processors', command('-v', '--cpus', '2', 'hello'), says('2 processors'))
    case('flights', command('-m', '16m', f'{outer.PROJECT}/out/test/flight'), sent, ['out/test/flight'])
    case('a_sleep_ends', command('busybox', 'sleep', '1'), lambda r: same((r.code, r.out), (0, b''), 'result'))


def enter_processors():
    for name, flags, line in (
            ('xapic', '-x2apic', 'interrupts by xAPIC, timer by counter deadline'),
            ('initial_count', '-tsc-deadline', r'interrupt timer \d{6,} kHz(.|\n)*timer by initial count'),
            ('told_end', '-kvm-pv-eoi', 'timer by counter deadline\n'),
            ('no_kvm_clock', '-kvmclock', 'clock: by the high-precision timer'),
            ('plain', '-kvm', 'clock: by the high-precision timer'),
    ):
        case(f'processor.{name}', processor(flags) + command('-v', '--accel', 'kvm', '--emulator', '/tmp/emulator', 'hello'),
             says(line))


def enter_choice():
    case('auto_takes_kvm', command('--accel', 'auto', 'hello'), says('accelerator kvm: the processor shows svm, and /dev/kvm works'))
    away, back = 'mv /dev/kvm /dev/away; ', '; s=$?; mv /dev/away /dev/kvm; exit $s'
    case('kvm_without_device', away + command('--accel', 'kvm', 'hello') + back, refused('/dev/kvm: No such file', '--accel tcg'))
    case('auto_without_device', away + command('--accel', 'auto', 'hello') + back, says('accelerator tcg: /dev/kvm: No such file'))
    none = 'mv /dev/kvm /dev/away; mknod /dev/kvm c 1 3; '
    gone = '; s=$?; mv /dev/away /dev/kvm; exit $s'
    case('kvm_with_no_kvm_behind', none + command('--accel', 'kvm', 'hello') + gone, refused('/dev/kvm makes no machine', '--accel tcg'))
    case('auto_with_no_kvm_behind', none + command('--accel', 'auto', 'hello') + gone, says('accelerator tcg: /dev/kvm makes no machine'))
    hide = 'sed s/svm// /proc/cpuinfo >/tmp/cpuinfo; mount --bind /tmp/cpuinfo /proc/cpuinfo; '
    show = '; s=$?; umount /proc/cpuinfo; exit $s'
    case('kvm_without_flag', hide + command('--accel', 'kvm', 'hello') + show, refused('neither vmx nor svm'))


def enter_acts():
    boot = boot_tests()
    inside = f'{outer.PROJECT}/out/test/'
    for name, arguments, _ in boot.ACTS:
        if name in boot.TIMED or name in FILL_VECTORS:
            continue
        rounds = boot.LONG_ROUNDS.get(name, boot.VICTIM_ROUNDS)
        words = command('-v', '--accel', 'kvm', '-m', '16m', '--beside-memory', '8m', '--beside', f'{inside}victim {rounds}',
                        *[f'--kernel-arg={word}' for word in boot.kernel_words_of(name)], inside + name, *arguments)
        case(f'act.{name}', f'printf x | {words}', holds(boot, name), [f'out/test/{name}', 'out/test/victim'], name not in ACTS_ALWAYS)


# The guest's host stops the machine, again and again; standard input stays open until the program has seen enough.
PAUSED = """mkfifo /tmp/fifo; {} </tmp/fifo & command=$!; exec 9>/tmp/fifo
until grep -q begun /tmp/out || ! kill -0 $command; do sleep 0.1; done 2>/dev/null
machine=$(pidof qemu-system-x86_64)
while kill -STOP $machine; do sleep {}; kill -CONT $machine; sleep 0.03; done 2>/dev/null; exec 9>&-; rm /tmp/fifo; wait $command"""


def lives(boot, losses):
    def check(r):
        wrong = boot.judge('pauses', r)
        wrong.pop('victim')  # there is none
        expect(not wrong, str(wrong))
        found = re.search(rb'^(\d+) losses$', r.out, re.M)
        expect(found and int(found.group(1)) >= losses, f'not stopped at the moment: {short(r.out)}')
    return check


def is_lost(boot):
    def check(r):
        wrong = boot.judge('pauses', r)
        expect('refused' in wrong, f'lost time that counts was not seen: {wrong}')
    return check


def enter_pauses():
    boot = boot_tests()
    for name, words, seconds in (('grace', ['pauses', 'paused', '150000', '1'], 0.2), ('overdue', ['overdue', 'paused', '1'], 0.45)):
        program, plant = f'out/test/{words[0]}', 'out/tessera-plant.elf'
        options = ['-v', '--accel', 'kvm', '-m', '24m', '--kernel-arg', 'check']
        lost = ['--kernel', f'{outer.PROJECT}/{plant}', '--kernel-arg', f'plant={boot.faults()["LOST"]}']
        words = [f'{outer.PROJECT}/{program}', *words[1:]]
        slow = name == 'grace'  # on a slow host an interrupt takes as long as a grace there, and it is ended for that
        case(f'pauses.{name}', PAUSED.format(command(*options, *words), seconds), lives(boot, 1), [program], slow)
        case(f'pauses.{name}.control.LOST', PAUSED.format(command(*options, *lost, *words), seconds), is_lost(boot), [program, plant], slow)


def script(chosen):
    lines = ['cd /tmp']
    for c in chosen:
        lines += [f'( {c.shell} ) >/tmp/out 2>/tmp/err </dev/null', f'echo "@case {c.name} $?"',
                  'echo "@out $(base64 -w0 </tmp/out)"', 'echo "@err $(base64 -w0 </tmp/err)"']
    return '\n'.join(lines)


def results(text):
    """{name: Result} of what the script printed."""
    found = re.findall(r'^@case (\S+) (\d+)\n@out (\S*)\n@err (\S*)$', text, re.M)
    return {name: Result(int(code), base64.b64decode(out), base64.b64decode(err), 0) for name, code, out, err in found}


def results_of(chosen, files):
    """Where the guest stood still, the rest is begun anew; the test that hangs by itself ends by its own limit."""
    got = {}
    for _ in range(BOOTS_MAX):
        left = [c for c in chosen if c.name not in got]
        text = outer.run(script(left), files, silence_s=2 * LIMIT_S)
        got |= results(text)
        if '@done' in text:
            break
        print(f'kvm: the outer guest stood still after {len(got)} of {len(chosen)} tests', flush=True)
    return got


def judge(c, result):
    try:
        expect(result, 'it came to no end')
        c.check(result)
    except Failure as e:
        return str(e)
    return None


def chosen_of(arguments):
    names = [a.removeprefix('kvm.') for a in arguments if not a.startswith('-')]
    for c in cases:
        if any(c.name == n or c.name.startswith(n + '.') for n in names) if names else not c.long or '--long' in arguments:
            yield c


def main(arguments):
    chosen = list(chosen_of(arguments))
    if '--list' in arguments:
        print('\n'.join('kvm.' + c.name for c in chosen))
        return 0
    if not chosen:
        sys.exit('no such test; --list names them')
    files = ['out/examples/init', 'out/examples/hello', 'out/examples/linux', *{f for c in chosen for f in c.files}]
    try:
        got = results_of(chosen, files)
    except outer.machine.Failed as e:
        print(f'FAIL kvm: {e}\n0 passed, {len(chosen)} failed')
        return 1
    failed = 0
    for c in chosen:
        why = judge(c, got.get(c.name))
        failed += why is not None
        print(f'ok kvm.{c.name}' if why is None else f'FAIL kvm.{c.name}: {why}')
    print(f'{len(chosen) - failed} passed, {failed} failed')
    return 1 if failed else 0


enter_machines()
enter_processors()
enter_choice()
enter_acts()
enter_pauses()

if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
