# Licensed under the Apache License, Version 2.0; see LICENSE.
"""docs/performance.md and its picture, from what was measured."""

import datetime
import os
import pathlib
import platform
import subprocess
import tempfile
import textwrap

# Why a target is missed, by the beginning of its name; said only where it is. Found by profiles of
# 2026-11-21: look again when the code beneath has changed.
REASONS = {
    "64 clients, fast upstream":
        "mod_proxy_http runs with Debian's own numbers. One hand-over by the MPM, as its requests "
        "have it, and two of ours: to the transfer thread and to the one that writes the answer. By "
        "perf on 2026-11-30 the transfer thread has 43 % of the processor time, of which 28 % are "
        "libcurl 7.88 putting the request's fields together byte by byte (a token has 1,500), 25 % "
        "the kernel's sending; 14 % of all is the kernel's waking of the MPM's threads.",
    "64 clients, a file behind a token, HS256":
        "With a shared secret a signature costs its verifier no more than the look-up of a "
        "remembered token, and 0.10 of the 0.14 ms are httpd's own serving of the file. On the same "
        "machine with less beside it the two had 0.122 and 0.140 ms (0.87 ×).",
    "10,000 calls in flight":
        "Each call has two descriptors, and where a container bounds them fewer calls are measured. "
        "What wrk counts as failed are kept connections which the MPM ended after a whole answer: "
        "it does so when for a moment no thread of its own is idle, and this machine's two "
        "processors also carry wrk, nginx with TLS and the upstream.",
    "1,000 clients, ":
        "1,000 answers come almost together, and a call costs twice of what it does with 64 "
        "clients: by perf 22 % is the kernel's share of the MPM's threads, of which the listener "
        "wakes another one for each request of the wave, 18 % libcurl, 16 and 13 % the kernel's for "
        "the transfer thread and the finishers. wrk and the upstream share the two processors.",
    "the same: p99":
        "The slow answers are those of a round's first wave, in which 1,000 connections are "
        "accepted: some 2 % of all in 10 s. In rounds of 30 s, where they are less than 1 %, p99 "
        "was 1.2 × nginx's.",
    "the same: PSS":
        "See the memory of a call in flight.",
    "memory of a slow reader":
        "By the code up to 48 KiB wait in the transfer for each, 16 KiB in libcurl and 64 KiB in "
        "httpd's output filter; the connection's and the request's pools come to it.",
    "memory of a call in flight":
        "By an account of APR's pools, seven blocks of 8 KiB: one each for the connection, its "
        "buckets and the writes that httpd puts off, two for the request (11.6 KiB, of these 7 "
        "httpd's own), one that the connection's allocator keeps from the answer before (its "
        "head's buffer), one for the transfer. By an account of malloc, 11 KiB are libcurl's: 5.2 "
        "the handle, 2 the read buffer, 1.5 the connection.",
    "look-up among 1,000,000 grants against 1,000, sqlite3":
        "The large table exceeds SQLite's page cache of 2 MiB: by strace, three pages are read "
        "from the file for a look-up, where the small table needs none. Mapping the file would "
        "save the calls, and end httpd when another program truncates it.",
}

COLOURS = {"mod_graphtok": "#b3261e", "nginx proxy_pass": "#2e7d32", "other": "#90a4ae"}
MEASURES = (("rate", "requests/s"), ("p99", "p99, ms"), ("cpu", "CPU, ms/request"))


def machine():
    """Processor, kernel and httpd in a line."""
    model = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo", encoding="ascii")
                  if line.startswith("model name")), platform.processor())
    version = subprocess.run(["apache2", "-v"], capture_output=True, text=True, check=False).stdout
    return f"{os.cpu_count()} × {model}, Linux {platform.release()}, {version.split()[2]}"


def targets(results):
    """The table of what was wanted and what came of it."""
    lines = ["| what | target | measured | |", "| --- | --- | --- | --- |"]
    missed = {}
    for result in results.values():
        for target in result.targets:
            lines.append(f"| {target.what} | {target.wanted} | {target.measured} "
                         f"| {'met' if target.is_met else 'missed'} |")
            why = next((text for name, text in REASONS.items() if target.what.startswith(name)), "")
            if not target.is_met and why:
                missed.setdefault(why, []).append(target.what)
    said = [f"**{'; '.join(names)}.** {why}" for why, names in missed.items()]
    return "\n\n".join(["\n".join(lines), *said])


def text_of(results, titles, options):
    """All of it as Markdown."""
    parts = [f"Measured on {datetime.date.today()} by `tests/bench/run` ({options.rounds} rounds "
             f"of {options.seconds} s, medians; contenders in turn): {machine()}. Load generator, "
             "upstream and provider share the machine: hold the ratios, not the figures. CPU is "
             "user and system time of the server's process tree over the answered requests.",
             options.load,
             "## Targets", targets(results)]
    for name, result in results.items():
        parts += [f"## {titles[name]}", result.text.rstrip()]
    return "\n\n".join(parts) + "\n"


def _figure(value):
    """Short enough to stand on a bar."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _plot(title, rows, key, label):
    """One chart of gnuplot's."""
    values = [row[key] or 0 for row in rows.values()]
    data = "\n".join(f'{number} {value:.6g} "{_figure(value)}"'
                     for number, value in enumerate(values))
    colours = [COLOURS.get(name, COLOURS["other"]) for name in rows]
    names = ", ".join('"{}" {}'.format("\\n".join(textwrap.wrap(name, 15)), number)
                      for number, name in enumerate(rows))
    boxes = ", ".join(f"$rows every ::{number}::{number} using 1:2 with boxes lc rgb '{colour}' "
                      "notitle" for number, colour in enumerate(colours))
    return (f"$rows << END\n{data}\nEND\nset title \"{title}: {label}\"\n"
            f"set xtics ({names})\nset xrange [-0.6:{len(rows) - 0.4}]\nplot {boxes}, "
            "$rows using 1:2:3 with labels offset 0,0.6 notitle\nundefine $rows\n")


def draw(results, titles, path):
    """Bars of the scenarios with several contenders."""
    drawn = {name: result.rows for name, result in results.items() if result.rows}
    if not drawn:
        return
    script = (f"set terminal svg size 1200,{300 * len(drawn)} font 'sans,10' noenhanced "
              "background '#ffffff'\n"
              f"set output '{path}'\nset multiplot layout {len(drawn)},{len(MEASURES)}\n"
              "set style fill solid\nset boxwidth 0.7\nset yrange [0:*]\n"
              "set offsets 0,0,graph 0.15,0\n"
              "set grid ytics lc rgb '#dddddd'\nset xtics nomirror scale 0\n"
              "set ytics nomirror\nset border 3\nset bmargin 4\n")
    script += "".join(_plot(titles[name], rows, key, label) for name, rows in drawn.items()
                      for key, label in MEASURES)
    with tempfile.NamedTemporaryFile("w", suffix=".gnuplot", encoding="utf-8") as file:
        file.write(script + "unset multiplot\n")
        file.flush()
        subprocess.run(["gnuplot", file.name], check=True)


def write(results, titles, options, docs):
    """docs/performance.md and docs/performance.svg."""
    docs = pathlib.Path(docs)
    text = text_of(results, titles, options)
    if any(result.rows for result in results.values()):
        draw(results, titles, docs / "performance.svg")
        text = text.replace("## Targets", "![Requests/s, p99 and CPU per request]"
                            "(performance.svg)\n\n## Targets", 1)
    (docs / "performance.md").write_text("# Performance\n\n" + text, encoding="utf-8")
