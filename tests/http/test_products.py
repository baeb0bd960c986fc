# Licensed under the Apache License, Version 2.0; see LICENSE.
"""The documents of a product and its beta (S2, S4), row by row, on conf/examples/s2.conf and s4.conf:
routes, tokens of the application, limits, tables, health, and what a deployment is checked by."""

import json
import os
import sqlite3
import subprocess
import time
import urllib.parse
import uuid

import pytest
from cryptography.fernet import Fernet

from support import httpd as servers
from support.browser import Browser
from support.jwt import Signer
from test_examples import Example, secret_of

SERVERS = [("s2", "event", "pgsql"), ("s4", "event", "sqlite3"), ("s4", "prefork", "pgsql")]
SECRETS = {"JWT_SECRET_KEY": "of-the-main-product-0123456789-0123456789",
           "BETA_JWT_SECRET_KEY": "of-the-beta-product-0123456789-0123456789"}
EVENT = {"subject": "Review", "start": {"dateTime": "2030-05-01T12:00:00", "timeZone": "UTC"},
         "end": {"dateTime": "2030-05-01T13:00:00", "timeZone": "UTC"}}
AUTH, CALENDAR = "/auth/microsoft", "/integration/microsoft/calendar"
ROUTES = {  # method, path: limits of S2, of S4
    ("GET", AUTH + "/"): ("login", 10, 10),
    ("GET", AUTH + "/callback"): ("callback", 20, 20),
    ("GET", AUTH + "/user"): ("user", 100, 100),
    ("GET", CALENDAR + "/"): ("calendar", 100, 100),
    ("GET", CALENDAR + "/events"): ("events", 100, 200),
    ("POST", CALENDAR + "/events"): ("create", 100, 50),
    ("PUT", CALENDAR + "/events/x"): ("update", 100, 50),
    ("DELETE", CALENDAR + "/events/x"): ("delete", 100, 50)}
OTHERS = [("GET", AUTH + "/token"), ("POST", AUTH + "/revoke"), ("GET", CALENDAR + "/next24"),
          ("GET", CALENDAR + "/calendars"), ("GET", "/health/oauth-tokens"), ("GET", "/health/ready")]


class Side:
    """One of the two products."""

    def __init__(self, url, place, secret, table, column):
        self.url, self.place = url + place, place
        self.secret, self.table, self.column = secret, table, column

    def token(self, user=7, **more):
        """As the application makes them: sub and exp alone."""
        body = {"sub": str(user), "exp": int(time.time()) + 600, **more}
        return Signer("HS256", self.secret).token(body=body)


class Product(Example):
    """A server with an example, both sides, and the application's own tables."""

    def __init__(self, folder, name, mpm, engine, postgres, sandbox):
        self.document = name
        super().__init__(folder, name, mpm, engine, postgres, sandbox, {
            "TOKEN_ENCRYPTION_KEY": Fernet.generate_key().decode(), "MSTENANTID": sandbox.tenant,
            "MSCLIENTID": sandbox.client_id, "MSCLIENTSECRET": secret_of(sandbox), **SECRETS})
        for people in ("users", "teachers"):
            self.database.sql(f"CREATE TABLE {people} (id INTEGER PRIMARY KEY)")
            self.database.sql(f"INSERT INTO {people} VALUES (7), (8)")
        self.migrate()
        self.main = Side(self.url, "/api/v1", SECRETS["JWT_SECRET_KEY"],
                         "microsoft_oauth_tokens", "user_id")
        self.beta = Side(self.url, "/api/v1/beta", SECRETS["BETA_JWT_SECRET_KEY"],
                         "beta_microsoft_oauth_tokens", "teacher_id")
        self.sides = (self.main, self.beta)
        self.httpd.start()

    def restore(self):
        """Users without tokens."""
        for side in self.sides:
            self.database.sql(f"DELETE FROM {side.table}")


@pytest.fixture(scope="module", params=SERVERS, ids=["-".join(row) for row in SERVERS])
def product(request, ground, sandbox_server):
    name, mpm, engine = request.param
    postgres = request.getfixturevalue("postgres") if engine == "pgsql" else None
    made = Product(ground / f"product-{uuid.uuid4().hex[:8]}", name, mpm, engine, postgres,
                   sandbox_server)
    yield made
    made.httpd.remove()


@pytest.fixture(autouse=True)
def callbacks(product, sandbox):
    for side in product.sides:
        sandbox.add_redirect_uri(side.url + AUTH + "/callback")


def ask(side, method, path, token=None, body=None, **headers):
    if token:
        headers["Authorization"] = "Bearer " + token
    if body is None and method in ("POST", "PUT"):
        body = EVENT
    return Browser().send(method, side.url + path, body, headers)


def sign_in(sandbox, side, user=7):
    """As a page's script and then its browser do it."""
    browser = Browser(sandbox.ca)
    login = browser.get(side.url + AUTH + "/?login_hint=ada@sandbox.example",
                        headers={"Authorization": "Bearer " + side.token(user)})
    assert login.status == 200, login
    return browser.get(browser.get(login.json["authorization_url"]).location)


def count(product, side, where="1 = 1"):
    return int(product.database.sql(f"SELECT count(*) FROM {side.table} WHERE {where}")[0][0])


# ---- routes and who may call them ----

def test_each_route_wants_a_token_of_its_own_product(product):
    for side, other in (product.sides, product.sides[::-1]):
        for method, path in ROUTES:
            for token in (None, other.token(), side.token(exp=int(time.time()) - 60),
                          side.token()[:-8] + "AAAAAAAA", side.token(aud="another"), "x.y.z"):
                refused = ask(side, method, path, token)
                # A callback is its browser's: without the sign-in that this one began it is over.
                if path.endswith("/callback") and refused.status == 400:
                    assert refused.json["tag"] == "GT0834"
                    continue
                assert refused.status == 401, (side.place, method, path, token)
                assert refused.headers["WWW-Authenticate"].startswith('Bearer realm="graphtok"')


def test_exactly_the_routes_of_the_document(product):
    for side in product.sides:
        for method, path in ROUTES:
            answer = ask(side, method, path, side.token(8))
            assert answer.status not in (404, 405, 500), (method, path, answer)
        for method, path in OTHERS:
            assert ask(side, method, path, side.token(8)).status in (404, 405), (method, path)
    tokens = ask(product.main, "GET", "/health/microsoft/tokens").status
    assert tokens == {"s2": 404, "s4": 200}[product.document]
    assert ask(product.beta, "GET", "/health/microsoft").status == 404


def test_a_sign_in_and_a_calendar(product, sandbox):
    product.restore()
    for side in product.sides:
        token = side.token()
        refused = ask(side, "GET", CALENDAR + "/events", token)
        assert refused.status == 401
        assert refused.json["login_url"] == side.place + AUTH + "/login"
        done = sign_in(sandbox, side)
        assert done.status == 200 and done.json["user"] == "7", done
        assert ask(side, "GET", AUTH + "/user", token).json["mail"] == "ada@sandbox.example"
        assert ask(side, "GET", CALENDAR + "/", token).json["name"]
        made = ask(side, "POST", CALENDAR + "/events", token, EVENT)
        assert made.status == 201, made
        event = CALENDAR + "/events/" + urllib.parse.quote(made.json["id"], safe="")
        listed = ask(side, "GET", CALENDAR + "/events?top=1000", token).json["value"]
        assert made.json["id"] in [entry["id"] for entry in listed]
        changed = ask(side, "PUT", event, token, {**EVENT, "subject": "Another"})
        assert changed.status == 200 and changed.json["subject"] == "Another"
        assert ask(side, "DELETE", event, token).status == 204
        # Another user of the product has no token by it.
        assert ask(side, "GET", CALENDAR + "/", side.token(8)).status == 401


def test_input_is_validated_field_by_field(product, sandbox):
    side = product.main
    assert sign_in(sandbox, side).status == 200
    wrong = ask(side, "POST", CALENDAR + "/events", side.token(), {
        "subject": "x" * 300, "start": {"dateTime": "tomorrow", "timeZone": "UTC"},
        "attendees": [{"emailAddress": {"address": "nobody"}}]})
    assert wrong.status == 400 and {"subject", "start.dateTime", "end"} <= {
        error["field"] for error in wrong.json["errors"]}, wrong


# ---- limits ----

def test_O7_the_documents_limits(product):
    column = {"s2": 1, "s4": 2}[product.document]
    for side in product.sides:
        for (method, path), row in ROUTES.items():
            answer = ask(side, method, path, side.token(9))
            span = 3600 if row[0] == "callback" else 60
            assert answer.headers["RateLimit-Policy"] == f'"{row[0]}";q={row[column]};w={span}'


def test_O7_bad_tokens_count_for_their_address_alone(product):
    """A flood of them ends in 429, and burns neither another's limit nor a good token's way."""
    column, path = {"s2": 1, "s4": 2}[product.document], CALENDAR + "/events/x"
    for side in product.sides:
        limit = ROUTES["DELETE", path][column]
        bad = side.token(31)[:-8] + "AAAAAAAA"
        seen = [ask(side, "DELETE", path, bad) for _ in range(limit + 5)]
        told = [answer.status for answer in seen]
        assert 401 in told and set(told[-5:]) == {429}, told
        assert "WWW-Authenticate" not in seen[-1].headers and int(seen[-1].headers["Retry-After"]) > 0
        good = ask(side, "DELETE", path, side.token(31))
        assert good.status == 401 and good.json["tag"] != "GT0551"
        assert good.headers["RateLimit"].startswith(f'"delete";r={limit - 1};')


# ---- tables ----

def test_T16_a_row_for_each_user_and_all_of_it_sealed(product, sandbox):
    product.restore()
    for side in product.sides:
        for _ in range(2):
            assert sign_in(sandbox, side).status == 200
        assert count(product, side) == count(product, side, f"{side.column} = 7") == 1
        [row] = product.database.sql(
            "SELECT encrypted_access_token, encrypted_refresh_token, encrypted_id_token, "
            f"expires_at, last_used_at FROM {side.table}")
        assert all(value.startswith("gt2.") for value in row[:3]) and row[3] and row[4]


def test_T16_tokens_go_with_their_user(product, sandbox):
    product.restore()
    side = product.beta
    assert sign_in(sandbox, side, 8).status == 200
    assert ask(side, "GET", CALENDAR, side.token(8)).status == 200
    if product.database.engine == "sqlite3":
        with sqlite3.connect(product.database.params) as database:
            database.execute("PRAGMA foreign_keys = ON")
            database.execute("DELETE FROM teachers WHERE id = 8")
    else:
        product.database.sql("DELETE FROM teachers WHERE id = 8")
    assert count(product, side) == 0
    # From its cache, the token is gone as soon as the next news are read.
    product.httpd.wait_until(
        lambda: ask(side, "GET", CALENDAR, side.token(8)).status == 401, 20)
    # Nor can a sign-in make a row for a user that the application does not have.
    refused = sign_in(sandbox, side, 99)
    assert refused.status >= 400 and count(product, side) == 0, refused
    product.database.sql("INSERT INTO teachers VALUES (8)")


def test_T16_indexes(product):
    for side in product.sides:
        if product.database.engine == "pgsql":
            texts = product.database.sql(
                f"SELECT indexdef FROM pg_indexes WHERE tablename = '{side.table}'")
        else:
            texts = product.database.sql(
                f"SELECT sql FROM sqlite_master WHERE tbl_name = '{side.table}'")
        text = "\n".join(row[0] for row in texts)
        for column in (side.column, "email", "account_subject", "expires_at", "UNIQUE"):
            assert column in text, (column, text)


# ---- health and deployment ----

def test_O4_health(product, sandbox):
    for path in ("/health/microsoft", "/health/microsoft/"):
        health = ask(product.main, "GET", path)
        assert health.status == 200, health
        assert health.json["status"] == "healthy" and health.json["service"] == "microsoft_graph"
        assert health.json["configured"] is True and health.json["last_check"].endswith("Z")
    if product.document == "s4":
        assert sign_in(sandbox, product.main).status == 200
        counts = ask(product.main, "GET", "/health/microsoft/tokens").json
        assert counts["store"] == "main" and counts["total"] >= 0 and "active" in counts


def run_ctl(product, *arguments):
    done = subprocess.run(
        [servers.build_folder() / "graphtokctl", "--httpd", " ".join(product.httpd.command()),
         *arguments], capture_output=True, text=True, check=False, timeout=60,
        env={**os.environ, **product.httpd.environment})
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_X6_check_finds_nothing_wrong(product):
    """The deployment's steps of both documents: keys, secrets, database, provider, callbacks."""
    steps = json.loads(run_ctl(product, "--json", "check", "--url", product.url))["steps"]
    told = [step["what"] for step in steps]
    assert all(step["ok"] for step in steps), steps
    assert {"configuration", "keyring", "client secret of microsoft", "database", "store main",
            "store beta", "provider microsoft", "client of microsoft"} <= set(told), told
    assert told.count("redirect URI") == 2


def test_O8_levels_of_the_log(product, sandbox):
    """S2's list: what went well is information, an encryption error is an error. A token that is
    missing or refused is any client's doing, and no warning."""
    product.restore()
    side = product.main
    assert sign_in(sandbox, side).status == 200
    assert ask(side, "GET", CALENDAR + "/", side.token(8)).status == 401
    assert ask(side, "GET", CALENDAR + "/", "x.y.z").status == 401
    product.database.sql(f"UPDATE {side.table} SET encrypted_access_token = 'gt2.lost.AAAA'")
    product.httpd.stop()
    product.httpd.start()
    assert ask(side, "GET", CALENDAR + "/", side.token()).status == 500
    for level, says in (("info", "signed in: store main, user 7, provider microsoft"),
                        ("info", "GT0601: calendar: user 8 has not signed in"),
                        ("info", "GT0551: calendar: the token is not accepted"),
                        ("error", "GT0211: calendar: store main: microsoft_oauth_tokens.")):
        product.httpd.wait_until(lambda: any(
            f"[graphtok:{level}]" in line and says in line
            for line in product.httpd.log().splitlines()), 10)


def test_S4_down_and_up_again(product, sandbox):
    """Its migration has a downgrade that takes the tables along, and so has ours."""
    product.httpd.stop()
    run_ctl(product, "migrate", "--to", "0", "--yes")
    product.migrate()
    product.httpd.start()
    for side in product.sides:
        assert count(product, side) == 0
        assert sign_in(sandbox, side).status == 200


def test_O8_no_secret_in_the_log(product, sandbox):
    side = product.main
    product.restore()
    assert sign_in(sandbox, side).status == 200
    assert ask(side, "GET", CALENDAR + "/", side.token()).status == 200
    for secret in (*SECRETS.values(), *product.httpd.environment.values(), side.token()[-20:]):
        assert len(secret) < 20 or secret in (sandbox.client_id, sandbox.tenant) or (
            secret not in product.httpd.log())


def test_only_tokens_without_issuer_are_warned_of(product):
    """Tokens with sub and exp alone are the document's own."""
    code, _, told = product.httpd.check()
    assert code == 0, told
    warned = [line for line in told.splitlines() if "GT0852" in line]
    assert warned and all("GraphTokJWT" in line for line in warned), told
