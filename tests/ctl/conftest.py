# Licensed under the Apache License, Version 2.0; see LICENSE.
"""graphtokctl beside a configured httpd that need not run."""

import os
import pathlib
import subprocess
import sys
import tempfile

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from support import httpd as servers  # noqa: E402
from support.database import Database, Postgres  # noqa: E402
from support.frame import PASSWORD, SECRET, Frame  # noqa: E402


class Machine:
    """A frame, perhaps with a database, and graphtokctl for it."""

    def __init__(self, folder):
        self.frame = Frame(folder)
        self.frame.keyring.write_text(self.run("genkey").stdout)

    @staticmethod
    def run(*arguments, environment=None, **more):
        """graphtokctl as it is; no secret may be in what it prints."""
        more = {"capture_output": True, "stdin": subprocess.DEVNULL, **more}
        if "input" in more:
            del more["stdin"]
        done = subprocess.run([servers.build_folder() / "graphtokctl", *arguments], text=True,
                              timeout=60, check=False, env={**os.environ, **(environment or {})},
                              **more)
        for secret in (PASSWORD, SECRET):
            assert secret not in (done.stdout or "") + (done.stderr or "")
        return done

    def configure(self, database, text=""):
        """Write httpd.conf: `database` is its directives."""
        self.frame.httpd.write("\n".join([
            database, f"GraphTokKeyring file:{self.frame.keyring}", self.frame.provider(), text]))
        return self

    def ctl(self, *arguments, **more):
        """graphtokctl, asking this httpd."""
        return self.run("--httpd", " ".join(self.frame.httpd.command()), *arguments, **more)


@pytest.fixture(scope="session")
def postgres():
    """One PostgreSQL cluster; the role `locked` needs its password."""
    cluster = Postgres()
    hba = cluster.folder / "data/pg_hba.conf"
    hba.write_text("host all locked 127.0.0.1/32 scram-sha-256\n" + hba.read_text())
    cluster.start()
    cluster.sql(f"CREATE ROLE locked LOGIN SUPERUSER PASSWORD '{PASSWORD}'")
    yield cluster
    cluster.remove()


@pytest.fixture
def machine():
    """A machine in a folder of its own."""
    made = Machine(tempfile.mkdtemp(prefix="graphtok-ctl-", dir="/var/tmp"))
    yield made
    made.frame.httpd.remove()


@pytest.fixture(params=["sqlite3", "pgsql"])
def database(request, machine):
    """An empty database of each engine, configured."""
    cluster = request.getfixturevalue("postgres") if request.param == "pgsql" else None
    made = Database(request.param, machine.frame.folder, cluster)
    machine.configure(made.conf, "<GraphTokStore beta>\nGraphTokTable beta_tokens\n"
                                 "GraphTokUserColumn teacher_id integer\n</GraphTokStore>")
    return made
