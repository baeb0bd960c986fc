# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Other roads to the database: PgBouncer in transaction mode, a standby that is promoted."""

import os
import pathlib
import shutil
import signal
import socket
import subprocess

from conftest import Fire, Node, basic, herd, until
from support import httpd as servers
from support.browser import Browser
from support.database import Database, Postgres, _as_postgres


class Bouncer:
    """PgBouncer in front of a cluster: a statement's connection is whichever is free."""

    def __init__(self, folder, postgres):
        self.port = servers.free_port()
        self.folder = pathlib.Path(folder)
        self.folder.mkdir()
        os.chmod(self.folder, 0o777)
        conf = self.folder / "pgbouncer.ini"
        conf.write_text(f"""[databases]
* = host=127.0.0.1 port={postgres.port} user=graphtok
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {self.port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
max_client_conn = 500
default_pool_size = 10
""")
        self.process = subprocess.Popen(
            ["/usr/sbin/pgbouncer", str(conf)], stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, cwd="/", **_as_postgres())
        until(self._listens, 30)

    def _listens(self):
        assert self.process.poll() is None, "pgbouncer does not start"
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self):
        self.process.terminate()
        self.process.wait(10)


def standby_of(primary):
    """A second cluster that follows the first."""
    standby = Postgres.__new__(Postgres)
    standby.folder = primary.folder.parent / (primary.folder.name + "-standby")
    standby.folder.mkdir()
    if os.geteuid() == 0:
        shutil.chown(standby.folder, "postgres", "postgres")
    standby.port, standby.process = servers.free_port(), None
    standby._run("pg_basebackup", "-h", "127.0.0.1", "-p", str(primary.port), "-U", "graphtok",
                 "-D", standby.folder / "data", "-R", "-X", "stream", "-c", "fast", "--no-sync")
    with open(standby.folder / "data/postgresql.conf", "a", encoding="utf-8") as conf:
        conf.write(f"port = {standby.port}\nunix_socket_directories = '{standby.folder}'\n")
    standby.start()
    return standby


class Through:
    """A database as a node reaches it, other than straight."""

    engine = "pgsql"

    def __init__(self, database, params):
        self.database, self.params = database, params

    @property
    def conf(self):
        return f'DBDriver pgsql\nDBDParams "{self.params}"\nDBDMin 0\n'

    def __getattr__(self, name):
        return getattr(self.database, name)


def fire_of(ground, name, sandbox, postgres, database):
    node = Node(ground / name, sandbox, database)
    node.start()
    return Fire([node, node], sandbox, postgres)


def test_through_pgbouncer(ground, nodes, sandbox, postgres, fire):
    bouncer = Bouncer(ground / "bouncer", postgres)
    params = f"host=127.0.0.1 port={bouncer.port} user=graphtok dbname={fire.database.name}"
    try:
        through = fire_of(ground, "through", sandbox, postgres, Through(fire.database, params))
        try:
            through.sign_in()
            assert herd(through.nodes, 200) == {200: 200} and through.refreshes() == 1
            assert Browser().post(through.a.url + "/tom/auth/revoke").status == 200
            assert through.a.status() == 401
        finally:
            through.a.end()
    finally:
        bouncer.stop()


def test_a_promoted_standby_goes_on_without_a_restart(ground, sandbox):
    primary = Postgres().start()
    standby = None
    try:
        database = Database("pgsql", ground / "moving", primary)
        standby = standby_of(primary)
        params = (f"host=127.0.0.1,127.0.0.1 port={primary.port},{standby.port} user=graphtok "
                  f"dbname={database.name} target_session_attrs=read-write connect_timeout=2")
        fire = fire_of(ground, "moving-node", sandbox, primary, Through(database, params))
        try:
            fire.sign_in()
            # Replication is asynchronous here: what is not there yet would be lost with any program.
            until(lambda: standby.sql("SELECT count(*) FROM user_tokens", database.name)
                  == [["1"]], 10)
            fire.a.add(["cached"], ends=3600)
            served = {"headers": {"Authorization": basic("cached")}}
            assert fire.a.status("/any/auth/token", **served) == 200
            pids = fire.a.httpd.children()
            primary.stop(signal.SIGQUIT)
            assert fire.a.status("/any/auth/token", **served) == 200
            standby._run("pg_ctl", "-D", standby.folder / "data", "promote", "-w")
            database.postgres = standby
            assert until(lambda: fire.a.status() == 200, 30) < 10
            assert herd(fire.nodes, 64) == {200: 64} and fire.refreshes() == 1
            assert fire.row("status, error_count, lease_until") == ["1", "0", "0"]
            assert fire.a.httpd.children() == pids
        finally:
            fire.a.end()
    finally:
        for cluster in (primary, standby):
            if cluster:
                cluster.remove()
