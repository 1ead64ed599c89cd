# SPDX-License-Identifier: MIT
"""
applets.py - Debian's busybox, applet by applet and input by input, against the same binary on the host.
Standard output, standard error and the exit status must be the same.
"""
import bz2, gzip, lzma, random
from harness import *

LINES = [b'numbers 17 4 33', b'', b'alpha beta gamma', b'  indented\tand tabbed', b'alpha beta gamma', b'zebra', b'42', b'-7', b'9']


def text(size):
    chosen = random.Random(6)
    out = bytearray()
    while len(out) < size:
        out += b'%d %s %x\n' % (chosen.randrange(10**6), chosen.choice(LINES), chosen.getrandbits(40))
    return bytes(out[:size - 1] + b'\n')


INPUTS = {
    'nothing': b'',
    'one_byte': b'a',
    'no_final_newline': b'\n'.join(LINES * 20),
    'binary': bytes(range(256)) * 37 + random.Random(1).randbytes(50000),
    'long_line': b'a long line of words ' * 50000 + b'\nand a short one\n',
}
DC_PROGRAM = b'2 3 + p\n10 4 - p\n6 7 * p\n' * 100

SHELL = '''
n=0
while read -r line; do n=$((n + 1)); case $line in *alpha*) echo "$n: ${line%% *}";; "") echo "$n: empty";; esac; done
[ $n -gt 100 ] && printf '%05d|%s|%x\\n' $n "lines" 255
f() { local x=$1; echo "f $x $#"; }
f one two; set -- a b "c d"; for i; do echo "<$i>"; done
trap 'echo leaving' EXIT; echo to stderr >&2; exit $((n % 7))
'''

# Name: words of the command line, what is done to the input first, and whether it is for each kind of input.
APPLETS = {
    'cat': (['cat'], None), 'sort': (['sort'], None), 'sort_n': (['sort', '-n'], None), 'uniq': (['uniq', '-c'], None),
    'wc': (['wc'], None), 'grep': (['grep', 'alpha'], None), 'sed': (['sed', 's/a\\(l\\|b\\)/<\\1>/g; 3d'], None),
    'awk': (['awk', '{ n += NF; s[$1]++ } END { print NR, n; for (i in s) if (s[i] > 5) c++; print c + 0, 22 / 7 }'], None),
    'tr': (['tr', 'a-z', 'A-Z'], None), 'cut': (['cut', '-c1-10'], None), 'head': (['head', '-n', '5'], None),
    'head_c': (['head', '-c', '3'], None), 'tail': (['tail', '-n', '5'], None), 'sha256sum': (['sha256sum'], None),
    'md5sum': (['md5sum'], None), 'base64': (['base64'], None), 'gzip': (['gzip', '-c'], None),
    'gunzip': (['gunzip', '-c'], lambda b: gzip.compress(b, mtime=0)), 'bzip2': (['bzip2', '-c'], None),
    'bunzip2': (['bunzip2', '-c'], bz2.compress), 'xz_d': (['xz', '-d', '-c'], lzma.compress),
    'dc': (['dc'], lambda b: DC_PROGRAM[:len(b)]), 'od': (['od', '-A', 'x', '-t', 'x1'], None),
    'sh': (['sh', '-c', SHELL], None),
}
LARGE = 64 << 20
ALWAYS_LARGE = ('cat', 'wc', 'sha256sum', 'gzip')
SMALLER_LARGE = {'sh': 1 << 20, 'dc': 1 << 20}  # they read byte by byte


def as_on_the_host(applet, kinds, options=()):
    words, change = APPLETS[applet]
    for kind, data in kinds:
        data = change(data) if change else data
        wanted = on_host(*words, input=data)
        got = busybox(*words, input=data, options=['-e', 'TERM=dumb', *options], timeout=900)
        expect(got.code != 125 or wanted.code == 125, f'{kind}: the command failed: {short(got.err)}')
        for part in ('code', 'out', 'err'):
            same(getattr(got, part), getattr(wanted, part), f'{kind}: {part}')


def as_on_the_host_large(applet):
    as_on_the_host(applet, [('64 MB', text(SMALLER_LARGE.get(applet, LARGE)))], ['-m', '1g'])


for applet in APPLETS:
    test(name=f'applet.{applet}', applet=applet, kinds=INPUTS.items())(as_on_the_host)
    test(MACHINE, name=f'applet_large.{applet}', applet=applet, long=applet not in ALWAYS_LARGE)(as_on_the_host_large)
