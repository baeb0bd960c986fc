# Licensed under the Apache License, Version 2.0; see LICENSE.
"""graphtokctl keys: the file and its rules, rows per key, re-encryption that may be killed."""

import fcntl
import json
import os
import re
import stat
import subprocess

import pytest
from cryptography.fernet import Fernet

from support import httpd as servers

OK, USAGE, DATAERR, NOINPUT, TEMPFAIL = 0, 64, 65, 66, 75
ROWS = 300


@pytest.fixture
def filled(machine, database):
    """Tables with rows as S0 wrote them; their key is in the keyring, behind the writing one."""
    key = Fernet.generate_key().decode()
    ring = machine.frame.keyring
    ring.write_text("# our keys\n\nnew any " + Fernet.generate_key().decode()
                    + "\n# from the application\ns0 any " + key + "\n")
    settle(ring)
    assert machine.ctl("migrate").returncode == OK
    sealed = Fernet(key).encrypt(b"row-token").decode()
    for table, column, user in (("user_tokens", "user_id", "'u' || i"),
                                ("beta_tokens", "teacher_id", "i")):
        fill(database, table, column, user, sealed)
    return key


def fill(database, table, column, user, sealed):
    """ROWS rows with this value."""
    numbers = {"pgsql": f"generate_series(1, {ROWS}) AS n(i)", "sqlite3": "n"}[database.engine]
    before = "" if database.engine == "pgsql" else \
        f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS}) "
    number = {"pgsql": "gen_random_uuid()", "sqlite3": "lower(hex(randomblob(16)))"}
    database.sql(f"INSERT INTO {table} (id, {column}, encrypted_access_token, "
                 f"encrypted_refresh_token, expires_at) {before}SELECT {number[database.engine]}, "
                 f"{user}, '{sealed}', '{sealed}', '2037-01-01 00:00:00.000000' FROM {numbers}")


def settle(path):
    """A keyring that servers have seen: no command waits for them."""
    os.utime(path, (1, 1))


def listed(machine):
    """keys list, with the rows by key."""
    done = machine.ctl("--json", "keys", "list")
    assert done.returncode == OK, done.stderr
    answer = json.loads(done.stdout)
    answer["rows"] = {key["id"]: key["rows"] for key in answer["keys"]}
    return answer


def keys(machine, *arguments, code=OK, tag=""):
    """One action; no key may show."""
    ring = machine.frame.keyring.read_text() if machine.frame.keyring.exists() else ""
    done = machine.ctl("keys", *arguments)
    assert done.returncode == code and tag in done.stderr, done.stdout + done.stderr
    for key in re.findall(r"\S{43}=", ring):
        assert key not in done.stdout + done.stderr
    return done.stdout


def test_a_key_is_added_made_to_write_and_retired(machine, database):
    assert machine.ctl("migrate").returncode == OK
    ring = machine.frame.keyring
    first = "# head\n\n" + ring.read_text()
    ring.write_text(first)
    os.chmod(ring, 0o640)
    before = ring.stat()
    keys(machine, "add", "--id", "next", "--purpose", "access,refresh")
    assert ring.read_text().startswith(first) and "\nnext access,refresh " in ring.read_text()
    after = ring.stat()
    assert (after.st_mode, after.st_uid, after.st_gid) == \
        (before.st_mode, before.st_uid, before.st_gid)
    backup = ring.with_name(ring.name + ".backup")
    assert backup.read_text() == first and stat.S_IMODE(backup.stat().st_mode) == 0o600

    old = first.split()[-3]
    assert [(key["id"], key["writes"]) for key in listed(machine)["keys"]] == \
        [(old, ["access", "refresh", "personal", "cookie"]), ("next", [])]
    keys(machine, "rotate", "next")
    assert re.fullmatch(r"# head\n\n# next writes since \S+Z\nnext access,refresh \S+\n"
                        + re.escape(first.removeprefix("# head\n\n")), ring.read_text())
    shown = listed(machine)["keys"]
    assert [(key["id"], key["writes"]) for key in shown] == \
        [("next", ["access", "refresh"]), (old, ["personal", "cookie"])]
    assert shown[0]["since"].endswith("Z") and shown[1]["since"] is None

    keys(machine, "retire", old, code=DATAERR, tag="GT0967")
    keys(machine, "rotate", "--id", "third")
    keys(machine, "retire", old)
    keys(machine, "retire", "next")
    assert re.fullmatch(r"# head\n\n# third writes since \S+\nthird any \S+\n", ring.read_text())
    keys(machine, "retire", "third", "--force", code=DATAERR, tag="GT0967")
    keys(machine, "retire", "nobody", code=NOINPUT, tag="GT0215")


@pytest.mark.parametrize("arguments,code,tag", [
    (["add", "--id", "a b"], DATAERR, "GT0217"), (["add", "--purpose", "all"], DATAERR, "GT0217"),
    (["add", "x"], USAGE, "GT0966"), (["retire"], USAGE, "GT0966"), (["burn"], USAGE, "GT0966"),
    (["add", "--from", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="], USAGE, "GT0965"),
    (["add", "--from", "env:NOT_THERE"], 70, "GT0109"),
    (["rotate", "nobody"], NOINPUT, "GT0215"), (["rotate", "x", "--id", "y"], USAGE, "GT0966"),
    (["rotate", "--keyring", "/no/such/file"], NOINPUT, "GT0960"),
    (["list", "a", "b"], USAGE, "one word too many"), (["reencrypt", "--rate", "0"], USAGE, "--rate")])
def test_what_is_refused_changes_nothing(machine, database, arguments, code, tag):
    before = machine.frame.keyring.read_text()
    keys(machine, *arguments, code=code, tag=tag)
    assert machine.frame.keyring.read_text() == before
    assert not list(machine.frame.folder.glob("keyring?*"))


def test_an_id_stands_once(machine, database):
    keys(machine, "add", "--id", "twice")
    before = machine.frame.keyring.read_text()
    keys(machine, "add", "--id", "twice", code=70, tag="GT0202")
    assert machine.frame.keyring.read_text() == before


def test_two_writers_are_kept_apart(machine, database):
    before = machine.frame.keyring.read_text()
    with open(machine.frame.keyring, encoding="ascii") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        keys(machine, "add", code=TEMPFAIL, tag="GT0961")
    assert machine.frame.keyring.read_text() == before
    keys(machine, "add")


def test_a_file_that_others_can_read_is_no_keyring(machine, database):
    os.chmod(machine.frame.keyring, 0o644)
    for action in ("list", "add", "rotate", "reencrypt"):
        keys(machine, action, code=DATAERR, tag="has mode 0644")
    for action in ("add", "rotate"):
        keys(machine, action, "--keyring", machine.frame.keyring, code=70, tag="GT0108")


def test_a_link_leads_to_the_file_that_is_replaced(machine, database):
    real = machine.frame.folder / "real"
    machine.frame.keyring.rename(real)
    machine.frame.keyring.symlink_to(real)
    keys(machine, "add", "--id", "next")
    assert machine.frame.keyring.is_symlink() and "\nnext any " in real.read_text()


def test_an_existing_key_is_added_from_elsewhere(machine, database):
    given = machine.frame.folder / "given"
    given.write_text("theirs refresh AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n")
    os.chmod(given, 0o600)
    keys(machine, "add", "--from", f"file:{given}")
    assert machine.frame.keyring.read_text().endswith("\n" + given.read_text())


def test_T1_T17_fernet_rows_become_gcm_and_back(machine, database, filled):
    answer = listed(machine)
    assert (answer["fernet_rows"], answer["rows"]) == (2 * ROWS, {"new": 0, "s0": 0})
    keys(machine, "retire", "s0", code=DATAERR, tag=f"GT0968: {2 * ROWS} rows")
    done = machine.ctl("--json", "keys", "reencrypt")
    assert done.returncode == OK, done.stderr
    assert [(store["store"], store["moved"], store["stuck"], store["done"])
            for store in json.loads(done.stdout)["stores"]] == \
        [("main", ROWS, 0, True), ("beta", ROWS, 0, True)]
    answer = listed(machine)
    assert (answer["fernet_rows"], answer["rows"]) == (0, {"new": 2 * ROWS, "s0": 0})
    keys(machine, "retire", "s0")
    assert "main: 0 rows sealed anew" in keys(machine, "reencrypt")

    keys(machine, "rotate", "--id", "newer")
    settle(machine.frame.keyring)
    keys(machine, "reencrypt")
    keys(machine, "retire", "new")
    machine.configure(database.conf, "<GraphTokStore main>\nGraphTokCipher fernet\n</GraphTokStore>")
    keys(machine, "reencrypt")
    key = re.search(r"newer any (\S+)", machine.frame.keyring.read_text())[1]
    rows = database.sql("SELECT encrypted_access_token, encrypted_refresh_token FROM user_tokens")
    assert len(rows) == ROWS and len({row[0] for row in rows}) == ROWS
    for value in rows[0] + rows[-1]:
        assert Fernet(key).decrypt(value.encode()) == b"row-token"


def test_copies_of_mail_need_their_key(machine, database):
    """As an application could seal them: Fernet, whose key is behind the writing one."""
    key = Fernet.generate_key().decode()
    machine.frame.keyring.write_text(f"new any {Fernet.generate_key().decode()}\ns0 any {key}\n")
    settle(machine.frame.keyring)
    machine.configure(database.conf, "<GraphTokStore main>\nGraphTokMailSync on\n</GraphTokStore>")
    assert machine.ctl("migrate").returncode == OK
    database.sql("INSERT INTO mail_accounts (user_id, provider, email_address, created_at, "
                 "updated_at) VALUES ('ada', 'microsoft', 'ada@contoso.com', 1, 1)")
    sealed = Fernet(key).encrypt(b"a text").decode()
    for uid, is_sealed, text in ((1, 1, sealed), (2, 1, sealed), (3, 0, "in clear")):
        database.sql("INSERT INTO mail_messages (account_id, folder, uidvalidity, uid, is_sealed, "
                     f"subject, text) VALUES (1, 'INBOX', 7, {uid}, {is_sealed}, '{text}', '{text}')")

    answer = listed(machine)
    assert (answer["fernet_rows"], answer["unsealed_rows"]) == (2, 0)
    keys(machine, "retire", "s0", code=DATAERR, tag="GT0968: 2 rows")
    assert "main: 2 rows sealed anew" in keys(machine, "reencrypt")
    assert listed(machine)["rows"] == {"new": 2, "s0": 0}
    keys(machine, "retire", "s0")
    keys(machine, "rotate", "--id", "newer")
    settle(machine.frame.keyring)
    keys(machine, "retire", "new", code=DATAERR, tag="GT0968: 2 rows")
    keys(machine, "reencrypt")
    keys(machine, "retire", "new")
    assert listed(machine)["rows"] == {"newer": 2}
    beginnings = database.sql("SELECT substr(subject, 1, 10), substr(text, 1, 10) FROM "
                              "mail_messages ORDER BY uid")
    assert [tuple(row) for row in beginnings] == \
        2 * [("gt2.newer.", "gt2.newer.")] + [("in clear", "in clear")]


def test_rows_can_be_lost_only_by_force(machine, database, filled):
    keys(machine, "reencrypt")
    keys(machine, "rotate", "--id", "newer")
    keys(machine, "retire", "new", code=DATAERR, tag=f"GT0968: {2 * ROWS} rows")
    keys(machine, "retire", "new", "--force", tag=f"{2 * ROWS} rows cannot be opened any more")
    answer = listed(machine)
    assert answer["missing"] == [{"id": "new", "rows": 2 * ROWS}]
    settle(machine.frame.keyring)
    keys(machine, "reencrypt", "--store", "main", code=DATAERR, tag=f"GT0970: store main: {ROWS}")


def test_reencryption_may_be_killed_at_any_time(machine, database, filled):
    command = [servers.build_folder() / "graphtokctl", "--httpd",
               " ".join(machine.frame.httpd.command()), "keys", "reencrypt", "--rate", "200"]
    for least in (60, 160):
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as killed:
            servers.Httpd.wait_until(lambda: listed(machine)["rows"]["new"] >= least, 30)
            killed.kill()
            assert killed.wait() == -9
    moved = listed(machine)["rows"]["new"]
    assert least <= moved < 2 * ROWS
    keys(machine, "reencrypt")
    answer = listed(machine)
    assert (answer["fernet_rows"], answer["rows"]["new"]) == (0, 2 * ROWS)


def test_rotation_and_reencryption_in_one_go(machine, database, filled):
    done = machine.ctl("--json", "keys", "rotate", "--id", "newer", "--reencrypt")
    assert done.returncode == OK and "servers have it in a few seconds" in done.stderr
    assert [store["moved"] for store in json.loads(done.stdout)["stores"]] == [ROWS, ROWS]
    assert listed(machine)["rows"] == {"newer": 2 * ROWS, "new": 0, "s0": 0}


def test_T4_a_derived_key_can_be_kept(machine, database):
    assert machine.ctl("migrate").returncode == OK
    line = f"GraphTokKeyring file:{machine.frame.keyring}\n"
    conf = machine.frame.httpd.conf
    conf.write_text(conf.read_text().replace(line, ""))
    derived = listed(machine)["keys"]
    assert [key["id"][:8] for key in derived] == ["derived-"]
    keys(machine, "rotate", code=DATAERR, tag="GT0963")
    machine.frame.keyring.unlink()
    keys(machine, "add", "--derived", "--keyring", machine.frame.keyring)
    assert stat.S_IMODE(machine.frame.keyring.stat().st_mode) == 0o600
    conf.write_text(conf.read_text() + line)
    kept = listed(machine)["keys"]
    assert [(key["id"], key["fingerprint"]) for key in kept] == \
        [(key["id"], key["fingerprint"]) for key in derived]


def test_a_keyring_elsewhere_is_changed_there(machine, database):
    conf = machine.frame.httpd.conf
    conf.write_text(conf.read_text().replace(f"file:{machine.frame.keyring}", "env:RING"))
    machine.frame.httpd.environment = {"RING": "x"}
    key = machine.run("genkey").stdout
    done = machine.ctl("keys", "rotate", environment={"RING": key})
    assert done.returncode == DATAERR and "GT0964" in done.stderr and "env:RING" in done.stderr
