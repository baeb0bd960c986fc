# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Parked requests meet the rest of a connection's life: keep-alive, pipelining, hang-ups, Timeout,
graceful restarts, TERM."""

import concurrent.futures
import http.client
import os
import pathlib
import re
import socket
import threading

import pytest

from support import modules
from support.browser import Browser, leave
from support.httpd import own
from support.site import MOUNTS, only

FIXTURES = pathlib.Path(__file__).resolve().parent / "fixtures"

WHERE = [("event", "sqlite3"), ("worker", "sqlite3"), ("prefork", "sqlite3")]


@pytest.fixture
def tom(site, sandbox):
    browser = Browser(sandbox.ca)
    assert browser.sign_in(site.url + "/tom/auth/login").status == 200
    assert browser.get(site.url + "/tom/calendar/").status == 200
    return browser


def connect(site):
    return socket.create_connection(("127.0.0.1", site.httpd.port), timeout=30)


def request(path, *fields):
    return "\r\n".join([f"GET {path} HTTP/1.1", "Host: localhost", *fields, "", ""]).encode()


def read_answer(stream):
    """One answer of a kept-alive connection: status and body."""
    status = int(stream.readline().split()[1])
    length, chunked = 0, False
    while (line := stream.readline().strip()):
        name, value = line.split(b":", 1)
        length = int(value) if name.lower() == b"content-length" else length
        chunked = chunked or (name.lower() == b"transfer-encoding")
    if not chunked:
        return status, stream.read(length)
    body = b""
    while (size := int(stream.readline(), 16)):
        body += stream.read(size)
        stream.readline()
    stream.readline()
    return status, body


def test_keep_alive(site, sandbox, tom):
    with connect(site) as client:
        stream = client.makefile("rb")
        for _ in range(5):
            client.sendall(request("/tom/calendar/"))
            assert read_answer(stream)[0] == 200


def test_pipelined(site, sandbox, tom):
    sandbox.fault(where="graph", kind="delay", seconds=0.2, times=3)
    with connect(site) as client:
        stream = client.makefile("rb")
        client.sendall(request("/tom/calendar/") + request("/tom/auth/token")
                       + request("/tom/calendar/next24"))
        assert [read_answer(stream)[0] for _ in range(3)] == [200] * 3


def test_a_reading_call_ends_when_its_client_goes(site, sandbox, tom):
    before = sandbox.calls("graph")
    sandbox.fault(where="graph", kind="hang", seconds=60, times=1)
    with connect(site) as client:
        client.sendall(request("/tom/calendar/"))
        sandbox.wait_for_calls("graph", before + 1)
        leave(client)
    site.httpd.accessed(lambda log: " 499 " in log)
    assert tom.get(site.url + "/tom/calendar/").status == 200


def test_a_changing_call_is_finished_without_its_client(site, sandbox, tom):
    before = sandbox.calls("graph")
    sandbox.fault(where="graph", kind="delay", seconds=0.5, times=1)
    body = (b'{"subject": "Alone", "start": {"dateTime": "2031-01-01T10:00:00", "timeZone": "UTC"},'
            b' "end": {"dateTime": "2031-01-01T11:00:00", "timeZone": "UTC"}}')
    with connect(site) as client:
        client.sendall(b"POST /tom/calendar/events HTTP/1.1\r\nHost: localhost\r\n"
                       b"Content-Type: application/json\r\n"
                       + f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
        sandbox.wait_for_calls("graph", before + 1)
    found = []
    site.httpd.wait_until(lambda: found.extend(tom.get(
        site.url + "/tom/calendar/events?start=2031-01-01T00:00:00Z&end=2031-01-02T00:00:00Z"
    ).json["value"]) or found, 15)
    assert found[0]["subject"] == "Alone"


def test_half_a_request_and_hang_up(site, sandbox, tom):
    for text in (b"GET /tom/cal", request("/tom/calendar/")[:-2], b"\r\n",
                 b"POST /tom/calendar/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
                 b"application/json\r\nContent-Length: 100\r\n\r\n{"):
        with connect(site) as client:
            client.sendall(text)
    assert tom.get(site.url + "/tom/calendar/").status == 200


def open_descriptors(site):
    return sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in site.httpd.children())


@only("event")  # only parked connections have descriptors of ours
def test_hang_ups_leave_no_descriptor(site, sandbox, tom):
    tom.get(site.url + "/tom/calendar/")
    before = open_descriptors(site)
    for _ in range(30):
        calls = sandbox.calls("graph")
        sandbox.fault(where="graph", kind="hang", seconds=60, times=1)
        with connect(site) as client:
            client.sendall(request("/tom/calendar/"))
            sandbox.wait_for_calls("graph", calls + 1)
            leave(client)
    site.httpd.wait_until(lambda: open_descriptors(site) <= before + 6, 20)


def test_graceful_restart_finishes_parked_requests(site, sandbox, tom):
    before = sandbox.calls("graph")
    sandbox.fault(where="graph", kind="delay", seconds=1.5, times=4)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        waiting = [pool.submit(Browser(sandbox.ca).get, site.url + "/tom/calendar/")
                   for _ in range(4 if site.httpd.mpm != "prefork" else 2)]
        sandbox.wait_for_calls("graph", before + len(waiting))
        site.httpd.graceful()
        assert [answer.result().status for answer in waiting] == [200] * len(waiting)
    assert tom.get(site.url + "/tom/auth/token").status == 200


def test_graceful_restarts_under_load_fail_no_request(site, sandbox, tom):
    stop, failures, count = threading.Event(), [], [0]

    def load():
        while not stop.is_set():
            try:
                answer = Browser(sandbox.ca).get(site.url + "/tom/calendar/")
            except (OSError, http.client.HTTPException) as gone:
                answer = None
                failures.append(gone)
            count[0] += 1
            if answer and answer.status != 200:
                failures.append(answer)
    threads = [threading.Thread(target=load) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(20):  # some of them before the child has come to its first request
            site.httpd.graceful()
        site.httpd.wait_until(lambda: count[0] >= 20, 20)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert not failures and count[0] > 0, failures[:3]
    assert "exit signal" not in site.httpd.log()


def test_the_cache_survives_a_graceful_restart(site, sandbox, tom):
    tom.get(site.url + "/tom/auth/token")
    site.database.sql("UPDATE user_tokens SET encrypted_access_token = 'x' WHERE user_id = 'tom'")
    site.httpd.graceful()
    assert tom.get(site.url + "/tom/auth/token").status == 200
    tom.post(site.url + "/tom/auth/revoke")


def held(site):
    """What a server holds: the parent's memory (MiB); its descriptors and shared mappings."""
    proc = pathlib.Path(f"/proc/{site.httpd.process.pid}")
    memory = int(re.search(r"VmRSS:\s+(\d+)", (proc / "status").read_text())[1]) // 1024
    maps = (proc / "maps").read_text()
    return memory, [len(os.listdir(proc / "fd")), maps.count("/dev/zero"), maps.count("/dev/shm"),
                    maps.count("/SYSV")]


def test_restarts_leave_nothing_behind(site, sandbox, tom):
    for _ in range(3):
        site.httpd.graceful()
    memory, rest = held(site)
    for _ in range(100 if site.httpd.mpm == "event" else 25):
        site.httpd.graceful()
        assert tom.get(site.url + "/tom/auth/token").status in (200, 401)
    memory_now, rest_now = held(site)
    assert rest_now == rest and memory_now <= memory + 8


def test_term_ends_with_calls_under_way(site, sandbox, tom):
    before = sandbox.calls("graph")
    sandbox.fault(where="graph", kind="hang", seconds=60, times=2)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for _ in range(2):
            pool.submit(_ignore, Browser(sandbox.ca), site.url + "/tom/calendar/")
        sandbox.wait_for_calls("graph", before + 2)
        site.httpd.stop()
    assert "Segmentation" not in site.httpd.log() and "Abort" not in site.httpd.log()
    site.httpd.start()


def _ignore(browser, url):
    try:
        browser.get(url)
    except OSError:
        pass
    except Exception as gone:  # http.client says it in its own words
        assert "Remote" in repr(gone) or "Incomplete" in repr(gone) or "Bad" in repr(gone), gone


def test_TERM_comes_when_no_lock_is_held(make_site, sandbox, ground):
    made = make_site("prefork", mounts=MOUNTS.replace("GraphTokLimit off", "GraphTokLimit login 1/h"),
                     tuning="StartServers 1\nServerLimit 1\nMaxRequestWorkers 1\n")
    assert sandbox
    come = made.folder / "term" / "come"
    come.parent.mkdir()
    own(come.parent)
    made.configure(settings=f"GraphTokAudit {made.folder}/audit")
    modules.load_before(made, modules.preload(ground, FIXTURES / "term_in_audit.c"),
                        TERM_IN_AUDIT=str(come))
    made.start()
    try:
        before = made.httpd.children()
        come.touch()
        with connect(made) as client:
            # By the public name: a sign-in begun by another one is sent there and counts for nothing.
            login = request("/tom/auth/login", "Accept: application/json")
            client.sendall(2 * login.replace(b"localhost", made.url.split("/")[2].encode()))
            client.makefile("rb").read()
        assert not come.exists()
        made.httpd.wait_until(lambda: not set(before) & set(made.httpd.children()), 8)
        with connect(made) as client:
            client.sendall(request("/tom/auth/token", "Connection: close"))
            assert b"HTTP/1.1 401" in client.makefile("rb").read()
    finally:
        made.end()


def test_timeout_of_a_parked_request(make_site, sandbox):
    made = make_site("event", settings="Timeout 2")
    made.start()
    try:
        browser = Browser(sandbox.ca)
        browser.sign_in(made.url + "/tom/auth/login")
        sandbox.fault(where="graph", kind="hang", seconds=30, times=1)
        with connect(made) as client:
            client.sendall(request("/tom/calendar/"))
            assert read_answer(client.makefile("rb"))[0] == 504
        made.httpd.accessed(lambda log: " 504 " in log)
        assert browser.get(made.url + "/tom/calendar/").status == 200
    finally:
        made.end()


def test_slow_readers_hold_no_thread(make_site, sandbox):
    made = make_site("event", settings="GraphTokAnswerMax 100M", provider="GraphTokMailboxCalls 0")
    made.start()
    sandbox.process.settings(mailbox_concurrency=0)
    try:
        browser = Browser(sandbox.ca)
        browser.sign_in(made.url + "/tom/auth/login")
        browser.get(made.url + "/tom/calendar/")
        sandbox.fault(where="graph", kind="huge", mib=20, times=48)
        readers = [socket.socket() for _ in range(24)]  # more than the 16 threads of the child
        for reader in readers:
            # Before connect: a window that is made small later costs 200 ms for each 16 KiB.
            reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
            reader.settimeout(30)
            reader.connect(("127.0.0.1", made.httpd.port))
            reader.sendall(request("/tom/calendar/events", "Connection: close"))
        for reader in readers:
            assert reader.recv(20).startswith(b"HTTP/1.1 200")
        assert browser.get(made.url + "/tom/auth/token").status == 200
        total = 0
        while (piece := readers[0].recv(1 << 16)):
            total += len(piece)
        assert total > 20 << 20
        for reader in readers:
            reader.close()
        assert browser.get(made.url + "/tom/auth/token").status == 200
    finally:
        made.end()
