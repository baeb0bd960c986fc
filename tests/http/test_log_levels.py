# Licensed under the Apache License, Version 2.0; see LICENSE.
"""What the log tells of a sign-in and a call at LogLevel graphtok:debug and trace8, and what it never does."""

import re
import urllib.parse

import pytest

from support.browser import Browser, query_of
from support.site import MOUNTS

WHERE = [("event", "sqlite3"), ("prefork", "sqlite3")]
CALL = r"call for {}: {} {}: {} in \d+ ms, \d+ bytes, request id [-\w]{{8,}}"


@pytest.fixture(scope="module")
def site(request, make_site):
    made = make_site(*request.param)
    made.start()
    yield made
    made.end()


def has(site, pattern):
    """Wait for a line of the error log."""
    found = re.compile(pattern)
    site.httpd.wait_until(lambda: found.search(site.httpd.log()), 10)


def call(site, purpose, method, url, status):
    has(site, CALL.format(purpose, method, re.escape(url), status))


def use(site, sandbox):
    """A sign-in with a deep link, a read, a change, a refusal; what no log may hold of it."""
    browser = Browser(sandbox.ca)
    left = browser.get(site.url + "/auth/login?login_hint=ada@sandbox.example"
                                  "&return_to=/deep%3Fticket%3Ddeep-link-secret")
    query = query_of(left.location)
    secrets = [query["state"], query["nonce"], query["code_challenge"], "deep-link-secret"]
    secrets += [cookie.value for cookie in browser.jar]
    callback = browser.get(left.location).location
    secrets.append(query_of(callback)["code"])
    assert browser.get(callback).status == 303
    secrets += [cookie.value for cookie in browser.jar if "login" not in cookie.name]
    user = browser.get(site.url + "/auth/token").json["user"]
    assert browser.get(site.url + "/calendar/events?top=3").status == 200
    made = browser.post(site.url + "/calendar/events", {
        "subject": "subject-of-a-person", "start": {"dateTime": "2030-05-01T12:00:00", "timeZone": "UTC"},
        "end": {"dateTime": "2030-05-01T13:00:00", "timeZone": "UTC"}})
    assert made.status == 201
    event = urllib.parse.quote(made.json["id"], safe="")
    assert browser.get(f"{site.url}/calendar/events/{event}").status == 200
    secrets += ["subject-of-a-person", made.json["id"]]
    return browser, user, secrets


def check_secrets(site, secrets):
    assert not site.find_secrets()
    log = site.httpd.log()
    assert not [text for text in secrets if text in log or urllib.parse.quote(text) in log]


def test_the_log_tells_of_a_sign_in_and_of_calls(site, sandbox):
    browser, user, secrets = use(site, sandbox)
    uri = re.escape(f"{site.url}/auth/callback")
    tenant, graph = f"{sandbox.authority}/{sandbox.tenant}", sandbox.graph
    has(site, rf"sign-in at microsoft begins: redirect_uri {uri}, goes to "
              rf"http\S+/{sandbox.tenant}/oauth2/v2.0/authorize\b(?!\?)")
    has(site, f"sign-in at microsoft comes back with a code: redirect_uri {uri}")
    has(site, rf"user {user} is signed in at microsoft: grant [-0-9a-f]+, goes on to {site.url}/deep\b")
    call(site, "exchange code", "POST", f"{tenant}/oauth2/v2.0/token", 200)
    call(site, "graph", "GET", f"{graph}/me/events", 200)
    call(site, "graph", "POST", f"{graph}/me/events", 201)
    call(site, "graph", "GET", f"{graph}/me/events/...", 200)
    # Steps, at trace alone.
    for step in ("step 1 of login: done, next is discover", r"step \d of sign in: ",
                 r"step 1 of graph call: done, next is token",
                 r"step \d of graph call: waits for a call"):
        has(site, step)
    check_secrets(site, secrets)
    assert "top=3" not in site.httpd.log()
    browser.post(site.url + "/auth/revoke")


def test_the_log_tells_where_a_token_comes_from(site, sandbox):
    browser, user, secrets = use(site, sandbox)
    of_user = rf"token of user {user} at microsoft for graph: "
    numbers = r": generation \d+, -?\d+ s to its end, margin \d+ s"
    has(site, of_user + "from the cache" + numbers)
    # The API refuses it once: a refresh, and why.
    sandbox.fault("graph", "graph_error", status=401, code="InvalidAuthenticationToken", times=1)
    assert browser.get(site.url + "/calendar/events").status == 200
    call(site, "graph", "GET", f"{sandbox.graph}/me/events", 401)
    has(site, of_user + "not from the cache, the API refused it" + numbers)
    has(site, of_user + "not from the row, the API refused it" + numbers)
    has(site, of_user + "refreshed" + numbers)
    # What is about to end in a row that another node wrote.
    site.database.sql("UPDATE user_tokens SET expires_at = datetime('now', '60 seconds') || '.000000', "
                      "updated_at = datetime('now', '-3600 seconds') || '.000000', "
                      f"revision = CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER), "
                      f"generation = generation + 1 WHERE user_id = '{user}'")
    has(site, rf"token of user {user} at microsoft leaves the cache: its grant has moved on from "
              r"generation \d+")
    assert browser.get(site.url + "/calendar/events").status == 200
    has(site, of_user + "not from the cache, there is none")
    has(site, of_user + "in the row, but within its margin" + numbers)
    check_secrets(site, secrets)
    browser.post(site.url + "/auth/revoke")


def test_a_call_that_fails_is_told_with_its_reason(site, sandbox):
    browser, _, secrets = use(site, sandbox)
    sandbox.fault("graph", "die", times=0)
    assert browser.get(site.url + "/calendar/events?top=5").status == 502
    sandbox.fault("graph", "none")
    has(site, r"call for graph: GET " + re.escape(sandbox.graph) + r"/me/events: GT03\d\d after \d+ ms: ")
    check_secrets(site, secrets)
    browser.post(site.url + "/auth/revoke")


def test_debug_tells_no_steps_and_info_no_calls(make_site, sandbox):
    site = make_site(settings="LogLevel graphtok:debug", mounts=MOUNTS)
    site.start()
    use(site, sandbox)
    call(site, "graph", "GET", f"{sandbox.graph}/me/events", 200)
    assert "step 1 of" not in site.httpd.log()
    site.httpd.stop()
    (site.folder / "error.log").unlink()
    site.configure(settings="LogLevel graphtok:info")
    site.start()
    use(site, sandbox)
    assert "call for graph" not in site.httpd.log() and "redirect_uri" not in site.httpd.log()
    site.end()
