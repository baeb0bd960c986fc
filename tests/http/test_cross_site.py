# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Requests from elsewhere, redirects to elsewhere, headers of ours sent by the client."""

import pathlib

import pytest

from support.browser import Browser

CORPUS = pathlib.Path(__file__).with_name("redirects.txt").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("headers, status", [
    ({}, 200),
    ({"Origin": "{own}"}, 200),
    ({"Sec-Fetch-Site": "same-origin"}, 200),
    ({"Sec-Fetch-Site": "none"}, 200),
    ({"Origin": "https://evil.example"}, 403),
    ({"Origin": "null"}, 403),
    ({"Origin": "null", "Sec-Fetch-Site": "same-origin"}, 200),
    ({"Origin": "null", "Sec-Fetch-Site": "cross-site"}, 403),
    ({"Origin": "null", "Sec-Fetch-Site": "none"}, 403),
    ({"Origin": "{own}.evil.example"}, 403),
    ({"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"}, 403),
    ({"Sec-Fetch-Site": "cross-site"}, 403),
    ({"Sec-Fetch-Site": "same-site"}, 403)])
def test_changing_requests_come_from_here(site, browser, headers, status):
    browser.sign_in(site.url + "/auth/login")
    own = {name: value.replace("{own}", site.url) for name, value in headers.items()}
    assert browser.post(site.url + "/auth/revoke", headers=own).status == status


def test_reading_from_elsewhere_is_the_browsers_matter(site, browser):
    browser.sign_in(site.url + "/auth/login")
    assert browser.get(site.url + "/auth/token",
                       headers={"Origin": "https://evil.example"}).status == 200


@pytest.mark.parametrize("target", CORPUS)
def test_redirect_corpus(site, browser, target):
    from urllib.parse import quote
    answer = browser.get(site.url + "/auth/login?return_to=" + quote(target, safe="%"))
    assert answer.status == 400, (target, answer)
    assert answer.location is None


@pytest.mark.parametrize("target", ["/?x=1#//evil.example", "/#@evil.example", "/;/\\evil.example",
                                    "/;//evil.example", "/x?https://evil.example"])
def test_a_redirect_stays_here(site, browser, target):
    import urllib.parse
    done = browser.sign_in(site.url + "/auth/login?return_to=" + urllib.parse.quote(target))
    assert done.status == 303
    assert urllib.parse.urlsplit(done.location)[:2] == urllib.parse.urlsplit(site.url)[:2]


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "evil.example:80"])
def test_redirects_are_not_built_from_a_foreign_host(site, browser, host):
    answer = browser.get(site.url + "/auth/login", headers={"Host": host})
    assert answer.status == 400 and answer.json["tag"] == "GT0815"


def test_forwarded_headers_are_not_believed(site, browser):
    answer = browser.get(site.url + "/auth/login", headers={
        "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https",
        "Forwarded": "host=evil.example"})
    assert "evil" not in answer.location


@pytest.mark.parametrize("name", ["X-GraphTok-User", "X_GraphTok_User", "X-Remote-User",
                                  "Remote-User", "X-Forwarded-User", "X-GraphTok-Token",
                                  "Authorization"])
def test_headers_name_nobody(site, browser, name):
    for method in ("GET", "OPTIONS", "POST"):
        answer = browser.send(method, site.url + "/auth/token", headers={name: "Bearer tom"})
        assert answer.status in (401, 405)


def test_health_only_on_its_path(site, browser):
    for agent in ("kube-probe/1.0", "GoogleHC/1.0", "", "ELB-HealthChecker/2.0"):
        assert browser.get(site.url + "/auth/token", headers={"User-Agent": agent}).status == 401


@pytest.mark.parametrize("path", ["/auth/token?/health/microsoft", "/auth/token#/health",
                                  "/auth/token%23/health/microsoft", "/auth/token;x",
                                  "/auth/token%3f/health", "/auth//token/../token/x"])
def test_the_path_alone_decides(site, browser, path):
    answer = browser.get(site.url + path.replace("#", "%23"))
    assert answer.status in (401, 404)


def test_crafted_cookies(site, browser):
    for cookie in ("=", ";;;", "=;=", "graphtok-s-=x", "graphtok-s-99999999-0123456789abcdef=",
                   "a" * 7000, "graphtok-" + "f" * 8 + "=gt1..", "\x80\xff=\x80", "x=" + ";" * 500):
        answer = browser.send("GET", site.url + "/auth/token",
                              headers={"Cookie": cookie.encode("latin-1").decode("latin-1")})
        assert answer.status in (400, 401), cookie


def test_post_without_content_type(site, sandbox, browser):
    import http.client
    browser.sign_in(site.url + "/auth/login")
    cookies = "; ".join(f"{c.name}={c.value}" for c in browser.jar if c.domain.startswith("local"))
    connection = http.client.HTTPConnection("localhost", site.httpd.port, timeout=30)
    for path in ("/auth/revoke", "/auth/token", "/calendar/events", "/calendar/", "/auth/callback",
                 "/health/microsoft"):
        connection.request("POST", path, body=b"x", headers={"Cookie": cookies})
        answer = connection.getresponse()
        answer.read()
        assert answer.status in (200, 401, 405, 415), path


def test_no_reflection(site, browser):
    mark = "zq%3Cscript%3Ezq"
    for path in (f"/auth/{mark}", f"/auth/login?return_to={mark}", f"/auth/callback?state={mark}",
                 f"/auth/callback?error={mark}&state=x", f"/calendar/events?top={mark}",
                 f"/auth/login/{mark}", f"/health/{mark}"):
        for accept in ("text/html", "application/json"):
            answer = browser.get(site.url + path, headers={"Accept": accept})
            assert "<script>" not in answer.text, path


def test_session_of_another_virtual_host(make_site, sandbox):
    host = make_site(mounts="""
<Location "/auth">
    SetHandler graphtok-auth
</Location>
GraphTokLimit off
<VirtualHost *>
    ServerName http://localhost:{port}
</VirtualHost>
<VirtualHost *>
    ServerName other.localhost
</VirtualHost>
""")
    host.start()
    try:
        browser = Browser(sandbox.ca)
        browser.sign_in(host.url + "/auth/login")
        cookies = "; ".join(f"{c.name}={c.value}" for c in browser.jar
                            if c.name.startswith("graphtok"))
        fresh = Browser(sandbox.ca)
        assert fresh.get(host.url + "/auth/token", headers={"Cookie": cookies}).status == 200
        assert fresh.get(host.url + "/auth/token", headers={
            "Cookie": cookies, "Host": "other.localhost"}).status == 401
    finally:
        host.end()
