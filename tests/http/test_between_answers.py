# Licensed under the Apache License, Version 2.0; see LICENSE.
"""After an answer that none of the MPM's threads wrote: the next request of the connection, its end,
and threads of ours that are held up."""

import http.client
import json
import os
import pathlib
import re
import socket
import ssl
import time

import pytest

from support import httpd as servers
from support import modules
from support.browser import Browser
from support.site import MOUNTS, tls_host

MOUNTS_TOO = MOUNTS + """
<Location "/tom/slow">
    SetHandler graphtok-calendar
    SetOutputFilter RATE_LIMIT
    SetEnv rate-limit 1
</Location>
"""


STATUS = """
<Location "/server-status">
    SetHandler server-status
</Location>
"""


def begin(make_site, sandbox, settings, **more):
    """A site where tom is signed in and Graph has answered once."""
    site = make_site(settings=settings, provider="GraphTokMailboxCalls 0", **more)
    site.start()
    sandbox.process.settings(mailbox_concurrency=0)
    browser = Browser(sandbox.ca)
    assert browser.sign_in(site.url + "/tom/auth/login").status == 200
    assert browser.get(site.url + "/tom/calendar/").status == 200
    return site


@pytest.fixture(scope="module", name="quick")
def quick_fixture(make_site, sandbox_server):
    """A site whose clients may be idle for a second."""
    site = begin(make_site, sandbox_server, "KeepAliveTimeout 1\nTimeout 30",
                 modules=("ratelimit", "env"), mounts=MOUNTS_TOO)
    yield site
    site.end()


@pytest.fixture(scope="module", name="patient")
def patient_fixture(make_site, sandbox_server):
    """A site whose clients may be idle for long, but over TLS for a second."""
    port = servers.free_port()
    tls = tls_host(port, sandbox_server, "KeepAliveTimeout 1")
    site = begin(make_site, sandbox_server, "KeepAliveTimeout 60\nTimeout 180\n"
                 "ExtendedStatus On\nSendBufferSize 16384\n" + tls, mounts=MOUNTS + STATUS)
    site.tls = port
    yield site
    site.end()


def kept(site, path="/tom/calendar/"):
    """A connection with one answer behind it."""
    client = http.client.HTTPConnection("127.0.0.1", site.httpd.port, timeout=30)
    ask(client, path)
    return client


def ask(client, path):
    client.request("GET", path)
    answer = client.getresponse()
    body = answer.read()
    assert answer.status == 200, body
    return body


def descriptors(site):
    return sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in site.httpd.children())


def test_requests_of_all_kinds_follow_each_other(patient):
    (patient.folder / "htdocs").mkdir(exist_ok=True)
    client = kept(patient)
    for path in ("/tom/auth/token", "/tom/calendar/", "/tom/calendar/next24", "/tom/auth/token"):
        ask(client, path)
    client.close()


def test_the_same_over_TLS(patient, sandbox_server):
    """Kept, pipelined, and ended after the virtual host's own KeepAliveTimeout."""
    context = ssl.create_default_context(cafile=sandbox_server.ca)
    with (socket.create_connection(("127.0.0.1", patient.tls), timeout=30) as plain,
          context.wrap_socket(plain, server_hostname="localhost") as client):
        stream = client.makefile("rb")
        one = b"GET /tom/calendar/ HTTP/1.1\r\nHost: localhost\r\n\r\n"
        for many in (1, 1, 3, 1):
            client.sendall(one * many)
            for _ in range(many):
                assert stream.readline().startswith(b"HTTP/1.1 200")
                fields = http.client.parse_headers(stream)
                assert stream.read(int(fields["Content-Length"])).endswith(b"}")
        began = time.monotonic()
        assert stream.read() == b"" and 0.7 < time.monotonic() - began < 10


def test_an_idle_connection_ends_after_KeepAliveTimeout(quick):
    client = kept(quick)
    began = time.monotonic()
    assert client.sock.recv(1) == b""
    assert 0.7 < time.monotonic() - began < 10


def test_a_request_within_KeepAliveTimeout_starts_it_anew(quick):
    client = kept(quick)
    began = time.monotonic()
    while time.monotonic() - began < 2:
        assert select_input(client.sock, 0.4) is False
        ask(client, "/tom/calendar/")
    assert client.sock.recv(1) == b""


def select_input(sock, seconds):
    """False: nothing came in this time."""
    sock.settimeout(seconds)
    try:
        return sock.recv(1, socket.MSG_PEEK)
    except TimeoutError:
        return False
    finally:
        sock.settimeout(30)


def test_a_client_that_goes_while_idle_leaves_nothing(patient):
    clients = [kept(patient) for _ in range(12)]
    before = descriptors(patient)
    for client in clients:
        client.close()
    # Its own, the one it waits in; kept connections to Graph may be more or less by then.
    patient.httpd.wait_until(lambda: descriptors(patient) <= before - 2 * 12 + 4, 20)


def test_a_graceful_restart_waits_for_no_idle_client(patient):
    clients = [kept(patient) for _ in range(4)]
    old = set(patient.httpd.children())
    patient.httpd.graceful()
    patient.httpd.wait_until(lambda: not old & set(patient.httpd.children()), 20)
    assert all(client.sock.recv(1) == b"" for client in clients)


def test_an_answer_to_who_must_close_is_followed_by_the_end(patient):
    with socket.create_connection(("127.0.0.1", patient.httpd.port), timeout=30) as client:
        client.sendall(b"GET /tom/calendar/ HTTP/1.1\r\nHost: localhost\r\n"
                       b"Connection: close\r\n\r\n")
        answer = client.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 200") and answer.endswith(b"}")


def test_filters_that_sleep_hold_up_nobody_else(quick, sandbox):
    sandbox.process.settings(mailbox_concurrency=0)
    assert Browser(sandbox.ca).sign_in(quick.url + "/tom/auth/login").status == 200
    slow = []
    for _ in range(4):  # more than there are threads for the ends of calls
        client = http.client.HTTPConnection("127.0.0.1", quick.httpd.port, timeout=60)
        calls = sandbox.calls("graph")
        sandbox.fault(where="graph", kind="huge", mib=3, times=2)
        client.request("GET", "/tom/slow/events")
        sandbox.wait_for_calls("graph", calls + 1)
        slow.append(client)
    assert [client.sock.recv(12) for client in slow] == [b"HTTP/1.1 200"] * 4
    began = time.monotonic()
    for _ in range(4):
        kept(quick).close()
    assert time.monotonic() - began < 4
    for client in slow:
        client.close()


def test_who_does_not_read_a_collected_answer_holds_up_nobody(patient, sandbox):
    sandbox.process.settings(mailbox_concurrency=0)
    assert Browser(sandbox.ca).sign_in(patient.url + "/tom/auth/login").status == 200
    text = "x" * 900_000  # more than sockets hold, less than what is collected
    sandbox.fault(where="graph", kind="answer", status=200, times=6,
                  headers={"Content-Type": "application/json"},
                  body=json.dumps({"value": [], "text": text}))
    slow = [socket.socket() for _ in range(6)]
    for client in slow:
        # Before connect: a window that is made small later costs 200 ms for each 16 KiB.
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        client.settimeout(30)
        client.connect(("127.0.0.1", patient.httpd.port))
        client.sendall(b"GET /tom/calendar/events HTTP/1.1\r\nHost: localhost\r\n"
                       b"Connection: close\r\n\r\n")
    assert [client.recv(12) for client in slow] == [b"HTTP/1.1 200"] * 6
    patient.httpd.wait_until(lambda: busy(patient) == 1, 10)  # the one that answers this
    whole = b""
    while (piece := slow[0].recv(65536)):
        whole += piece
    assert whole.endswith(b'x"}') and len(whole) > len(text)
    for client in slow:
        client.close()


def status_of(site):
    return Browser().get(site.url + "/server-status?auto").text


def busy(site):
    """Threads of the MPM, and of ours, that are held up."""
    shown = int(re.search(r"^BusyWorkers: (\d+)$", status_of(site), re.M)[1])
    states = [(task / "wchan").read_text() for pid in site.httpd.children()
              for task in pathlib.Path(f"/proc/{pid}/task").iterdir()
              if (task / "comm").read_text() == "gt-finisher\n"]
    return shown + sum("poll" in state for state in states)


def test_what_a_finisher_ends_is_counted(patient):
    def accesses():
        return int(re.search(r"^Total Accesses: (\d+)$", status_of(patient), re.M)[1])
    client = http.client.HTTPConnection("127.0.0.1", patient.httpd.port, timeout=30)
    before = accesses()
    for _ in range(40):
        ask(client, "/tom/calendar/")
    client.close()
    # Those that look are counted as well, each when it has ended.
    looks = [0]

    def are_counted():
        looks[0] += 1
        return accesses() >= before + 40
    patient.httpd.wait_until(are_counted, 10)
    assert looks[0] < 20


def test_the_last_piece_of_an_answer_is_not_copied(make_site, sandbox, ground):
    """httpd copies a bucket of kind TRANSIENT that it cannot write at once; the copy's block is held,
    idle, until the client goes."""
    site = begin(make_site, sandbox, "", mounts=modules.load(ground, "test_buckets") + MOUNTS + """
<Location "/tom/told">
    SetHandler graphtok-calendar
    SetOutputFilter TEST_BUCKETS
</Location>
""")
    for path in ("/tom/told/", "/tom/told/events?top=5"):
        before = len(site.httpd.log())
        ask(http.client.HTTPConnection("127.0.0.1", site.httpd.port, timeout=30), path)
        told = site.httpd.log()[before:]
        assert re.findall(r"bucket (\w+) of [1-9]", told) == ["POOL"], told
    site.end()
