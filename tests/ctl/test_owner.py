# Licensed under the Apache License, Version 2.0; see LICENSE.
"""graphtokctl run by root works beside httpd's children, who are another user."""

import json
import os
import pathlib
import pwd
import subprocess

import pytest

from support import httpd as servers
from support.database import PG_BIN, Database

OK, NOPERM = 0, 77
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="httpd's children are we ourselves")
AUTH = '<Location "/auth">\nSetHandler graphtok-auth\n</Location>'


def owners(folder):
    """Who owns what lies in a folder."""
    return {path.name: path.owner() for path in pathlib.Path(folder).iterdir()}


@pytest.fixture
def sqlite(machine):
    """A folder of httpd's children, in which nothing lies."""
    machine.database = Database("sqlite3", machine.frame.folder)
    machine.configure(machine.database.conf, AUTH)
    return machine


def test_a_file_that_root_makes_belongs_to_httpd(sqlite):
    folder = sqlite.database.folder
    assert sqlite.ctl("status").returncode == 65
    assert set(owners(folder).values()) <= {"www-data"}
    assert sqlite.ctl("migrate").returncode == OK
    found = owners(folder)
    assert "tokens.db" in found and set(found.values()) == {"www-data"}
    assert (folder / "tokens.db").stat().st_mode & 0o007 == 0
    reader = subprocess.run(["sqlite3", sqlite.database.params], input="BEGIN IMMEDIATE;\nROLLBACK;",
                            text=True, user="www-data", group="www-data", extra_groups=[],
                            check=True)
    assert reader.returncode == 0
    # Beside a server that writes, too: what SQLite makes then is its owner's.
    with subprocess.Popen(["sqlite3", sqlite.database.params], stdin=subprocess.PIPE, text=True,
                          user="www-data", group="www-data", extra_groups=[]) as server:
        for verb in ("list", "cleanup", "status", "check"):
            sqlite.ctl(verb)
        assert set(owners(folder).values()) == {"www-data"}
        server.stdin.close()


def test_the_rights_of_httpd_are_what_counts(sqlite):
    """Root could do all of it, and httpd could do nothing with the outcome."""
    folder = sqlite.database.folder
    os.chown(folder, 0, 0)
    done = sqlite.ctl("migrate")
    assert done.returncode == NOPERM, done.stderr
    assert f"GT0485: the user www-data cannot write {folder}: Permission denied" in done.stderr
    assert not owners(folder)


def test_peer_authentication_sees_httpds_user(machine, postgres):
    hba = postgres.folder / "data/pg_hba.conf"
    before = hba.read_text()
    hba.write_text('local all "www-data" peer\n' + before)
    postgres.sql('CREATE ROLE "www-data" LOGIN')
    postgres.sql('CREATE DATABASE peers OWNER "www-data"')
    try:
        postgres.sql("SELECT pg_reload_conf()")
        machine.configure(f'DBDriver pgsql\nDBDParams "host={postgres.folder} port={postgres.port} '
                          'dbname=peers"')
        done = machine.ctl("migrate")
        assert done.returncode == OK, done.stderr
        assert postgres.sql("SELECT tableowner FROM pg_tables WHERE tablename = 'user_tokens'",
                            "peers") == [["www-data"]]
        assert machine.ctl("check", "--json").stdout.count('"ok": true') >= 4
    finally:
        hba.write_text(before)
        postgres.sql("DROP DATABASE peers")
        postgres.sql('DROP ROLE "www-data"')
        postgres.sql("SELECT pg_reload_conf()")
    assert PG_BIN.exists()


def test_secrets_stay_roots(sqlite):
    """The keyring and the client secret are for root alone; the database is opened all the same."""
    for path in (sqlite.frame.keyring, sqlite.frame.secret):
        os.chown(path, 0, 0)
        os.chmod(path, 0o600)
    assert sqlite.ctl("migrate").returncode == OK
    done = sqlite.ctl("status")
    assert done.returncode == OK, done.stderr
    done = sqlite.ctl("keys", "rotate", "--reencrypt")
    assert done.returncode == OK, done.stderr
    assert sqlite.frame.keyring.owner() == "root"


def test_an_audit_that_root_begins_is_httpds(sqlite):
    """graphtokctl as root came first, then as httpd's user; both write the one file."""
    folder = sqlite.frame.folder / "audit"
    folder.mkdir()
    servers.own(folder)
    audit = folder / "audit.log"
    sqlite.configure(sqlite.database.conf, f"GraphTokAudit {audit}\n{AUTH}")
    assert sqlite.ctl("migrate").returncode == OK
    for round_ in range(2):
        sqlite.database.sql(
            "INSERT INTO user_tokens (user_id, encrypted_access_token, encrypted_refresh_token, "
            f"expires_at) VALUES ('u{round_}', 'x', 'x', '2030-01-01 00:00:00')")
        dump = sqlite.frame.folder / "dump.json"
        dump.write_text(sqlite.frame.httpd.check("-D", "DUMP_GRAPHTOK")[1])
        who = pwd.getpwnam("www-data")
        more = {} if round_ == 0 else {"user": who.pw_uid, "group": who.pw_gid, "extra_groups": []}
        done = sqlite.run("--config", dump, "revoke", f"u{round_}", **more)
        assert done.returncode == OK, done.stderr
        assert "GT0985" not in done.stderr
        assert set(owners(folder).values()) == {"www-data"}
    said = audit.read_text()
    assert "u0" in said and "u1" in said


def test_the_dump_says_who_the_children_are(machine):
    machine.configure("DBDriver pgsql\nDBDParams dbname=x", AUTH)
    config = json.loads(machine.frame.httpd.check("-D", "DUMP_GRAPHTOK")[1])["config"]
    who = pwd.getpwnam("www-data")
    assert (config["httpd_user"], config["httpd_group"]) == (who.pw_uid, who.pw_gid)
