# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Grants with real refresh tokens of the sandbox, as old and as used as a test wants them, for httpd's
background work and for graphtokctl's verbs. The sandbox ends a family whose token comes twice."""

import os
import pathlib
import shutil
import sys
import tempfile
import time
import uuid

import pytest
from cryptography.fernet import Fernet

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "sandbox"))

from support.database import Database, Postgres  # noqa: E402
from support.provider import Provider  # noqa: E402
from support.site import Site  # noqa: E402

KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
KEYRING = f"2026-11-21-jobs any {KEY}\n"
ADA = "ada@sandbox.example"
# A token is due 30 to 50 s before its end, and looked for every two or three seconds.
QUICK = "GraphTokRefreshMargin 10s\nGraphTokRefreshAhead 40s\n"
DAY = 86400


class Place(Site):
    """A site whose rows the test writes: S0's Fernet texts open in any row."""

    def __init__(self, folder, sandbox, mpm, engine, database, settings="", **more):
        super().__init__(folder, sandbox, mpm, engine, None, database=database, keyring=KEYRING,
                         settings=settings, **more)

    def moment(self, seconds):
        """SQL for a time so many seconds from now."""
        if self.database.engine == "pgsql":
            return f"now() + interval '{seconds} seconds'"
        return f"datetime('now', '{seconds} seconds') || '.000000'"

    def add(self, users, ends=25, used=60, issued=3600, person=ADA, columns=""):
        """Grants whose tokens end in so many seconds, were used and issued so long ago."""
        box, rows = Fernet(KEY), []
        for user in users:
            access, refresh = self.sandbox.issue(person)
            rows.append(f"('{uuid.uuid4().hex}', '{user}', '{box.encrypt(access.encode()).decode()}',"
                        f" '{box.encrypt(refresh.encode()).decode()}', {self.moment(ends)}, "
                        f"{self.moment(-issued)}, {self.moment(-issued)}, "
                        f"{int(time.time()) - used if used is not None else 0})")
        for at in range(0, len(rows), 20):
            self.database.sql(
                "INSERT INTO user_tokens (id, user_id, encrypted_access_token, "
                "encrypted_refresh_token, expires_at, created_at, updated_at, last_used_at) "
                f"VALUES {', '.join(rows[at:at + 20])}")
        if columns:
            names = ", ".join(f"'{user}'" for user in users)
            self.database.sql(f"UPDATE user_tokens SET {columns} WHERE user_id IN ({names})")

    def rows(self, columns="generation, status"):
        """{user: [columns]}; several columns are texts."""
        found = self.database.sql(f"SELECT user_id, {columns} FROM user_tokens")
        return {row[0]: row[1:] for row in found}

    def refreshed(self):
        """Users whose tokens moved on."""
        return {user for user, row in self.rows("generation").items() if row[0] != "1"}

    def wait(self, holds, seconds=20):
        self.httpd.wait_until(holds, seconds)


@pytest.fixture(scope="session")
def ground():
    """A folder that httpd's children can enter, gone at the end."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="graphtok-test-", dir="/var/tmp"))
    os.chmod(path, 0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session")
def sandbox_server(ground):
    """Entra ID and Graph, once for all tests."""
    server = Provider(ground / "sandbox")
    yield server
    server.stop()


@pytest.fixture
def sandbox(sandbox_server):
    """The sandbox as new, and strict: a refresh token that comes twice ends its family."""
    sandbox_server.reset()
    sandbox_server.process.settings(revoke_on_reuse=True)
    sandbox_server.process.forget_calls()
    yield sandbox_server
    sandbox_server.reset()
    sandbox_server.process.settings(revoke_on_reuse=False)


@pytest.fixture(scope="session")
def postgres():
    """One PostgreSQL cluster for all tests."""
    cluster = Postgres().start()
    yield cluster
    cluster.remove()


@pytest.fixture
def make_place(ground, sandbox, request):
    """Make sites that end with the test; `beside` shares another's database."""
    made = []

    def make(mpm="event", engine="sqlite3", settings="", beside=None, **more):
        folder = ground / f"{uuid.uuid4().hex[:8]}-{mpm}-{engine}"
        folder.mkdir()
        postgres = request.getfixturevalue("postgres") if engine == "pgsql" else None
        database = beside.database if beside else Database(engine, folder, postgres)
        place = Place(folder, sandbox, mpm, engine, database, settings,
                      migrate=beside is None, **more)
        made.append(place)
        return place
    yield make
    for place in made:
        place.httpd.stop()
        shutil.rmtree(place.folder, ignore_errors=True)


@pytest.fixture(params=["sqlite3", "pgsql"])
def place(request, make_place):
    """A place without httpd running, of each engine."""
    return make_place(engine=request.param, settings=QUICK)
