# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Two nodes (an httpd each, four children) on one PostgreSQL, and the sandbox as a provider that
rotates refresh tokens and revokes the family when one comes a second time."""

import asyncio
import base64
import collections
import json
import os
import pathlib
import re
import shutil
import signal
import sys
import tempfile
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "sandbox"))

from support import httpd as servers  # noqa: E402
from support.browser import Browser  # noqa: E402
from support.database import Database, Postgres  # noqa: E402
from support.provider import Provider  # noqa: E402
from support.place import Place  # noqa: E402
from support.site import MOUNTS  # noqa: E402

LEASE = 8
CHILDREN = 4
TUNING = ("StartServers 4\nServerLimit 4\nMinSpareThreads 1\nMaxSpareThreads 64\n"
          "ThreadsPerChild 16\nMaxRequestWorkers 64\nAsyncRequestWorkerFactor 20\n")
SETTINGS = f"GraphTokLease {LEASE}s\nListenBacklog 2000\n"
# Shorter than the defaults, so that most tests need not wait for a lease of half a minute.
PROVIDER = "GraphTokTimeout 7s\nGraphTokConnectTimeout 2s"
AGENT = "secret-of-the-agents-0123456789"
MORE_MOUNTS = """
<GraphTokClient agent>
    GraphTokClientSecret env:GRAPHTOK_AGENT
    GraphTokClientResource graph
    GraphTokClientScope User.Read Calendars.ReadWrite
    GraphTokClientSubject user on-behalf-of
</GraphTokClient>
<Location "/exchange">
    SetHandler graphtok-exchange
    GraphTokLimit exchange off
</Location>
<Location "/metrics">
    SetHandler graphtok-metrics
    Require all granted
</Location>
<Location "/any">
    GraphTokUser remote-user
    AuthType Basic
    AuthName any
    AuthBasicProvider anon
    Anonymous "*"
    Anonymous_MustGiveEmail Off
    Require valid-user
</Location>
<Location "/any/auth">
    SetHandler graphtok-auth
</Location>
"""


class Node(Place):
    """A site of four children that can be armed with points of failure, and killed."""

    def __init__(self, folder, sandbox, database, **more):
        text = {"settings": SETTINGS, "provider": PROVIDER, **more}
        super().__init__(folder, sandbox, "event", "pgsql", database, tuning=TUNING,
                         mounts=MOUNTS + MORE_MOUNTS, modules=("authn_anon",), **text)
        self.faults = self.folder / "faults"
        self.faults.mkdir()
        servers.own(self.faults)
        self.httpd.environment["GRAPHTOK_FAULTS"] = str(self.faults)
        self.httpd.environment["GRAPHTOK_AGENT"] = AGENT

    def start(self, wrapper=()):
        super().start(wrapper)
        self.httpd.wait_until(lambda: len(self.httpd.children()) == CHILDREN, 10)
        return self

    def figure(self, name):
        """The sum of all series of a metric that begin so, as this node says them."""
        text = self.ask("/metrics").text
        return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines()
                   if re.match(re.escape(name) + r"[ {,]", line))

    def arm(self, point, what):
        """The next process that comes to this point meets it."""
        path = self.faults / point
        path.write_text(what)
        servers.own(path)

    def is_armed(self, point):
        return (self.faults / point).exists()

    def disarm(self):
        for path in self.faults.iterdir():
            path.unlink()

    def journal(self):
        """Names of the journal's entries."""
        return sorted(path.name for path in (self.folder / "journal").glob("*.entry"))

    def kill(self):
        """kill -9 of every process of this httpd."""
        for pid in [self.httpd.process.pid, *self.httpd.children()]:
            os.kill(pid, signal.SIGKILL)
        self.httpd.process.wait()
        self.httpd.process = None

    def ask(self, path="/tom/auth/token", **more):
        """One request of the fixed user; None when the connection breaks."""
        try:
            return Browser(timeout=30).get(self.url + path, **more)
        except OSError:
            return None
        except Exception as gone:  # http.client has words of its own for it
            assert "Remote" in repr(gone) or "Incomplete" in repr(gone), gone
            return None

    def status(self, path="/tom/auth/token", **more):
        answer = self.ask(path, **more)
        return answer.status if answer else 0


def until(holds, seconds):
    """How long it took."""
    begun = time.monotonic()
    servers.Httpd.wait_until(holds, seconds)
    return time.monotonic() - begun


def basic(user):
    """Credentials for /any."""
    return "Basic " + base64.b64encode(f"{user}:x".encode()).decode()


async def exchange(port, path, user=None):
    """Status and body of one request; 0 when the connection breaks."""
    fields = f"Authorization: {basic(user)}\r\n" if user else ""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{fields}Connection: close\r\n\r\n"
                     .encode())
        await writer.drain()
        answer = await reader.read()
        writer.close()
    except ConnectionError:
        return 0, b""
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split(b" ", 2)[1]) if head else 0, body


def herd_answers(nodes, count, path="/tom/auth/token"):
    """So many requests at once, spread over the nodes; status and body of each."""
    async def run():
        return await asyncio.gather(*[exchange(nodes[n % len(nodes)].httpd.port, path)
                                      for n in range(count)])
    return asyncio.run(run())


def herd(nodes, count, path="/tom/auth/token"):
    """The same; their statuses, counted. An unexpected one says why."""
    return dict(collections.Counter(
        status if status != 503 else f"503 {json.loads(body)['tag']}"
        for status, body in herd_answers(nodes, count, path)))


class Fire:
    """Both nodes, the database and the provider."""

    def __init__(self, nodes, sandbox, postgres):
        self.nodes = nodes
        self.a, self.b = nodes
        self.sandbox = sandbox
        self.postgres = postgres
        self.database = nodes[0].database
        self.before = collections.Counter()

    def row(self, columns, user="tom"):
        return self.database.sql(f"SELECT {columns} FROM user_tokens WHERE user_id = '{user}'")[0]

    def sign_in(self, node=None, *, life=1, strict=True):
        """tom signs in anew; the access token ends at once unless `life` says otherwise, what a
        refresh gives later lasts."""
        node = node or self.a
        self.sandbox.reset()
        settings = {"revoke_on_reuse": strict, "loop_guard": 0, "mailbox_concurrency": 0}
        self.sandbox.process.settings(access_seconds=life, **settings)
        # A child may not have heard yet that the database is back.
        until(lambda: Browser(self.sandbox.ca).sign_in(
            node.url + "/tom/auth/login").status == 200, 20)
        self.sandbox.process.settings(access_seconds=3600)
        self.sandbox.process.forget_calls()
        self.before = self.figures()
        return self

    def figures(self):
        """All that the nodes have counted since they were started, together."""
        found = collections.Counter()
        for node in filter(lambda node: node.httpd.process, self.nodes):
            for name, value in re.findall(r"(?m)^(graphtok_\S+_total\S*) (\d+)$",
                                          node.ask("/metrics").text):
                found[name] += int(value)
        return found

    def counted(self, name):
        """A counter since the sign-in, by its labels' values."""
        return {",".join(re.findall(r'"(.*?)"', series)): value
                for series, value in (self.figures() - self.before).items()
                if re.split("[{ ]", series)[0] == name}

    def results(self):
        """How refreshes have ended since the sign-in."""
        return {key.rsplit(",", 1)[1] for key in self.counted("graphtok_refreshes_total")}

    def refreshes(self):
        return self.sandbox.calls("token:refresh_token")

    def fault(self, kind, **more):
        self.sandbox.fault("token", kind, grant_type="refresh_token", **more)

    def grant_lives(self):
        """The provider knows the grant's refresh token, and we serve it."""
        self.sandbox.fault("token", "none")
        until(lambda: self.a.status() == 200 and self.b.status() == 200, 4 * LEASE)


@pytest.fixture(scope="session")
def ground():
    """A folder that httpd's children can enter, gone at the end."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="graphtok-fire-", dir="/var/tmp"))
    os.chmod(path, 0o755)
    yield path
    if not os.environ.get("GRAPHTOK_KEEP"):
        shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session")
def sandbox(ground):
    """Entra ID and Graph."""
    server = Provider(ground / "sandbox")
    yield server
    server.stop()


@pytest.fixture(scope="session")
def postgres():
    """The one database."""
    cluster = Postgres().start()
    yield cluster
    cluster.remove()


@pytest.fixture(scope="session")
def nodes(ground, sandbox, postgres):
    """Two httpds."""
    database = Database("pgsql", ground / "shared", postgres)
    pair = [Node(ground / name, sandbox, database) for name in ("a", "b")]
    for node in pair:
        node.start()
    yield pair
    for node in pair:
        node.end()


@pytest.fixture
def make_pair(ground, sandbox, postgres, fire):
    """Two more nodes on the same database; what is not said is as the product has it."""
    made = []

    def make(settings="", provider=""):
        made.extend(Node(ground / f"{len(made)}-{os.urandom(3).hex()}", sandbox, fire.database,
                         settings="ListenBacklog 2000\n" + settings, provider=provider)
                    for _ in range(2))
        for node in made:
            node.start()
        return Fire(made, sandbox, postgres)
    yield make
    if postgres.process is None:
        postgres.start()
    for node in made:
        node.end()


@pytest.fixture
def fire(nodes, sandbox, postgres):
    """As new: everything runs, nothing is armed, tom has signed in and his token has ended."""
    if postgres.process is None:
        postgres.start()
    for node in nodes:
        node.disarm()
        if node.httpd.process is None:
            node.httpd.start()
    both = Fire(nodes, sandbox, postgres)
    until(lambda: both.database.sql("SELECT 1") == [["1"]], 20)
    # No cache of either node knows anything of the test before.
    until(lambda: Browser().post(both.a.url + "/tom/auth/revoke").status == 200, 20)
    until(lambda: herd(nodes, 512) == {401: 512}, 20)
    return both.sign_in()
