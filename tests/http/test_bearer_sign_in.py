# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Sign-in of callers that show a token: the script gets the address, the state cookie names the user."""

import time

import pytest

from support.browser import Browser
from support.jwt import Signer

WHERE = [("event", "sqlite3"), ("prefork", "sqlite3")]

SECRET = "the-secret-that-an-application-and-its-web-server-share-0123456789"
SETTINGS = """
<GraphTokJWT app>
    GraphTokJWTIssuer none
    GraphTokJWTAudience none
    GraphTokJWTAlgorithms HS256
    GraphTokJWTKeys file:{secrets}/shared
    GraphTokJWTCookie app_token
</GraphTokJWT>
"""
MOUNTS = """
GraphTokLimit off
<Location "/app">
    GraphTokUser jwt app
</Location>
<Location "/app/auth">
    SetHandler graphtok-auth
</Location>
<Location "/own/auth">
    SetHandler graphtok-auth
</Location>
"""
PAGE = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate"}


@pytest.fixture(scope="module")
def site(request, make_site):
    made = make_site(*request.param, mounts=MOUNTS, migrate=False)
    made.write_secret("shared", SECRET)
    made.configure(settings=SETTINGS.replace("{secrets}", str(made.secrets)))
    made.migrate()
    made.register("/app/auth", "/own/auth")
    made.start()
    yield made
    made.end()


def token_of(user, **more):
    return Signer("HS256", SECRET).token(body={"sub": user, "exp": int(time.time()) + 600, **more})


def bearer(user, **more):
    return {"Authorization": f"Bearer {token_of(user, **more)}"}


def begin(browser, site, user, hint):
    """As a page's script does: the address to send the browser to."""
    answer = browser.get(f"{site.url}/app/auth/login?login_hint={hint}", headers=bearer(user))
    assert answer.status == 200 and answer.json["expires_in"] == 600, answer
    assert answer.headers["Cache-Control"] == "no-store"
    return answer.json["authorization_url"]


def come_back(browser, address, **more):
    """Through the provider, to the callback, by redirects alone."""
    return browser.get(browser.get(address).location, **more)


def test_a_script_sends_the_browser(site, sandbox):
    browser = Browser(sandbox.ca)
    answer = come_back(browser, begin(browser, site, "user-1", "ada@sandbox.example"), headers=PAGE)
    assert answer.status == 200 and "Ada" in answer.text
    status = Browser().get(f"{site.url}/app/auth/token", headers=bearer("user-1"))
    assert status.status == 200 and status.json["user"] == "user-1"
    assert Browser().get(f"{site.url}/app/auth/token", headers=bearer("user-2")).status == 401


def test_another_browser_cannot_finish_it(site, sandbox):
    browser = Browser(sandbox.ca)
    back = browser.get(begin(browser, site, "user-3", "ada@sandbox.example")).location
    for headers in ({}, bearer("user-3"), bearer("user-4")):
        assert Browser().get(back, headers=headers).json["tag"] == "GT0834"
    assert browser.get(back).json["user"] == "user-3"
    assert browser.get(back).json["tag"] == "GT0834"


def test_a_token_that_ended_meanwhile_is_in_no_way(site, sandbox):
    browser = Browser(sandbox.ca)
    back = browser.get(begin(browser, site, "user-5", "alan@sandbox.example")).location
    answer = browser.get(back, headers=bearer("user-5", exp=int(time.time()) - 5))
    assert answer.status == 200 and answer.json["user"] == "user-5"


def test_a_page_with_the_cookie_is_redirected(site, sandbox):
    browser = Browser(sandbox.ca)
    headers = PAGE | {"Cookie": f"app_token={token_of('user-6')}"}
    answer = browser.get(f"{site.url}/app/auth/login?login_hint=alan@sandbox.example", headers=headers)
    assert answer.status == 302
    assert come_back(browser, answer.location).json["user"] == "user-6"


def test_a_state_is_of_its_kind_of_caller(site, sandbox):
    """A sign-in that was begun for a session does not end at a place of tokens, nor the other way."""
    browser = Browser(sandbox.ca)
    to_app = browser.get(begin(browser, site, "user-7", "alan@sandbox.example")).location
    to_own = browser.leave_for_sign_in(f"{site.url}/own/auth/login")
    assert browser.get(to_app.replace("/app/auth", "/own/auth")).json["tag"] == "GT0834"
    assert browser.get(to_own.replace("/own/auth", "/app/auth")).json["tag"] == "GT0834"


def test_without_a_token_no_sign_in_begins(site):
    answer = Browser().get(f"{site.url}/app/auth/login")
    assert (answer.status, answer.json["tag"]) == (401, "GT0864") and "Set-Cookie" not in answer.headers
