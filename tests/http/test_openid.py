# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Any OpenID provider, found by its discovery document: the sandbox's Google stands for one that gives
a refresh token with each sign-in, as Yahoo does."""

import pytest

from support.browser import query_of
from test_google import ADA, problem

PROVIDER = """
<GraphTokProvider yahoo>
    GraphTokKind openid
    GraphTokDiscovery {google[authority]}/.well-known/openid-configuration
    GraphTokClientID {google[client_id]}
    GraphTokClientSecret file:{client_secret_file}
    GraphTokClientAuth basic
    GraphTokScope openid profile email
    GraphTokCAFile {ca}
</GraphTokProvider>
GraphTokUseProvider yahoo
"""
MOUNTS = """
<Location "/tom">
    GraphTokUser static tom
</Location>
<Location "/tom/auth">
    SetHandler graphtok-auth
</Location>
<Location "/health">
    SetHandler graphtok-health
</Location>
GraphTokLimit off
"""


@pytest.fixture(scope="module", name="site")
def fixture_site(make_site, sandbox_server):
    made = make_site(mounts=MOUNTS, settings=PROVIDER.format(**sandbox_server.process.facts))
    made.start()
    yield made
    made.end()


@pytest.fixture(name="tom")
def fixture_tom(site, browser, sandbox):
    """A browser that is signed in; its tokens live for a second."""
    sandbox.process.settings(google_always_refresh=True, access_seconds=1)
    assert browser.sign_in(f"{site.url}/tom/auth/login").status == 200
    return browser


def test_what_is_asked_of_it(site, browser):
    asked = query_of(browser.get(f"{site.url}/tom/auth/login?prompt=login").location)
    assert asked["scope"] == "openid profile email" and asked["prompt"] == "login"
    assert asked["code_challenge_method"] == "S256" and "access_type" not in asked


def test_sign_in_refresh_revoke(site, tom, sandbox):
    """The refresh token that does not change is kept; the person is what userinfo says."""
    site.httpd.wait_until(lambda: tom.get(f"{site.url}/tom/auth/token").status == 200
                          and sandbox.calls("google:token:refresh_token") >= 2, 20)
    me = tom.get(f"{site.url}/tom/auth/user")
    assert me.status == 200 and me.json["mail"] == me.json["userPrincipalName"] == ADA
    assert tom.get(f"{site.url}/health/yahoo").json["provider"] == "up"
    assert tom.post(f"{site.url}/tom/auth/revoke").json["status"] == "revoked"
    sandbox.wait_for_calls("google:revoke", 1)
    assert sandbox.process.calls("google:revoke")["statuses"] == {"200": 1}


def test_a_token_that_userinfo_does_not_take(site, tom, sandbox):
    """It is refreshed, once, and the grant lives on."""
    sandbox.process.settings(access_seconds=3600)
    site.httpd.wait_until(lambda: sandbox.calls("google:token:refresh_token") >= 1
                          or tom.get(f"{site.url}/tom/auth/token").status != 200, 20)
    before = sandbox.calls("google:token:refresh_token")
    sandbox.process.google(ADA, expire_access=True)
    assert tom.get(f"{site.url}/tom/auth/user").status == 200
    assert sandbox.calls("google:token:refresh_token") == before + 1


def test_validation_asks_it_too(site, tom, sandbox):
    done = site.ctl("validate", check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert sandbox.calls("google:userinfo") >= 1


def test_refusals_of_userinfo(site, tom, sandbox):
    for kind, status, tag in (({"status": 403}, 403, "GT1314"), ({"status": 500}, 502, "GT1317"),
                              ({"status": 200, "body": "[]"}, 502, "GT1315")):
        sandbox.fault("/google/userinfo", "answer", **kind)
        problem(tom.get(f"{site.url}/tom/auth/user"), status, tag)
