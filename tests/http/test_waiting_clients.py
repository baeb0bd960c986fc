# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Clients that wait: for an answer, until httpd's Timeout would close the connection; for their next
request; and those that say nothing more, but read on."""

import json
import socket
import subprocess
import time

import pytest

from support.browser import Browser

EVENT = {"subject": "Lunch", "start": {"dateTime": "2030-05-01T12:00:00", "timeZone": "UTC"},
         "end": {"dateTime": "2030-05-01T13:00:00", "timeZone": "UTC"}}


def sign_in(site, sandbox):
    browser = Browser(sandbox.ca)
    assert browser.sign_in(site.url + "/tom/auth/login").status == 200
    return browser


@pytest.fixture(scope="module", name="short", params=["event", "worker"])
def short_fixture(request, make_site, sandbox_server):
    """A site whose Timeout is below what a refresh and a call may take."""
    site = make_site(request.param, settings="Timeout 4\nKeepAliveTimeout 3\nProtocols h2c http/1.1")
    site.mpm = request.param
    site.start()
    yield site
    site.end()


@pytest.fixture(name="tom")
def tom_fixture(short, sandbox):
    return sign_in(short, sandbox)


def wait_twice(sandbox):
    """The next call is refused by Graph; the refresh and the call after it take three seconds each."""
    sandbox.fault(where="graph", kind="status", status=401, times=1)
    sandbox.fault(where="token", kind="delay", seconds=3, times=1)
    sandbox.fault(where="graph", kind="delay", seconds=3, times=1)


def is_late(answer, tag):
    assert answer.status == 504 and answer.json["tag"] == tag, answer
    assert answer.json["type"] == "urn:mod_graphtok:upstream-timeout"


def test_waits_together_are_answered_before_Timeout(short, sandbox, tom):
    wait_twice(sandbox)
    answer = tom.get(short.url + "/tom/calendar/")
    is_late(answer, "GT0324")
    assert answer.headers["Retry-After"] == "1"


def test_the_same_over_HTTP2(short, sandbox, tom):
    wait_twice(sandbox)
    done = subprocess.run(["curl", "-sS", "--noproxy", "*", "--http2-prior-knowledge", "--max-time", "60",
                           short.url + "/tom/calendar/"], capture_output=True, check=True, timeout=90)
    assert json.loads(done.stdout)["tag"] == "GT0324"


def test_a_change_that_took_too_long_may_be_done(short, sandbox, tom):
    sandbox.fault(where="graph", kind="delay", when="after", method="POST", seconds=8, times=1)
    answer = tom.post(short.url + "/tom/calendar/events", EVENT)
    is_late(answer, "GT0837")
    assert "may be done all the same" in answer.json["detail"]
    assert "Retry-After" not in answer.headers
    assert "Lunch" in tom.get(short.url + "/tom/calendar/events").text


def test_an_answer_under_way_takes_its_time(short, sandbox, tom):
    """Timeout is for one wait of a stream, not for all of them."""
    sandbox.bulk_events("ada@sandbox.example", mib=2)  # read twice: the second time as a stream
    sandbox.fault(where="graph", kind="drip", seconds=8, times=1, skip=1)
    answer = tom.get(short.url + "/tom/calendar/events?top=200")
    assert answer.status == 200 and len(answer.json["value"]) >= 16
    assert sandbox.process.calls("graph")["count"] == 2


def test_an_idle_client_has_the_whole_of_KeepAliveTimeout(short, sandbox, tom):
    sandbox.fault(where="graph", kind="delay", seconds=2.5, times=1)
    with socket.create_connection(("127.0.0.1", short.httpd.port), timeout=30) as client:
        client.sendall(b"GET /tom/calendar/ HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert client.recv(1 << 16).startswith(b"HTTP/1.1 200")
        began = time.monotonic()
        while client.recv(1 << 16):
            pass
        assert time.monotonic() - began > 2.8


@pytest.mark.parametrize("request_line", ["GET /tom/calendar/ HTTP/1.0", "GET /tom/calendar/ HTTP/1.1",
                                          "GET /tom/calendar/next24 HTTP/1.1"])
def test_who_only_says_nothing_more_gets_an_answer(short, sandbox, tom, request_line):
    """`nc -N`, and checkers of HTTP/1.0."""
    sandbox.fault(where="graph", kind="delay", seconds=0.5, times=1)
    with socket.create_connection(("127.0.0.1", short.httpd.port), timeout=30) as client:
        client.sendall(f"{request_line}\r\nHost: localhost\r\n\r\n".encode())
        client.shutdown(socket.SHUT_WR)
        answer = client.makefile("rb").read()
    assert answer.split(b" ")[1] == b"200" and answer.endswith(b"}")


def test_a_start_tells_when_the_times_do_not_fit(short):
    code, _, said = short.httpd.check()
    assert code == 0 and "GT0852" in said
    assert "with Timeout 4s a client is told 504 after 3" in said
