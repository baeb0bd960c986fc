# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Real httpd, real database, the sandbox. A site is started once for each MPM and engine of a file."""

import os
import pathlib
import shutil
import sys
import tempfile

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "sandbox"))

from support.browser import Browser  # noqa: E402
from support.database import Postgres  # noqa: E402
from support.provider import Provider  # noqa: E402
from support.site import Site  # noqa: E402

ALL = [("event", "sqlite3"), ("event", "pgsql"), ("worker", "pgsql"), ("prefork", "sqlite3")]
ONE = [("event", "sqlite3")]


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
    """The sandbox as new."""
    sandbox_server.reset()
    return sandbox_server


@pytest.fixture(scope="session")
def postgres():
    """One PostgreSQL cluster for all tests."""
    cluster = Postgres().start()
    yield cluster
    cluster.remove()


@pytest.fixture(scope="session")
def make_site(ground, sandbox_server, request):
    """Make sites; each is stopped and held against all secrets at the end of its user."""
    count = [0]

    def make(mpm="event", engine="sqlite3", **more):
        count[0] += 1
        postgres = request.getfixturevalue("postgres") if engine == "pgsql" else None
        return Site(ground / f"{count[0]:02}-{mpm}-{engine}", sandbox_server, mpm, engine,
                    postgres, **more)
    return make


@pytest.fixture(scope="module")
def site(request, make_site):
    """The standard site of a test file; which, says its parameter."""
    mpm, engine = getattr(request, "param", ONE[0])
    made = make_site(mpm, engine)
    made.start()
    yield made
    made.end()


@pytest.fixture
def browser(sandbox):
    """A fresh browser that trusts the sandbox."""
    return Browser(sandbox.ca)


def pytest_generate_tests(metafunc):
    """Files that say EVERYWHERE = True run for each MPM and engine, or for those of WHERE."""
    if "site" in metafunc.fixturenames:
        where = ALL if getattr(metafunc.module, "EVERYWHERE", False) else ONE
        where = getattr(metafunc.module, "WHERE", where)
        metafunc.parametrize("site", where, indirect=True, scope="module",
                             ids=["-".join(row) for row in where])
