# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Databases for the tests: a PostgreSQL cluster of our own, SQLite files."""

import contextlib
import os
import pathlib
import pwd
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import time

from . import httpd as servers

PG_BIN = pathlib.Path("/usr/lib/postgresql/15/bin")


def _as_postgres():
    """initdb refuses root: run as postgres then."""
    if os.geteuid() != 0:
        return {}
    user = pwd.getpwnam("postgres")
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


class Postgres:
    """A cluster in a folder of its own; stop, start, kill by pid."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="graphtok-pg-", dir="/var/tmp"))
        if os.geteuid() == 0:
            user = pwd.getpwnam("postgres")
            os.chown(self.folder, user.pw_uid, user.pw_gid)
        os.chmod(self.folder, 0o755)
        self.port = servers.free_port()
        self.process = None
        self._run("initdb", "-D", self.folder / "data", "-U", "graphtok", "-A", "trust",
                  "-E", "UTF8", "--no-sync")
        with open(self.folder / "data/postgresql.conf", "a", encoding="utf-8") as conf:
            conf.write(f"port = {self.port}\nlisten_addresses = '127.0.0.1'\nfsync = off\n"
                       f"unix_socket_directories = '{self.folder}'\nmax_connections = 200\n")

    def _run(self, program, *arguments):
        subprocess.run([PG_BIN / program, *arguments], check=True, capture_output=True, cwd="/",
                       **_as_postgres())

    def start(self):
        """Start and wait until it takes connections."""
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(
                [PG_BIN / "postgres", "-D", self.folder / "data"], stdout=log, stderr=log, cwd="/",
                **_as_postgres())
        end = time.monotonic() + 60
        while subprocess.run([PG_BIN / "pg_isready", "-h", "127.0.0.1", "-p", str(self.port)],
                             capture_output=True, check=False).returncode:
            if time.monotonic() > end or self.process.poll() is not None:
                raise RuntimeError((self.folder / "log").read_text())
            time.sleep(0.05)
        return self

    def stop(self, how=signal.SIGINT):
        """Stop: SIGINT is fast, SIGQUIT at once."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(how)
            self.process.wait(60)
        self.process = None

    def sql(self, text, name="postgres"):
        """Run SQL; rows as lists of texts."""
        done = subprocess.run(
            [PG_BIN / "psql", "-h", "127.0.0.1", "-p", str(self.port), "-U", "graphtok", "-d", name,
             "-AtqX", "-F", "\x1f", "-v", "ON_ERROR_STOP=1", "-c", text],
            capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(done.stderr)
        return [line.split("\x1f") for line in done.stdout.splitlines()]

    @contextlib.contextmanager
    def session(self, name):
        """A connection that keeps its transaction, to be told what to `say`."""
        with subprocess.Popen(
                [PG_BIN / "psql", "-h", "127.0.0.1", "-p", str(self.port), "-U", "graphtok", "-d",
                 name, "-Atq", "-v", "ON_ERROR_STOP=1"], stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, text=True) as process:
            def say(text):
                process.stdin.write(f"{text}; \\echo said\n")
                process.stdin.flush()
                assert process.stdout.readline() == "said\n"
            yield say
            process.stdin.close()

    def params(self, name):
        """DBDParams for a database."""
        return (f"host=127.0.0.1 port={self.port} user=graphtok dbname={name} connect_timeout=2 "
                "tcp_user_timeout=5000 keepalives_idle=30 keepalives_interval=5 keepalives_count=3 "
                "options='-c lock_timeout=30000'")

    def remove(self):
        """Stop and leave no file."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


class Database:
    """One empty database for one httpd, of either engine."""

    def __init__(self, engine, folder, postgres=None):
        self.engine = engine
        self.postgres = postgres
        if engine == "pgsql":
            self.name = "t" + pathlib.Path(folder).name.replace("-", "_").lower()[-40:]
            postgres.sql(f'DROP DATABASE IF EXISTS "{self.name}"')
            postgres.sql(f'CREATE DATABASE "{self.name}"')
            self.driver, self.params = "pgsql", postgres.params(self.name)
        else:
            self.folder = pathlib.Path(folder) / "db"
            self.folder.mkdir()
            os.chmod(self.folder, 0o700)
            self.driver, self.params = "sqlite3", str(self.folder / "tokens.db")
            servers.own(self.folder)

    def hand_over(self):
        """The files belong to httpd's children (graphtokctl ran as another user)."""
        if self.engine == "sqlite3":
            for path in self.folder.iterdir():
                servers.own(path)

    @property
    def conf(self):
        """The directives."""
        return f'DBDriver {self.driver}\nDBDParams "{self.params}"\nDBDMin 0\n'

    def sql(self, text):
        """Run SQL; rows as lists of texts."""
        if self.engine == "pgsql":
            return self.postgres.sql(text, self.name)
        with sqlite3.connect(self.params, timeout=10) as db:
            return [["" if value is None else str(value) for value in row]
                    for row in db.execute(text).fetchall()]

    def dump(self):
        """All that is stored, for secrets to be looked for."""
        if self.engine == "pgsql":
            return subprocess.run(
                [PG_BIN / "pg_dump", "-h", "127.0.0.1", "-p", str(self.postgres.port), "-U",
                 "graphtok", self.name], capture_output=True, check=True).stdout
        return b"".join(path.read_bytes() for path in self.folder.iterdir())
