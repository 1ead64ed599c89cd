# SPDX-License-Identifier: MIT
"""What was measured, as a plot and as a table: docs/bench.svg and the table of docs/bench.md.

The plot has a bar for each figure that has a ratio to Linux, on a logarithmic scale: to the right of 1
Tessera is better. A mark stands where the goal does; the colour says whether it is reached. Where
Tessera needs none of what Linux needs some of, the bar has no end.
"""
import math
from xml.sax.saxutils import escape

import figures

NAME_PX, SCALE_PX, RATIO_PX, WORDS_PX, ROW_PX, TOP_PX, BAR_PX = 215, 480, 50, 270, 19, 92, 11
LEAST, MOST = 0.1, 1000.0
GOOD, BAD, PLAIN, INK, FAINT = "#2b7a4b", "#b3452f", "#5b7fa6", "#222222", "#dddddd"
TITLE = "Tessera beside Linux: how many times fewer (of rates: more)"


def x_of(ratio):
    part = (math.log10(max(LEAST, min(MOST, ratio))) - math.log10(LEAST)) / (math.log10(MOST) - math.log10(LEAST))
    return NAME_PX + SCALE_PX * part


def goal_ratio(figure, entry):
    """The goal as a ratio to Linux; None: there is none, or it cannot be one."""
    if not figure.goal:
        return None
    kind, limit = figure.goal
    if kind in ("ratio", "par"):
        return limit
    if not limit or not entry["linux"]:
        return None
    return limit / entry["linux"] if kind == "rate" else entry["linux"] / limit


def number_words(v):
    if v is None:
        return ""
    return f"{v:,}" if isinstance(v, int) else f"{v:,.2f}".rstrip("0").rstrip(".")


def ratio_words(entry):
    if entry["ratio"]:
        return f"{entry['ratio']:.2f}" if entry["ratio"] < 10 else f"{entry['ratio']:,.0f}"
    return "none" if entry["value"] == 0 and (entry["linux"] or 0) >= 1 else ""


def plotted(results):
    return [(f, e) for f, e in results if e["ratio"] or (e["value"] == 0 and (e["linux"] or 0) >= 1)]


def text(x, y, words, colour=INK, anchor="start", size=12):
    return f'<text x="{x:.0f}" y="{y:.0f}" fill="{colour}" text-anchor="{anchor}" font-size="{size}">{escape(words)}</text>'


def rectangle(x, y, width, height, colour):
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 1):.1f}" height="{height}" fill="{colour}"/>'


def line(x, top, bottom, colour, width=1):
    return f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{top}" y2="{bottom}" stroke="{colour}" stroke-width="{width}"/>'


def row(figure, entry, y):
    """The parts of one figure's row, whose top is y."""
    goal = goal_ratio(figure, entry)
    times = entry["ratio"] or MOST
    colour = PLAIN
    if figure.goal:
        colour = GOOD if figures.reached(figure, entry["value"], entry["ratio"]) else BAD
    left, right = sorted((x_of(1), x_of(times)))
    parts = [text(NAME_PX - 6, y + 13, figure.name, anchor="end"), rectangle(left, y + 4, right - left, BAR_PX, colour)]
    if goal:
        parts.append(line(x_of(goal), y + 1, y + ROW_PX - 1, INK, 2))
    unit = {"instructions": "", "bytes": " B"}.get(figure.unit, " " + figure.unit)
    said = f"{number_words(entry['value'])} : {number_words(entry['linux'])}{unit}"
    parts.append(text(NAME_PX + SCALE_PX + RATIO_PX, y + 13, ratio_words(entry), anchor="end"))
    parts.append(text(NAME_PX + SCALE_PX + RATIO_PX + 14, y + 13, said, size=11))
    return parts


def scale(bottom):
    parts = []
    for ratio in (0.1, 1, 10, 100, 1000):
        parts.append(line(x_of(ratio), TOP_PX - 6, bottom, INK if ratio == 1 else FAINT))
        parts.append(text(x_of(ratio), TOP_PX - 12, f"{ratio:g}", anchor="middle"))
    return parts


def plot_write(out, results, machine_words):
    """results: [(figure, entry)]; out: a file."""
    rows = plotted(results)
    bottom = TOP_PX + ROW_PX * len(rows)
    width = NAME_PX + SCALE_PX + WORDS_PX
    parts = [
        "<!-- SPDX-License-Identifier: MIT -->",
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{bottom + 12}" '
        f'viewBox="0 0 {width} {bottom + 12}" font-family="sans-serif">',
        f"<title>{TITLE}</title>",
        rectangle(0, 0, width, bottom + 12, "#ffffff"),
        text(12, 22, TITLE, size=15),
        text(12, 40, machine_words, size=10),
        text(12, 57, "Green: the goal is reached; red: it is missed; blue: there is none. The mark is the goal, as a ratio. "
                     "Behind: ratio, Tessera : Linux.", size=10),
        *scale(bottom),
    ]
    for i, (figure, entry) in enumerate(rows):
        parts += row(figure, entry, TOP_PX + ROW_PX * i)
    out.write("\n".join(parts + ["</svg>"]) + "\n")


def goal_words(figure):
    if not figure.goal:
        return ""
    kind, limit = figure.goal
    return {"value": f"<= {limit:,}", "rate": f">= {limit:,}", "ratio": f">= {limit:g} x",
            "par": f">= 1 x (from {limit:g})"}[kind]


def table_write(out, results, machine_words):
    """The same as a table in Markdown."""
    out.write(f"{machine_words}\n\n| figure | Tessera | Linux | unit | ratio | goal | |\n| --- | ---: | ---: | --- | ---: | --- | --- |\n")
    for figure, entry in results:
        said = ""
        if figure.goal and entry["value"] is not None:
            said = "reached" if figures.reached(figure, entry["value"], entry["ratio"]) else "**missed**"
        out.write(f"| `{figure.name}` | {number_words(entry['value']) or 'failed'} | {number_words(entry['linux'])} | "
                  f"{figure.unit} | {ratio_words(entry)} | {goal_words(figure)} | {said} |\n")
