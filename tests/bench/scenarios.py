# Licensed under the Apache License, Version 2.0; see LICENSE.
"""What is measured. A scenario takes the Bench and gives a Result: tables in Markdown, bars for the
picture, and how each target was met."""

import contextlib
import dataclasses
import pathlib
import re
import resource
import statistics
import subprocess
import sys

import bearers
import contenders as who
import exchanges
import mail as mailboxes
import measure
from slow_readers import SlowReaders
from support.browser import Browser
from support.provider import Provider
from tables import Tables

TOP = pathlib.Path(__file__).resolve().parents[2]
TOKEN = "x" * 1500


@dataclasses.dataclass
class Target:
    """One row of what was wanted: texts, and whether it holds."""

    what: str
    wanted: str
    measured: str
    is_met: bool


@dataclasses.dataclass
class Result:
    """What a scenario found; `rows` are of measure.compare, for the picture."""

    text: str
    targets: list
    rows: dict = dataclasses.field(default_factory=dict)


class Bench:
    """What the scenarios share."""

    def __init__(self, ground, options):
        self.ground = pathlib.Path(ground)
        self.options = options
        self.cleanups = []
        self._sandbox = None

    @property
    def sandbox(self):
        """The provider for sign-ins, started when first asked for."""
        if not self._sandbox:
            self._sandbox = Provider(self.ground / "sandbox")
            self.cleanups.append(self._sandbox.stop)
        return self._sandbox

    def upstream(self, delay, size=600):
        program = self.ground / "upstream"
        source = TOP / "tests/bench/upstream.c"
        if not program.exists():
            subprocess.run(["gcc", "-O2", "-o", program, source], check=True)
        made = who.Upstream(program, delay, size)
        self.cleanups.append(made.stop)
        return made

    def keep(self, contender):
        self.cleanups.append(contender.stop)
        return contender

    def end(self):
        for cleanup in reversed(self.cleanups):
            cleanup()

    def say(self, text):
        print(text, file=sys.stderr, flush=True)

    def compare(self, contenders, clients, base):
        rows = measure.compare(contenders, clients, self.options.seconds, self.options.rounds,
                               self.say)
        return rows, compared(rows, base)


def compared(rows, base):
    """Markdown of measure.compare's medians."""
    lines = ["| | requests/s | × | p50 ms | p99 ms | CPU ms/request | × | PSS MiB | failed |",
             "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"]
    for name, row in rows.items():
        lines.append(
            f"| {name} | {row['rate']:,.0f} | {row['rate'] / rows[base]['rate']:.2f} "
            f"| {row['p50']:.0f} | {row['p99']:.0f} | {row['cpu']:.3f} "
            f"| {row['cpu'] / rows[base]['cpu']:.2f} | {row['pss']:.0f} | {row['errors']} |")
    return "\n".join(lines) + f"\n\n× is against: {base}.\n"


# ---- ours beside its peers ----

OURS = "mod_graphtok"
NGINX = "nginx proxy_pass"
STRAIGHT = "straight to the upstream"
STATIC = "static file, same size"
STATUS, EXCHANGE = "token status", "token exchange"
FOR_ROUTES = "token exchange for our routes"


def waiting(bench):
    """Clients that wait for a slow upstream."""
    upstream = bench.upstream(300)
    ours, _ = who.graphtok(bench.ground, bench.sandbox, upstream)
    few, _ = who.apache_proxy(bench.ground, upstream, TOKEN)
    contenders = [who.straight(upstream), bench.keep(ours),
                  bench.keep(who.nginx(bench.ground, upstream, TOKEN)), bench.keep(few)]
    rows, text = bench.compare(contenders, 1000, STRAIGHT)
    share = rows[OURS]["rate"] / rows[STRAIGHT]["rate"]
    failed = rows[OURS]["errors"]
    return Result(text, [Target("1,000 clients, 300 ms: requests/s",
                                "≥ 97 % of straight, none failed",
                                f"{100 * share:.1f} %, {failed} failed",
                                share >= 0.97 and failed == 0)], rows)


def waiting200(bench):
    """The same with 200 ms, and mod_proxy_http with enough threads."""
    upstream = bench.upstream(200)
    ours, _ = who.graphtok(bench.ground, bench.sandbox, upstream)
    many, _ = who.apache_proxy(bench.ground, upstream, TOKEN, 1200)
    contenders = [who.straight(upstream), bench.keep(ours),
                  bench.keep(who.nginx(bench.ground, upstream, TOKEN)), bench.keep(many)]
    rows, text = bench.compare(contenders, 1000, NGINX)
    rate = rows[OURS]["rate"] / rows[NGINX]["rate"]
    late = rows[OURS]["p99"] / rows[NGINX]["p99"]
    pss = rows[OURS]["pss"]
    return Result(text, [
        Target("1,000 clients, 200 ms: requests/s", "≥ nginx", f"{rate:.2f} ×", rate >= 0.995),
        Target("the same: p99", "≤ 1.1 × nginx", f"{late:.2f} ×", late <= 1.1),
        Target("the same: PSS", "≤ 60 MiB", f"{pss:.0f} MiB", pss <= 60)], rows)


def fast(bench):
    """A fast upstream: what our share of a request costs."""
    upstream = bench.upstream(0, 2048)
    ours, _ = who.graphtok(bench.ground, bench.sandbox, upstream)
    proxy, _ = who.apache_proxy(bench.ground, upstream, TOKEN)
    contenders = [bench.keep(ours), bench.keep(proxy),
                  bench.keep(who.nginx(bench.ground, upstream, TOKEN))]
    rows, text = bench.compare(contenders, 64, "mod_proxy_http")
    cost = rows[OURS]["cpu"] / rows["mod_proxy_http"]["cpu"]
    return Result(text, [Target("64 clients, fast upstream: CPU per request",
                                "≤ 1.2 × mod_proxy_http", f"{cost:.2f} ×", cost <= 1.2)], rows)


def status(bench):
    """Token status from the cache beside a static file of the same size."""
    upstream = bench.upstream(0)
    ours, site = who.graphtok(bench.ground, bench.sandbox, upstream, "/auth/token")
    proxy, server = who.apache_proxy(bench.ground, upstream, TOKEN)
    bench.keep(proxy)
    body = Browser().get(site.url + "/auth/token").body
    rows, text = bench.compare([bench.keep(ours), who.apache_static(server, body)], 64, STATIC)
    cost = rows[OURS]["cpu"] / rows[STATIC]["cpu"]
    return Result(text, [Target("64 clients, token status from the cache: CPU per request",
                                "≤ 1.2 × a static file of its size", f"{cost:.2f} ×", cost <= 1.2)],
                  rows)


# ---- behind a token ----

LOCATION = "mod_graphtok, a location"
ROUTE = "mod_graphtok, token status"
SESSION = "mod_graphtok, token status by session"


def bearer_case(bench, site, keys, algorithm, tokens):
    """The contenders for one kind of tokens, each seen to let a right one in and no other."""
    name = algorithm.lower()
    made = [bearers.ours(site, f"/{name}/file.txt", tokens, LOCATION),
            bench.keep(bearers.openidc(bench.ground, keys, algorithm, tokens)),
            bench.keep(bearers.nginx(bench.ground, keys, algorithm, tokens)),
            bearers.ours(site, f"/as/{name}/auth/token", tokens, ROUTE)]
    for contender in made:
        bearers.check(contender, tokens.first)
    return made


def bearer(bench):
    """A file behind a token, and a route of ours behind a token and behind a session."""
    keys = bearers.Keys(bench.ground, bench.sandbox)
    bench.cleanups.append(keys.server.end)
    site, browser, user = bearers.graphtok(bench.ground, bench.sandbox, keys)
    bench.cleanups.append(site.httpd.remove)
    session = bearers.ours(site, "/auth/token", bearers.Cookie(browser), SESSION)
    text, targets = bearers.NOTE + "\n\n", []
    for algorithm in bearers.ALGORITHMS:
        tokens = bearers.Tokens(bench.ground / algorithm, keys.signers[algorithm], user, bearers.AGAIN)
        made = bearer_case(bench, site, keys, algorithm, tokens)
        fresh = bearers.Tokens(bench.ground / f"{algorithm}-fresh", keys.signers[algorithm], user,
                               bearers.FRESH)
        for what, load in (("used again and again", tokens), ("each for the first time", fresh)):
            for contender in made:
                contender.load = load
            rows, table = bench.compare([*made, session], 64, bearers.OPENIDC)
            text += f"{algorithm}, {what}\n\n{table}\n"
            cost = rows[LOCATION]["cpu"] / rows[bearers.OPENIDC]["cpu"]
            targets.append(Target(f"64 clients, a file behind a token, {algorithm}, {what}: CPU per request",
                                  "≤ mod_auth_openidc", f"{cost:.2f} ×", cost <= 1))
            if load is tokens:
                cost = rows[ROUTE]["cpu"] / rows[SESSION]["cpu"]
                targets.append(Target(f"token status behind a token, {algorithm}, {what}: CPU per request",
                                      "≤ 1.3 × behind a session", f"{cost:.2f} ×", cost <= 1.3))
    return Result(text, targets)


def exchange(bench):
    """Token exchange from the cache beside token status, on one httpd."""
    upstream = bench.upstream(0)
    ours, site = who.graphtok(bench.ground, bench.sandbox, upstream, "/auth/token", STATUS,
                              more=exchanges.MOUNTS, secrets={"agent": exchanges.AGENT})
    both = [who.Contender(name, f"{site.url}/exchange", site.httpd.process.pid,
                          load=exchanges.Exchanges(bench.ground, more))
            for name, more in ((EXCHANGE, ""), (FOR_ROUTES, "&audience=graphtok"))]
    rows, text = bench.compare([bench.keep(ours), *both], 64, STATUS)
    cost = rows[EXCHANGE]["cpu"] / rows[STATUS]["cpu"]
    return Result(text, [Target("64 clients, token exchange from the cache: CPU per request",
                                "≤ 1.5 × token status", f"{cost:.2f} ×", cost <= 1.5)], rows)


# ---- ours beside an earlier build of it ----

BEFORE = "the other build"


def beside(bench):
    """The same requests to this build and to the one that --beside names."""
    cases = [("/auth/token", 0, 64), (who.CALENDAR, 0, 64), (who.CALENDAR, 200, 1000)]
    text, targets = "", []
    for path, delay, clients in cases:
        upstream = bench.upstream(delay)
        pair = []
        for name, folder in ((OURS, None), (BEFORE, bench.options.beside)):
            with who.built_in(folder):
                pair.append(bench.keep(who.graphtok(bench.ground, bench.sandbox, upstream, path,
                                                    name)[0]))
        rows, table = bench.compare(pair, clients, BEFORE)
        text += f"{clients} clients, {path}, upstream {delay} ms\n\n{table}\n"
        cost = rows[OURS]["cpu"] / rows[BEFORE]["cpu"]
        targets.append(Target(f"{clients} clients, {path}, {delay} ms: CPU per request",
                              "≤ 1.05 × the other build", f"{cost:.2f} ×", cost <= 1.05))
        memory = rows[OURS]["pss"] / rows[BEFORE]["pss"]
        targets.append(Target(f"{clients} clients, {path}, {delay} ms: PSS",
                              "≤ 1.05 × the other build", f"{memory:.2f} ×", memory <= 1.05))
    return Result(text, targets)


# ---- ours alone ----

# A child's descriptors that are not a waiting client's: upstream, threads, logs, libraries.
OTHER_FILES = 1000


def server_status(site):
    """mod_status's figures by name."""
    text = Browser().get(site.url + "/server-status?auto").text
    return {name: int(value) for name, value in re.findall(r"^(\w+): (\d+)$", text, re.M)}


def inflight(bench, calls=10000, delay=1500):
    """So many calls at once in one child, over TLS and HTTP/2."""
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    calls = min(calls, (files - OTHER_FILES) // 2)
    front = bench.keep(who.nginx_tls(bench.ground, bench.upstream(delay), bench.sandbox.ca))
    ours, site = who.graphtok(bench.ground, bench.sandbox, front, tuning=who.CROWD)
    bench.keep(ours)
    idle = measure.own_mib(ours.pid)
    load = measure.start_wrk(ours.url, calls, 20)
    seen = []
    while load.poll() is None:
        figures = server_status(site)
        seen.append((figures["GraphTokTransfers"], measure.own_mib(ours.pid),
                     figures["GraphTokConnections"]))
        with contextlib.suppress(subprocess.TimeoutExpired):
            load.wait(1)
    wrk = measure.read_wrk(load.communicate()[0])
    most, memory, connections = max(seen)
    each = 1024 * (max(row[1] for row in seen) - idle) / calls
    text = (f"| calls at once | upstream connections | requests/s | p50 ms | p99 ms | failed "
            f"| MiB when idle | MiB | KiB a call |\n"
            f"| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n"
            f"| {most:,} | {connections} | {wrk['rate']:,.0f} | {wrk['p50'] or 0:.0f} "
            f"| {wrk['p99'] or 0:.0f} | {wrk['errors']} | {idle:.0f} | {memory:.0f} | {each:.1f} |\n")
    return Result(text, [
        Target("10,000 calls in flight over HTTP/2: failed", "0",
               f"{wrk['errors']}, with {most:,} in flight",
               wrk["errors"] == 0 and most >= calls * 0.95),
        Target("memory of a call in flight, connection included", "≤ 40 KiB", f"{each:.1f} KiB",
               each <= 40)])


def readers(bench, count=100):
    """Slow readers of a large answer, and a quick one beside them."""
    large = bench.upstream(0, 100 << 20)
    ours, site = who.graphtok(bench.ground, bench.sandbox, large, "/auth/token")
    bench.keep(ours)
    measure.run_wrk(ours.url, count, 2)  # threads that ran once keep their stacks
    alone = measure.run_wrk(ours.url, 8, bench.options.seconds)
    idle = measure.pss_mib(ours.pid)
    slow = SlowReaders(site.httpd.port, who.CALENDAR, count)
    bench.cleanups.append(slow.stop)
    slow.wait_for_heads()
    beside = measure.run_wrk(ours.url, 8, bench.options.seconds)
    busy = statistics.median(server_status(site)["BusyWorkers"] - 1 for _ in range(11))
    each = 1024 * (measure.pss_mib(ours.pid) - idle) / count
    text = (f"| readers | each took KiB/s | busy workers | KiB a reader | token status beside "
            f"them, requests/s | p99 ms | without them | p99 ms |\n"
            f"| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n"
            f"| {slow.alive()} | {slow.speed():.0f} | {busy:.0f} | {each:.0f} "
            f"| {beside['rate']:,.0f} | {beside['p99']:.0f} | {alone['rate']:,.0f} "
            f"| {alone['p99']:.0f} |\n")
    return Result(text, [
        Target("100 slow readers of 100 MiB: busy workers", "0", f"{busy:.0f}",
               busy == 0 and slow.alive() == count),
        Target("memory of a slow reader", "≤ 240 KiB", f"{each:.0f} KiB", each <= 240)])


def mail(bench):
    """First synchronisations beside mbsync's, memory of large ones, accounts without news."""
    count, rates, sizes, idle, accounts = mailboxes.scenario(bench)
    peer, ours = rates["mbsync"], rates["pgsql"]
    (small, small_mib), (large, large_mib) = sizes.items()
    text = ("mbsync writes a Maildir and does not wait for its disk; PostgreSQL does not, either "
            "(fsync off).\n\n"
            f"| first synchronisation of {count:,} messages of 3 KB | messages/s | to mbsync |\n"
            "| --- | ---: | ---: |\n"
            + "".join(f"| {name} | {rate:,.0f} | {rate / peer:.2f} |\n" for name, rate in rates.items())
            + "\n| PostgreSQL | |\n| --- | ---: |\n"
            f"| memory beyond the idle server's, {small:,} messages | {small_mib:.0f} MiB |\n"
            f"| memory beyond the idle server's, {large:,} messages | {large_mib:.0f} MiB |\n"
            f"| {accounts:,} accounts without news, a round | {idle['seconds']:.1f} s |\n"
            f"| CPU of the server, an account | {idle['own']:.1f} ms |\n"
            f"| CPU of the database, an account | {idle['database']:.1f} ms |\n"
            f"| transactions, an account | {idle['transactions']:.1f} |\n")
    return Result(text, [
        Target("first synchronisation of a mailbox, PostgreSQL", "≥ mbsync's rate",
               f"{ours / peer:.2f} times", ours >= peer),
        Target(f"memory of {large:,} messages", f"that of {small:,}, + 8 MiB at most",
               f"{large_mib:.0f} MiB, {small_mib:.0f} MiB", large_mib <= small_mib + 8)])


def build(ground, name):
    """A program of this folder on the core of GRAPHTOK_BUILD."""
    def words(*command):
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()

    program = pathlib.Path(ground) / name
    library = who.servers.build_folder() / ".libs/libgraphtok-core.a"
    packages = ["jansson", "libcurl", "cjose", "gmime-3.0", "openssl"]
    flags = [*words("apr-1-config", "--cppflags", "--includes"),
             *words("apu-1-config", "--includes"), *words("pkg-config", "--cflags", *packages)]
    libraries = [*words("apu-1-config", "--link-ld"), *words("apr-1-config", "--link-ld", "--libs"),
                 *words("pkg-config", "--libs", *packages), "-lpthread"]
    subprocess.run(["gcc", "-std=gnu11", "-O2", f"-I{TOP}/mod_graphtok/core", *flags,
                    TOP / f"tests/bench/{name}.c", library, "-o", program, *libraries], check=True)
    return program


def micro(bench):
    """One look-up in the cache, one check of a limit."""
    out = subprocess.run([build(bench.ground, "micro")], capture_output=True, text=True,
                         check=True).stdout
    lines = [re.split(r"\s{2,}(?=\d)", line.strip()) for line in out.splitlines()]
    table = ["| " + " | ".join(lines[0]) + " |", "| --- | ---: | ---: | ---: | ---: |"]
    table += ["| " + " | ".join(line) + " |" for line in lines[1:]]
    by_name = {line[0]: [int(value) for value in line[1:]] for line in lines[1:]}
    look_up = by_name["look-up with decryption, 1 KiB"]
    limit = by_name["limit check, 1,000 keys"]

    def target(what, figures, most):
        flat = max(figures) / min(figures)
        return Target(what, f"≤ {most:,} ns, flat from 1 to 8 processes",
                      f"{figures[0]} ns with one, {figures[-1]} ns with eight",
                      max(figures) <= most and flat <= 1.3)
    return Result("\n".join(table) + "\n", [target("cache look-up with decryption", look_up, 1000),
                                            target("limit check", limit, 300)])


# What look_up is asked for: its row in the table, and what a larger table may cost more. Grants that
# are not active lie scattered in a large table, so that a page of them is a hundred look-ups.
LOOKS = {"grant": ("look-up of one grant, opened", "look-up"),
         "page": ("page of 100 of a list", "page of a list"),
         "not-active": ("page of 100 that are not active", None)}


def vault(bench, few=1000, many=1000000):
    """What a grant costs that is not in the cache, and a page of a list; and how that grows with the
    table."""
    program = build(bench.ground, "look_up")
    tables = Tables(bench.ground)
    bench.cleanups.append(tables.stop)
    rows, lines = {}, ["| | wall µs | own CPU µs |", "| --- | ---: | ---: |"]
    places = [tables.make(engine, count) for engine in ("pgsql", "sqlite3")
              for count in (few, many)]
    for _ in range(3):
        for place in places:
            for what in LOOKS:
                rows.setdefault((what, place.engine, place.count), []).append(
                    place.look_up(program, what))
    for (what, engine, count), figures in sorted(rows.items()):
        wall, own = (statistics.median(column) for column in zip(*figures))
        rows[what, engine, count] = wall
        lines.append(f"| {LOOKS[what][0]}, {engine}, {count:,} grants | {wall:.1f} | {own:.1f} |")
    targets = []
    for what, (_, name) in LOOKS.items():
        for engine in ("pgsql", "sqlite3") if name else ():
            grown = rows[what, engine, many] / rows[what, engine, few]
            targets.append(Target(f"{name} among {many:,} grants against {few:,}, {engine}",
                                  "≤ 1.2 ×", f"{grown:.2f} ×", grown <= 1.2))
    lines += ["", "A hit in the cache is in the table of caches and limits.", ""]
    return Result("\n".join(lines), targets)


# What administration is asked for: its row in the table.
ADMINISTRATION = {"page": "page of 100, by user", "expiry": "page of 100, by expiry",
                  "user": "search by user", "address": "search by e-mail address",
                  "overview": "overview, 720 hours of two servers"}


def administration(bench, few=1000, many=1000000):
    """Lists, searches and the overview, and how they grow with the table."""
    program = build(bench.ground, "look_up")
    tables = Tables(bench.ground)
    bench.cleanups.append(tables.stop)
    rows, targets = {}, []
    lines = ["| | " + " | ".join(f"{engine}, {count:,}" for engine in ("pgsql", "sqlite3")
                                 for count in (few, many)) + " |", "| --- | ---: | ---: | ---: | ---: |"]
    places = [tables.make(engine, count) for engine in ("pgsql", "sqlite3") for count in (few, many)]
    for _ in range(3):
        for place in places:
            for what in ADMINISTRATION:
                rows.setdefault((what, place.engine, place.count), []).append(
                    place.look_up(program, what)[0])
    for what, name in ADMINISTRATION.items():
        wall = {key[1:]: statistics.median(figures) for key, figures in rows.items() if key[0] == what}
        lines.append(f"| {name}, µs | " + " | ".join(f"{wall[place.engine, place.count]:,.0f}"
                                                     for place in places) + " |")
        for engine in ("pgsql", "sqlite3"):
            grown = wall[engine, many] / wall[engine, few]
            targets.append(Target(f"{name}: {many:,} grants against {few:,}, {engine}",
                                  "≤ 1.2 ×", f"{grown:.2f} ×", grown <= 1.2))
    return Result("\n".join(lines) + "\n", targets)


def due(bench):
    """Refreshes a second when everything is due at once, two workers on one PostgreSQL."""
    grants, rate = bench.options.grants, 200
    done = subprocess.run([TOP / "tests/bench/due", "--grants", str(grants), "--rate", str(rate)],
                          capture_output=True, text=True, check=False)
    median = re.search(r"median (\d+)", done.stdout)
    return Result("```\n" + done.stdout + "```\n", [
        Target(f"{grants:,} grants due at once, a provider that bears {rate} refreshes/s",
               "all in time, one call each, spread, at its rate",
               f"{median[1] if median else 'no'} refreshes/s" + ("" if done.returncode == 0 else
                                                                 ", not all as wanted"),
               done.returncode == 0 and int(median[1]) >= rate * 0.95)])


SCENARIOS = {
    "waiting": ("1,000 clients, upstream 300 ms", waiting),
    "waiting200": ("1,000 clients, upstream 200 ms", waiting200),
    "fast": ("64 clients, fast upstream", fast),
    "status": ("64 clients, token status from the cache", status),
    "bearer": ("64 clients, behind a token", bearer),


    "exchange": ("64 clients, token exchange from the cache", exchange),
    "beside": ("This build beside another one", beside),
    "inflight": ("Calls in flight in one child, upstream 1.5 s over TLS and HTTP/2", inflight),
    "readers": ("100 slow readers of 100 MiB", readers),
    "micro": ("Cache and limits, by processes", micro),
    "vault": ("The vault's look-up on a miss, and lists", vault),
    "administration": ("Administration: lists, searches, overview", administration),
    "mail": ("Copies of mailboxes beside mbsync, the same Dovecot", mail),
    "due": ("Refreshes against the provider's limit", due),
}
