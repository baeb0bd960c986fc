# Licensed under the Apache License, Version 2.0; see LICENSE.
"""graphtokctl: keys, migrations, status, where its configuration and password come from."""

import json
import os
import re
import stat

import pytest
from cryptography.fernet import Fernet

from support import httpd as servers
from support.frame import PASSWORD

OK, USAGE, DATAERR, NOINPUT, CANTCREAT, IOERR, TEMPFAIL, NOPERM = 0, 64, 65, 66, 73, 74, 75, 77


def columns(database, table):
    """The names of a table's columns; empty when there is no such table."""
    if database.engine == "pgsql":
        rows = database.sql("SELECT column_name FROM information_schema.columns "
                            f"WHERE table_name = '{table}'")
    else:
        rows = database.sql(f"SELECT name FROM pragma_table_info('{table}')")
    return {row[0] for row in rows}


def test_O3_genkey_makes_keys_that_python_takes(machine):
    line = machine.run("genkey").stdout
    key = line.split()[-1]
    assert line.split()[1] == "any" and line.endswith("\n") and line.count("\n") == 1
    assert Fernet(key).decrypt(Fernet(key).encrypt(b"x")) == b"x"
    assert machine.run("genkey").stdout.split()[-1] != key
    Fernet(machine.run("genkey", "--fernet").stdout.strip())
    Fernet(json.loads(machine.run("genkey", "--json").stdout)["key"].split()[-1])


def test_genkey_makes_a_file_for_its_owner_alone(machine):
    path = machine.frame.folder / "new"
    done = machine.run("genkey", "--out", path)
    assert (done.returncode, done.stdout) == (OK, "")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    first = path.read_text()
    assert len(first.split()) == 3
    done = machine.run("genkey", "--out", path)
    assert done.returncode == CANTCREAT and path.read_text() == first
    assert "GT0911" in done.stderr and "it is there already and stays as it is" in done.stderr
    done = machine.run("genkey", "--out", machine.frame.folder / "no/such/folder")
    assert done.returncode == CANTCREAT and "its folder is not there" in done.stderr


def test_a_key_from_genkey_passes_httpd(machine):
    assert not machine.frame.check(auth()).warnings


def auth():
    """A mount."""
    return '<Location "/auth">\nSetHandler graphtok-auth\n</Location>'


def test_O3_migrate_up_and_down(machine, database):
    plan = machine.ctl("migrate", "--dry-run")
    assert plan.returncode == OK, plan.stderr
    assert "CREATE TABLE" in plan.stdout and "main: would do step 1 up" in plan.stdout
    assert not columns(database, "user_tokens")

    done = machine.ctl("migrate", "--json")
    assert done.returncode == OK, done.stderr
    newest = json.loads(done.stdout)["stores"][0]["to"]
    assert [store["from"] for store in json.loads(done.stdout)["stores"]] == [0, 0]
    assert {"user_id", "encrypted_refresh_token", "provider"} <= columns(database, "user_tokens")
    assert "teacher_id" in columns(database, "beta_tokens")

    again = machine.ctl("migrate")
    assert f"main: nothing to do, version {newest}" in again.stdout and again.returncode == OK

    refused = machine.ctl("migrate", "--to", "1")
    assert refused.returncode == USAGE and "say --yes" in refused.stderr
    assert "provider" in columns(database, "user_tokens")

    down = machine.ctl("migrate", "--to", "1", "--yes", "--store", "beta")
    assert down.returncode == OK and "beta: done, step 2 down" in down.stdout
    assert "provider" not in columns(database, "beta_tokens")
    assert "provider" in columns(database, "user_tokens")

    plan = machine.ctl("migrate", "--to", "0", "--dry-run").stdout.partition("where no other")[2]
    for table in ("graphtok_ids", "graphtok_schema"):
        assert re.search(rf"DROP TABLE \S*{table};", plan), plan
    steps = json.loads(machine.ctl("--json", "migrate", "--to", "0", "-n").stdout)["stores"][0]["steps"]
    assert [step["number"] for step in steps if "sql_of_last_store" in step] == [1]
    gone = machine.ctl("migrate", "--to", "0", "--yes")
    assert gone.returncode == OK, gone.stderr
    assert not columns(database, "user_tokens") and not columns(database, "beta_tokens")


def test_migrate_refuses_what_is_not_there(machine, database):
    for arguments, code, text in [
            (("--store", "gamma"), NOINPUT, "there is no store gamma"),
            (("--to", "99"), USAGE, "--to 99: it must be 0 to"),
            (("--to", "-1"), USAGE, "it must be 0 to"),
            (("--backwards",), USAGE, "backwards"),
            (("extra",), USAGE, "Too many arguments")]:
        done = machine.ctl("migrate", *arguments)
        assert (done.returncode, done.stdout) == (code, ""), arguments
        assert text in done.stderr
    assert not columns(database, "user_tokens")


def test_O3_status_shows_versions_and_counts(machine, database):
    early = machine.ctl("status")
    assert early.returncode == DATAERR and "graphtokctl migrate" in early.stderr
    machine.ctl("migrate")
    done = machine.ctl("status", "--json")
    assert done.returncode == OK, done.stderr
    answer = json.loads(done.stdout)
    assert answer["database"]["up"] is True
    assert answer["providers"][0]["name"] == "microsoft"
    assert [store["store"] for store in answer["stores"]] == ["main", "beta"]
    for store in answer["stores"]:
        assert store["version"] == store["newest"] and store["counts"]["total"] == 0
    text = machine.ctl("status").stdout
    assert f"database {database.engine}: up" in text and "store main, table user_tokens" in text

    machine.ctl("migrate", "--to", "1", "--yes", "--store", "beta")
    half = machine.ctl("status", "--json")
    assert half.returncode == DATAERR
    stores = json.loads(half.stdout)["stores"]
    assert "counts" in stores[0] and "counts" not in stores[1] and stores[1]["version"] == 1


def test_a_database_that_is_away_is_a_temporary_failure(machine):
    machine.configure("DBDriver pgsql\nDBDParams \"host=127.0.0.1 port=1 dbname=x "
                      f"password={PASSWORD}\"")
    for verb in ("status", "migrate"):
        done = machine.ctl(verb)
        assert done.returncode == TEMPFAIL
        assert "GT0401" in done.stderr
    assert json.loads(machine.ctl("status", "-j").stdout)["database"]["up"] is False


LINES = [
    'DBDParams "{0}"',
    "   dbdparams   '{0}'   ",
    'DBDParams \\\n  "{0}"',
    'DBDParams "host=127.0.0.1 \\\n{1}"',
    "DBDParams postgresql://locked:${{DB_PASSWORD}}@127.0.0.1:{port}/postgres",
]


@pytest.mark.parametrize("line", LINES)
def test_the_password_is_read_where_it_stands(machine, postgres, line):
    """With a wrong password the server of these tests refuses the role."""
    rest = f"port={postgres.port} user=locked dbname=postgres password={PASSWORD}"
    text = line.format(f"host=127.0.0.1 {rest}", rest, port=postgres.port)
    environment = {"DB_PASSWORD": PASSWORD}
    machine.frame.httpd.environment = environment
    (machine.frame.folder / "db.conf").write_text(f"# a comment\n\n{text}\n")
    machine.configure("DBDriver pgsql\nInclude db.conf")
    done = machine.ctl("migrate", "--dry-run", environment=environment)
    assert done.returncode == OK, done.stderr
    assert "CREATE TABLE" in done.stdout


def test_a_password_that_cannot_be_found_is_explained(machine, postgres):
    line = ("DBDriver pgsql\nDBDParams \"host=127.0.0.1 user=locked dbname=postgres "
            f"port={postgres.port} password={PASSWORD}\"")
    machine.configure(line)
    dump = machine.frame.folder / "dump.json"
    _, out, _ = machine.frame.httpd.check("-D", "DUMP_GRAPHTOK")
    dump.write_text(out)
    assert machine.run("--config", dump, "migrate", "-n").returncode == OK

    machine.frame.httpd.write("# the file has changed")
    done = machine.run("--config", dump, "migrate", "-n")
    assert done.returncode == DATAERR and "GT0909" in done.stderr and "pgpass" in done.stderr

    machine.configure(line.replace("postgres ", "another "))
    done = machine.run("--config", dump, "migrate", "-n")
    assert done.returncode == DATAERR and "GT0909" in done.stderr

    machine.frame.httpd.conf.unlink()
    done = machine.run("--config", dump, "status")
    assert done.returncode == NOINPUT and "GT0908" in done.stderr and "pgpass" in done.stderr


def test_a_variable_that_only_httpd_knows_is_explained(machine):
    machine.configure("DBDriver pgsql\nDefine PW hidden\n"
                      'DBDParams "host=127.0.0.1 port=1 password=${PW} dbname=${NAME}"')
    machine.frame.httpd.environment = {"NAME": "tokens"}
    dump = machine.frame.folder / "dump.json"
    dump.write_text(machine.frame.httpd.check("-D", "DUMP_GRAPHTOK")[1])
    done = machine.run("-c", dump, "status")
    assert done.returncode == DATAERR and "GT0909" in done.stderr and "hidden" not in done.stderr


def test_the_configuration_may_come_from_a_dump(machine, database):
    _, out, _ = machine.frame.httpd.check("-D", "DUMP_GRAPHTOK")
    done = machine.run("--config", "-", "migrate", "--dry-run", input=out)
    assert done.returncode == OK and "would do step 1" in done.stdout
    inner = json.dumps(json.loads(out)["config"])
    assert machine.run("-c", "-", "migrate", "-n", input=inner).returncode == OK


@pytest.mark.parametrize("text,message", [
    ("", "not valid JSON"), ("[]", "it must be"), ('{"config": 1}', "it must be an object"),
    ('{"config": {"providers": []}}', "stores: it must be a list"),
    ('{"config": {"surprise": 1}}', "surprise: no such member")])
def test_a_broken_dump_is_refused(machine, text, message):
    done = machine.run("-c", "-", "status", input=text)
    assert (done.returncode, done.stdout) == (DATAERR, "")
    assert "configuration from -" in done.stderr and message in done.stderr


def test_what_can_be_wrong_with_httpd_is_told(machine):
    for command, code, text in [
            ("/no/such/httpd", NOINPUT, "/no/such/httpd cannot be run"),
            ("'", DATAERR, "GT090"),
            ("false", DATAERR, "says the configuration is wrong"),
            ("true", DATAERR, "is mod_graphtok loaded there?"),
            ("echo hello", DATAERR, "not valid JSON")]:
        done = machine.run("--httpd", command, "status")
        assert (done.returncode, done.stdout) == (code, ""), command
        assert text in done.stderr
    machine.configure("", "GraphTokLease never")
    done = machine.ctl("status")
    assert done.returncode == DATAERR and "'never' is not a span" in done.stderr
    done = machine.run("-c", machine.frame.folder / "nothing", "status")
    assert done.returncode == NOINPUT
    machine.configure("DBDriver pgsql\nDBDParams dbname=x")
    dump = json.loads(machine.frame.httpd.check("-D", "DUMP_GRAPHTOK")[1])
    dump["config"].update(db_driver=None)
    done = machine.run("-c", "-", "status", input=json.dumps(dump))
    assert done.returncode == DATAERR and "there is no database" in done.stderr


def test_usage(machine):
    for arguments in ((), ("dance",), ("--wrong",), ("status", "--to", "1"), ("genkey", "x")):
        done = machine.run(*arguments)
        assert (done.returncode, done.stdout) == (USAGE, ""), arguments
        assert "--help" in done.stderr
    done = machine.run("--version")
    assert done.returncode == OK and done.stdout.startswith("graphtokctl ")
    listed = machine.run("--help").stdout
    manual = (servers.pathlib.Path(__file__).resolve().parents[2]
              / "docs/graphtokctl.1").read_text().replace("\\-", "-")
    for verb in ("check", "genkey", "migrate", "status"):
        assert f"  {verb} " in listed
        one = machine.run(verb, "--help")
        assert one.returncode == OK and "--json" in one.stdout
        for option in ("--out", "--fernet", "--to", "--store", "--dry-run", "--yes"):
            assert option in manual and (option in one.stdout) <= (option in manual)


def test_a_full_disk_is_a_failure(machine):
    with open("/dev/full", "w", encoding="ascii") as full:
        done = machine.run("genkey", capture_output=False, stdout=full)
    assert done.returncode == IOERR


def test_progress_is_for_terminals_only(machine, database):
    controller, terminal = os.openpty()
    done = machine.ctl("migrate", capture_output=False, stdout=-1, stderr=terminal)
    os.close(terminal)
    shown = b""
    try:
        while chunk := os.read(controller, 4096):
            shown += chunk
    except OSError:
        pass
    os.close(controller)
    assert done.returncode == OK and b"main: step 1 of" in shown
    machine.ctl("migrate", "--to", "0", "--yes")
    assert "step 1 of" not in machine.ctl("migrate").stderr
