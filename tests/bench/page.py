# Licensed under the Apache License, Version 2.0; see LICENSE.
"""docs/performance.md and its picture, from what was measured."""

import datetime
import os
import pathlib
import platform
import subprocess
import tempfile

# Why a target may be missed, by the beginning of its name; said only where it is.
REASONS = {
    "64 clients, fast upstream":
        "By perf, 62 % of our CPU is the kernel's: the calls on two sockets, which mod_proxy_http "
        "makes as well, and switches between the MPM's listener, its workers and the transfer "
        "thread; of the futex calls four fifths are on the MPM's own queue. libcurl takes 14 %, "
        "libc 9 %, APR 6 %, this module and its decryption 4 %. Waiting on the spot, as "
        "mod_proxy_http does, was tried for all 64 clients: a fifth more.",
    "10,000 calls in flight":
        "What wrk counts as failed are kept connections which the MPM ended after a whole answer, "
        "and on which wrk had sent its next request: answers of thousands come together, the two "
        "cores also carry wrk, nginx with TLS and the upstream, no thread is idle for a moment, "
        "and the event MPM's log says \"All workers are busy, will shutdown … keep-alive "
        "connections\". In the access log all answers are 200. Each call has two descriptors; "
        "where a container bounds them, fewer calls are measured.",
    "memory of a call in flight":
        "At the peak, half of it is malloc's (libcurl's handles, its buffers for TLS and HTTP/2, "
        "of which libcurl opens a set for each 100 streams at least), the other half blocks of "
        "APR's pools, of 8 KiB and more: the client's connection, its request, the task, the "
        "transfer. A smaller read buffer for libcurl was tried and changed nothing.",
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
    missed = []
    for result in results.values():
        for target in result.targets:
            lines.append(f"| {target.what} | {target.wanted} | {target.measured} "
                         f"| {'met' if target.is_met else 'missed'} |")
            why = next((text for name, text in REASONS.items() if target.what.startswith(name)), "")
            if not target.is_met and why:
                missed.append(f"**{target.what}.** {why}")
    return "\n\n".join(["\n".join(lines), *missed])


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


def _plot(title, rows, key, label):
    """One chart of gnuplot's."""
    data = "\n".join(f'{number} {row[key] or 0:.6g} "{name}"'
                     for number, (name, row) in enumerate(rows.items()))
    colours = [COLOURS.get(name, COLOURS["other"]) for name in rows]
    boxes = ", ".join(f"$rows every ::{number}::{number} using 1:2 with boxes lc rgb '{colour}' "
                      "notitle" for number, colour in enumerate(colours))
    return (f"$rows << END\n{data}\nEND\nset title \"{title}\\n{label}\"\n"
            f"set xrange [-0.6:{len(rows) - 0.4}]\nplot {boxes}, "
            "$rows using 1:2:(sprintf('%.4g', $2)) with labels offset 0,0.6 notitle, "
            "$rows using 1:(0):xtic(3) with points pt 0 notitle\nundefine $rows\n")


def draw(results, titles, path):
    """Bars of the scenarios with several contenders."""
    drawn = {name: result.rows for name, result in results.items() if result.rows}
    if not drawn:
        return
    script = (f"set terminal svg size 1200,{300 * len(drawn)} font 'sans,11' background '#ffffff'\n"
              f"set output '{path}'\nset multiplot layout {len(drawn)},{len(MEASURES)}\n"
              "set style fill solid\nset boxwidth 0.7\nset yrange [0:*]\n"
              "set offsets 0,0,graph 0.15,0\n"
              "set grid ytics lc rgb '#dddddd'\nset xtics nomirror rotate by 15 right\n"
              "set ytics nomirror\nset border 3\n")
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
