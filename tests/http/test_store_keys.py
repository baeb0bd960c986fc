# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Missions O6, T17: stores with keyrings of their own, beside one that the server's seals."""

import contextlib
import json
import os
import re
import threading
import urllib.parse

import pytest

from support.browser import Browser

WHERE = [("event", "sqlite3")]
STORES = ("main", "beta", "gamma")
TABLES = {"main": "user_tokens", "beta": "beta_tokens", "gamma": "gamma_tokens"}

MOUNTS = """
<GraphTokClient agent>
    GraphTokClientSecret file:{folder}/secrets/client-secret
    GraphTokClientSubject user
    GraphTokAllow GET /beta/tom/auth/token
</GraphTokClient>
<Location "/beta/exchange">
    GraphTokUseClient agent
    SetHandler graphtok-exchange
</Location>
<LocationMatch "^/[a-z]+/tom">
    GraphTokUser static tom
</LocationMatch>
GraphTokLimit off
""" + "".join(f"""
<Location "/{store}">
    GraphTokUseStore {store}
</Location>
<Location "/{store}{user}/auth">
    SetHandler graphtok-auth
</Location>
<Location "/{store}/tom/health">
    SetHandler graphtok-health
</Location>
""" for store in STORES for user in ("", "/tom"))


def stores(site, beta="beta.keys"):
    """The settings; without `beta` the server's keyring seals that store, too."""
    own = f"GraphTokKeyring file:{site.secrets}/{beta}" if beta else ""
    return f"""
<GraphTokStore beta>
    GraphTokTable beta_tokens
    {own}
</GraphTokStore>
<GraphTokStore gamma>
    GraphTokTable gamma_tokens
    GraphTokKeyring file:{site.secrets}/gamma.keys
    GraphTokKeyring file:{site.secrets}/gamma-more.keys
</GraphTokStore>
"""


def key_line(site, name):
    return f"{name} any {site.ctl_plain('genkey').split()[-1]}\n"


@pytest.fixture(scope="module")
def site(make_site, request):
    made = make_site(*request.param, mounts=MOUNTS, settings="<GraphTokStore beta>\n"
                     "GraphTokTable beta_tokens\n</GraphTokStore>\n<GraphTokStore gamma>\n"
                     "GraphTokTable gamma_tokens\n</GraphTokStore>\n")
    made.write_secret("keyring", key_line(made, "m1"))
    made.write_secret("beta.keys", key_line(made, "b1"))
    made.write_secret("gamma.keys", key_line(made, "g1"))
    made.write_secret("gamma-more.keys", (made.secrets / "keyring").read_text())
    made.configure(settings=stores(made))
    made.start()
    made.register(*(f"/{store}{user}/auth" for store in STORES for user in ("", "/tom")))
    yield made
    made.end()


@pytest.fixture(autouse=True)
def as_it_was(site, sandbox):
    """Keyrings, configuration and tables of before; no user is signed in."""
    assert sandbox
    files = {path: path.read_text() for path in site.secrets.glob("*key*")}
    conf = site.httpd.conf.read_text()
    yield
    for path in site.secrets.glob("*backup"):
        path.unlink()
    if site.httpd.conf.read_text() != conf or site.httpd.process is None or any(
            not path.exists() or path.read_text() != text for path, text in files.items()):
        for path, text in files.items():
            site.write_secret(path.name, text)
        site.configure(settings=stores(site))
        site.httpd.stop()
        site.httpd.start()
    for table in TABLES.values():
        site.database.sql(f"DELETE FROM {table}")


def sign_in(site, sandbox, store, user="/tom"):
    browser = Browser(sandbox.ca)
    assert browser.sign_in(f"{site.url}/{store}{user}/auth/login").status == 200
    return browser


def status(site, store, browser=None):
    return (browser or Browser()).get(f"{site.url}/{store}/tom/auth/token")


def seals(site, store):
    rows = site.database.sql("SELECT encrypted_access_token, encrypted_refresh_token, "
                             f"encrypted_id_token FROM {TABLES[store]}")
    return {value.split(".")[1] for row in rows for value in row}


def ctl_json(site, *arguments):
    return json.loads(site.ctl("--json", *arguments).stdout)


def test_each_store_is_sealed_by_its_own_keys(site, sandbox):
    for store, key in zip(STORES, ("m1", "b1", "g1")):
        browser = sign_in(site, sandbox, store, "")
        assert seals(site, store) == {key}
        [session] = [c for c in browser.jar if re.fullmatch("graphtok-[0-9a-f]{8}", c.name)]
        assert session.value.split(".")[1] == key
    shown = json.loads(site.httpd.check("-D", "DUMP_GRAPHTOK")[1])["config"]
    assert shown["keyring"] == [f"file:{site.secrets}/keyring"]
    assert [store["keyring"] for store in shown["stores"]] == [
        None, [f"file:{site.secrets}/beta.keys"],
        [f"file:{site.secrets}/gamma.keys", f"file:{site.secrets}/gamma-more.keys"]]


@pytest.mark.parametrize("to, tag", [("beta", "GT0211"), ("gamma", "GT0209")])
def test_a_row_of_another_store_does_not_open(site, sandbox, to, tag):
    """beta lacks the key; gamma has it among its own."""
    tom = sign_in(site, sandbox, "main")
    site.database.sql(f"INSERT INTO {TABLES[to]} SELECT * FROM {TABLES['main']}")
    answer = status(site, to, tom)
    assert answer.status == 500 and answer.json["tag"] == tag, answer
    site.httpd.log_has(f"store {to}: {TABLES[to]}.")
    assert status(site, "main", tom).status == 200


def spoil(site):
    """beta's keyring away, gamma's open to all; the texts to bring them back with."""
    beta, gamma = site.secrets / "beta.keys", site.secrets / "gamma.keys"
    texts = {path.name: path.read_text() for path in (beta, gamma)}
    beta.unlink()
    os.chown(gamma, os.geteuid(), -1)
    os.chmod(gamma, 0o644)
    return texts


def test_a_keyring_that_is_away_closes_its_store_alone(site, sandbox):
    for store in STORES:
        sign_in(site, sandbox, store)
    site.httpd.stop()
    texts = spoil(site)
    _, shown, found = site.httpd.check()
    assert "beta.keys cannot be found now" in shown + found and "gamma.keys" in shown + found
    site.httpd.start()
    for store in ("beta", "gamma"):
        answer = status(site, store)
        assert answer.status == 503 and answer.json["tag"] == "GT0806", answer
        assert 1 <= answer.json["retry_after"] <= 5
        assert Browser().get(f"{site.url}/{store}/tom/auth/login").status == 503
        ready = Browser().get(f"{site.url}/{store}/tom/health/ready")
        assert (ready.status, ready.json["keys"], ready.json["database"]) == (503, "down", "up")
        site.httpd.log_has(f"the keyring of store {store} cannot be read")
    assert Browser().get(f"{site.url}/main/tom/health/ready").json["keys"] == "up"
    assert status(site, "main").status == 200
    lines = re.findall(r"the keyring of store (\w+): (.*)", site.httpd.log())
    assert any(store == "beta" and "beta.keys" in line for store, line in lines), lines
    assert any(store == "gamma" and "gamma.keys" in line and "chmod" in line
               for store, line in lines), lines
    site.write_secret("gamma.keys", texts["gamma.keys"])
    commands_name_the_store(site)
    site.write_secret("beta.keys", texts["beta.keys"])
    for store in ("beta", "gamma"):
        site.httpd.wait_until(lambda s=store: status(site, s).status == 200, 60)


def commands_name_the_store(site):
    """httpd -t fails with a keyring that is open to all, and warns of one that is away."""
    steps = {step["what"]: step for step in json.loads(
        site.ctl("--json", "check", check=False).stdout)["steps"]}
    assert not steps["keyring of store beta"]["ok"] and steps["keyring"]["ok"]
    assert site.ctl("--json", "token", "tom", "--store", "main").returncode == 0
    refused = site.ctl("token", "tom", "--store", "beta", check=False)
    assert refused.returncode == 75 and "store beta: its keyring" in refused.stderr, refused.stderr


class Load:
    """One user of a store asks all the time."""

    def __init__(self, site, store):
        self.wrong, self.done, self._stop = [], 0, threading.Event()
        self._site, self._store = site, store
        self._thread = threading.Thread(target=self._run)

    def _run(self):
        while not self._stop.is_set():
            answer = status(self._site, self._store)
            self.done += 1
            if answer.status != 200:
                self.wrong.append(answer)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()


def test_one_stores_keyring_is_rotated_under_load(site, sandbox):
    for store in STORES:
        sign_in(site, sandbox, store)
    with contextlib.ExitStack() as stack:
        loads = [stack.enter_context(Load(site, store)) for store in STORES]
        site.ctl("keys", "rotate", "--store", "beta", "--id", "b2")
        site.httpd.graceful()
        # At once: children that have not looked yet ask for the key that they meet.
        os.utime(site.secrets / "beta.keys", (1, 1))
        site.ctl("keys", "reencrypt", "--store", "beta")
        refused = site.ctl("keys", "retire", "b2", "--store", "beta", check=False)
        assert "GT0967" in refused.stderr
        site.ctl("keys", "retire", "b1", "--store", "beta")
        before = [load.done for load in loads]
        site.httpd.wait_until(lambda: all(
            load.done > done + 20 for load, done in zip(loads, before)), 60)
    assert not [load.wrong for load in loads if load.wrong]
    assert [seals(site, store) for store in STORES] == [{"m1"}, {"b2"}, {"g1"}]
    listed = ctl_json(site, "keys", "list")
    assert [(key["id"], key["rows"]) for key in listed["keys"]] == [("m1", 1)]
    assert [(one["store"], [(key["id"], key["rows"]) for key in one["keys"]])
            for one in listed["stores"]] == [("beta", [("b2", 1)]), ("gamma", [("g1", 1), ("m1", 0)])]


def test_commands_name_the_keyring_that_they_change(site, sandbox):
    for store in ("main", "beta"):
        sign_in(site, sandbox, store)
    for arguments, tag in ((("rotate", "--store", "main"), "GT0963"),
                           (("list", "--store", "nowhere"), "GT0913"),
                           (("retire", "b1", "--store", "beta", "--force"), "GT0967"),
                           (("rotate", "--store", "gamma", "--keyring",
                             f"{site.secrets}/gamma-more.keys"), "GT0966"),
                           (("add", "--store", "gamma", "--id", "m1"), "GT0202"),
                           (("retire", "m1", "--store", "gamma", "--keyring",
                             f"{site.secrets}/gamma-more.keys"), "GT0203"),
                           (("retire", "m1"), "GT0967")):
        done = site.ctl("keys", *arguments, check=False)
        assert done.returncode != 0 and tag in done.stderr, (arguments, done.stderr)
    # A file in two keyrings: the rows of both count.
    site.configure(settings=stores(site, "gamma.keys"))
    site.ctl("keys", "rotate", "--store", "gamma", "--id", "g2")
    site.httpd.graceful()
    sign_in(site, sandbox, "gamma")
    assert seals(site, "gamma") == {"g2"}
    site.ctl("keys", "rotate", "g1", "--store", "gamma")
    done = site.ctl("keys", "retire", "g2", "--store", "beta", check=False)
    assert "GT0968: 1 row needs key g2" in done.stderr, done.stderr


def test_a_keyring_is_given_to_a_store_that_has_rows(site, sandbox):
    """And taken away from it: both say which key is missing where."""
    site.configure(settings=stores(site, None))
    site.httpd.graceful()
    tom = sign_in(site, sandbox, "beta")
    assert seals(site, "beta") == {"m1"}
    both = stores(site).replace(
        "beta.keys\n", f"beta.keys\n    GraphTokKeyring file:{site.secrets}/keyring\n")
    site.configure(settings=both)
    site.httpd.graceful()
    assert status(site, "beta", tom).status == 200
    for path in site.secrets.glob("*key*"):
        os.utime(path, (1, 1))
    site.ctl("keys", "reencrypt", "--store", "beta")
    assert seals(site, "beta") == {"b1"}
    site.configure(settings=stores(site))
    site.httpd.graceful()
    assert status(site, "beta", tom).status == 200
    site.configure(settings=stores(site, None))
    site.httpd.stop()
    site.httpd.start()
    assert status(site, "beta", tom).json["tag"] == "GT0211"
    site.httpd.log_has("store beta: beta_tokens.encrypted_access_token was sealed with the key b1, "
                       "which the keyring does not have for access: bring it back")


def test_a_clients_token_is_sealed_by_its_stores_keys(site, sandbox):
    sign_in(site, sandbox, "beta")
    form = {"grant_type": "urn:ietf:params:oauth:grant-type:token-exchange", "subject_token": "tom",
            "subject_token_type": "urn:mod_graphtok:token-type:user-id", "audience": "graphtok",
            "client_id": "agent",
            "client_secret": (site.secrets / "client-secret").read_text().strip()}
    answer = Browser().post(f"{site.url}/beta/exchange", urllib.parse.urlencode(form).encode())
    assert answer.status == 200, answer.text
    assert answer.json["access_token"].split(".")[:2] == ["gtc_gt1", "b1"]
    answer = Browser().get(f"{site.url}/beta/tom/auth/token", headers={
        "Authorization": "Bearer " + answer.json["access_token"]})
    assert answer.status == 200 and answer.json["user"] == "tom"
