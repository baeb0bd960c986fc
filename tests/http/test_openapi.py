# Licensed under the Apache License, Version 2.0; see LICENSE.
"""docs/openapi.yaml is a document of OpenAPI 3.1, and answers of each handler are as it says. Rows stand in
the order in which they are asked: the event is deleted at its end, the grant at the end of all."""

import base64
import email.message
import types
import urllib.parse

import pytest

from support import openapi
from support.browser import Browser
from support.site import NOON, WINDOW, administered

ADA = "Basic " + base64.b64encode(b"ada:ada").decode()
SCOPES = "GraphTokScope openid profile email offline_access User.Read Calendars.ReadWrite Mail.ReadWrite"
MOUNTS = "".join(f'<Location "{path}">\n    SetHandler graphtok-{handler}\n</Location>\n' for path, handler in (
    ("/auth", "auth"), ("/calendar", "calendar"), ("/mail", "mail"), ("/health", "health"),
    ("/metrics", "metrics"), ("/exchange", "exchange"))) + administered("/api/graph-tokens") \
    + administered("/admin", "graphtok-admin") + """
<GraphTokClient agent>
    GraphTokClientSecret file:{folder}/secrets/agent
    GraphTokClientResource graph
    GraphTokClientScope User.Read
    GraphTokClientSubject user
</GraphTokClient>
GraphTokLimit off
"""
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JUNK = {"Content-Type": "application/json"}
AGENT = b"client_id=agent&client_secret=agent-secret-0123456789"
NONE = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(scope="module", name="place")
def place_fixture(make_site, sandbox_server):
    """A site with every handler that wants no more than Graph, and ada signed in."""
    sandbox_server.reset()
    made = make_site(mounts=MOUNTS, provider=SCOPES)
    made.write_secret("agent", AGENT.decode().rpartition("=")[2])
    made.start()
    made.register("/auth")
    browser = Browser(sandbox_server.ca)
    signed_in = browser.sign_in(made.url + "/auth/login")
    assert not openapi.faults("GET", "/auth/callback", signed_in), signed_in
    event = browser.post(made.url + "/calendar/events", {"subject": "Noon", **NOON})
    assert event.status == 201 and not openapi.faults("POST", "/calendar/events", event)
    yield types.SimpleNamespace(site=made, browser=browser, event=urllib.parse.quote(event.json["id"], safe=""),
                                grant=browser.get(made.url + "/auth/tokens").json["tokens"][0]["id"])
    made.end()


# Method, path, body, fields, who asks ("user", "admin", "none"), status.
ROWS = [
    ("GET", "/auth/", None, {}, "none", 302),
    ("GET", "/auth/login", None, {}, "none", 302),
    ("GET", "/auth/login?tenant=%20", None, {}, "none", 400),
    ("GET", "/auth/login/microsoft", None, {}, "none", 302),
    ("GET", "/auth/admin-consent", None, {}, "none", 302),
    ("GET", "/auth/callback?state=x", None, {}, "none", 400),
    ("GET", "/auth/token", None, {}, "user", 200),
    ("GET", "/auth/token", None, {}, "none", 401),
    ("GET", "/auth/tokens", None, {}, "user", 200),
    ("POST", "/auth/tokens/{grant}/refresh", b"", {}, "user", 200),
    ("POST", "/auth/tokens/1/refresh", b"", {}, "user", 404),
    ("GET", "/auth/user", None, {}, "user", 200),
    ("GET", "/auth/logout/frontchannel?sid=1", None, {}, "none", 200),
    ("POST", "/auth/logout/backchannel", b"logout_token=x", FORM, "none", 400),
    ("POST", "/auth/logout", b"", {}, "none", 200),
    ("GET", "/calendar/", None, {}, "user", 200),
    ("GET", "/calendar/", None, {}, "none", 401),
    ("GET", "/calendar/calendars", None, {}, "user", 200),
    ("GET", "/calendar/next24", None, {}, "user", 200),
    ("GET", f"/calendar/events?{WINDOW}", None, {}, "user", 200),
    ("GET", "/calendar/events?top=0", None, {}, "user", 400),
    ("GET", "/calendar/events/{event}", None, {}, "user", 200),
    ("GET", "/calendar/events/AAAA", None, {}, "user", 400),
    ("POST", "/calendar/events", b"{", JUNK, "user", 400),
    ("POST", "/calendar/events", b"a=b", FORM, "user", 415),
    ("PATCH", "/calendar/events/{event}", {"subject": "One"}, {}, "user", 200),
    ("PATCH", "/calendar/events/{event}", {"subject": "Two"}, {"If-Match": 'W/"x"'}, "user", 412),
    ("PUT", "/calendar/events/{event}", {"subject": "Noon", **NOON}, {}, "user", 200),
    ("POST", "/calendar/events/{event}/extensions", {"extensionName": "org.example.a", "n": 1}, {},
     "user", 201),
    ("GET", "/calendar/events/{event}/extensions/org.example.a", None, {}, "user", 200),
    ("DELETE", "/calendar/events/{event}/extensions/org.example.a", None, {}, "user", 204),
    ("GET", f"/calendar/groups/{NONE}/events", None, {}, "user", 403),
    ("DELETE", "/calendar/events/{event}", None, {}, "user", 204),
    ("POST", "/exchange/", AGENT + b"&grant_type=x", FORM, "none", 400),
    ("POST", "/exchange/", AGENT + b"x", FORM, "none", 401),
    ("POST", "/exchange/", b"{}", JUNK, "none", 415),
    ("GET", "/health/live", None, {}, "none", 200),
    ("GET", "/health/ready", None, {}, "none", 200),
    ("GET", "/health/", None, {}, "none", 200),
    ("GET", "/health/microsoft", None, {}, "none", 200),
    ("GET", "/health/google", None, {}, "none", 404),
    ("GET", "/health/microsoft/tokens", None, {}, "none", 200),
    ("GET", "/health/oauth-tokens", None, {}, "none", 200),
    ("GET", "/health/email-sync", None, {}, "none", 404),
    ("GET", "/metrics/", None, {}, "none", 200),
    ("POST", "/mail/triage/run", {}, {}, "user", 200),
    ("POST", "/mail/triage/run", {"top": 0}, {}, "user", 400),
    ("POST", "/mail/drafts/create", {"to": "grace@sandbox.example", "subject": "Hello", "body": "x"}, {},
     "user", 201),
    ("POST", "/mail/drafts/create", {"to": 1}, {}, "user", 400),
    ("GET", "/api/graph-tokens/status", None, {}, "admin", 200),
    ("GET", "/api/graph-tokens/overview", None, {}, "admin", 200),
    ("GET", "/api/graph-tokens/grants", None, {}, "admin", 200),
    ("GET", "/api/graph-tokens/grants?limit=0", None, {}, "admin", 400),
    ("GET", "/api/graph-tokens/grants/{grant}", None, {}, "admin", 200),
    ("GET", f"/api/graph-tokens/grants/{NONE}", None, {}, "admin", 404),
    ("POST", "/api/graph-tokens/grants/{grant}/validate", b"", {}, "admin", 200),
    ("POST", "/api/graph-tokens/validate_tokens", b"", {}, "admin", 200),
    ("POST", "/api/graph-tokens/cleanup_tokens", b"", {}, "admin", 200),
    ("GET", "/api/graph-tokens/bulk", None, {}, "admin", 200),
    ("POST", "/api/graph-tokens/bulk", {"act": "refresh", "filter": {}}, {}, "admin", 202),
    ("POST", "/api/graph-tokens/bulk", {"act": "x", "filter": {}}, {}, "admin", 400),
    ("GET", f"/api/graph-tokens/bulk/{NONE}", None, {}, "admin", 404),
    ("GET", "/admin/", None, {}, "admin", 200),
    ("GET", "/admin/grants", None, {}, "admin", 200),
    ("GET", "/admin/grants/{grant}", None, {}, "admin", 200),
    ("GET", "/admin/bulk", None, {}, "admin", 200),
    ("POST", "/admin/cleanup", b"", FORM, "admin", 403),
    ("POST", "/auth/revoke", b"", {}, "user", 200),
]


@pytest.mark.parametrize("method, path, body, fields, asker, status", ROWS,
                         ids=[f"{row[0]} {row[1]} {row[5]}" for row in ROWS])
def test_an_answer_is_as_documented(place, method, path, body, fields, asker, status):
    path = path.replace("{event}", place.event).replace("{grant}", place.grant)
    headers = {"Accept": "application/json", **fields,
               **({"Authorization": ADA} if asker == "admin" else {})}
    browser = place.browser if asker == "user" else Browser(place.site.sandbox.ca)
    answer = browser.send(method, place.site.url + path, body, headers)
    assert answer.status == status, answer
    assert not openapi.faults(method, path.partition("?")[0], answer), answer


def test_the_document_is_valid():
    assert not openapi.invalid(openapi.DOCUMENT)
    assert all(openapi.resolved({"$ref": name}) for name in openapi.references(openapi.DOCUMENT))
    names = [item[method]["operationId"] for item in openapi.DOCUMENT["paths"].values()
             for method in openapi.METHODS if method in item]
    assert len(names) > 80 and len(set(names)) == len(names)
    assert openapi.invalid({"openapi": "3.1.0", "info": {"title": "x"}})


@pytest.mark.parametrize("path, status, kind, body, word", [
    ("/auth/nothing", 200, "application/json", b"{}", "there is no"),
    ("/auth/token", 418, "application/json", b"{}", "status is not documented"),
    ("/auth/token", 200, "text/plain", b"x", "text/plain is not documented"),
    ("/auth/token", 200, "application/json", b'{"status": 1}', "is not of type"),
    ("/auth/token", 401, "application/problem+json", b'{"type": "x"}', "required property"),
    ("/auth/login", 302, "text/html", b"", "lacks the field Location")])
def test_an_answer_that_is_not_documented_is_told(path, status, kind, body, word):
    headers = email.message.Message()
    headers["Content-Type"] = kind
    answer = types.SimpleNamespace(status=status, headers=headers, body=body)
    assert any(word in fault for fault in openapi.faults("GET", path, answer))
