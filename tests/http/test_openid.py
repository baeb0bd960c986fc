# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Any OpenID provider, on conf/examples/yahoo.conf: the sandbox's Google stands for one that gives a
refresh token with each sign-in, as Yahoo does."""

import re

import pytest

from support.browser import query_of
from test_examples import EXAMPLES, Example
from test_google import ADA, problem


class Yahoo(Example):
    """An httpd with the example, which finds the sandbox by its discovery document."""

    def __init__(self, folder, sandbox):
        facts = sandbox.process.facts
        secret = open(facts["client_secret_file"], encoding="ascii").read().strip()
        self.facts = facts
        super().__init__(folder, "yahoo", "event", "sqlite3", None, sandbox, {
            "YAHOO_CLIENT_ID": facts["google"]["client_id"], "YAHOO_CLIENT_SECRET": secret,
            "TOKEN_KEY": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="})

    def text(self, _):
        text = (EXAMPLES / "yahoo.conf").read_text(encoding="utf-8")
        for line, instead in (
                (r"DBDriver .*", f"DBDriver {self.database.driver}"), (r"DBDParams .*", f'DBDParams "{self.database.params}"'),
                (r"GraphTokPublicURL .*", f"GraphTokPublicURL {self.url}"),
                (r"    GraphTokDiscovery .*",
                 f"    GraphTokDiscovery {self.facts['google']['authority']}\n"
                 f"    GraphTokCAFile {self.facts['ca']}")):
            text, times = re.subn(f"^{line}$", instead, text, flags=re.M)
            assert times == 1, line
        return text + "GraphTokBackground off\nGraphTokLimit off\n"


@pytest.fixture(scope="module", name="site")
def fixture_site(ground, sandbox_server):
    made = Yahoo(ground / "yahoo", sandbox_server)
    made.migrate()
    made.httpd.start()
    sandbox_server.add_redirect_uri(f"{made.url}/auth/callback")
    yield made
    made.httpd.remove()


@pytest.fixture(name="ada")
def fixture_ada(site, browser, sandbox):
    """A browser that is signed in; its tokens live for a second."""
    sandbox.process.settings(google_always_refresh=True, access_seconds=1)
    answer = browser.sign_in(f"{site.url}/auth/login")
    assert answer.status == 200 and answer.json["provider"] == "yahoo", answer
    return browser


def test_what_is_asked_of_it(site, browser):
    asked = query_of(browser.get(f"{site.url}/auth/login?prompt=login").location)
    assert asked["scope"] == "openid profile email" and asked["prompt"] == "login"
    assert asked["code_challenge_method"] == "S256" and "access_type" not in asked


def test_sign_in_refresh_revoke(site, ada, sandbox):
    """The refresh token that does not change is kept; the person is what userinfo says."""
    site.httpd.wait_until(lambda: ada.get(f"{site.url}/auth/token").status == 200
                          and sandbox.calls("google:token:refresh_token") >= 2, 20)
    me = ada.get(f"{site.url}/auth/user")
    assert me.status == 200 and me.json["mail"] == me.json["userPrincipalName"] == ADA
    assert ada.get(f"{site.url}/health/yahoo").json["provider"] == "up"
    assert ada.post(f"{site.url}/auth/revoke").json["status"] == "revoked"
    sandbox.wait_for_calls("google:revoke", 1)
    revoked = sandbox.process.calls("google:revoke")
    assert revoked["statuses"] == {"200": 1}
    assert revoked["last"][-1]["is_client"], "with our proof of the registration"


def test_a_token_that_userinfo_does_not_take(site, ada, sandbox):
    """It is refreshed, once, and the grant lives on."""
    sandbox.process.settings(access_seconds=3600)
    site.httpd.wait_until(lambda: sandbox.calls("google:token:refresh_token") >= 1
                          or ada.get(f"{site.url}/auth/token").status != 200, 20)
    before = sandbox.calls("google:token:refresh_token")
    sandbox.process.google(ADA, expire_access=True)
    assert ada.get(f"{site.url}/auth/user").status == 200
    assert sandbox.calls("google:token:refresh_token") == before + 1


def test_check_looks_at_it(site, sandbox):
    told = site.graphtokctl("check").stdout
    for part in ("provider yahoo: https", "client of yahoo: ", f"redirect URI: {site.url}/auth/callback"):
        assert f"OK     {part}" in told, told


def test_validation_asks_it_too(site, ada, sandbox):
    done = site.graphtokctl("validate")
    assert done.returncode == 0, done.stdout + done.stderr
    assert sandbox.calls("google:userinfo") >= 1


def test_refusals_of_userinfo(site, ada, sandbox):
    for kind, status, tag in (({"status": 403}, 403, "GT1314"), ({"status": 500}, 502, "GT1317"),
                              ({"status": 200, "body": "[]"}, 502, "GT1315"),
                              ({"status": 200, "body": '{"sub": "another"}'}, 502, "GT1320")):
        sandbox.fault("/google/userinfo", "answer", **kind)
        problem(ada.get(f"{site.url}/auth/user"), status, tag)
