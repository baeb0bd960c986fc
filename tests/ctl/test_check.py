# Licensed under the Apache License, Version 2.0; see LICENSE.
"""graphtokctl check and status: what is wrong is told in the words of what refuses it, with the tag
and the exit code of its cause."""

import json
import os
import pathlib
import shutil
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "sandbox"))

from support.database import Database  # noqa: E402
from support.frame import PASSWORD  # noqa: E402
from support.provider import Provider  # noqa: E402

OK, DATAERR, NOINPUT, SOFTWARE, TEMPFAIL, NOPERM, CONFIG = 0, 65, 66, 70, 75, 77, 78
AUTH = '<Location "/auth">\nSetHandler graphtok-auth\n</Location>'
REFUSED = [  # what is wrong, tag, exit code, libpq's or the server's words
    ("user=nobody dbname=postgres", "GT0486", NOPERM, 'role "nobody" does not exist'),
    ("user=locked dbname=postgres password=wrong", "GT0486", NOPERM,
     'password authentication failed for user "locked"'),
    ("user=graphtok dbname=nothing", "GT0486", NOINPUT, 'database "nothing" does not exist'),
    ("user=graphtok dbname=postgres host=/nowhere", "GT0401", TEMPFAIL, "/nowhere"),
    ("user=graphtok dbname=postgres port=1", "GT0401", TEMPFAIL, "port 1 failed: Connection refused"),
    (f"user=graphtok dbname=postgres password=x {PASSWORD}", "GT0487", DATAERR, "single quotes"),
]


def told(done):
    """The steps of check --json by what they are about."""
    return {step["what"]: step for step in json.loads(done.stdout)["steps"]}


@pytest.mark.parametrize("params,tag,code,words", REFUSED)
def test_a_refused_connection_is_told_in_the_servers_words(machine, postgres, params, tag, code,
                                                           words):
    machine.configure(f'DBDriver pgsql\nDBDParams "host=127.0.0.1 port={postgres.port} {params}"')
    for verb in ("status", "list", "migrate"):
        done = machine.ctl(verb)
        assert done.returncode == code, done.stderr
        assert tag in done.stderr and words in done.stderr
        if tag == "GT0486":
            assert "system's user" in done.stderr
    step = told(machine.ctl("check", "--json"))["database"]
    assert not step["ok"] and step["tag"] == tag and words in step["says"]


def test_too_many_connections_pass(machine, postgres):
    postgres.sql("DROP ROLE IF EXISTS few")
    postgres.sql("CREATE ROLE few LOGIN CONNECTION LIMIT 0")
    machine.configure(f'DBDriver pgsql\nDBDParams "host=127.0.0.1 port={postgres.port} user=few '
                      'dbname=postgres"')
    done = machine.ctl("status")
    assert done.returncode == TEMPFAIL and "too many connections for role" in done.stderr


def test_rights_that_are_missing_can_be_typed(machine, postgres):
    """A role without rights is told the GRANTs, and with them all is well."""
    database = Database("pgsql", machine.frame.folder, postgres)
    machine.configure(database.conf, "<GraphTokStore beta>\nGraphTokTable app.Beta_tokens\n"
                                     "</GraphTokStore>")
    database.sql("CREATE SCHEMA app")
    assert machine.ctl("migrate").returncode == OK
    postgres.sql("DROP ROLE IF EXISTS weak")
    postgres.sql("CREATE ROLE weak LOGIN")
    machine.configure(database.conf.replace("user=graphtok", "user=weak"),
                      "<GraphTokStore beta>\nGraphTokTable app.Beta_tokens\n</GraphTokStore>")
    try:
        for _ in range(6):
            done = machine.ctl("status")
            if done.returncode == OK:
                break
            assert done.returncode == NOPERM, done.stderr
            assert "GT0488" in done.stderr and "graphtokctl migrate" not in done.stderr
            for grant in done.stderr.strip()[done.stderr.index("GRANT"):].split("; "):
                database.sql(grant)
        assert done.returncode == OK, done.stderr
        assert told(machine.ctl("check", "--json"))["store beta"]["ok"]
        assert machine.ctl("list").returncode == OK
        database.sql("REVOKE ALL ON SCHEMA public FROM public")
        done = machine.ctl("status")
        assert done.returncode == NOPERM and "GRANT USAGE ON SCHEMA public TO weak" in done.stderr
        database.sql("GRANT USAGE ON SCHEMA public TO weak")
        database.sql("ALTER ROLE weak SET search_path TO app")
        done = machine.ctl("status")
        assert done.returncode == DATAERR and "GT0489" in done.stderr
        assert "GraphTokTable public.user_tokens" in done.stderr
    finally:
        postgres.sql("DROP OWNED BY weak", database.name)
        postgres.sql("DROP ROLE weak")


def test_another_installations_table_is_no_fault(machine, postgres):
    """Its schema is not in the search path; ours has no table yet."""
    database = Database("pgsql", machine.frame.folder, postgres)
    database.sql("CREATE SCHEMA other; CREATE TABLE other.graphtok_schema (x INTEGER)")
    machine.configure(database.conf)
    done = machine.ctl("status")
    assert done.returncode == DATAERR and "GT0916" in done.stderr and "migrate" in done.stderr


def test_a_sqlite_folder_that_is_missing_or_closed(machine):
    folder = machine.frame.folder / "db"
    machine.configure(f"DBDriver sqlite3\nDBDParams {folder}/tokens.db",
                      "<GraphTokStore main>\nGraphTokMailSync on\n</GraphTokStore>")
    for verb in (["status"], ["account", "list"], ["sync"], ["list"]):
        done = machine.ctl(*verb)
        assert done.returncode == NOINPUT, done.stderr
        assert "GT0485" in done.stderr and f"{folder}: No such file or directory" in done.stderr
    folder.mkdir()
    shutil.chown(folder, "root") if os.geteuid() == 0 else None
    os.chmod(folder, 0o555)
    if os.geteuid() == 0:
        done = as_www_data(machine, "status")
    else:
        done = machine.ctl("status")
    assert done.returncode == NOPERM, done.stderr
    assert "GT0485" in done.stderr and f"{folder}: Permission denied" in done.stderr
    assert not list(folder.iterdir())


def as_www_data(machine, *arguments):
    """graphtokctl as httpd's user, of the configuration that httpd would have."""
    dump = machine.frame.folder / "dump.json"
    dump.write_text(machine.frame.httpd.check("-D", "DUMP_GRAPHTOK")[1])
    return machine.run("--config", dump, *arguments, user="www-data", group="www-data",
                       extra_groups=[])


@pytest.mark.parametrize("verb", ["status", "check"])
def test_secrets_that_cannot_be_read_fail(machine, database, verb):
    """The database and all else may be well."""
    assert machine.ctl("migrate").returncode == OK
    dump = machine.frame.folder / "dump.json"
    dump.write_text(machine.frame.httpd.check("-D", "DUMP_GRAPHTOK")[1])
    assert machine.run("--config", dump, "status").returncode == OK
    for path in (machine.frame.keyring, machine.frame.secret):
        path.rename(path.with_suffix(".away"))
        done = machine.run("--config", dump, verb)
        assert done.returncode == NOINPUT, done.stdout
        assert "GT0104" in done.stdout + done.stderr
        assert f"{path} cannot be read: No such file" in done.stdout + done.stderr
        path.with_suffix(".away").rename(path)


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory):
    """The sandbox of these tests."""
    server = Provider(tmp_path_factory.mktemp("sandbox"))
    yield server
    server.stop()


@pytest.fixture
def complete(machine, sandbox):
    """A machine at which nothing is wrong."""
    machine.database = Database("sqlite3", machine.frame.folder)
    machine.frame.secret.write_text(pathlib.Path(sandbox.client_secret_file).read_text("ascii"))
    machine.set = lambda tenant=sandbox.tenant, client=sandbox.client_id, more="", mount=AUTH: \
        machine.configure(machine.database.conf, f"""
<GraphTokProvider microsoft>
    GraphTokTenant {tenant}
    GraphTokClientID {client}
    GraphTokClientSecret file:{machine.frame.secret}
    GraphTokAuthority {sandbox.authority}
    GraphTokGraphURL {sandbox.graph}
    GraphTokCAFile {sandbox.ca}
</GraphTokProvider>
{more}
{mount}""")
    machine.frame.provider = lambda: ""
    machine.set()
    assert machine.ctl("migrate").returncode == OK
    machine.database.hand_over()
    return machine


def test_check_of_a_good_configuration(complete, sandbox):
    url = "http://localhost:8080"
    sandbox.add_redirect_uri(f"{url}/auth/callback")
    done = complete.ctl("check", "--url", url)
    assert done.returncode == OK, done.stdout + done.stderr
    assert "WRONG" not in done.stdout
    steps = told(complete.ctl("check", "--json", "--url", url))
    assert list(steps) == ["configuration", "keyring", "client secret of microsoft", "database",
                           "store main", "provider microsoft",
                           f"keys of {sandbox.authority.split('//')[1]}", "client of microsoft",
                           "redirect URI"]
    assert steps["redirect URI"]["says"] == f"{url}/auth/callback"
    complete.set(more=f"GraphTokPublicURL {url}")
    assert complete.ctl("check").returncode == OK


def test_check_finds_what_the_provider_refuses(complete, sandbox):
    url = "http://localhost:8080"
    sandbox.add_redirect_uri(f"{url}/auth/callback")
    complete.set(mount=AUTH.replace("/auth", "/other"))
    done = complete.ctl("check", "--url", url)
    assert done.returncode == CONFIG
    assert "WRONG  redirect URI: GT0917" in done.stdout and f"{url}/other/callback" in done.stdout
    complete.set(tenant="nowhere.example")
    done = complete.ctl("check", "--url", url)
    assert done.returncode == CONFIG and "WRONG  provider microsoft: GT0502" in done.stdout
    complete.set()
    complete.frame.secret.write_text("another-secret")
    done = complete.ctl("check", "--url", url)
    assert done.returncode == CONFIG and "WRONG  client of microsoft: " in done.stdout
    done = complete.ctl("check")
    assert "WRONG  redirect URI: GT0918" in done.stdout and "--url" in done.stdout


def test_check_goes_on_after_a_fault(complete, sandbox):
    """Each part is looked at; the first fault is the exit code."""
    (complete.database.folder / "tokens.db").unlink()
    dump = complete.frame.folder / "dump.json"
    dump.write_text(complete.frame.httpd.check("-D", "DUMP_GRAPHTOK")[1])
    complete.frame.keyring.write_text("not a key\n")
    done = complete.run("--config", dump, "check", "--json")
    steps = told(done)
    assert not steps["keyring"]["ok"] and steps["keyring"]["tag"] == "GT0202"
    assert steps["database"]["ok"] and steps["store main"]["tag"] == "GT0916"
    assert steps["provider microsoft"]["ok"] and done.returncode == SOFTWARE
