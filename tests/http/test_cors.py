# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Pages of other origins: preflights, answers that they can read, and those who are not let in."""

import subprocess

import pytest

from support.site import MOUNTS, administered

APP = "https://app.example.org"
STAFF = "Basic YWRhOmFkYQ=="
PLACES = """
GraphTokAllowOrigin https://APP.example.org:443 http://127.0.0.1:3000 capacitor://localhost
Header always set X-Added yes
ErrorDocument 404 "not here"
<Location "/tom">
    GraphTokRequestMax 1K
</Location>
<Location "/staff/calendar">
    LimitRequestBody 100
</Location>
<Location "/health">
    GraphTokAllowOrigin * https://app.example.org
</Location>
<Location "/metrics">
    SetHandler graphtok-metrics
    GraphTokAllowOrigin none
</Location>
<Location "/any">
    GraphTokUser static tom
    GraphTokAllowOrigin *
</Location>
<Location "/any/auth">
    SetHandler graphtok-auth
</Location>
""" + administered("/tokens") + administered("/pages", "graphtok-admin") + """
Protocols h2c http/1.1
"""


@pytest.fixture(scope="module", name="open_site", params=["event", "prefork"])
def open_site_fixture(request, make_site):
    """A site that lets pages of others in."""
    protocols = "" if request.param == "event" else "Protocols http/1.1"
    made = make_site(request.param, mounts=MOUNTS + PLACES + protocols)
    made.start()
    yield made
    made.end()


def ask_before(browser, url, origin=APP, method="GET", **more):
    """A preflight."""
    fields = {"Origin": origin, "Access-Control-Request-Method": method}
    return browser.send("OPTIONS", url, headers=fields, **more)


def is_let_in(answer, origin=APP):
    return (answer.headers["Access-Control-Allow-Origin"] == origin
            and answer.headers["Access-Control-Allow-Credentials"] == "true")


def varies(answer):
    return "Origin" in [name.strip() for field in answer.headers.get_all("Vary") or []
                        for name in field.split(",")]


def words(answer, name):
    return {word.strip() for word in answer.headers[name].split(",")}


@pytest.mark.parametrize("path, methods, fields", [
    ("/auth/token", {"GET", "HEAD"}, set()), ("/auth/revoke", {"POST"}, set()),
    ("/calendar/events", {"GET", "HEAD", "POST"}, {"Prefer"}),
    ("/calendar/users/x@y.example/calendars/z/events/1", {"GET", "HEAD", "PUT", "PATCH", "DELETE"},
     {"If-Match", "If-None-Match", "Prefer"}),
    ("/staff/calendar/events", {"GET", "HEAD", "POST"}, {"Prefer"})])
def test_X5_a_preflight_tells_what_the_path_has(open_site, browser, path, methods, fields):
    answer = ask_before(browser, open_site.url + path, method="DELETE")
    assert answer.status == 204 and answer.body == b"" and is_let_in(answer) and varies(answer)
    assert words(answer, "Access-Control-Allow-Methods") == methods
    assert words(answer, "Access-Control-Allow-Headers") >= fields | {"Authorization", "Content-Type"}
    assert answer.headers["Access-Control-Max-Age"] == "7200" and answer.headers["X-Added"] == "yes"
    assert not answer.cookies


def test_X5_a_preflight_with_a_body_leaves_the_connection_whole(open_site):
    import http.client
    connection = http.client.HTTPConnection("localhost", open_site.httpd.port, timeout=30)
    for _ in range(3):
        connection.request("OPTIONS", "/auth/revoke", body=b"GET /smuggled HTTP/1.1\r\n\r\n", headers={
            "Origin": APP, "Access-Control-Request-Method": "POST"})
        answer = connection.getresponse()
        assert answer.status == 204 and answer.read() == b""


def test_X5_a_path_without_a_route(open_site, browser):
    answer = ask_before(browser, open_site.url + "/auth/nothing")
    assert answer.status == 204 and answer.headers["Access-Control-Allow-Methods"] is None
    answer = browser.get(open_site.url + "/auth/nothing", headers={"Origin": APP})
    assert answer.status == 404 and is_let_in(answer) and answer.json["tag"] == "GT0813"


@pytest.mark.parametrize("origin", [
    "null", "https://APP.example.org", "https://app.example.org:443", "https://app.example.org.",
    "https://app.example.org/", "https://app.example.org.evil.example", "https://evilapp.example.org",
    "https://app.example", "http://app.example.org", "https://app.example.org:8443", "*", "", " ",
    "https://app.example.org https://evil.example", "http://127.0.0.1", "http://localhost:3000",
    "https://app.example.org, https://app.example.org"])
def test_X5_no_other_origin(open_site, browser, origin):
    answer = ask_before(browser, open_site.url + "/auth/token", origin)
    assert answer.status == 403 and answer.json["tag"] == "GT0842"
    others = browser.get(open_site.url + "/tom/auth/token", headers={"Origin": origin})
    changed = browser.post(open_site.url + "/tom/auth/revoke", headers={"Origin": origin})
    assert changed.status == 403 and changed.json["tag"] == "GT0814"
    for each in (answer, others, changed):
        assert not [name for name in each.headers if name.startswith("Access-Control")]
        assert varies(each)


@pytest.mark.parametrize("origin", [APP, "http://127.0.0.1:3000", "capacitor://localhost"])
def test_X5_a_named_origin_reads_and_changes(open_site, browser, origin):
    browser.sign_in(open_site.url + "/auth/login")
    fields = {"Origin": origin, "Sec-Fetch-Site": "same-site"}
    token = browser.get(open_site.url + "/auth/token", headers=fields)
    assert token.status == 200 and is_let_in(token, origin) and varies(token)
    event = {"subject": "Lunch", "start": {"dateTime": "2030-05-01T12:00:00", "timeZone": "UTC"},
             "end": {"dateTime": "2030-05-01T13:00:00", "timeZone": "UTC"}}
    made = browser.post(open_site.url + "/calendar/events", body=event, headers=fields)
    assert made.status == 201 and is_let_in(made, origin)
    assert {"ETag", "Location", "Retry-After", "request-id"} <= words(
        made, "Access-Control-Expose-Headers")
    gone = browser.post(open_site.url + "/auth/revoke", headers=fields)
    assert gone.status == 200 and is_let_in(gone, origin)


def test_X5_failures_can_be_read(open_site, sandbox, browser):
    """Ours, and those that httpd answers itself."""
    from_app = {"Origin": APP}
    refused = browser.get(open_site.url + "/auth/token", headers=from_app)
    assert refused.status == 401 and refused.json["login_url"]
    unknown = browser.get(open_site.url + "/staff/auth/token", headers=from_app)
    assert unknown.status == 401
    large = browser.post(open_site.url + "/tom/calendar/events", body={"subject": "x" * 2000},
                         headers=from_app)
    assert large.status == 413
    too_large = browser.post(open_site.url + "/staff/calendar/events", body={"subject": "x" * 2000},
                             headers={**from_app, "Authorization": STAFF})
    assert too_large.status == 413
    page = browser.get(open_site.url + "/auth/nothing", headers={**from_app, "Accept": "text/html"})
    assert page.text == "not here"
    browser.sign_in(open_site.url + "/auth/login")
    sandbox.fault(where="graph", kind="graph_error", status=403, code="ErrorAccessDenied", times=1)
    denied = browser.get(open_site.url + "/calendar/events", headers=from_app)
    assert denied.status == 403 and denied.headers["request-id"]
    for answer in (refused, unknown, large, too_large, page, denied):
        assert is_let_in(answer) and varies(answer), answer


def test_X5_a_star_gives_no_credentials(open_site, browser):
    answer = ask_before(browser, open_site.url + "/health", "https://evil.example")
    assert answer.status == 204 and answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers["Access-Control-Allow-Credentials"] is None
    assert is_let_in(browser.get(open_site.url + "/health", headers={"Origin": APP}))
    read = browser.get(open_site.url + "/any/auth/token", headers={"Origin": "null"})
    assert read.headers["Access-Control-Allow-Origin"] == "*"
    for origin in ("https://evil.example", "*", APP):
        answer = browser.post(open_site.url + "/any/auth/revoke", headers={"Origin": origin})
        assert answer.status == 403 and answer.json["tag"] == "GT0814"
        assert answer.headers["Access-Control-Allow-Credentials"] is None


def test_X5_elsewhere_nothing_is_said(open_site, browser):
    for path in ("/metrics", "/", "/nothing"):
        answer = browser.get(open_site.url + path, headers={"Origin": APP})
        assert answer.headers["Access-Control-Allow-Origin"] is None and not varies(answer), path
    answer = browser.send("OPTIONS", open_site.url + "/auth/revoke", headers={"Origin": APP})
    assert answer.status == 405 and is_let_in(answer)


@pytest.mark.parametrize("path, asks, status", [
    ("/auth/revoke", ("-X", "OPTIONS", "-H", "Access-Control-Request-Method: POST"), 204),
    ("/tom/auth/token", (), 401)])
def test_X5_by_the_newest_protocol(open_site, path, asks, status):
    """prefork has no HTTP/2."""
    version = "2" if open_site.httpd.mpm == "event" else "1.1"
    asks += ("--http2-prior-knowledge",) if version == "2" else ()
    done = subprocess.run(
        ["curl", "-sS", "--noproxy", "*", "-D", "-", "-o", "/dev/null", "-H", f"Origin: {APP}",
         *asks, open_site.url + path], capture_output=True, text=True, check=True, timeout=60)
    assert f"HTTP/{version} {status}" in done.stdout
    assert f"access-control-allow-origin: {APP}" in done.stdout.lower()


@pytest.mark.parametrize("path, act", [("/tokens", "/cleanup_tokens"), ("/pages", "/cleanup"),
                                       ("/pages/api", "/cleanup_tokens")])
def test_O1_administrators_pages_are_of_their_own_origin(open_site, browser, path, act):
    """A page that may read calendars is no administrator's."""
    url, fields = open_site.url + path, {"Authorization": STAFF, "Origin": APP}
    assert not is_let_in(ask_before(browser, url + "/grants"))
    read = browser.get(url + "/grants", headers=fields)
    assert read.status == 200 and "Access-Control-Allow-Origin" not in read.headers
    acted = browser.post(url + act, headers={**fields, "Accept": "application/json"})
    assert acted.status == 403 and acted.json["detail"] == "the request comes from another site"
