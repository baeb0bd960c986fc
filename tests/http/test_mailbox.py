# Licensed under the Apache License, Version 2.0; see LICENSE.
"""One user's mailbox bears four calls at a time; the rest wait in order. What Graph asks to wait
holds for all children."""

import concurrent.futures
import json
import socket
import time

import pytest

from support.browser import Browser, leave

ONE_CHILD = """StartServers 1
ServerLimit 1
ThreadsPerChild 32
MaxRequestWorkers 32
AsyncRequestWorkerFactor 20
"""
# So little of an answer fits into the socket of a client that does not read.
STATUS = """
SendBufferSize 16384
<Location "/server-status">
    SetHandler server-status
</Location>
"""


@pytest.fixture(scope="module", params=["event", "worker"])
def box(request, make_site):
    """A site of one child, with its figures."""
    tuning = ONE_CHILD if request.param == "event" else ONE_CHILD.replace("Async", "# ")
    made = make_site(request.param, settings=STATUS, tuning=tuning)
    made.start()
    yield made
    made.end()


@pytest.fixture
def tom(box, sandbox):
    """The static user, signed in, whose mailbox is not at rest."""
    browser = Browser(sandbox.ca)
    assert browser.sign_in(box.url + "/tom/auth/login").status == 200
    assert browser.get(box.url + "/tom/calendar/").status == 200
    sandbox.process.forget_calls()
    return browser


def figure(site, name):
    """A figure of ours in mod_status."""
    text = Browser().get(site.url + "/server-status?auto").text
    return int(text.split(f"GraphTok{name}: ")[1].split()[0])


def ask(site, path="/tom/calendar/", body=None, receive=None):
    """A connection with a request on its way; receive: bytes that its socket takes unread."""
    client = socket.socket()
    client.settimeout(60)
    if receive:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
    client.connect(("127.0.0.1", site.httpd.port))
    head = "GET" if body is None else "POST"
    head += f" {path} HTTP/1.1\r\nHost: localhost:{site.httpd.port}\r\nConnection: close\r\n"
    if body is not None:
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    client.sendall(f"{head}\r\n{body or ''}".encode())
    return client


def rest_of(client):
    """What is still to come, read to the end."""
    with client.makefile("rb") as stream:
        rest = stream.read()
    client.close()
    return rest


def status_of(client):
    """The status it is answered with, read to the end."""
    with client.makefile("rb") as stream:
        status = int(stream.readline().split()[1])
        while stream.read(1 << 16):
            pass
    client.close()
    return status


def test_thirty_callers_four_at_a_time(box, sandbox, tom):
    sandbox.fault(where="graph", kind="delay", seconds=0.1, times=0)
    with concurrent.futures.ThreadPoolExecutor(30) as pool:
        answers = list(pool.map(lambda _: Browser(sandbox.ca).get(box.url + "/tom/calendar/"),
                                range(30)))
    assert [answer.status for answer in answers] == [200] * 30
    tally = sandbox.process.calls("graph")
    assert (tally["count"], tally["peak"]) == (30, 4)
    assert figure(box, "Queued") == 0


def test_the_user_is_asked_for_at_the_same_mailbox(box, sandbox, tom):
    sandbox.fault(where="graph", kind="hang", times=4)
    waiting = [ask(box, "/tom/auth/user") for _ in range(4)]
    sandbox.wait_for_calls("graph", 4)
    waiting += [ask(box, "/tom/auth/user"), ask(box)]
    box.httpd.wait_until(lambda: figure(box, "Queued") == 2, 20)
    assert sandbox.calls("graph") == 4
    sandbox.process.clear_faults()
    assert [status_of(client) for client in waiting] == [200] * 6
    assert sandbox.process.calls("graph")["peak"] == 4


def test_another_mailbox_does_not_wait(box, sandbox, tom):
    staff = {"Authorization": "Basic YWRhOmFkYQ=="}
    browser = Browser(sandbox.ca)
    callback = browser.get(browser.get(
        box.url + "/staff/auth/login?login_hint=grace@sandbox.example",
        headers=staff).location).location
    assert browser.get(callback, headers=staff).status == 200
    sandbox.fault(where="graph", kind="hang", times=4)
    waiting = [ask(box) for _ in range(5)]
    box.httpd.wait_until(lambda: figure(box, "Queued") == 1, 20)
    assert browser.get(box.url + "/staff/calendar/", headers=staff).status == 200
    sandbox.process.clear_faults()
    assert [status_of(client) for client in waiting] == [200] * 5


def test_a_place_is_kept_until_the_body_is_taken(box, sandbox, tom):
    sandbox.fault(where="/v1.0/me/events", kind="huge", mib=9, times=0)
    readers = [ask(box, "/tom/calendar/events") for _ in range(4)]
    for reader in readers:
        assert reader.recv(12) == b"HTTP/1.1 200"
    before = sandbox.calls("graph")
    fifth = ask(box)
    box.httpd.wait_until(lambda: figure(box, "Queued") == 1, 20)
    assert sandbox.calls("graph") == before
    readers[0].close()
    assert status_of(fifth) == 200
    for reader in readers[1:]:
        reader.close()


def test_slow_readers_of_a_whole_answer_hold_no_place(box, sandbox, tom):
    sandbox.fault(where="/v1.0/me/events", kind="answer", status=200, times=4,
                  headers={"Content-Type": "application/json"},
                  body=json.dumps({"value": [], "text": "x" * 900_000}))
    readers = [ask(box, "/tom/calendar/events", receive=8192) for _ in range(4)]
    for reader in readers:
        assert reader.recv(12) == b"HTTP/1.1 200"
    assert tom.get(box.url + "/tom/calendar/").status == 200
    for reader in readers:
        assert len(rest_of(reader)) > 900_000


@pytest.mark.parametrize("box", ["event"], indirect=True)  # threads do not see their client go
def test_a_change_keeps_its_place_when_its_client_goes(box, sandbox, tom):
    sandbox.fault(where="graph", kind="hang", times=4)
    event = {"subject": "Lunch", "start": {"dateTime": "2030-05-01T12:00:00", "timeZone": "UTC"},
             "end": {"dateTime": "2030-05-01T13:00:00", "timeZone": "UTC"}}
    gone = [ask(box, "/tom/calendar/events", body=json.dumps(event)) for _ in range(4)]
    sandbox.wait_for_calls("graph", 4)
    box.httpd.wait_until(lambda: figure(box, "Parked") == 4, 20)
    for client in gone:
        leave(client)
    box.httpd.wait_until(lambda: figure(box, "Parked") == 0, 20)
    fifth = ask(box)
    box.httpd.wait_until(lambda: figure(box, "Parked") == 1, 20)
    assert (figure(box, "Queued"), figure(box, "Transfers")) == (1, 4)
    sandbox.process.clear_faults()
    assert status_of(fifth) == 200
    assert sandbox.process.calls("graph")["peak"] == 4


@pytest.mark.parametrize("box", ["event"], indirect=True)  # threads do not see their client go
def test_who_gives_up_leaves_the_queue(box, sandbox, tom):
    sandbox.fault(where="graph", kind="hang", times=4)
    waiting = [ask(box) for _ in range(4)]
    sandbox.wait_for_calls("graph", 4)
    gone, last = ask(box), ask(box)
    box.httpd.wait_until(lambda: figure(box, "Queued") == 2, 20)
    leave(gone)
    box.httpd.wait_until(lambda: figure(box, "Queued") == 1, 20)
    sandbox.process.clear_faults()
    assert [status_of(client) for client in (*waiting, last)] == [200] * 5
    assert sandbox.calls("graph") == 5


@pytest.mark.parametrize("box", ["event"], indirect=True)  # there are not so many threads
def test_the_queue_is_bounded(box, sandbox, tom):
    sandbox.fault(where="graph", kind="hang", times=4)
    waiting = [ask(box) for _ in range(104)]
    box.httpd.wait_until(lambda: figure(box, "Queued") == 100, 20)
    refused = tom.get(box.url + "/tom/calendar/")
    assert refused.status == 503 and refused.headers["Retry-After"] == "2"
    assert refused.headers["Content-Type"] == "application/problem+json"
    sandbox.process.clear_faults()
    assert [status_of(client) for client in waiting] == [200] * 104
    assert sandbox.process.calls("graph")["peak"] == 4


def test_the_queue_is_as_long_as_was_said(make_site, sandbox):
    made = make_site("event", settings=STATUS, tuning=ONE_CHILD,
                     provider="GraphTokMailboxCalls 1\nGraphTokMailboxQueue 2")
    made.start()
    tom = Browser(sandbox.ca)
    tom.sign_in(made.url + "/tom/auth/login")
    sandbox.fault(where="graph", kind="hang", times=1)
    waiting = [ask(made) for _ in range(3)]
    made.httpd.wait_until(lambda: figure(made, "Queued") == 2, 20)
    refused = tom.get(made.url + "/tom/calendar/")
    assert refused.status == 503 and refused.json["tag"] == "GT0715"
    assert int(refused.headers["Retry-After"]) >= 2
    sandbox.process.clear_faults()
    assert [status_of(client) for client in waiting] == [200] * 3
    made.end()


def test_patience_ends(make_site, sandbox):
    made = make_site("event", settings=STATUS, provider="GraphTokTimeout 1s\nGraphTokMailboxCalls 1")
    made.start()
    try:
        Browser(sandbox.ca).sign_in(made.url + "/tom/auth/login")
        sandbox.process.forget_calls()
        sandbox.fault(where="/v1.0/me/events", kind="huge", mib=9, times=0)
        reader = ask(made, "/tom/calendar/events")
        assert reader.recv(12) == b"HTTP/1.1 200"
        before = sandbox.calls("graph")
        assert status_of(ask(made)) == 503
        assert sandbox.calls("graph") == before
        reader.close()
    finally:
        made.end()


REST = [dict(status=429, code="TooManyRequests"), dict(status=503, code="ServiceUnavailable")]


@pytest.mark.parametrize("fault", REST, ids=["429", "503"])
def test_nobody_calls_before_retry_after_is_over(box, sandbox, tom, fault):
    sandbox.fault(where="graph", kind="graph_error", retry_after=2, times=1, **fault)
    begun = time.monotonic()
    assert tom.get(box.url + "/tom/calendar/").status == fault["status"]
    for path in ("calendar/next24", "auth/user"):
        refused = tom.get(f"{box.url}/tom/{path}")
        assert refused.status == 429 and refused.headers["Retry-After"] in ("1", "2")
    assert sandbox.calls("graph") == 1
    box.httpd.wait_until(lambda: tom.get(box.url + "/tom/calendar/").status == 200, 20)
    assert time.monotonic() - begun >= 2
    assert sandbox.calls("graph") == 2


def test_those_in_the_queue_learn_of_it(box, sandbox, tom):
    sandbox.fault(where="graph", kind="hang", times=4)
    sandbox.fault(where="graph", kind="graph_error", status=429, retry_after=1, code="x", times=4)
    waiting = [ask(box) for _ in range(12)]
    sandbox.wait_for_calls("graph", 4)
    box.httpd.wait_until(lambda: figure(box, "Queued") == 8, 20)
    sandbox.process.clear_faults()
    assert [status_of(client) for client in waiting] == [429] * 12
    assert sandbox.calls("graph") == 4


@pytest.mark.parametrize("mpm", ["event", "prefork"])
def test_a_rest_holds_for_all_children(make_site, sandbox, mpm):
    made = make_site(mpm)
    made.start()
    try:
        tom = Browser(sandbox.ca)
        tom.sign_in(made.url + "/tom/auth/login")
        sandbox.process.forget_calls()
        sandbox.fault(where="graph", kind="graph_error", status=429, code="TooManyRequests",
                      retry_after=100, times=1)
        assert tom.get(made.url + "/tom/calendar/").status == 429
        before = made.httpd.children()
        made.httpd.graceful()
        made.httpd.wait_until(lambda: not set(before) & set(made.httpd.children()), 20)
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(
                lambda _: Browser(sandbox.ca).get(made.url + "/tom/calendar/"), range(16)))
        assert [answer.status for answer in answers] == [429] * 16
        assert all(90 <= int(answer.headers["Retry-After"]) <= 100 for answer in answers)
        assert sandbox.calls("graph") == 1
    finally:
        made.end()
