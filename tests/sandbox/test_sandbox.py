# Licensed under the Apache License, Version 2.0; see LICENSE.
"""The sandbox itself: start and stop, faults, counts, waiting, secrets, and its HTTP."""

from __future__ import annotations

import concurrent.futures
import http.client
import json
import os
import select
import signal
import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest
from client import PROGRAM, Sandbox, SandboxError
from peer import ADA, AUTHORIZE_PATH, CALLBACK, VERIFIER, Peer, claims_of

WELL_KNOWN = "/common/v2.0/.well-known/openid-configuration"


def test_start_stop_and_start_again(tmp_path: Path) -> None:
    with Sandbox.start(tmp_path, redirect_uris=[CALLBACK], demo=True) as first:
        secret, ca = first.client_secret, Path(first.facts["ca"]).read_bytes()
        assert first.facts["graph"] == first.base + "/v1.0"
        assert os.stat(first.facts["client_secret_file"]).st_mode & 0o077 == 0
        assert os.stat(tmp_path / "server.key").st_mode & 0o077 == 0
        assert Peer(first).sign_in()["access_token"]
        pid = int(first.facts["pid"])
    assert not (tmp_path / "sandbox.json").exists()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    with Sandbox.start(tmp_path) as second:
        assert (second.client_secret, Path(second.facts["ca"]).read_bytes()) == (secret, ca)
    with pytest.raises(SandboxError):
        Sandbox(tmp_path)


def test_stop_by_folder(tmp_path: Path) -> None:
    started = Sandbox.start(tmp_path)
    Sandbox(tmp_path).stop()
    assert started.process is not None and started.process.wait(10) == 0


def test_it_ends_with_its_starter(tmp_path: Path) -> None:
    program = (
        "import os, pathlib, signal, sys\n"
        "from client import Sandbox\n"
        "box = Sandbox.start(pathlib.Path(sys.argv[1]))\n"
        "print(box.facts['pid'], flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    command = ["/usr/bin/python3", "-c", program, str(tmp_path)]
    environment = {"PYTHONPATH": str(PROGRAM.parent), "PYTHONDONTWRITEBYTECODE": "1"}
    killed = subprocess.run(
        command, capture_output=True, text=True, check=False, env=environment
    )
    assert killed.returncode == -signal.SIGKILL
    try:
        handle = os.pidfd_open(int(killed.stdout))
    except ProcessLookupError:
        return  # gone already
    assert select.select([handle], [], [], 20)[0]
    os.close(handle)


def test_bad_start(tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match="https"):
        Sandbox.start(tmp_path, redirect_uris=["http://app.example/callback"])
    with socket.create_server(("127.0.0.1", 0)) as taken:
        with pytest.raises(SandboxError, match="sandbox:"):
            Sandbox.start(tmp_path, port=taken.getsockname()[1])
    command = ["/usr/bin/python3", str(PROGRAM), "--port", "0"]
    without_folder = subprocess.run(command, capture_output=True, text=True, check=False)
    assert without_folder.returncode == 2 and "--dir" in without_folder.stderr


def test_certificate(box: Sandbox) -> None:
    for host in ("localhost", "127.0.0.1"):
        with socket.create_connection(("127.0.0.1", box.facts["port"])) as plain:
            with box.context.wrap_socket(plain, server_hostname=host) as tls:
                assert tls.version() == "TLSv1.3"
    with pytest.raises(ssl.SSLCertVerificationError):
        with socket.create_connection(("127.0.0.1", box.facts["port"])) as plain:
            ssl.create_default_context().wrap_socket(plain, server_hostname="localhost")


def test_demo_has_something_soon(tmp_path: Path) -> None:
    with Sandbox.start(tmp_path, demo=True) as box:
        box.add_redirect_uris(CALLBACK)
        peer = Peer(box)
        for person in [one["address"] for one in box.facts["people"]]:
            assert len(box.events(person)) == 12
            token = peer.sign_in(person)["access_token"]
            now = time.time()
            window = [time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now + s)) for s in (0, 86400)]
            path = f"/me/calendarView?startDateTime={window[0]}&endDateTime={window[1]}"
            found = peer.graph(token, "GET", path).json["value"]
            assert "occurrence" in [one["type"] for one in found] and len(found) >= 2
        box.reset()
        assert len(box.events(ADA)) == 12


def test_plain_port_has_the_sign_in_pages_only(peer: Peer) -> None:
    base = peer.box.facts["browser_base"]
    assert base.startswith("http://localhost:")
    target = f"{base}{AUTHORIZE_PATH}?{peer.authorize_query(login_hint=None)}"
    with urllib.request.urlopen(target) as page:
        assert b"Pick an account" in page.read()
    for path in (WELL_KNOWN, "/v1.0/me", "/_sandbox/secrets", "/common/oauth2/v2.0/token"):
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(base + path)


def test_many_requests_on_one_connection(peer: Peer) -> None:
    connection = peer.open()
    for _ in range(3):
        connection.request("GET", WELL_KNOWN)
        assert connection.getresponse().read().startswith(b"{")
    connection.close()
    last = peer.box.calls("discovery")["last"]
    assert len({one["connection"] for one in last}) == 1 and len(last) == 3


@pytest.mark.parametrize(
    "sent, status",
    [
        (b"rubbish\r\n\r\n", 400),
        (b"GET / HTTP/2.0\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nName : x\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n", 413),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", 400),
        (b"GET / HTTP/1.1\r\nA: " + b"a" * 70000 + b"\r\n\r\n", 431),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
         b"3\r\nabc\r\n0\r\n\r\n", 404),
        (b"POST / HTTP/1.0\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\nab", 100),
    ],
)  # fmt: skip
def test_http(box: Sandbox, sent: bytes, status: int) -> None:
    with socket.create_connection(("127.0.0.1", box.facts["port"]), timeout=10) as plain:
        with box.context.wrap_socket(plain, server_hostname="localhost") as tls:
            tls.sendall(sent)
            assert tls.recv(4096).startswith(f"HTTP/1.1 {status} ".encode())


def fault_answer(peer: Peer, **fault: Any) -> Any:
    peer.box.fault("discovery", **fault)
    return peer.ask("GET", WELL_KNOWN)


def test_fault_status(peer: Peer) -> None:
    answer = fault_answer(peer, kind="status", status=500)
    assert (answer.status, answer.body) == (500, b"")
    answer = fault_answer(peer, kind="status", status=429, retry_after=7, body="slow")
    assert (answer.status, answer.headers["retry-after"], answer.body) == (429, "7", b"slow")
    assert "retry-after" not in fault_answer(peer, kind="status", status=429).headers
    date = "Fri, 31 Dec 2027 23:59:59 GMT"
    answer = fault_answer(peer, kind="status", status=503, retry_after=date)
    assert answer.headers["retry-after"] == date


def test_fault_bodies(peer: Peer) -> None:
    html = fault_answer(peer, kind="html")
    assert html.status == 502 and html.headers["content-type"].startswith("text/html")
    assert b"<html>" in html.body
    empty = fault_answer(peer, kind="empty")
    assert (empty.status, empty.body) == (200, b"")
    garbage = fault_answer(peer, kind="garbage")
    assert garbage.headers["content-type"].startswith("application/json")
    with pytest.raises(ValueError):
        json.loads(garbage.body)
    huge = fault_answer(peer, kind="huge")
    assert len(huge.body) > 11 * 1024 * 1024
    exact = fault_answer(peer, kind="answer", status=418, body="{}", headers={"X-A": "b"})
    assert (exact.status, exact.body, exact.headers["x-a"]) == (418, b"{}", "b")
    typed = fault_answer(peer, kind="answer", body="x", headers={"Content-Type": "text/x"})
    assert typed.headers["content-type"] == "text/x"
    away = fault_answer(peer, kind="redirect", location="https://elsewhere.example/")
    assert (away.status, away.location) == (302, "https://elsewhere.example/")
    assert fault_answer(peer, kind="redirect", status=307).status == 307


def test_fault_that_is_no_http(peer: Peer) -> None:
    with pytest.raises(http.client.BadStatusLine):
        fault_answer(peer, kind="garbage", raw=True)


def test_fault_die(peer: Peer) -> None:
    with pytest.raises((http.client.RemoteDisconnected, ssl.SSLError, ConnectionError)):
        fault_answer(peer, kind="die")
    assert peer.box.calls("discovery")["statuses"] == {"died": 1}


def test_fault_die_after_carries_the_request_out(peer: Peer) -> None:
    code = peer.code()
    peer.box.fault("token", "die_after")
    with pytest.raises((http.client.IncompleteRead, ssl.SSLError, ConnectionError)):
        peer.redeem(code)
    assert peer.redeem(code).codes == [54005]
    other = peer.code()
    peer.box.fault("token", "die_after", bytes=0)
    with pytest.raises((http.client.RemoteDisconnected, ssl.SSLError, ConnectionError)):
        peer.redeem(other)
    assert peer.redeem(other).codes == [54005]
    third = peer.code()
    peer.box.fault("token", "die")
    with pytest.raises((http.client.RemoteDisconnected, ssl.SSLError, ConnectionError)):
        peer.redeem(third)
    assert peer.redeem(third).status == 200


def test_fault_die_after_so_many_bytes(peer: Peer) -> None:
    peer.box.fault("discovery", "die_after", bytes=300)
    got = b""
    with socket.create_connection(("127.0.0.1", peer.port), timeout=10) as plain:
        with peer.box.context.wrap_socket(plain, server_hostname="localhost") as tls:
            tls.sendall(f"GET {WELL_KNOWN} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            try:
                while piece := tls.recv(4096):
                    got += piece
            except (ssl.SSLError, ConnectionError):
                pass  # what a broken connection looks like from here
    assert got.startswith(b"HTTP/1.1 200 ") and len(got) == 300


def test_fault_delay_before_and_after(peer: Peer) -> None:
    began = time.monotonic()
    assert fault_answer(peer, kind="delay", seconds=0.3).status == 200
    assert 0.3 <= time.monotonic() - began < 5
    code = peer.code()
    peer.box.fault("token", "hang", when="after")
    with concurrent.futures.ThreadPoolExecutor() as pool:
        held = pool.submit(peer.redeem, code)
        assert peer.box.wait("token:authorization_code", 1)
        used = peer.redeem(code)
        assert used.codes == [54005], "it was carried out before it hung"
        peer.box.clear_faults()
        assert held.result(10).status == 200


def test_fault_drip(peer: Peer) -> None:
    began = time.monotonic()
    answer = fault_answer(peer, kind="drip", seconds=0.4)
    assert answer.json["issuer"] and time.monotonic() - began >= 0.4


def test_fault_hang_until_the_client_goes(peer: Peer) -> None:
    peer.box.fault("discovery", "hang")
    connection = peer.open()
    connection.request("GET", WELL_KNOWN)
    assert peer.box.wait("discovery", 1, member="in_hand")
    connection.close()
    assert peer.box.wait("discovery", 1, member="abandoned")
    assert peer.box.calls("discovery")["in_hand"] == 0


def test_fault_hang_with_an_end(peer: Peer) -> None:
    assert fault_answer(peer, kind="hang", seconds=0.1).status == 200


def test_reset_lets_go_what_hangs(peer: Peer) -> None:
    peer.box.fault("discovery", "hang")
    with concurrent.futures.ThreadPoolExecutor() as pool:
        held = pool.submit(peer.ask, "GET", WELL_KNOWN)
        assert peer.box.wait("discovery", 1)
        peer.box.reset()
        assert held.result(10).status == 200


def test_fault_entra_error(peer: Peer) -> None:
    peer.box.fault("token", "entra_error", code=50076, times=2)
    answer = peer.redeem(peer.code())
    assert (answer.status, answer.json["error"], answer.codes) == (400, "invalid_grant", [50076])
    assert answer.json["suberror"] == "basic_action"
    peer.box.clear_faults()
    peer.box.fault("token", "entra_error", code=90055, retry_after=9)
    throttled = peer.redeem(peer.code())
    assert (throttled.status, throttled.headers["retry-after"]) == (503, "9")
    peer.box.fault("token", "entra_error", code=4711, error="novel", suberror="odd", status=418)
    novel = peer.redeem(peer.code())
    assert (novel.status, novel.json["error"], novel.json["suberror"]) == (418, "novel", "odd")
    peer.box.fault("authorize", "entra_error", code=90033)
    assert peer.authorize().returned["error"] == "temporarily_unavailable"


def test_fault_claims(peer: Peer) -> None:
    claims = json.dumps({"access_token": {"xms_cc": {"values": ["cp1"]}}})
    able = str(peer.redeem(peer.code(claims=claims), claims=claims).json["access_token"])
    peer.box.fault("graph", "claims")
    refused = peer.graph(able, "GET", "/me")
    assert refused.status == 401 and "insufficient_claims" in refused.headers["www-authenticate"]
    peer.box.fault("token", "claims")
    answer = peer.redeem(peer.code())
    assert (answer.codes, answer.json["suberror"]) == ([53003], "message_only")
    assert "access_token" in json.loads(answer.json["claims"])


def test_fault_graph_error(peer: Peer, ada: str) -> None:
    peer.box.fault("graph", "graph_error", status=429, code="TooManyRequests", retry_after=3)
    answer = peer.graph(ada, "GET", "/me")
    assert (answer.status, answer.graph_code) == (429, "TooManyRequests")
    assert answer.headers["retry-after"] == "3" and answer.headers["request-id"]
    peer.box.fault("graph", "graph_error")
    assert peer.graph(ada, "GET", "/me").graph_code == "ServiceUnavailable"


def test_where_times_and_skip(peer: Peer, ada: str) -> None:
    box = peer.box
    box.fault("/v1.0/me/calendar", "status", status=500, method="GET", skip=1, times=2)
    statuses = [peer.graph(ada, "GET", "/me/calendars").status for _ in range(4)]
    assert statuses == [200, 500, 500, 200]
    assert peer.graph(ada, "GET", "/me").status == 200
    box.fault("graph", "status", status=500, times=0)
    assert [peer.graph(ada, "GET", "/me").status for _ in range(3)] == [500] * 3
    box.clear_faults()
    assert peer.graph(ada, "GET", "/me").status == 200
    box.fault("token", "status", status=500, grant_type="refresh_token", times=0)
    tokens = peer.sign_in()
    assert peer.refresh(tokens["refresh_token"]).status == 500
    box.clear_faults()
    box.fault("graph", "delay", seconds=0.05)
    box.fault("graph", "status", status=501)
    assert peer.graph(ada, "GET", "/me").status == 501, "a delay and an answer meet one call"
    assert box.ask("fault")["faults"] == []


@pytest.mark.parametrize(
    "fault",
    [
        {},
        {"where": "token"},
        {"where": "token", "kind": "explode"},
        {"where": "moon", "kind": "die"},
        {"where": "token", "kind": "die", "colour": "red"},
        {"where": "token", "kind": "status", "status": "500"},
        {"where": "token", "kind": "status", "times": True},
        {"where": "token", "kind": "delay", "when": "never"},
        {"where": "token", "kind": "die", "taken": 1},
    ],
)
def test_bad_fault_is_refused(box: Sandbox, fault: dict[str, object]) -> None:
    with pytest.raises(SandboxError, match="400"):
        box.control("POST", "fault", {"faults": [fault]})
    assert box.ask("fault")["faults"] == []


@pytest.mark.parametrize(
    "settings",
    [
        {"colour": "red"},
        {"access_seconds": "60"},
        {"access_seconds": True},
        {"rotate": 1},
        {"paging": "sideways"},
        {"token_members": []},
        {"rotate": False, "colour": "red"},
    ],
)
def test_bad_setting_changes_nothing(box: Sandbox, settings: dict[str, Any]) -> None:
    before = box.ask("settings")
    with pytest.raises(SandboxError, match="400"):
        box.settings(**settings)
    assert box.ask("settings") == before


@pytest.mark.parametrize(
    "method, name, body",
    [
        ("GET", "nothing", None),
        ("POST", "secrets", {}),
        ("POST", "revoke", {"person": "mallory@sandbox.example"}),
        ("POST", "bulk_events", {"count": 5}),
        ("POST", "bulk_events", {"person": ADA, "count": -1}),
        ("POST", "events", {"person": ADA, "events": [{"colour": "red"}]}),
        ("POST", "events", {"person": ADA, "events": 1}),
        ("POST", "redirect_uris", {"add": ["http://app.example/"]}),
        ("POST", "redirect_uris", {"add": ["https://*.example/"]}),
        ("POST", "redirect_uris", {"add": "https://app.example/"}),
        ("POST", "settings", []),
        ("GET", "wait", None),
        ("GET", "wait?where=token&member=last", None),
        ("GET", "wait?where=token&count=x", None),
    ],
)
def test_bad_control_is_refused(box: Sandbox, method: str, name: str, body: object) -> None:
    with pytest.raises(SandboxError, match="40[04]"):
        box.control(method, name, body)


def test_calls_are_counted_without_secrets(peer: Peer) -> None:
    tokens = peer.sign_in()
    peer.graph(tokens["access_token"], "GET", "/me/events", client_request_id="ours")
    peer.graph(tokens["access_token"], "GET", "/me/events/AAMkAGxxxxxxxxxxxxxxxx")
    box = peer.box
    assert box.calls("token:authorization_code")["statuses"] == {"200": 1}
    assert box.calls("graph:GET /me/events/{id}")["statuses"] == {"404": 1}
    last = box.calls("graph")["last"]
    assert last[0]["person"] == ADA and last[0]["headers"]["client-request-id"] == "ours"
    assert last[0]["bearer"] == last[1]["bearer"]
    told = json.dumps(box.ask("calls"))
    for kind, values in box.secrets().items():
        for value in values:
            assert value not in told, kind
    box.forget_calls()
    assert box.count("graph") == 0 and box.calls("graph")["last"] == []


def test_secrets_hold_everything_and_survive_a_reset(peer: Peer) -> None:
    code = peer.code(state="a-state", nonce="a-nonce")
    tokens = peer.redeem(code).json
    peer.redeem(code, client_secret="a wrong secret", code_verifier="w" * 43)
    peer.refresh("a guessed token")
    peer.ask("GET", "/v1.0/me", None, Authorization="Bearer a-guessed-bearer")
    peer.box.reset()
    found = peer.box.secrets()
    for kind, value in (
        ("code", code),
        ("access_token", tokens["access_token"]),
        ("access_token", "a-guessed-bearer"),
        ("refresh_token", tokens["refresh_token"]),
        ("refresh_token", "a guessed token"),
        ("id_token", tokens["id_token"]),
        ("verifier", VERIFIER),
        ("state", "a-state"),
        ("nonce", "a-nonce"),
        ("client_secret", peer.box.client_secret),
        ("client_secret", "a wrong secret"),
    ):
        assert value in found[kind], kind


def test_wait(box: Sandbox, peer: Peer) -> None:
    assert not box.wait("discovery", 1, seconds=0.1)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        waiting = pool.submit(box.wait, "discovery", 2)
        peer.ask("GET", WELL_KNOWN)
        assert not waiting.done()
        peer.ask("GET", WELL_KNOWN)
        assert waiting.result(10)
    assert box.wait("discovery", 2, member="done")


def test_peak(box: Sandbox, peer: Peer) -> None:
    box.fault("discovery", "hang", times=3)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        held = [pool.submit(peer.ask, "GET", WELL_KNOWN) for _ in range(3)]
        assert box.wait("discovery", 3, member="in_hand")
        box.clear_faults()
        assert [one.result(10).status for one in held] == [200] * 3
    peer.ask("GET", WELL_KNOWN)
    tally = box.calls("discovery")
    assert (tally["count"], tally["peak"], tally["in_hand"]) == (4, 3, 0)


def test_rotate_keys(box: Sandbox, peer: Peer) -> None:
    def published() -> list[str]:
        keys = peer.ask("GET", "/common/discovery/v2.0/keys").json["keys"]
        return [key["kid"] for key in keys]

    before = published()
    fresh = box.rotate_keys()
    assert published() == [fresh, *before]
    lone = box.rotate_keys(keep_old=False)
    assert published() == [lone, before[-1]]


def test_clock_skew(box: Sandbox, peer: Peer) -> None:
    box.settings(clock_skew=-7200)
    date = peer.ask("GET", WELL_KNOWN).headers["date"]
    behind = time.time() - parsedate_to_datetime(date).timestamp()
    assert 7190 < behind < 7210
    claims = claims_of(peer.sign_in()["id_token"])
    assert 7190 < time.time() - int(claims["iat"]) < 7210


def test_reset(box: Sandbox, peer: Peer) -> None:
    tokens = peer.sign_in()
    box.settings(rotate=False)
    box.fault("graph", "die", times=0)
    box.add_events(ADA, {"subject": "x"})
    box.reset()
    assert box.ask("settings")["rotate"] is True
    assert box.ask("fault")["faults"] == [] and box.events(ADA) == []
    assert peer.graph(tokens["access_token"], "GET", "/me").status == 401
    assert peer.refresh(tokens["refresh_token"]).status == 400
    assert CALLBACK in box.ask("")["redirect_uris"]


def test_issue(peer: Peer) -> None:
    made = peer.box.control("POST", "issue", {"person": ADA})
    assert peer.graph(made["access_token"], "GET", "/me").json["mail"] == ADA
    assert peer.refresh(made["refresh_token"]).status == 200


def test_event_control(box: Sandbox) -> None:
    when = {"dateTime": "2026-12-01T10:00:00", "timeZone": "Europe/Berlin"}
    ids = box.add_events(ADA, {"subject": "x", "start": when, "end": when})
    assert [one["id"] for one in box.events(ADA)] == ids
    box.add_events(ADA, {"subject": "y"}, clear=True)
    assert [one["subject"] for one in box.events(ADA)] == ["y"]
