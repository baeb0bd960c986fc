# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Past GraphTokMaxTransfers a clear 503, at once; and what the start says of the MPM's own bounds."""

import time

import pytest

from support.browser import Browser
from test_mailbox import ask, status_of


def test_past_the_bound_503_at_once(make_site, sandbox):
    made = make_site("event", settings="GraphTokMaxTransfers 3", provider="GraphTokMailboxCalls 0")
    made.start()
    try:
        tom = Browser(sandbox.ca)
        tom.sign_in(made.url + "/tom/auth/login")
        assert tom.get(made.url + "/tom/calendar/").status == 200
        sandbox.process.forget_calls()
        sandbox.fault(where="graph", kind="hang", times=3)
        waiting = [ask(made) for _ in range(3)]
        sandbox.wait_for_calls("graph", 3)
        begun = time.monotonic()
        refused = [tom.get(made.url + "/tom/calendar/") for _ in range(3)]
        assert time.monotonic() - begun < 5
        for answer in refused:
            assert answer.status == 503 and int(answer.headers["Retry-After"]) >= 1
            assert answer.headers["Content-Type"] == "application/problem+json"
            assert answer.json["status"] == 503 and "under way" in answer.json["detail"]
        assert tom.get(made.url + "/tom/auth/token").status == 200
        assert sandbox.calls("graph") == 3
        sandbox.process.clear_faults()
        assert [status_of(client) for client in waiting] == [200] * 3
        assert tom.get(made.url + "/tom/calendar/").status == 200
        assert "GT0302" in made.httpd.log()
    finally:
        made.end()


TUNING = """StartServers 1
ServerLimit 1
ThreadsPerChild 8
MaxRequestWorkers 8
"""


@pytest.fixture
def notices(make_site):
    """Start a site; its lines that end with what to set, by tag."""
    def start(mpm="event", tuning=TUNING, settings="", wrapper=()):
        made = make_site(mpm, tuning=tuning, settings=settings)
        made.start(wrapper)
        try:
            made.httpd.log_has("resuming normal operations")
            log = made.httpd.log()
        finally:
            made.end()
        lines = [line for line in log.splitlines() if "graphtok:" in line]
        return lines, {tag: line for line in lines for tag in
                       ("GT0803", "GT0804", "GT0808", "GT0809") if tag in line}
    return start


def test_connections_of_a_child(notices):
    _, said = notices()
    assert set(said) == {"GT0808"}
    assert "about 24 connections" in said["GT0808"] and "[graphtok:notice]" in said["GT0808"]
    assert "AsyncRequestWorkerFactor 128 " in said["GT0808"]
    assert not notices(tuning=TUNING + "AsyncRequestWorkerFactor 128\n")[1]
    assert "about 28 " in notices(tuning=TUNING + "AsyncRequestWorkerFactor 2.5\n")[1]["GT0808"]
    assert not notices(settings="GraphTokMaxTransfers 24")[1]


def test_http2_workers(notices):
    enough = TUNING + "AsyncRequestWorkerFactor 128\nProtocols h2c http/1.1\n"
    _, said = notices(tuning=enough)
    assert set(said) == {"GT0809"} and " 12 a child" in said["GT0809"]
    _, said = notices(tuning=enough + "H2MaxWorkers 100\n")
    assert " 100 a child" in said["GT0809"]
    assert not notices(tuning=enough + "H2MaxWorkers 1024\n")[1]


def test_descriptors(notices):
    _, said = notices(settings="GraphTokMaxTransfers 24", wrapper=("prlimit", "--nofile=60"))
    assert set(said) == {"GT0804"} and "about 20 calls" in said["GT0804"]
    assert "to 75 or more" in said["GT0804"]


@pytest.mark.parametrize("mpm", ["worker", "prefork"])
def test_an_mpm_that_cannot_park(notices, mpm):
    tuning = TUNING if mpm == "worker" else "StartServers 1\nMaxRequestWorkers 8\n"
    _, said = notices(mpm, tuning=tuning)
    assert set(said) == {"GT0803"}
    assert ("one of 8 threads" if mpm == "worker" else "one of 1 threads") in said["GT0803"]


def test_memory_is_said(notices):
    lines, _ = notices(settings="GraphTokCacheSlots 64\nGraphTokLimitSlots 1024")
    found = [line for line in lines if "shared memory:" in line]
    assert len(found) >= 1 and "[graphtok:info]" in found[0]
    assert "for 64 tokens" in found[0] and "for 1024 limits" in found[0]
