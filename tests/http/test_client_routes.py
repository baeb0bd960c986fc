# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Clients that call our routes as a user: which they may call, where, how long, and what is told."""

import base64
import json
import os
import pathlib
import re
import subprocess
import urllib.parse

import pytest

from support.browser import Browser
from support.site import MOUNTS

GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"
USER_ID = "urn:mod_graphtok:token-type:user-id"
ACCESS = "urn:ietf:params:oauth:token-type:access_token"
SECRET = "planner-secret-0123456789"
CLIENT = """
<GraphTokClient {name}>
    GraphTokClientSecret file:{{folder}}/secrets/planner
    GraphTokClientSubject user
    {more}
</GraphTokClient>
"""
RULES = """GraphTokAllow GET /calendar/events/**
    GraphTokAllow PATCH /calendar/events/*
    GraphTokAllow GET /auth/**
    GraphTokAllow POST /auth/**
    GraphTokAllow GET /staff/auth/token
    GraphTokAllow GET /other/auth/token
    GraphTokAllow GET /beta/auth/token
    GraphTokClientTokenTime 10min"""
ALL = """GraphTokAllow GET /**
    GraphTokAllow POST /**
    GraphTokAllow PATCH /**
    GraphTokAllow DELETE /**"""
CONF = (CLIENT.format(name="planner", more=RULES) + CLIENT.format(name="butler", more=ALL)
        + CLIENT.format(name="both", more="GraphTokAllow GET /auth/token\n"
                        "GraphTokClientResource graph\n"
                        "GraphTokClientScope User.Read Calendars.ReadWrite")
        + CLIENT.format(name="plain", more="GraphTokClientResource graph\n"
                        "GraphTokClientScope User.Read Calendars.ReadWrite") + """
GraphTokAudit {folder}/audit.log
AllowEncodedSlashes NoDecode
<GraphTokStore beta>
    GraphTokTable beta_tokens
</GraphTokStore>
<Location "/exchange">
    SetHandler graphtok-exchange
    GraphTokUseClient planner butler both plain
</Location>
<Location "/beta/auth">
    SetHandler graphtok-auth
    GraphTokUseStore beta
</Location>
<Location "/other/auth">
    SetHandler graphtok-auth
    GraphTokSessionRealm other
</Location>
<Location "/limited/auth">
    SetHandler graphtok-auth
    GraphTokLimit user 3/h
</Location>
<Location "/pass">
    GraphTokPassToken header missing=none
</Location>
<Location "/metrics">
    SetHandler graphtok-metrics
</Location>
""")


@pytest.fixture(scope="module")
def site(make_site, sandbox_server):
    made = make_site(mounts=MOUNTS + CONF)
    made.write_secret("planner", SECRET + "\n")
    made.start()
    assert Browser(sandbox_server.ca).sign_in(made.url + "/tom/auth/login").status == 200
    yield made
    made.end()


def basic(name, secret=SECRET):
    pair = f"{urllib.parse.quote_plus(name)}:{urllib.parse.quote_plus(secret)}".encode()
    return "Basic " + base64.b64encode(pair).decode()


def exchange(site, client="planner", url=None, **changes):
    fields = {"grant_type": GRANT, "subject_token": "tom", "subject_token_type": USER_ID,
              "audience": "graphtok", **changes}
    return Browser().post((url or site.url) + "/exchange",
                          urllib.parse.urlencode({k: v for k, v in fields.items() if v}).encode(),
                          headers={"Authorization": basic(client),
                                   "Content-Type": "application/x-www-form-urlencoded"})


@pytest.fixture(scope="module")
def tokens(site):
    return {name: exchange(site, name).json["access_token"] for name in ("planner", "butler", "both")}


def call(site, token, method, path, body=None, **fields):
    fields = {name.replace("_", "-"): value for name, value in fields.items()}
    return Browser().send(method, site.url + path, body,
                          {"Authorization": "Bearer " + token, **fields})


def test_X3_a_token_for_our_routes(site, tokens):
    answer = exchange(site)
    assert answer.status == 200 and answer.json.keys() == {
        "access_token", "issued_token_type", "token_type", "expires_in"}, answer
    assert answer.json["issued_token_type"] == ACCESS and answer.json["token_type"] == "Bearer"
    assert answer.json["expires_in"] == 600
    token = answer.json["access_token"]
    assert token.startswith("gtc_") and "tom" not in token
    status = call(site, token, "GET", "/auth/token")
    assert status.status == 200 and status.json["user"] == "tom", status
    assert token not in site.httpd.log()
    other = exchange(site, "both", audience=None).json
    assert not other["access_token"].startswith("gtc_") and other["scope"]


@pytest.mark.parametrize("client, changes, error", [
    ("planner", {"resource": "https://graph.microsoft.com"}, "invalid_target"),
    ("planner", {"audience": "graph"}, "invalid_target"),
    ("plain", {}, "invalid_target"),
    ("both", {"resource": "https://graph.microsoft.com"}, "invalid_target"),
    ("planner", {"resource": "https://evil.example"}, "invalid_target"),
    ("planner", {"scope": "Calendars.Read"}, "invalid_scope"),
    ("planner", {"subject_token_type": ACCESS}, "unauthorized_client"),
    ("planner", {"subject_token": "nobody"}, "invalid_request"),
], ids=str)
def test_X3_targets_that_the_entry_does_not_name(site, client, changes, error):
    answer = exchange(site, client, **changes)
    assert answer.status == 400 and answer.json["error"] == error, answer


def test_X3_the_address_of_this_server_means_our_routes(site):
    for resource in (site.url, site.url + "/"):
        assert exchange(site, audience=None, resource=resource).json["access_token"].startswith("gtc_")
    assert exchange(site, audience=None).json["access_token"].startswith("gtc_")


# Method, path, what it gets: 403 unless a rule allows it. 404 and 405 say that there is no such
# route at all, to all the same; 400 is Graph's, or ours, about the event.
MATRIX = [
    ("GET", "/calendar/events", 200), ("HEAD", "/calendar/events", 200),
    ("GET", "/calendar/events/", 200), ("GET", "/calendar/events?top=1", 200),
    ("GET", "/calendar//events", 200), ("GET", "/calendar/./events", 200),
    ("GET", "/calendar/x/../events", 200), ("GET", "/calendar/%65vents", 200),
    ("GET", "/calendar/events/nobody", 400), ("GET", "/calendar/events/no%2Fbody", 400),
    ("PATCH", "/calendar/events/nobody", 400),
    ("GET", "/auth/token", 200), ("GET", "/auth/user", 200),
    ("GET", "/calendar", 403), ("GET", "/calendar/", 403), ("HEAD", "/calendar/", 403),
    ("GET", "/calendar/next24", 403), ("GET", "/calendar/calendars", 403),
    ("GET", "/calendar/events/../next24", 403), ("GET", "/calendar/events/%2e%2e/next24", 403),
    ("GET", "/calendar/events/..%2Fnext24", 400), ("GET", "/calendar/users/ada/events", 403),
    ("GET", "/calendar/calendars/x/events", 403),
    ("POST", "/calendar/events", 403), ("POST", "/calendar/events/", 403),
    ("DELETE", "/calendar/events/nobody", 403), ("PUT", "/calendar/events/nobody", 403),
    ("POST", "/calendar/events/x/extensions", 403),
    ("PATCH", "/calendar/events/x/extensions/y", 403),
    ("GET", "/tom/calendar/events", 403), ("GET", "/tom/auth/token", 403),
    ("GET", "/calendar/Events", 404), ("GET", "/Calendar/events", 404),
    ("GET", "/calendar/events;x", 404), ("GET", "/calendar;x/events", 404),
    ("GET", "/calendar%2Fevents", 404), ("GET", "/calendar/%2565vents", 404),
    ("GET", "/calendar/next24%2F..%2Fevents", 404),
    ("OPTIONS", "/calendar/events", 405), ("DELETE", "/calendar/events", 405),
    ("BREW", "/calendar/events", 405), ("TRACE", "/calendar/events", 405),
    ("GET", "/auth/login", 403), ("GET", "/auth/callback?code=x&state=y", 403),
    ("POST", "/auth/logout", 403), ("GET", "/auth/admin-consent", 403),
    ("GET", "/staff/auth/token", 401),  # httpd's own authentication stands before it
    ("GET", "/other/auth/token", 401), ("GET", "/beta/auth/token", 401),
    ("POST", "/exchange", 415), ("GET", "/metrics", 200), ("GET", "/health/live", 200),
]


@pytest.mark.parametrize("method, path, status", MATRIX, ids=[f"{m} {p}" for m, p, _ in MATRIX])
def test_X3_what_a_client_may_call(site, tokens, method, path, status):
    answer = call(site, tokens["planner"], method, path,
                  body={} if method in ("POST", "PATCH", "PUT") else None)
    assert answer.status == status, answer
    if status == 403:
        assert answer.headers["WWW-Authenticate"] == (
            'Bearer realm="graphtok", error="insufficient_scope"')
        if method != "HEAD":
            assert answer.json["tag"] == "GT0854" and "planner may not call" in answer.json["detail"]


def test_X3_a_rule_for_all_opens_no_sign_in_and_no_other_place(site, tokens):
    token = tokens["butler"]
    assert call(site, token, "GET", "/tom/calendar/next24").status == 200
    assert call(site, token, "GET", "/auth/login").json["tag"] == "GT0854"
    assert call(site, token, "POST", "/auth/logout").json["tag"] == "GT0854"
    for path in ("/other/auth/token", "/beta/auth/token"):
        answer = call(site, token, "GET", path)
        assert answer.status == 401 and answer.json["tag"] == "GT0855", answer
        assert answer.headers["WWW-Authenticate"] == 'Bearer realm="graphtok", error="invalid_token"'
    passed = call(site, token, "GET", "/pass/x")
    assert passed.status == 404 and "ey" not in passed.text  # nothing of the provider's leaves
    assert not re.search("token of user tom .* is passed", site.httpd.log())


@pytest.mark.parametrize("change", [
    lambda t: t[:-1], lambda t: t + "A", lambda t: "gtc_", lambda t: "gtc_" + "A" * 3000,
    lambda t: t[:60] + ("A" if t[60] != "A" else "B") + t[61:], lambda t: t.replace("gtc_", "gtc_gt1."),
    lambda t: t.replace("gt1.", "gt2."), lambda t: "gtc_gt1.x.y"])
def test_X3_tokens_that_are_none(site, tokens, change):
    answer = call(site, change(tokens["planner"]), "GET", "/auth/token")
    assert answer.status == 401 and answer.json["tag"] == "GT0855", answer
    assert "login_url" not in answer.json  # it is not the user who is to do something


def test_X3_a_session_or_a_jwt_beside_it_changes_nothing(site, tokens, sandbox_server):
    """The token decides who the caller is, and is no client's secret and no subject."""
    browser = Browser(sandbox_server.ca)
    assert browser.sign_in(site.url + "/auth/login").status == 200
    field = {"Authorization": "Bearer " + tokens["planner"]}
    assert browser.get(site.url + "/auth/token", headers=field).json["user"] == "tom"
    assert browser.get(site.url + "/calendar/next24", headers=field).status == 403
    assert browser.get(site.url + "/auth/token").json["user"] != "tom"
    answer = exchange(site, subject_token=tokens["planner"], subject_token_type=ACCESS)
    assert answer.json["error"] == "unauthorized_client"
    assert call(site, tokens["planner"], "POST", "/exchange",
                urllib.parse.urlencode({"grant_type": GRANT, "client_id": "planner"}).encode(),
                Content_Type="application/x-www-form-urlencoded").json["error"] == "invalid_client"


def test_X3_actor_and_subject_of_each_call_are_in_the_audit(site, tokens):
    path = site.folder / "audit.log"
    before = len(path.read_text().split("\n"))
    exchange(site)
    call(site, tokens["planner"], "GET", "/calendar/events")
    call(site, tokens["planner"], "GET", "/calendar/next24")
    rows = [json.loads(line) for line in path.read_text().split("\n")[before - 1:] if line]
    assert [(row["event"], row["result"], row["client"], row["user"], row["route"]) for row in rows] == [
        ("exchange", "ok", "planner", "tom", "exchange"),
        ("client_call", "ok", "planner", "tom", "events"), ("call", "ok", "planner", "tom", "events"),
        ("client_call", "forbidden", "planner", "tom", "next24")], rows
    figures = Browser().get(site.url + "/metrics").text
    assert re.search(r'graphtok_client_calls_total\{result="ok"\} [1-9]', figures)
    assert re.search(r'graphtok_client_calls_total\{result="forbidden"\} [1-9]', figures)
    site.httpd.accessed(lambda log: ' tom "GET /calendar/events HTTP/1.1" 200' in log)


def test_X3_a_client_has_limits_of_its_own(site, tokens, sandbox_server):
    """Neither its calls nor its refusals use up its user's; what is no token counts for its address."""
    def status(token):
        return call(site, token, "GET", "/limited/auth/token").status
    assert [status(tokens["butler"]) for _ in range(4)] == [200, 200, 200, 429]
    assert [status(tokens["planner"]) for _ in range(4)] == [403, 403, 403, 429]
    assert [status("gtc_x") for _ in range(4)] == [401, 401, 401, 429]
    assert status(tokens["butler"]) == 429


def test_X3_a_token_holds_over_restarts_and_ends_with_rule_entry_and_grant(site, tokens, sandbox_server):
    token, other = tokens["planner"], tokens["butler"]
    site.httpd.stop()
    site.httpd.start()
    assert call(site, token, "GET", "/calendar/events").status == 200
    conf = site.text["mounts"]
    site.configure(mounts=conf.replace("GraphTokAllow GET /calendar/events/**\n", "")
                   .replace(CLIENT.format(name="butler", more=ALL), "").replace("planner butler", "planner"))
    site.httpd.stop()
    site.httpd.start()
    assert call(site, token, "GET", "/calendar/events").json["tag"] == "GT0854"
    assert call(site, token, "GET", "/auth/token").status == 200
    assert call(site, other, "GET", "/auth/token").json["tag"] == "GT0855"
    site.configure(mounts=conf)
    site.httpd.stop()
    site.httpd.start()
    assert call(site, other, "GET", "/auth/token").status == 200
    assert Browser().post(site.url + "/tom/auth/revoke").json["status"] == "revoked"
    site.httpd.wait_until(lambda: call(site, other, "GET", "/auth/token").status == 401, 10)
    assert call(site, other, "GET", "/auth/token").json["tag"] == "GT0855"
    assert Browser(sandbox_server.ca).sign_in(site.url + "/tom/auth/login").status == 200
    assert call(site, other, "GET", "/auth/token").json["tag"] == "GT0855"  # of the grant before
    assert call(site, exchange(site).json["access_token"], "GET", "/auth/token").status == 200


def test_the_example_of_an_agent_that_calls_our_routes(site, sandbox_server):
    command = pathlib.Path(__file__).resolve().parents[2] / "conf/examples/routes_agent.py"
    made = Browser().post(site.url + "/tom/calendar/events", {
        "subject": "Lunch", "start": {"dateTime": "2030-05-01T12:00:00", "timeZone": "UTC"},
        "end": {"dateTime": "2030-05-01T13:00:00", "timeZone": "UTC"}})
    assert made.status == 201

    def run(user):
        return subprocess.run([str(command), user], capture_output=True, text=True, timeout=60, check=False,
                              env={**os.environ, "SERVER_URL": site.url, "CLIENT_ID": "planner",
                                   "CLIENT_SECRET_FILE": str(site.secrets / "planner")})
    assert run("tom").stdout == "2030-05-01T12:00 Lunch\n"
    refused = run("nobody")
    assert refused.returncode == 1 and refused.stderr.startswith("400: the subject_token does not hold")
