# Licensed under the Apache License, Version 2.0; see LICENSE.
"""conf/examples, but for database and provider: exactly the routes of their documents, on both engines,
every MPM. Those of S2 and S4 have test_products.py."""

import os
import pathlib
import re
import subprocess
import uuid

import pytest
from cryptography.fernet import Fernet

from support import httpd as servers
from support.browser import Browser
from support.database import Database

EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "conf" / "examples"
SERVERS = [("event", "sqlite3"), ("event", "pgsql"), ("worker", "sqlite3"), ("prefork", "pgsql")]

# S0's own statement; SQLite as SQLAlchemy writes the same model
S0_TABLE = {
    "pgsql": """CREATE TABLE user_tokens (
        id UUID PRIMARY KEY DEFAULT gen_random_uuid(), user_id VARCHAR UNIQUE NOT NULL,
        encrypted_access_token TEXT NOT NULL, encrypted_refresh_token TEXT NOT NULL,
        expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
        created_at TIMESTAMP WITH TIME ZONE DEFAULT NOW(),
        updated_at TIMESTAMP WITH TIME ZONE DEFAULT NOW())""",
    "sqlite3": """CREATE TABLE user_tokens (
        id CHAR(32) NOT NULL, user_id VARCHAR NOT NULL, encrypted_access_token TEXT NOT NULL,
        encrypted_refresh_token TEXT NOT NULL, expires_at DATETIME NOT NULL, created_at DATETIME,
        updated_at DATETIME, PRIMARY KEY (id), UNIQUE (user_id))"""}


def placed(name, database, sandbox):
    """An example with a database of these tests, and the sandbox in the place of Entra ID and Graph."""
    text = (EXAMPLES / f"{name}.conf").read_text(encoding="utf-8")
    for line, instead in (
            (r"DBDriver .*", f"DBDriver {database.driver}"),
            (r"DBDParams .*", f'DBDParams "{database.params}"'),
            (r" *GraphTokScope .*", rf"\g<0>\nGraphTokAuthority {sandbox.authority}\n"
             f"GraphTokGraphURL {sandbox.graph}\nGraphTokCAFile {sandbox.ca}")):
        text, times = re.subn(f"^{line}$", instead, text, flags=re.M)
        assert times == 1, line
    return text


class Example:
    """An httpd with one example file."""

    def __init__(self, folder, name, mpm, engine, postgres, sandbox, variables):
        self.httpd = servers.Httpd(folder, mpm)
        self.database = Database(engine, folder, postgres)
        self.sandbox = sandbox
        self.httpd.environment = variables
        self.httpd.write(self.text(name))

    def text(self, name):
        """The example, at home here."""
        return placed(name, self.database, self.sandbox)

    def graphtokctl(self, *words):
        """graphtokctl for this httpd."""
        return subprocess.run(
            [servers.build_folder() / "graphtokctl", "--httpd", " ".join(self.httpd.command()),
             *words], env={**os.environ, **self.httpd.environment}, capture_output=True, text=True,
            check=False, timeout=60)

    def migrate(self):
        self.database.hand_over()  # graphtokctl opens the file as httpd's user
        done = self.graphtokctl("migrate", "--yes")
        assert done.returncode == 0, done.stderr
        self.database.hand_over()

    @property
    def url(self):
        return self.httpd.url


def secret_of(sandbox):
    return pathlib.Path(sandbox.client_secret_file).read_text(encoding="ascii").strip()


@pytest.fixture(params=SERVERS, ids=["-".join(row) for row in SERVERS])
def where(request, ground):
    mpm, engine = request.param
    postgres = request.getfixturevalue("postgres") if engine == "pgsql" else None
    return ground / f"example-{uuid.uuid4().hex[:8]}", mpm, engine, postgres


def status_of(browser, method, url):
    return browser.send(method, url, body={} if method in ("POST", "PUT") else None).status


def test_S0_taken_over_with_rows_and_key(where, sandbox):
    folder, mpm, engine, postgres = where
    key = Fernet.generate_key().decode()
    s0 = Example(folder, "s0", mpm, engine, postgres, sandbox, {
        "ENCRYPTION_KEY": key, "TENANT_ID": sandbox.tenant, "CLIENT_ID": sandbox.client_id,
        "CLIENT_SECRET": secret_of(sandbox)})
    sandbox.process.settings(revoke_on_reuse=True)
    # its users agreed to both, since it reads their mail, too
    given = sandbox.process.control("POST", "issue", {
        "person": "ada@sandbox.example", "scope": "openid profile email offline_access User.Read "
        "Calendars.ReadWrite Mail.ReadWrite"})
    access, refresh = given["access_token"], given["refresh_token"]
    seal = Fernet(key.encode())
    s0.database.sql(S0_TABLE[engine])
    s0.database.sql(
        "INSERT INTO user_tokens (id, user_id, encrypted_access_token, encrypted_refresh_token, "
        f"expires_at) VALUES ('{uuid.uuid4() if engine == 'pgsql' else uuid.uuid4().hex}', 'tom', "
        f"'{seal.encrypt(access.encode()).decode()}', '{seal.encrypt(refresh.encode()).decode()}', "
        "'2020-01-01 00:00:00')")
    s0.migrate()
    s0.httpd.start()
    sandbox.add_redirect_uri(s0.url + "/auth/callback")
    try:
        browser = Browser(sandbox.ca)
        # the access token is long over: the refresh token of the row is spent, no user signs in
        assert browser.get(s0.url + "/calendar/next24").status == 200
        token = browser.get(s0.url + "/auth/token")
        assert token.status == 200 and token.json["user"] == "tom"
        row = s0.database.sql("SELECT encrypted_refresh_token FROM user_tokens")[0][0]
        rotated = seal.decrypt(row.encode()).decode()
        assert rotated != refresh and sandbox.takes_refresh(rotated)
        exactly(browser, s0.url, {
            ("GET", "/auth/login"): 302, ("GET", "/auth/callback"): 400,
            ("GET", "/auth/token"): 200, ("GET", "/calendar/next24"): 200,
            ("GET", "/auth/user"): 404, ("GET", "/calendar/events"): 404,
            ("GET", "/calendar/"): 404, ("POST", "/calendar/events"): 404,
            ("POST", "/emails/triage/run"): 200, ("POST", "/emails/drafts/create"): 400,
            ("GET", "/emails/"): 404, ("POST", "/auth/revoke"): 200, })
        assert browser.get(s0.url + "/auth/token").status == 401
        assert browser.sign_in(s0.url + "/auth/login").status == 200
        assert browser.get(s0.url + "/calendar/next24").status == 200
    finally:
        s0.httpd.remove()


def exactly(browser, url, table):
    for (method, path), status in table.items():
        assert status_of(browser, method, url + path) == status, (method, path)
