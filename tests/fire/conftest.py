# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Two nodes (an httpd each, four children) on one PostgreSQL, and the sandbox as a provider that
rotates refresh tokens and revokes the family when one comes a second time."""

import asyncio
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
from support.site import MOUNTS, Site  # noqa: E402

LEASE = 8
TUNING = ("StartServers 4\nServerLimit 4\nMinSpareThreads 1\nMaxSpareThreads 64\n"
          "ThreadsPerChild 16\nMaxRequestWorkers 64\nAsyncRequestWorkerFactor 20\n")
SETTINGS = f"GraphTokLease {LEASE}s\nListenBacklog 2000\n"
PROVIDER = "GraphTokTimeout 7s\nGraphTokConnectTimeout 2s"
METRICS = """
<Location "/metrics">
    SetHandler graphtok-metrics
    Require all granted
</Location>
"""
KEYRING = "2026-11-21-fire any AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"


class Node(Site):
    """A site that can be armed with points of failure, and killed."""

    def __init__(self, folder, sandbox, database, **more):
        super().__init__(folder, sandbox, "event", "pgsql", None, database=database,
                         keyring=KEYRING, tuning=TUNING, settings=SETTINGS, provider=PROVIDER,
                         mounts=MOUNTS + METRICS, **more)
        self.faults = self.folder / "faults"
        self.faults.mkdir()
        servers.own(self.faults)
        self.httpd.environment["GRAPHTOK_FAULTS"] = str(self.faults)

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


async def _one(port, path):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    await writer.drain()
    answer = await reader.read()
    writer.close()
    return int(answer.split(b" ", 2)[1]) if answer else 0


def herd(nodes, count, path="/tom/auth/token"):
    """So many requests at once, spread over the nodes; their statuses, counted."""
    async def run():
        return await asyncio.gather(*[_one(nodes[n % len(nodes)].httpd.port, path)
                                      for n in range(count)])
    statuses = asyncio.run(run())
    return {status: statuses.count(status) for status in set(statuses)}


class Fire:
    """Both nodes, the database and the provider."""

    def __init__(self, nodes, sandbox, postgres):
        self.nodes = nodes
        self.a, self.b = nodes
        self.sandbox = sandbox
        self.postgres = postgres
        self.database = nodes[0].database

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
        return self

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
    until(lambda: herd(nodes, 64) == {401: 64}, 20)
    return both.sign_in()
