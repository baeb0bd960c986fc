# Licensed under the Apache License, Version 2.0; see LICENSE.
"""The same routes over HTTP/2, by curl: streams cannot park, so each waits on a thread of mod_http2."""

import json
import re
import subprocess
import time

import pytest

from support import httpd as servers
from support.browser import Browser
from support.site import tls_host

TUNING = """StartServers 1
ServerLimit 1
ThreadsPerChild 16
MaxRequestWorkers 16
Protocols h2c http/1.1
H2MaxWorkers 32
"""


@pytest.fixture(scope="module", params=["event", "worker"])
def h2(request, make_site, sandbox_server):
    """A site that speaks HTTP/2, in the clear and over TLS."""
    port = servers.free_port()
    made = make_site(request.param, tuning=TUNING, provider="GraphTokTimeout 3s",
                     settings="GraphTokAnswerMax 100M"
                              + tls_host(port, sandbox_server, "Protocols h2 http/1.1"))
    made.tls = port
    made.start()
    yield made
    made.end()


class Curl:
    """curl with a cookie jar, over HTTP/2 and nothing else."""

    def __init__(self, h2, folder):
        self.h2 = h2
        self.folder = folder
        self.command = ["curl", "-sS", "--noproxy", "*", "--http2-prior-knowledge", "-b", f"{folder}/jar", "-c", f"{folder}/jar",
                        "--max-time", "60"]

    def __call__(self, *arguments, body=None):
        """(status, head, body) of the last exchange, which was over HTTP/2."""
        arguments = [arg if not arg.startswith("/") else self.h2.url + arg for arg in arguments]
        if body is not None:
            arguments += ["-H", "Content-Type: application/json", "-d", json.dumps(body)]
        done = subprocess.run([*self.command, "-D", f"{self.folder}/head", *arguments,
                               "-w", "\n%{http_version} %{http_code}"],
                              capture_output=True, check=True, timeout=90)
        content, _, last = done.stdout.rpartition(b"\n")
        version, status = last.split()
        assert version == b"2", done
        return int(status), (self.folder / "head").read_text(), content

    def start(self, *arguments):
        """Start one without waiting for it."""
        return subprocess.Popen([*self.command, *arguments], stdout=subprocess.DEVNULL,
                                stderr=subprocess.DEVNULL)


@pytest.fixture
def curl(h2, tmp_path):
    return Curl(h2, tmp_path)


@pytest.fixture
def ada(curl, sandbox):
    """Signed in: both our halves over HTTP/2, the sandbox's between them."""
    status, head, _ = curl("/auth/login?login_hint=ada@sandbox.example")
    assert status == 302
    there = re.search("^location: (.*?)\r?$", head, re.M | re.I).group(1)
    assert curl(Browser(sandbox.ca).get(there).location)[0] == 200
    return curl


def test_sign_in_token_revoke(ada):
    status, head, body = ada("/auth/token")
    assert status == 200 and "access_token" not in body.decode()
    assert re.search("^cache-control: no-store", head, re.M | re.I)
    assert ada("/calendar/")[0] == 200
    assert ada("-X", "POST", "/auth/revoke")[0] in (200, 204)
    assert ada("/auth/token")[0] == 401
    assert ada("/calendar/")[0] == 401


def test_calendar_events(ada):
    when = {"start": {"dateTime": "2032-01-01T10:00:00", "timeZone": "UTC"},
            "end": {"dateTime": "2032-01-01T11:00:00", "timeZone": "UTC"}}
    status, _, body = ada("/calendar/events", body={"subject": "Two", **when})
    assert status == 201
    path = "/calendar/events/" + json.loads(body)["id"].replace("/", "%2F")
    assert json.loads(ada(path)[2])["subject"] == "Two"
    assert ada("-X", "PATCH", path, body={"subject": "Three"})[0] == 200
    assert json.loads(ada(path)[2])["subject"] == "Three"
    assert ada("-X", "PUT", path, body={"subject": "Four", **when})[0] == 200
    found = json.loads(ada("/calendar/events?start=2032-01-01T00:00:00Z&end=2032-01-02T00:00:00Z"
                           "&select=subject")[2])
    assert [event["subject"] for event in found["value"]] == ["Four"]
    assert ada("-X", "DELETE", path)[0] == 204
    assert ada(path)[0] == 404
    assert ada("/calendar/next24")[0] == 200


def test_refusals(ada):
    status, head, body = ada("/calendar/events", body={"subject": 7})
    assert status == 400 and "application/problem+json" in head
    assert {error["field"] for error in json.loads(body)["errors"]} >= {"subject", "start", "end"}
    assert ada("/calendar/nowhere")[0] == 404
    assert ada("-X", "PUT", "/calendar/next24")[0] == 405
    assert ada("-H", "Sec-Fetch-Site: cross-site", "-X", "POST", "/auth/revoke")[0] == 403
    assert ada("/auth/token")[0] == 200


def test_a_body_that_is_too_large(ada, h2):
    """Answered without being read: HEADERS, DATA, RST_STREAM(NO_ERROR), as RFC 9113 8.1 wants it; curl
    7.88 takes that for an error, so the access log is asked."""
    (ada.folder / "body").write_bytes(b"x" * (2 << 20))
    process = ada.start("-H", "Content-Type: application/json", "-d", f"@{ada.folder}/body",
                        h2.url + "/calendar/events")
    process.wait(60)
    line = '"POST /calendar/events HTTP/2.0" 413 '
    h2.httpd.accessed(lambda log: line in log)
    assert ada("/auth/token")[0] == 200


def test_a_large_answer_streams(ada, sandbox):
    sandbox.fault(where="graph", kind="huge", mib=40, times=0)
    status, _, body = ada("/calendar/events")
    assert status == 200 and len(body) > 40 << 20
    json.loads(body)


def test_streams_of_one_connection_side_by_side(ada, sandbox, h2, tmp_path):
    """Over TLS: curl 7.88 mixes streams up in the clear."""
    assert Browser(sandbox.ca).sign_in(h2.url + "/tom/auth/login").status == 200
    sandbox.process.forget_calls()
    sandbox.fault(where="graph", kind="delay", seconds=0.2, times=0)
    urls = []
    for n in range(12):
        urls += ["-o", f"{tmp_path}/answer-{n}", f"https://localhost:{h2.tls}/tom/calendar/"]
    done = subprocess.run(["curl", "-sS", "-Z", "--noproxy", "*", "--http2", "--cacert",
                           str(sandbox.ca), "--max-time", "60", *urls,
                           "-w", "%{http_version} %{http_code} %{num_connects}\n"],
                          capture_output=True, text=True, check=True, timeout=90)
    rows = [line.split() for line in done.stdout.splitlines()]
    assert [row[:2] for row in rows] == [["2", "200"]] * 12
    assert sum(int(row[2]) for row in rows) == 1
    assert len({(tmp_path / f"answer-{n}").read_bytes() for n in range(12)}) == 1
    assert sandbox.process.calls("graph")["peak"] == 4


def test_a_slow_reader_stops_nobody(ada, sandbox, h2):
    sandbox.fault(where="graph", kind="huge", mib=20, times=0)
    slow = [ada.start("--limit-rate", "10K", "-o", "/dev/null", h2.url + "/calendar/events")
            for _ in range(2)]
    try:
        h2.httpd.wait_until(lambda: sandbox.calls("graph") >= 4, 20)
        sandbox.process.clear_faults()
        assert ada("/auth/token")[0] == 200
        assert ada("/calendar/")[0] == 200
    finally:
        for process in slow:
            process.kill()
            process.wait()
    assert ada("/calendar/")[0] == 200


def test_the_client_goes_and_the_change_is_made(ada, sandbox, h2):
    sandbox.process.forget_calls()
    sandbox.fault(where="graph", kind="delay", seconds=0.5, times=1)
    process = ada.start("-H", "Content-Type: application/json", "-d", json.dumps({
        "subject": "Gone", "start": {"dateTime": "2033-01-01T10:00:00", "timeZone": "UTC"},
        "end": {"dateTime": "2033-01-01T11:00:00", "timeZone": "UTC"}}),
        h2.url + "/calendar/events")
    sandbox.wait_for_calls("graph", 1)
    process.kill()
    process.wait()
    found = []
    h2.httpd.wait_until(lambda: found.extend(json.loads(ada(
        "/calendar/events?start=2033-01-01T00:00:00Z&end=2033-01-02T00:00:00Z")[2])["value"])
        or found, 15)
    assert found[0]["subject"] == "Gone"


def test_clients_that_go_hold_no_thread_for_ever(ada, sandbox, h2):
    sandbox.process.forget_calls()
    sandbox.fault(where="graph", kind="hang", times=4)
    gone = [ada.start(h2.url + "/calendar/") for _ in range(4)]
    sandbox.wait_for_calls("graph", 4)
    for process in gone:
        process.kill()
        process.wait()
    # Their places at the mailbox come free when GraphTokTimeout is over, at the latest.
    assert ada("/auth/token")[0] == 200
    h2.httpd.wait_until(lambda: ada("/calendar/")[0] == 200, 20)


def test_graceful_restart_finishes_streams(ada, sandbox, h2):
    sandbox.process.forget_calls()
    sandbox.fault(where="graph", kind="delay", seconds=1, times=2)
    waiting = [subprocess.Popen([*ada.command, "-o", "/dev/null", "-w", "%{http_code}",
                                 h2.url + "/calendar/"], stdout=subprocess.PIPE)
               for _ in range(2)]
    sandbox.wait_for_calls("graph", 2)
    h2.httpd.graceful()
    assert [process.communicate(timeout=30)[0] for process in waiting] == [b"200"] * 2
    assert ada("/auth/token")[0] == 200


def test_beside_http_1(ada, h2, sandbox):
    """The same caller by either protocol."""
    browser = Browser(sandbox.ca)
    assert browser.sign_in(h2.url + "/tom/auth/login").status == 200
    assert browser.get(h2.url + "/tom/calendar/").json == json.loads(ada("/tom/calendar/")[2])


def test_a_client_that_goes_frees_the_thread(h2, sandbox, ada):
    before = sandbox.process.calls("graph")["count"]
    sandbox.fault(where="graph", kind="hang", seconds=60, times=1)
    with ada.start("--max-time", "1", h2.url + "/calendar/"):
        sandbox.wait_for_calls("graph", before + 1)
        began = time.monotonic()
        assert sandbox.process.wait("graph", 1, member="abandoned")
        assert time.monotonic() - began < 2, "well before GraphTokTimeout"
