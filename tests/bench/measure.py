# Licensed under the Apache License, Version 2.0; see LICENSE.
"""One measurement: wrk against a URL, the CPU and memory of the process tree behind it."""

import contextlib
import os
import pathlib
import re
import statistics
import subprocess
import time

TICK = os.sysconf("SC_CLK_TCK")
UNIT = {"us": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4}


def tree(pid):
    """A process and all below it."""
    found = [pid]
    # A process or a thread of it may have just ended.
    with contextlib.suppress(FileNotFoundError):
        for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                for child in (task / "children").read_text().split():
                    found += tree(int(child))
    return found


def files_of_tree(pid, name):
    """(process, text of that file of it) for each process; one that has just ended is left out."""
    for one in tree(pid):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            yield one, pathlib.Path(f"/proc/{one}/{name}").read_text()


def cpu_seconds(pid):
    """User and system time of the tree, ended children included."""
    total = 0
    for one, text in files_of_tree(pid, "stat"):
        fields = text.rsplit(")", 1)[1].split()
        total += sum(int(value) for value in fields[11:15 if one == pid else 13])
    return total / TICK


def pss_mib(pid):
    """Memory of the tree, shared pages divided among their users."""
    return sum(int(line.split()[1]) for _, text in files_of_tree(pid, "smaps_rollup")
               for line in text.splitlines() if line.startswith("Pss:")) / 1024


def own_mib(pid):
    """Memory that the tree has for itself. Read in no time, where pss_mib of a large process holds
    it up for so long that it shows."""
    return sum(int(line.split()[1]) for _, text in files_of_tree(pid, "status")
               for line in text.splitlines() if line.startswith("RssAnon:")) / 1024


def start_wrk(url, clients, seconds, load=None):
    """wrk under way; its output is for read_wrk."""
    before, behind = load.load() if load else ([], [])
    return subprocess.Popen(
        ["wrk", "-t2", f"-c{clients}", f"-d{seconds}s", "--timeout", "30s", "--latency", *before, url,
         *behind], stdout=subprocess.PIPE, text=True)


def read_wrk(done):
    """wrk's figures: answered, requests/s, p50 and p99 in ms, errors."""
    answered = int(re.search(r"(\d+) requests in", done)[1])
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", done)[1])
    lines = dict(re.findall(r"^\s+(50|99)%\s+([\d.]+[a-z]+)\s*$", done, re.M))
    values = {}
    for quantile, text in lines.items():
        number, unit = re.fullmatch(r"([\d.]+)([a-z]+)", text).groups()
        values[quantile] = float(number) * UNIT[unit]
    failed = re.search(r"Non-2xx or 3xx responses: (\d+)", done)
    socket = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)",
                       done)
    errors = (int(failed[1]) if failed else 0) + (sum(map(int, socket.groups())) if socket else 0)
    return {"answered": answered, "rate": rate, "p50": values.get("50"), "p99": values.get("99"),
            "errors": errors}


def run_wrk(url, clients, seconds, load=None):
    """wrk against a URL; its figures."""
    figures = read_wrk(start_wrk(url, clients, seconds, load).communicate()[0])
    if load:
        load.used(figures["answered"])
    return figures


def pss_in_flight(contender, clients):
    """Memory while the clients wait. In a load of its own, since reading holds the process up; and not
    after one, since what was under way ends sooner in one program and later in another."""
    wrk = start_wrk(contender.url, clients, 2, contender.load)
    time.sleep(1)
    pss = pss_mib(contender.pid)
    wrk.communicate()
    return pss


def one_round(contender, clients, seconds):
    """One contender once."""
    before = cpu_seconds(contender.pid)
    figures = run_wrk(contender.url, clients, seconds, contender.load)
    figures["cpu"] = 1000 * (cpu_seconds(contender.pid) - before) / max(figures["answered"], 1)
    figures["pss"] = pss_in_flight(contender, clients)
    return figures


def compare(contenders, clients, seconds, rounds, say=lambda text: None):
    """All of them in turn, several times: medians by name."""
    seen = {contender.name: [] for contender in contenders}
    for contender in contenders:
        run_wrk(contender.url, clients, 2, contender.load)
    for number in range(rounds):
        for contender in contenders:
            figures = one_round(contender, clients, seconds)
            seen[contender.name].append(figures)
            say(f"round {number + 1}: {contender.name}: {figures['rate']:.0f}/s, "
                f"p99 {figures['p99'] or 0:.0f} ms, CPU {figures['cpu']:.3f} ms, "
                f"PSS {figures['pss']:.0f} MiB, errors {figures['errors']}")
    return {name: {key: statistics.median(row[key] or 0 for row in rows) if key != "errors"
                   else sum(row[key] for row in rows) for key in rows[0]}
            for name, rows in seen.items()}
