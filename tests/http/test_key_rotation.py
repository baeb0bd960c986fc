# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Missions T3, T4: keys apart, derived, rotated and followed while requests run."""

import base64
import contextlib
import http.client
import json
import os
import random
import re
import subprocess
import threading

import pytest
from cryptography.fernet import Fernet

from support import httpd as servers
from support.browser import Browser
from support.database import PG_BIN

ROWS = 30000
READERS = 2
MOUNTS = """
<Location "/auth">
    SetHandler graphtok-auth
</Location>
<Location "/any">
    GraphTokUser remote-user
    AuthType Basic
    AuthName any
    AuthBasicProvider anon
    Anonymous "*"
    Anonymous_MustGiveEmail Off
    Require valid-user
</Location>
<Location "/any/auth">
    SetHandler graphtok-auth
</Location>
GraphTokLimit off
"""


@pytest.fixture
def small(make_site, sandbox):
    """Make a site for one test."""
    assert sandbox
    made = []

    def make(**more):
        made.append(make_site("event", "sqlite3", mounts=MOUNTS, modules=("authn_anon",), **more))
        return made[-1]
    yield make
    for site in made:
        site.end()


def genkey(site):
    """A key alone."""
    return site.ctl_plain("genkey").split()[-1]


def use_keyring(site, line):
    """Another GraphTokKeyring in the configuration; None: none at all."""
    text = site.httpd.conf.read_text()
    site.httpd.conf.write_text(re.sub(r"(?m)^GraphTokKeyring .*\n", line or "", text))


def start(site):
    """Start, with the callback registered."""
    site.httpd.start()
    site.register("/auth")


def seals(site):
    """The key ids of the row's columns."""
    row = site.database.sql("SELECT encrypted_access_token, encrypted_refresh_token, "
                            "encrypted_id_token FROM user_tokens")[0]
    return [value.split(".")[1] for value in row]


def test_T3_each_purpose_has_its_key(small, browser):
    site = small()
    names = ("access", "refresh", "personal", "cookie")
    site.write_secret("keyring", "".join(f"{name[0]}-1 {name} {genkey(site)}\n" for name in names))
    start(site)
    answer = browser.sign_in(site.url + "/auth/login")
    assert answer.status == 200
    assert seals(site) == ["a-1", "r-1", "p-1"]
    assert any("gt1.c-1." in cookie for cookie in answer.cookies)
    assert browser.get(site.url + "/auth/token").status == 200
    # The cookie's key opens no token, though it has the same form.
    lines = site.secrets.joinpath("keyring").read_text().splitlines()
    site.write_secret("keyring", "\n".join(line.replace("a-1 access", "a-1 cookie")
                                           for line in lines) + f"\na-2 access {genkey(site)}\n")
    site.httpd.stop()
    site.httpd.start()
    assert browser.get(site.url + "/auth/token").status == 500
    site.httpd.log_has("sealed with the key a-1, which the keyring does not have for access")


def test_T4_without_a_keyring_the_client_secret_serves(small, browser, sandbox):
    site = small()
    use_keyring(site, None)
    assert "GT0852: GraphTokKeyring is missing" in site.httpd.check()[2]
    start(site)
    site.httpd.log_has("GT0852: GraphTokKeyring is missing: tokens are sealed with a key derived "
                       "from the client secret of provider microsoft")
    assert site.httpd.log().count("GT0852: GraphTokKeyring") == 1
    assert browser.sign_in(site.url + "/auth/login").status == 200
    assert {seal[:8] for seal in seals(site)} == {"derived-"}
    derived = seals(site)[0]
    site.httpd.stop()
    site.httpd.start()
    assert browser.get(site.url + "/auth/token").status == 200

    # A keyring that keeps the derived key takes over without users noticing.
    path = site.secrets / "kept"
    site.ctl("keys", "add", "--derived", "--keyring", str(path))
    site.ctl("keys", "rotate", "--id", "own", "--keyring", str(path))
    use_keyring(site, None)
    site.httpd.conf.write_text(site.httpd.conf.read_text() + f"GraphTokKeyring file:{path}\n")
    site.httpd.graceful()
    assert browser.get(site.url + "/auth/token").status == 200
    site.ctl("keys", "reencrypt")
    site.ctl("keys", "retire", derived)
    assert seals(site) == ["own"] * 3

    # Without it, a renewed client secret ends every sign-in, and a new one mends it.
    use_keyring(site, None)
    site.write_secret("client-secret", "another-secret-of-the-registration")
    site.httpd.stop()
    site.httpd.start()
    assert Browser(sandbox.ca).get(site.url + "/auth/token").status == 401
    site.write_secret("client-secret",
                      open(sandbox.client_secret_file, encoding="ascii").read())
    site.httpd.stop()
    site.httpd.start()
    assert browser.sign_in(site.url + "/auth/login").status == 200
    assert browser.get(site.url + "/auth/token").status == 200


def test_a_rotated_key_takes_effect_without_a_restart(small, browser):
    site = small()
    start(site)
    assert browser.sign_in(site.url + "/auth/login").status == 200
    old = seals(site)[0]
    pids = site.httpd.children()
    site.ctl("keys", "rotate", "--id", "second")
    # The session goes on, and what is written now has the new key, in each child.
    site.httpd.wait_until(lambda: site.httpd.log().count("keys that write now: access second")
                          >= len(pids), 15)
    assert browser.get(site.url + "/auth/token").status == 200
    assert browser.sign_in(site.url + "/auth/login").status == 200
    assert seals(site) == ["second"] * 3 and old != "second"
    assert browser.get(site.url + "/auth/token").status == 200

    # A broken file is said and not used; a mended one is.
    good = site.secrets.joinpath("keyring").read_text()
    site.write_secret("keyring", "broken\n" + good)
    site.httpd.log_has("GT0163", 15)
    assert browser.sign_in(site.url + "/auth/login").status == 200
    assert seals(site) == ["second"] * 3
    site.write_secret("keyring", f"third any {genkey(site)}\n" + good)
    site.httpd.wait_until(lambda: site.httpd.log().count("keys that write now: access third")
                          >= len(pids), 15)
    assert site.httpd.log().count("GT0163") <= len(pids)
    assert set(pids) <= set(site.httpd.children())


@pytest.mark.skipif(os.geteuid() != 0, reason="a file of root's")
def test_a_keyring_that_children_cannot_read_waits_for_a_restart(small, browser):
    site = small()
    path = site.secrets / "keyring"
    os.chown(path, 0, 0)
    os.chmod(path, 0o600)
    os.utime(path, (1, 1))
    start(site)
    assert browser.sign_in(site.url + "/auth/login").status == 200
    site.ctl("keys", "rotate", "--id", "second")
    assert (path.stat().st_uid, path.stat().st_mode & 0o777) == (0, 0o600)
    site.httpd.log_has("a graceful restart takes the new one", 15)
    assert browser.get(site.url + "/auth/token").status == 200
    site.httpd.graceful()
    assert browser.get(site.url + "/auth/token").status == 200
    assert browser.sign_in(site.url + "/auth/login").status == 200
    assert seals(site) == ["second"] * 3


def test_S1_keys_and_client_secret_from_an_outside_vault(small, browser):
    site = small()
    ring = site.write_secret("ring", f"one any {genkey(site)}\n")
    runs = site.folder / "runs"
    runs.mkdir()
    servers.own(runs)
    for name, path in (("ring", ring), ("secret", site.secrets / "client-secret")):
        script = site.folder / f"vault-{name}"
        script.write_text(f"#!/bin/sh\necho x >> {runs}/$1\nchmod 666 {runs}/$1\nhead -1 {path}\n")
        os.chmod(script, 0o755)
    text = site.httpd.conf.read_text()
    text = re.sub(r"(?m)^GraphTokKeyring .*", f'GraphTokKeyring "exec:{site.folder}/vault-ring r"',
                  text)
    text = re.sub(r"GraphTokClientSecret .*",
                  f'GraphTokClientSecret "exec:{site.folder}/vault-secret s"', text)
    site.httpd.conf.write_text(text)
    start(site)
    assert browser.sign_in(site.url + "/auth/login").status == 200
    assert seals(site) == ["one"] * 3
    for _ in range(5):
        assert browser.sign_in(site.url + "/auth/login").status == 200
    # Each process asks once and keeps the answer; the secret's child asks at the first sign-in.
    most = 2 + len(site.httpd.children())
    assert 1 <= len(runs.joinpath("r").read_text().split()) <= most
    assert 1 <= len(runs.joinpath("s").read_text().split()) <= most


def test_an_outside_vault_that_hangs_stops_nothing(small, browser):
    site = small()
    script = site.folder / "vault-ring"
    script.write_text("#!/bin/sh\nexec sleep 60\n")
    os.chmod(script, 0o755)
    use_keyring(site, f'GraphTokKeyring "exec:{script}"\n')
    site.httpd.start()
    site.httpd.log_has("10 s", 15)
    assert browser.get(site.url + "/auth/token").status in (401, 500, 503)


# ---- many rows ----

class Crowd:
    """Requests for random users' tokens, all the time; each row must open."""

    def __init__(self, site):
        self.wrong, self.done = [], 0
        self._site, self._stop = site, threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(seed,))
                         for seed in range(READERS)]

    def _run(self, seed):
        choice = random.Random(seed)
        port = self._site.httpd.port
        server = http.client.HTTPConnection("localhost", port, timeout=60)
        while not self._stop.is_set():
            user = f"u{choice.randrange(ROWS) + 1:06}"
            word = base64.b64encode(f"{user}:x".encode()).decode()
            server.request("GET", "/any/auth/token", headers={"Authorization": "Basic " + word})
            answer = server.getresponse()
            body = answer.read()
            if answer.status != 200 or json.loads(body)["user"] != user:
                self.wrong.append((user, answer.status, body[:300]))
            self.done += 1
        server.close()

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join()


def fill(database, sealed, rows=ROWS):
    """So many users with tokens as S0 wrote them."""
    source = {"pgsql": f"SELECT gen_random_uuid(), 'u' || lpad(CAST(i AS TEXT), 6, '0'), "
                       f"'{sealed}', '{sealed}', now() + interval '1 hour' "
                       f"FROM generate_series(1, {rows}) AS n(i)",
              "sqlite3": f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE "
                         f"i < {rows}) SELECT lower(hex(randomblob(16))), printf('u%06d', i), "
                         f"'{sealed}', '{sealed}', datetime('now', '+1 hour') || '.000000' FROM n"}
    database.sql("INSERT INTO user_tokens (id, user_id, encrypted_access_token, "
                 f"encrypted_refresh_token, expires_at) {source[database.engine]}")


def rows_on(site, key):
    """How many rows are wholly on a key."""
    like = f"gt2.{key}."
    return int(site.database.sql(
        f"SELECT count(*) FROM user_tokens WHERE substr(encrypted_access_token, 1, {len(like)}) = "
        f"'{like}' AND substr(encrypted_refresh_token, 1, {len(like)}) = '{like}'")[0][0])


def reencryption(site):
    """The command, also while it may have to be killed."""
    return [servers.build_folder() / "graphtokctl", "--httpd", " ".join(site.httpd.command()),
            "--json", "keys", "reencrypt"]


def reencrypt_killed_twice(site, key):
    """All rows to the key; kill -9 on the way, twice."""
    command = reencryption(site)
    for least in (ROWS // 10, ROWS // 3):
        # They are walked by id, and looking at one costs nothing.
        seal = ("SELECT encrypted_access_token FROM user_tokens WHERE id = (SELECT id FROM "
                f"user_tokens ORDER BY id LIMIT 1 OFFSET {least})")
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as killed:
            site.httpd.wait_until(
                lambda: site.database.sql(seal)[0][0].startswith(f"gt2.{key}."), 120)
            killed.kill()
            assert killed.wait() == -9
        assert least <= rows_on(site, key) < ROWS
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert rows_on(site, key) == ROWS
    return json.loads(done.stdout)["stores"][0]["moved"]


@pytest.mark.parametrize("engine", ["sqlite3", "pgsql"])
def test_reencryption_beside_requests_killed_twice(make_site, engine):
    site = make_site("event", engine, mounts=MOUNTS, modules=("authn_anon",))
    ring = site.secrets / "keyring"
    fernet = Fernet.generate_key()
    site.write_secret("keyring", f"first any {genkey(site)}\ns0 any {fernet.decode()}\n")
    os.utime(ring, (1, 1))
    fill(site.database, Fernet(fernet).encrypt(b"row-token").decode())
    site.start()
    try:
        with Crowd(site) as crowd:
            assert reencrypt_killed_twice(site, "first") > 0
            site.ctl("keys", "retire", "s0")
            site.ctl("keys", "rotate", "--id", "second")
            # At once: children that have not looked yet ask for the key that they meet.
            os.utime(ring, (1, 1))
            assert reencrypt_killed_twice(site, "second") > 0
            site.ctl("keys", "retire", "first")
            before = crowd.done
            site.httpd.wait_until(lambda: crowd.done > before + 100, 30)
        assert not crowd.wrong, crowd.wrong[:5]
        assert crowd.done > 1000
        listed = json.loads(site.ctl("--json", "keys", "list").stdout)
        assert [(key["id"], key["rows"]) for key in listed["keys"]] == [("second", ROWS)]
        assert not listed["missing"] and listed["fernet_rows"] == 0
    finally:
        site.end()


@contextlib.contextmanager
def in_hand(database, user):
    """Another transaction has the user's row locked."""
    with subprocess.Popen(
            [PG_BIN / "psql", "-Atq", database.params], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True, bufsize=1) as other:
        other.stdin.write("BEGIN; SELECT user_id FROM user_tokens "
                          f"WHERE user_id = '{user}' FOR UPDATE;\n")
        assert other.stdout.readline() == user + "\n"
        yield
        other.stdin.close()


def test_reencryption_waits_for_nobodys_lock(make_site):
    site = make_site("event", "pgsql", mounts=MOUNTS, modules=("authn_anon",))
    fernet = Fernet.generate_key()
    site.write_secret("keyring", f"first any {genkey(site)}\ns0 any {fernet.decode()}\n")
    os.utime(site.secrets / "keyring", (1, 1))
    fill(site.database, Fernet(fernet).encrypt(b"row-token").decode(), 300)
    first = site.database.sql("SELECT user_id FROM user_tokens ORDER BY id LIMIT 1")[0][0]
    with in_hand(site.database, first):
        command = subprocess.Popen(reencryption(site), stdout=subprocess.PIPE)
        site.httpd.wait_until(lambda: rows_on(site, "first") == 299, 20)
        # Nor does it give up at once.
        with pytest.raises(subprocess.TimeoutExpired):
            command.wait(2)
    with command:
        done = json.loads(command.communicate(timeout=30)[0])["stores"][0]
    assert done["done"] and done["moved"] == 300 and rows_on(site, "first") == 300
