# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Grants with real refresh tokens of the sandbox, as old and as used as a test wants them, for httpd's
background work and for graphtokctl's verbs. The sandbox ends a family whose token comes twice."""

import os
import pathlib
import shutil
import sys
import tempfile
import uuid

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "sandbox"))

from support.database import Database, Postgres  # noqa: E402
from support.place import QUICK, Place  # noqa: E402
from support.provider import Provider  # noqa: E402


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
