# SPDX-License-Identifier: MIT
"""
harness.py - what the tests of whole commands share: running the command, and a table of named tests.

A test is a function; its name says the behaviour. It fails by an exception. Where it runs:
  BOTH      on the machine, and against the stand-in (stand_in.py)
  MACHINE   on the machine only            STAND_IN   against the stand-in only, which misbehaves on demand
"""
import collections, concurrent.futures, os, signal, subprocess, sys, tempfile, time, traceback

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
COMMAND = os.path.join(ROOT, 'out/host/tessera')
STAND_IN_FILE = os.path.join(ROOT, 'test/command/stand_in.py')
BUSYBOX = '/bin/busybox'
TIMEOUT = 300  # only what hangs takes so long, however slow the machine is

BOTH, MACHINE, STAND_IN = 'both', 'machine', 'stand-in'
Test = collections.namedtuple('Test', 'name function file where alone long')
Result = collections.namedtuple('Result', 'code out err seconds')

tests = {}
on_stand_in = False


class Failure(Exception):
    pass


def test(where=BOTH, alone=False, long=False, name=None, **fixed):
    """Enter a function into the table; `alone`: no other test beside it."""
    def enter(function):
        call = (lambda: function(**fixed)) if fixed else function
        tests[name or function.__name__] = Test(name or function.__name__, call, function.__module__, where, alone, long)
        return function
    return enter


def expect(truth, why):
    if not truth:
        raise Failure(why)


def same(got, wanted, what):
    if got == wanted:
        return
    if isinstance(got, bytes) and isinstance(wanted, bytes) and max(len(got), len(wanted)) > 200:
        raise Failure(f'{what}: {difference(got, wanted)}')
    raise Failure(f'{what}: {short(got)}, not {short(wanted)}')


def difference(got, wanted):
    at = next((i for i, (a, b) in enumerate(zip(got, wanted)) if a != b), min(len(got), len(wanted)))
    return (f'{len(got)} bytes, not {len(wanted)}; from byte {at} on {got[at:at + 60]!r}, not {wanted[at:at + 60]!r}; '
            f'before it {got[max(0, at - 60):at]!r}')


def short(value):
    """Head and tail: a machine's last words are what tells most."""
    text = repr(value)
    return text if len(text) < 2000 else f'{text[:400]}... ({len(value)} in all) ...{text[-1500:]}'


def emulator_options():
    return ['--emulator', STAND_IN_FILE, '--kernel', COMMAND] if on_stand_in else []


def start(options, program, verb='run', **popen):
    """The command as a process; options are the verb's, program the rest."""
    for stream in ('stdin', 'stdout', 'stderr'):
        popen.setdefault(stream, subprocess.PIPE)
    return subprocess.Popen([COMMAND, verb] + emulator_options() + options + program, **popen)


def finish(process, input=b'', timeout=TIMEOUT):
    begin = time.monotonic()
    try:
        out, err = process.communicate(input, timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        raise Failure(f'not over after {timeout} s; wrote {short(out)} and {short(err)}')
    return Result(process.returncode, out, err, time.monotonic() - begin)


def run(options, program, input=b'', timeout=TIMEOUT, verb='run', **popen):
    if popen.get('stdin'):
        input = None
    return finish(start(options, program, verb, **popen), input, timeout)


def busybox(*words, input=b'', options=(), timeout=TIMEOUT, **popen):
    return run(list(options), ['busybox', *words], input, timeout, **popen)


def on_host(*words, input=b''):
    done = subprocess.run(['busybox', *words], executable=BUSYBOX, input=input, capture_output=True,
                          env={'PATH': '/usr/local/bin:/usr/bin:/bin', 'HOME': '/', 'TERM': 'dumb'})
    code = done.returncode if done.returncode >= 0 else 128 - done.returncode
    return Result(code, done.stdout, done.stderr, 0)


def one_line(result, code, *words):
    """The command ended with `code`, said one line of its own with these words, and nothing on standard output."""
    same(result.code, code, 'exit code')
    same(result.out, b'', 'standard output')
    lines = result.err.decode(errors='replace').splitlines()
    expect(len(lines) == 1 and lines[0].startswith('tessera: '), f'not one line: {short(lines)}')
    for word in words:
        expect(word in lines[0], f'"{word}" is not in: {lines[0]}')


def wait_until(truth, what, seconds=TIMEOUT):
    end = time.monotonic() + seconds
    while not truth():
        expect(time.monotonic() < end, f'not within {seconds} s: {what}')
        time.sleep(0.01)


def emulators_marked(mark):
    """Process ids whose command line carries a word of ours."""
    found = []
    for pid in filter(str.isdigit, os.listdir('/proc')):
        try:
            with open(f'/proc/{pid}/cmdline', 'rb') as file:
                words = file.read().split(b'\0')
        except OSError:
            continue
        if any(mark.encode() in word for word in words) and int(pid) != os.getpid():
            found.append(int(pid))
    return found


def run_one(t):
    try:
        t.function()
        return None
    except Failure as e:
        return str(e)
    except Exception as e:
        where = traceback.extract_tb(e.__traceback__)[-1]
        return f'{type(e).__name__}: {e} (line {where.lineno} of {os.path.basename(where.filename)})'


def say_result(t, why, seconds):
    print(f'ok {t.name} ({seconds:.1f} s)' if why is None else f'FAIL {t.name}: {why}', flush=True)


def run_timed(t):
    begin = time.monotonic()
    why = run_one(t)
    say_result(t, why, time.monotonic() - begin)
    return why


def named(t, name):
    """By its name, by the file it stands in, or by the head of its name up to a dot."""
    return t.name == name or t.name.startswith(name + '.') or t.file == name


def chosen(arguments):
    place = STAND_IN if on_stand_in else MACHINE
    names = [a for a in arguments if not a.startswith('-')]
    unknown = [n for n in names if not any(named(t, n) for t in tests.values())]
    if unknown:
        sys.exit(f'no such test: {unknown[0]}; --list names them')
    for t in tests.values():
        wanted = any(named(t, n) for n in names) if names else True
        if wanted and t.where in (BOTH, place) and (names or not t.long or '--long' in arguments):
            yield t


def main(arguments):
    global on_stand_in
    on_stand_in = '--stand-in' in arguments
    for ignored in (signal.SIGINT, signal.SIGHUP):  # by a shell that runs us in the background: tests send both
        if signal.getsignal(ignored) == signal.SIG_IGN:
            signal.signal(ignored, lambda *_: None)
    todo = list(chosen(arguments))
    if '--list' in arguments:
        print('\n'.join(t.name for t in todo))
        return 0
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        whys = list(pool.map(run_timed, [t for t in todo if not t.alone]))
    whys += [run_timed(t) for t in todo if t.alone]
    failed = sum(why is not None for why in whys)
    print(f'{len(whys) - failed} passed, {failed} failed')
    return 1 if failed or not whys else 0
