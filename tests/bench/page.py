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
        "By perf, 62 % of our CPU is the kernel's: the calls on two sockets, which mod_proxy_http "
        "makes as well, and switches between the MPM's listener, its workers and the transfer "
        "thread; of the futex calls four fifths are on the MPM's own queue. libcurl takes 14 %, "
        "libc 9 %, APR 6 %, this module and its decryption 4 %. Waiting on the spot, as "
        "mod_proxy_http does, was tried for all 64 clients: a fifth more, on busy cores.",
    "10,000 calls in flight":
        "What wrk counts as failed are kept connections which the MPM ended after a whole answer, "
        "and on which wrk had sent its next request: answers of thousands come together, the two "
        "cores also carry wrk, nginx with TLS and the upstream, no thread is idle for a moment, "
        "and the event MPM's log says \"All workers are busy, will shutdown … keep-alive "
        "connections\". In the access log every answer is 200; other lines are clients that left "
        "at the end. Each call has two descriptors; where a container bounds them, fewer calls are "
        "measured.",
    "1,000 clients, ":
        "1,000 answers come almost together, and a call takes some 0.2 ms of our CPU there: 58 % "
        "of it in the kernel, half of that where threads are switched and woken, 18 % libcurl, "
        "10 % libc (perf). A wave of 0.2 s on two cores, which wrk and the upstream share, "
        "probably is what the rate lacks. What failed was not looked into with 1,000 clients; it "
        "may well be what it is with 10,000, below.",
    "the same: p99":
        "Not profiled apart; the answers at the end of such a wave wait for all before them.",
    "the same: PSS":
        "Not taken apart; see the memory of a call in flight.",
    "memory of a slow reader":
        "Not taken apart. By the code up to 48 KiB wait in the transfer for each; libcurl's handle "
        "and connection, httpd's output filters and pools come to it.",
    "memory of a call in flight":
        "In a snapshot under way, half of it was malloc's (libcurl's handles, its buffers for TLS "
        "and HTTP/2, of which libcurl opens a set for each 100 streams at least), the other half "
        "mappings, where APR's pools lie in blocks of 8 KiB and more: the client's connection, its "
        "request, the task, the transfer. A smaller read buffer for libcurl changed nothing.",
    "10,000 grants due":
        "All were refreshed with one call each, at the rate in the median; but over some five "
        "seconds the provider counted more than 110 % of it.",
    "look-up among 1,000,000 grants against 1,000, sqlite3":
        "The large table exceeds SQLite's page cache of 2 MiB: by strace, three pages are read "
        "from the file for a look-up, where the small table needs none.",
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
