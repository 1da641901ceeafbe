#!/usr/bin/env python3
"""Fills the tables of docs/PERFORMANCE.md, between their marks, and draws its plots (SVG), from the raw results of run.sh.

    report.py RESULTS PAGE

RESULTS: the folder of comparison.jsonl (lines of all runs; a cell is the median of its lines), growth.jsonl and
instructions.csv; what is missing is left as it is. PAGE: the page; the plots lie beside it."""

import csv
import json
import math
import re
import statistics
import sys
from pathlib import Path

OURS = {"mqp-c": "C", "mqp-cpp": "C++", "mqp-go": "Go", "mqp-python": "Python"}
PEERS = {"java": "Java", "go": "Go client", "rust": "Rust client", "cpp044": "C++ native", "python": "Python on it"}
# Of these the best counts as "best peer".
COMPARED = ["java", "go", "rust", "cpp044"]
CPU, RATE, P50, RSS = "cpu_us", "rate", "p50", "rss_kb"
MOST_INSTRUCTIONS = 8000
WORK = {
    "sync1": "sync, 1 thread",
    "sync16": "sync, 16 threads",
    "async": "async, 1,000 in flight",
    "oneway": "one-way",
    "batch32": "batch of 32",
}
MODES = {"sync": "synchronous", "async": "asynchronous"}
COLOURS = {"sync": "#c50", "async": "#2a7"}
SVG = """<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif" font-size="12">
<rect width="100%" height="100%" fill="white"/>"""
# Work, cell (mode, size, kind, compression), value, what it is compared with, targets of C, Go and Python (None: no target).
# "limit": at most so many times the limit; "peer": at most this part of the best peer, or of the one that is named;
# "more": at least so many times the best.
TARGETS = [
    ("sync, 1 thread, p50", ("sync1", 128, "rand", "on"), P50, "limit", (1.6, 2.2, 2.6)),
    ("sync, 1 thread, CPU", ("sync1", 128, "rand", "on"), CPU, "peer", (1 / 4, 1 / 2, 1)),
    ("sync, 16 threads, CPU", ("sync16", 128, "rand", "on"), CPU, "peer", (1 / 4, 1 / 2, None)),
    ("async, CPU", ("async", 128, "rand", "on"), CPU, "peer", (1 / 15, 1 / 6, 1 / 2)),
    ("async, CPU, beside Python on the native client", ("async", 128, "rand", "on"), CPU, "python", (None, None, 1 / 30)),
    ("async, messages per second", ("async", 128, "rand", "on"), RATE, "more", (10, 4, 1.5)),
    ("one-way, CPU", ("oneway", 128, "rand", "on"), CPU, "peer", (1 / 15, 1 / 6, 1 / 2)),
    ("batch of 32, CPU", ("batch32", 128, "rand", "on"), CPU, "peer", (1 / 6, 1 / 3, 1 / 2)),
    ("async 16 KiB, plain, CPU", ("async", 16384, "text", "off"), CPU, "peer", (1 / 5, 1 / 4, 1 / 3)),
    ("async 16 KiB text, zlib, CPU", ("async", 16384, "text", "on"), CPU, "java", (1 / 2, 1 / 2, 1 / 2)),
    ("start to first ack, ms", ("startup",), "ms", "peer", (1, 1, None)),
    ("idle RSS, MiB", ("startup",), RSS, "most", (8, None, None)),
    ("idle threads", ("startup",), "threads", "most", (3, None, None)),
    ("async peak RSS, MiB", ("async", 128, "rand", "on"), RSS, "most", (24, 40, 48)),
]


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def read(path):
    """The lines of each cell and program, those of the limits, the machine."""
    cells, limits, machine = {}, {}, {}
    for row in lines(path):
        if row["peer"] == "machine":
            machine = row
        elif "fail" in row:
            continue
        elif row["peer"] == "limit":
            limits.setdefault((row["mode"], row["size"]), []).append(row)
        else:
            cell = ("startup",) if row["mode"] == "startup" else (row["mode"], row["size"], row["kind"], row["comp"])
            cells.setdefault(cell, {}).setdefault(row["peer"], []).append(row)
    return cells, limits, machine


def value(rows, what):
    """The median; of Java without the compiler of its machine."""
    found = [row.get("cpu_nojit_us", row[what]) if what == CPU else row[what] for row in rows if what in row]
    if not found:
        return None
    median = statistics.median(found)
    return median / 1024 if what == RSS else median


def shown(number):
    if number is None:
        return "–"
    return f"{number:,.0f}" if number >= 1000 else f"{number:.3g}"


def ratio(number):
    return f"1/{1 / number:.1f}" if number < 1 else f"{number:.1f} x"


def reference(cells, limits, cell, what, against):
    """What a cell is compared with."""
    if against == "most":
        return 1
    if against == "limit":
        rows = limits.get(("sync", cell[1]))
        return value(rows, what) if rows else None
    names = [against] if against in PEERS else COMPARED
    known = [value(rows, what) for name, rows in cells.get(cell, {}).items() if name in names]
    known = [number for number in known if number is not None]
    if not known:
        return None
    return max(known) if against == "more" else min(known)


def targets(cells, limits, instructions):
    yield "| work | compared with | C | Go | Python |\n|---|---|---|---|---|"
    for label, cell, what, against, wanted in TARGETS:
        base = reference(cells, limits, cell, what, against)
        columns = []
        for name, target in zip(("mqp-c", "mqp-go", "mqp-python"), wanted):
            rows = cells.get(cell, {}).get(name)
            number = value(rows, what) if rows else None
            if number is None or base is None or target is None:
                columns.append(shown(number))
                continue
            part = number / base
            met = part >= target if against == "more" else part <= target
            goal = shown(target) if against == "most" else ratio(target)
            reached = shown(number) if against == "most" else f"{shown(number)} ({ratio(part)})"
            columns.append(f"{reached}, wanted {goal}: {'reached' if met else '**missed**'}")
        names = {"limit": "ping-pong", **PEERS}
        base = "–" if against == "most" else f"{names.get(against, 'best client')}: {shown(base)}"
        yield f"| {label} | {base} | {' | '.join(columns)} |"
    if "sync" in instructions:
        number = instructions["sync"]
        met = "reached" if number <= MOST_INSTRUCTIONS else "**missed**"
        yield f"| user instructions of a synchronous send | – | {shown(number)}, wanted {shown(MOST_INSTRUCTIONS)}: {met} | – | – |"


def everything(cells, limits):
    names = {name: label for name, label in {**OURS, **PEERS}.items() if any(name in found for found in cells.values())}
    yield "| work | limit | " + " | ".join(names.values()) + " |\n|---" + "|---" * (len(names) + 1) + "|"
    for cell in sorted(cells, key=str):
        kinds = [(CPU, "CPU µs"), (RATE, "messages/s")]
        if cell == ("startup",):
            kinds = [("ms", "ms"), (RSS, "MiB"), ("threads", "threads")]
        elif cell[0].startswith("sync"):
            kinds += [(P50, "p50 µs"), ("p99", "p99 µs")]
        elif cell[0] == "async":
            kinds.append((RSS, "peak MiB"))
        for what, unit in kinds:
            row = [value(cells[cell][name], what) if name in cells[cell] else None for name in names]
            limit = None
            if cell != ("startup",) and what != RSS:
                mode = {"sync1": "sync", "async": "async", "oneway": "oneway"}.get(cell[0])
                limit = value(limits[(mode, cell[1])], what) if (mode, cell[1]) in limits else None
            yield f"| {label_of(cell)}: {unit} | {shown(limit)} | {' | '.join(map(shown, row))} |"


def label_of(cell):
    if cell == ("startup",):
        return "start and idle"
    compressed = {"on": ", zlib", "off": ", plain"}[cell[3]] if cell[1] > 4096 else ""
    return f"{WORK[cell[0]]}, {cell[1]} B{compressed}"


def plot_clients(cells):
    """A bar for each program and cell: CPU for each message, on a logarithmic scale."""
    names = {**OURS, **PEERS}
    rows = [(cell, name) for cell in sorted(cells, key=str) if cell != ("startup",) for name in names if name in cells[cell]]
    rows = [(cell, name, value(cells[cell][name], CPU)) for cell, name in rows]
    rows = [row for row in rows if row[2]]
    low, high = math.log10(min(row[2] for row in rows) / 2), math.log10(max(row[2] for row in rows))
    out = [SVG.format(width=900, height=20 * len(rows) + 30), '<text x="10" y="16">CPU µs of the client for each message, logarithmic</text>']
    for index, (cell, name, number) in enumerate(rows):
        y, width = 26 + 20 * index, 440 * (math.log10(number) - low) / (high - low)
        colour = "#2a7" if name in OURS else "#999"
        label = f"{label_of(cell)}: {'mqproducer, ' if name in OURS else ''}{names[name]}"
        out.append(f'<text x="10" y="{y + 14}">{label}</text><rect x="330" y="{y + 3}" width="{width:.0f}" height="14" fill="{colour}"/>')
        out.append(f'<text x="{335 + width:.0f}" y="{y + 14}">{shown(number)}</text>')
    return "\n".join([*out, "</svg>"]) + "\n"


def grown(rows):
    """The rows of each axis and mode that did not fail."""
    found = {}
    for row in rows:
        if "fail" not in row:
            found.setdefault((row["axis"], row["mode"]), []).append(row)
    return found


def growth_tables(rows):
    for (axis, mode), cells in grown(rows).items():
        if mode == "hold":
            yield "Messages of 128 bytes that wait for their answers:\n\n| waiting | bytes of memory for each | whole process, MiB |\n|---|---|---|"
            yield from (f"| {row['at']:,} | {row['bytes_each']:,.0f} | {shown(row['rss_kb'] / 1024)} |" for row in cells)
        else:
            yield f"| {axis}, {MODES[mode]} | CPU µs | messages/s | p50 µs | p99 µs | peak MiB | failed |\n|---|---|---|---|---|---|---|"
            for row in cells:
                p50, p99 = (shown(row["p50"]), shown(row["p99"])) if mode == "sync" else ("–", "–")
                numbers = [shown(row[CPU]), shown(row[RATE]), p50, p99, shown(row[RSS] / 1024), str(row["err"])]
                yield f"| {row['at']:,} | {' | '.join(numbers)} |"
        yield ""


def plot_growth(rows):
    """CPU for each message along each axis, both logarithmic."""
    panels = {}
    for (axis, mode), cells in grown(rows).items():
        if mode != "hold":
            panels.setdefault(axis, {})[mode] = [(row["at"], row[CPU]) for row in cells]
    out = [SVG.format(width=920, height=250 * math.ceil(len(panels) / 2))]
    for index, (axis, modes) in enumerate(panels.items()):
        left, top = 60 + 460 * (index % 2), 40 + 250 * (index // 2)
        xs = sorted({x for points in modes.values() for x, _ in points})
        ys = [y for points in modes.values() for _, y in points]
        low, high = math.floor(math.log10(min(ys))), math.ceil(math.log10(max(ys)) + 1e-9)
        place_x = lambda x: left + 360 * math.log(x / xs[0]) / math.log(xs[-1] / xs[0])
        place_y = lambda y: top + 160 * (high - math.log10(y)) / (high - low)
        out.append(f'<text x="{left}" y="{top - 14}">CPU µs for each message, by {axis}</text>')
        for power in range(low, high + 1):
            y = place_y(10.0**power)
            out.append(f'<line x1="{left}" x2="{left + 360}" y1="{y:.0f}" y2="{y:.0f}" stroke="#ddd"/><text x="{left - 8}" y="{y + 4:.0f}" text-anchor="end">{10.0**power:g}</text>')
        for x in xs:
            out.append(f'<text x="{place_x(x):.0f}" y="{top + 178}" text-anchor="middle" font-size="10">{short(x)}</text>')
        for mode, points in modes.items():
            path = " ".join(f"{place_x(x):.1f},{place_y(y):.1f}" for x, y in points)
            out.append(f'<polyline points="{path}" fill="none" stroke="{COLOURS[mode]}" stroke-width="2"/>')
            x, y = points[-1]
            out.append(f'<text x="{place_x(x) + 4:.0f}" y="{place_y(y) - 4:.0f}" fill="{COLOURS[mode]}" text-anchor="end">{MODES[mode]}</text>')
    return "\n".join([*out, "</svg>"]) + "\n"


def short(number):
    for unit, name in ((1 << 20, "Mi"), (1 << 10, "Ki")):
        if number >= unit and number % unit == 0 and number != 1024 * 1000:
            return f"{number // unit}{name}"
    return f"{number:,}"


def fill(page, name, text):
    """Puts a text between its marks."""
    begin, end = f"<!-- {name}: made by report.py -->", "<!-- end -->"
    pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
    if not pattern.search(page):
        sys.exit(f"the page has no mark `{begin}`")
    return pattern.sub(lambda _: f"{begin}\n\n{text.strip()}\n\n{end}", page, count=1)


def main():
    results, path = Path(sys.argv[1]), Path(sys.argv[2])
    page, instructions = path.read_text(), {}
    if (results / "instructions.csv").exists():
        rows = list(csv.DictReader((results / "instructions.csv").open()))
        instructions = {row["mode"]: int(row["instructions"]) for row in rows}
        shown_rows = "\n".join(f"| {row['date']} | {row['commit']} | {row['mode']} | {int(row['instructions']):,} |" for row in rows)
        page = fill(page, "instructions", "| date | commit | mode | instructions |\n|---|---|---|---|\n" + shown_rows)
    if (results / "comparison.jsonl").exists():
        cells, limits, machine = read(results / "comparison.jsonl")
        page = fill(page, "machine", f"{machine['date']}, commit {machine['commit']}: {machine['machine']}; {machine['runs']} runs.")
        page = fill(page, "targets", "\n".join(targets(cells, limits, instructions)))
        page = fill(page, "everything", "\n".join(everything(cells, limits)))
        (path.parent / "performance-clients.svg").write_text(plot_clients(cells))
    if (results / "growth.jsonl").exists():
        rows = lines(results / "growth.jsonl")
        page = fill(page, "growth", "\n".join(growth_tables(rows)))
        (path.parent / "performance-growth.svg").write_text(plot_growth(rows))
    path.write_text(page)


main()
