# SPDX-License-Identifier: MIT
"""reports.py - what the bench makes of its results (bench/report.py): nothing is measured here."""
import json, re
import xml.etree.ElementTree as tree
from harness import *

BENCH = os.path.join(ROOT, 'bench/run')
SVG = '{http://www.w3.org/2000/svg}'


def entry(name, value, linux, ratio):
    return {'name': name, 'value': value, 'unit': 'instructions', 'linux': linux, 'ratio': ratio, 'method': 'made up'}


def bench(directory, entries, *words):
    kept = os.path.join(directory, 'kept')
    with open(kept, 'w') as file:
        json.dump(entries, file)
    done = subprocess.run([BENCH, '--from', kept, *words], capture_output=True, timeout=TIMEOUT)
    same((done.returncode, done.stdout), (0, b''), f'result ({short(done.stderr)})')


@test(MACHINE)
def bench_draws_and_tables_what_it_measured():
    """A bar to the right of 1 where Tessera is better, to the left where it is not; the colour says whether the goal is reached."""
    entries = [entry('trap', 100, 4000, 40.0), entry('prot1', 1000, 500, 0.5), entry('hello_memory_bytes', 300000, None, None)]
    with tempfile.TemporaryDirectory() as d:
        plot, table = os.path.join(d, 'plot'), os.path.join(d, 'table')
        bench(d, entries, '--plot', plot, '--table', table)
        root = tree.parse(plot).getroot()
        with open(table) as file:
            lines = file.read().splitlines()
    bars = [(float(r.get('x')), float(r.get('width')), r.get('fill')) for r in root.iter(SVG + 'rect')][1:]
    same(len(bars), 2, 'bars: one for each ratio')
    (better, _, good), (worse, width, bad) = bars
    expect(abs(worse + width - better) < 1, f'both bars begin at 1: {bars}')
    expect(good != bad, 'the colours of a goal that is reached and of one that is missed')
    said = [t.text for t in root.iter(SVG + 'text')]
    expect({'trap', '40', 'prot1', '0.50'} <= set(said), f'words: {said}')
    same([line.split(' | ')[0] for line in lines[4:]], ['| `trap`', '| `prot1`', '| `hello_memory_bytes`'], 'rows')
    expect('reached' in lines[4] and 'missed' in lines[5] and 'reached' in lines[6], str(lines[4:]))


@test(MACHINE)
def bench_documents_each_figure():
    """Each is a row of docs/bench.md, by name or under `head.*`, unless it is another's `_time`; its unit is the same for both sides."""
    told = subprocess.run([sys.executable, '-c', 'import figures; [print(f.name) for f in figures.FIGURES]'], capture_output=True,
                          cwd=os.path.join(ROOT, 'bench'), env={**os.environ, 'PYTHONDONTWRITEBYTECODE': '1'}, text=True, timeout=TIMEOUT)
    same(told.returncode, 0, f'exit code ({short(told.stderr)})')
    names = told.stdout.split()
    with open(os.path.join(ROOT, 'docs/bench.md')) as file:
        told_how = file.read().split('## As measured')[0].splitlines()
    rows = set(re.findall(r'`([^`]+)`', ' '.join(line.split('|')[1] for line in told_how if line.startswith('| `'))))
    heads = tuple(row[:-1] for row in rows if row.endswith('.*'))
    bare = {name.removesuffix('_time') for name in names}
    unnamed = [n for n in names if n not in rows and not n.startswith(heads) and not n.removesuffix('_time') in rows
               and 'instr.' + n.removesuffix('_time') not in rows]
    expect(len(bare) > 30 and not unnamed, f'not in docs/bench.md: {unnamed}')


@test(MACHINE)
def bench_names_what_its_modules_have():
    """What one file of bench/ takes of another is there: else a run ends after minutes, with nothing shown."""
    look = ('import glob, importlib, re, sys; sys.path.insert(0, ".")\n'
            'names = {f[:-3]: importlib.import_module(f[:-3]) for f in glob.glob("*.py")}\n'
            'used = re.compile(r"(?<![\\w.\\"/])(" + "|".join(names) + r")\\.([A-Za-z_]\\w*)")\n'
            'for file in [*glob.glob("*.py"), "run", "path"]:\n'
            '    for module, name in used.findall(open(file).read()):\n'
            '        if name != "py" and not hasattr(names[module], name): print(file, module, name)\n'
            'print(len(names), "modules")')
    told = subprocess.run([sys.executable, '-B', '-c', look], cwd=os.path.join(ROOT, 'bench'), capture_output=True, text=True, timeout=TIMEOUT)
    same(told.returncode, 0, f'exit code ({short(told.stderr)})')
    expect(re.fullmatch(r'\d+ modules\n', told.stdout), f'not there: {told.stdout}')
