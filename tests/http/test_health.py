# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Missions O4 and O5: health for people, for monitoring and for load balancers."""

import socket

import pytest

from support.browser import Browser
from support.site import MOUNTS, only

WHERE = [("event", "sqlite3"), ("prefork", "pgsql")]

COUNTS = {"total", "active", "expired", "expiring_soon", "refresh_failures"}  # O5, from S3
LIMITED = MOUNTS.replace("GraphTokLimit off", """
GraphTokLimit login 1/h callback 1/h user 1/h calendar 1/h events 1/h create 1/h update 1/h delete 1/h
<Location "/staff-without-httpd">
    GraphTokUser remote-user
</Location>
<Location "/staff-without-httpd/health">
    SetHandler graphtok-health
</Location>
<Location "/balancer">
    SetHandler graphtok-health
    GraphTokRoutes live ready
</Location>
""")


@pytest.fixture(scope="module")
def watched(make_site, request):
    made = make_site(*getattr(request, "param", ("event", "sqlite3")), mounts=LIMITED)
    made.start()
    yield made
    made.end()


def test_a_server_that_serves(watched, browser):
    live = browser.get(watched.url + "/health/live")
    assert live.status == 200 and live.json == {"status": "live"}
    ready = browser.get(watched.url + "/health/ready")
    assert ready.status == 200 and ready.headers["Cache-Control"] == "no-store"
    assert ready.json["status"] == "ready" and ready.json["keys"] == "up"
    assert ready.json["database"] == "up" and ready.json["ending"] is False
    for path in ("/health/live/", "/balancer/ready"):
        assert browser.get(watched.url + path).status == 200, path
    assert browser.send("HEAD", watched.url + "/health/ready").status == 200
    assert browser.post(watched.url + "/health/ready").status == 405


def test_the_last_contact_with_the_provider_is_told(watched, sandbox, browser):
    assert browser.get(watched.url + "/health/microsoft").status == 200
    told = browser.get(watched.url + "/health/ready").json
    assert told["provider"] == "up" and told["provider_last_answer"].endswith("Z")


def test_only_the_routes_that_are_named(watched, browser):
    for path in ("", "/", "/microsoft", "/microsoft/tokens", "/oauth-tokens"):
        assert browser.get(watched.url + "/balancer" + path).status == 404, path


def test_no_limit_takes_a_server_out(watched, browser):
    for path in ("live", "ready", "microsoft", "microsoft/tokens", "oauth-tokens", ""):
        assert {browser.get(f"{watched.url}/health/{path}").status for _ in range(60)} == {200}
        assert browser.get(f"{watched.url}/health/{path}").headers["RateLimit"] is None


def test_health_asks_for_no_credentials(watched, browser):
    """Even where the places around it take their users from httpd, which has none."""
    for path in ("", "/microsoft", "/microsoft/tokens", "/oauth-tokens", "/live", "/ready"):
        answer = browser.get(watched.url + "/staff-without-httpd/health" + path,
                             headers={"Cookie": "graphtok-00000000=x", "Authorization": "Bearer x"})
        assert answer.status == 200, (path, answer)


def test_O5_oauth_tokens(site, sandbox, browser):
    assert browser.sign_in(site.url + "/auth/login").status == 200
    counts = browser.get(site.url + "/health/oauth-tokens")
    assert counts.status == 200 and COUNTS <= counts.json.keys(), counts
    assert counts.json["store"] == "main" and counts.json["complete"] is True
    assert all(isinstance(counts.json[name], int) for name in COUNTS)
    assert counts.json == {**browser.get(site.url + "/health/microsoft/tokens").json,
                           "last_check": counts.json["last_check"]}


@only("event")
def test_a_provider_that_is_away_takes_no_server_out(site, sandbox, browser):
    callback = browser.leave_for_sign_in(site.url + "/auth/login")
    sandbox.fault(where="token", kind="status", status=500, times=1)
    sandbox.fault(where="discovery", kind="status", status=500, times=0)
    assert browser.get(callback).status in (502, 503)
    assert browser.get(site.url + "/health/microsoft").status == 503
    ready = browser.get(site.url + "/health/ready")
    assert ready.status == 200 and ready.json["provider"] == "down", ready


# ---- out of rotation ----

class Halved:
    """A request whose second half comes when it is told to."""

    def __init__(self, site, path):
        self.socket = socket.create_connection(("127.0.0.1", site.httpd.port), 30)
        self.socket.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost:{site.httpd.port}\r\n".encode())

    def end(self):
        self.socket.sendall(b"Connection: close\r\n\r\n")
        answer = b""
        while True:
            more = self.socket.recv(65536)
            if not more:
                self.socket.close()
                return answer.decode()
            answer += more


def test_a_child_that_ends_gracefully_is_not_ready(site, browser):
    asked = {path: Halved(site, "/health/" + path) for path in ("ready", "live", "oauth-tokens")}
    # All three were accepted, since one that came later has its answer.
    assert browser.get(site.url + "/health/ready").status == 200
    site.httpd.graceful()
    said = {path: half.end() for path, half in asked.items()}
    assert said["ready"].startswith("HTTP/1.1 503 ") and '"ending":true' in said["ready"], said
    assert '"database":"up"' in said["ready"] and '"status":"unready"' in said["ready"]
    assert all(said[path].startswith("HTTP/1.1 200 ") for path in ("live", "oauth-tokens")), said
    assert browser.get(site.url + "/health/ready").json["ending"] is False


@only("event")
def test_without_keys_a_server_is_not_ready(make_site, sandbox, browser):
    site = make_site("event", "sqlite3")
    keyring = (site.secrets / "keyring").read_text()
    site.write_secret("keyring", "# nothing yet\n")
    site.start()
    try:
        ready = browser.get(site.url + "/health/ready")
        assert ready.status == 503 and ready.json["keys"] == "down", ready
        assert ready.json["status"] == "unready"
        assert browser.get(site.url + "/health/live").status == 200
        assert browser.get(site.url + "/health/microsoft").status == 503
        site.write_secret("keyring", keyring)
        site.httpd.wait_until(lambda: browser.get(site.url + "/health/ready").status == 200, 60)
    finally:
        site.end()
