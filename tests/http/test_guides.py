# Licensed under the Apache License, Version 2.0; see LICENSE.
"""The guides of docs/guides, done as they are typed."""

import os
import re
import signal

import pytest
from cryptography.fernet import Fernet

from support.browser import Browser
from support.guide import GUIDES, Guide

ENGINES = ["sqlite3", "pgsql"]
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="a guide gives files to other users")


@pytest.fixture(params=ENGINES)
def prepared(request, make_site, sandbox):
    """A site that is not started, and what makes its guide."""
    made = make_site("event", request.param, migrate=False)
    yield made
    made.end()
    assert sandbox


def token(site, browser):
    return browser.get(site.url + "/auth/token").status


def signed_in(site):
    site.register()
    browser = Browser(site.sandbox.ca)
    assert browser.sign_in(site.url + "/auth/login").status == 200
    return browser


def refreshed(site, browser):
    """Whether the provider takes the stored refresh token."""
    [own] = browser.get(site.url + "/auth/tokens").json["tokens"]
    return browser.post(f"{site.url}/auth/tokens/{own['id']}/refresh").status


def kill(site):
    """End a node as a power failure does: nothing of it runs on."""
    children = site.httpd.children()
    for pid in (site.httpd.process.pid, *children):
        os.kill(pid, signal.SIGKILL)
    site.httpd.process.wait()
    site.httpd.process = None
    (site.folder / "httpd.pid").unlink()


@AS_ROOT
def test_disaster(prepared):
    site = prepared
    site.migrate()
    guide = Guide("disaster.md", site)
    site.start()
    ada = signed_in(site)
    guide.run_for("backup")
    guide.run("backup")
    later = Browser(site.sandbox.ca)
    assert later.sign_in(site.url + "/tom/auth/login", "grace@sandbox.example").status == 200
    guide.run("stop")
    if site.database.engine == "pgsql":
        site.database.sql("DROP TABLE user_tokens CASCADE")
    else:
        os.unlink(site.database.params)
    guide.run_for("restore")
    said = guide.run("start")
    assert "not in the keyring" not in said, said
    assert (token(site, ada), refreshed(site, ada)) == (200, 200)
    assert later.get(site.url + "/tom/auth/token").status == 401

    kill(site)
    guide.run("node")
    assert (token(site, ada), refreshed(site, ada)) == (200, 200)

    (site.secrets / "keyring").unlink()
    assert "not in the keyring" not in guide.run("key-back")
    site.httpd.graceful()
    assert token(site, ada) == 200

    (site.secrets / "keyring").unlink()
    guide.run("key-new")
    assert token(site, ada) == 401
    ada = signed_in(site)
    assert (token(site, ada), refreshed(site, ada)) == (200, 200)
    assert not guide.all_done()


S0 = {"sqlite3": "CREATE TABLE user_tokens (id CHAR(32) PRIMARY KEY DEFAULT (lower(hex(randomblob(16)))), "
                 "user_id VARCHAR UNIQUE NOT NULL, encrypted_access_token TEXT NOT NULL, "
                 "encrypted_refresh_token TEXT NOT NULL, expires_at DATETIME NOT NULL, "
                 "created_at DATETIME DEFAULT CURRENT_TIMESTAMP, updated_at DATETIME DEFAULT CURRENT_TIMESTAMP)",
      "pgsql": "CREATE TABLE user_tokens (id UUID PRIMARY KEY DEFAULT gen_random_uuid(), user_id VARCHAR "
               "UNIQUE NOT NULL, encrypted_access_token TEXT NOT NULL, encrypted_refresh_token TEXT NOT NULL, "
               "expires_at TIMESTAMPTZ NOT NULL, created_at TIMESTAMPTZ DEFAULT now(), "
               "updated_at TIMESTAMPTZ DEFAULT now())"}


@AS_ROOT
def test_take_over_from_s0(prepared):
    site = prepared
    key = Fernet.generate_key().decode()
    access, refresh = (Fernet(key).encrypt(word).decode() for word in (b"access-of-s0", b"refresh-of-s0"))
    site.database.sql(S0[site.database.engine])
    site.database.sql("INSERT INTO user_tokens (user_id, encrypted_access_token, encrypted_refresh_token, "
                      f"expires_at) VALUES ('tom', '{access}', '{refresh}', '2090-01-01 00:00:00')")
    site.database.hand_over()
    guide = Guide("from-s0.md", site)
    guide.run("key", ENCRYPTION_KEY=key)
    site.configure(settings="<GraphTokStore main>\n    GraphTokCipher  fernet\n</GraphTokStore>\n")
    assert "tom" in guide.run("take-over")
    browser = Browser(site.sandbox.ca)
    answer = browser.get(site.url + "/tom/auth/token")
    assert (answer.status, answer.json["user"]) == (200, "tom"), answer
    [[kept]] = site.database.sql("SELECT encrypted_refresh_token FROM user_tokens")
    assert Fernet(key).decrypt(kept.encode()) == b"refresh-of-s0"
    site.configure(settings="")
    guide.run("seal")
    [[kept]] = site.database.sql("SELECT encrypted_refresh_token FROM user_tokens")
    assert kept.startswith("gt2.") and browser.get(site.url + "/tom/auth/token").status == 200
    assert not guide.all_done()


def test_tags_of_the_guides_are_explained():
    explained = (GUIDES.parent / "operating.md").read_text(encoding="utf-8")
    told = {tag for path in GUIDES.glob("*.md")
            for tag in re.findall(r"GT[0-9]{4}", path.read_text(encoding="utf-8"))}
    assert told and all(f"| {tag} |" in explained for tag in told), told
