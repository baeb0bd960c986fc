# Licensed under the Apache License, Version 2.0; see LICENSE.
"""What mod_status shows of all children; and that the access log has the whole time."""

import os
import re
import signal

import pytest

from support.browser import Browser
from test_mailbox import ask, status_of

TWO = """StartServers 2
ServerLimit 2
ThreadsPerChild 16
MinSpareThreads 32
MaxSpareThreads 64
MaxRequestWorkers 32
AsyncRequestWorkerFactor 20
"""
FOUR = """StartServers 4
ServerLimit 8
MinSpareServers 4
MaxSpareServers 8
MaxRequestWorkers 8
"""
STATUS = """
<Location "/server-status">
    SetHandler server-status
</Location>
"""
KEYS = """Children Parked Waiting Transfers Queued Connections Jobs Calls Failed MaxTransfers
CacheSlots CacheUsed CacheHits CacheMisses CacheStored CacheEvicted CacheTooLarge CacheHealed
LimitSlots LimitUsed""".split()


@pytest.fixture(params=["event", "worker", "prefork"])
def many(request, make_site, sandbox):
    """A site with several children, and tom signed in."""
    tuning = FOUR if request.param == "prefork" else TWO
    if request.param == "worker":
        tuning = tuning.replace("Async", "# ")
    made = make_site(request.param, settings=STATUS, tuning=tuning,
                     provider="GraphTokMailboxCalls 3")
    made.start()
    try:
        made.httpd.wait_until(lambda: len(made.httpd.children()) >= 2, 20)
        assert Browser(sandbox.ca).sign_in(made.url + "/tom/auth/login").status == 200
        assert Browser().get(made.url + "/tom/calendar/").status == 200
        yield made
    finally:
        made.end()


def figures(site):
    """Ours of ?auto."""
    text = Browser().get(site.url + "/server-status?auto").text
    return {name: int(value) for name, value in re.findall(r"^GraphTok(\w+): (\d+)$", text, re.M)}


def shows(site, **wanted):
    """Wait until these figures are shown."""
    seen = {}

    def look():
        seen.update(figures(site))
        return all(seen[name] == value for name, value in wanted.items())
    try:
        site.httpd.wait_until(look, 10)
    except TimeoutError:
        raise AssertionError(f"{seen} instead of {wanted}") from None
    return seen


def test_all_children_are_counted(many, sandbox):
    children = len(many.httpd.children())
    shows(many, Children=children, Parked=0, Waiting=0, Transfers=0, Queued=0)
    assert sorted(figures(many)) == sorted(KEYS)
    sandbox.fault(where="graph", kind="hang", times=2)
    waiting = [ask(many), ask(many)]
    busy = "Parked" if many.httpd.mpm == "event" else "Waiting"
    shows(many, Transfers=2, **{busy: 2})
    # A call is counted when it is taken in, its connection when it is opened.
    many.httpd.wait_until(lambda: figures(many)["Connections"] >= 2, 10)
    page = Browser().get(many.url + "/server-status").text
    assert "<h1>mod_graphtok</h1>" in page
    for pid in many.httpd.children():
        assert f"<tr><td>{pid}</td>" in page
    sandbox.process.clear_faults()
    assert [status_of(client) for client in waiting] == [200, 200]
    shows(many, Parked=0, Waiting=0, Transfers=0)


def test_a_child_that_was_killed_is_forgotten(many, sandbox):
    before = many.httpd.children()
    shows(many, Children=len(before))
    sandbox.fault(where="graph", kind="hang", times=1)
    hanging = ask(many)
    shows(many, Transfers=1)
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    many.httpd.wait_until(lambda: len(many.httpd.children()) >= 2
                          and not set(before) & set(many.httpd.children()), 30)
    sandbox.process.clear_faults()
    hanging.close()
    shows(many, Children=len(many.httpd.children()), Parked=0, Waiting=0, Transfers=0)


def test_a_graceful_restart_leaves_no_entry_behind(many):
    for _ in range(3):
        many.httpd.graceful()
    many.httpd.wait_until(
        lambda: figures(many)["Children"] == len(many.httpd.children()), 20)


def test_the_cache_is_counted(many):
    before = figures(many)
    for _ in range(5):
        assert Browser().get(many.url + "/tom/auth/token").status == 200
    after = figures(many)
    assert after["CacheHits"] >= before["CacheHits"] + 4
    assert after["CacheSlots"] == 4096 and after["CacheUsed"] >= 1
    assert after["LimitSlots"] == 65536 and after["MaxTransfers"] == 1024


def test_the_access_log_has_the_whole_time(many, sandbox):
    sandbox.fault(where="graph", kind="delay", seconds=0.7, times=1)
    assert Browser().get(many.url + "/tom/calendar/next24").status == 200
    line = re.compile(r'"GET /tom/calendar/next24 HTTP/1.1" 200 (\d+)$', re.M)
    log = many.httpd.accessed(line.search)
    assert 700_000 <= int(line.search(log).group(1)) < 20_000_000
