# Licensed under the Apache License, Version 2.0; see LICENSE.
"""A name server that does not answer for one provider holds up no call to another one: neither while
its client waits, nor when it hangs up, nor at a child's end."""

import concurrent.futures
import os
import pathlib
import socket

import pytest

from support import modules
from support.browser import Browser, leave
from support.httpd import own
from support.site import MOUNTS

FIXTURES = pathlib.Path(__file__).resolve().parent / "fixtures"
CONNECT_TIMEOUT = 6
OTHER = """<GraphTokProvider other>
    GraphTokTenant 11111111-2222-3333-4444-555555555555
    GraphTokClientID 11111111-2222-3333-4444-555555555556
    GraphTokClientSecret file:{secret}
    GraphTokAuthority https://stuck.example
    GraphTokConnectTimeout {seconds}s
</GraphTokProvider>
StartServers 1
ServerLimit 1
MaxRequestWorkers 64
ThreadsPerChild 64
<Location "/server-status">
    SetHandler server-status
</Location>
"""
MORE = """GraphTokUseProvider microsoft
<Location "/other/auth">
    SetHandler graphtok-auth
    GraphTokUser static tom
    GraphTokUseProvider other
</Location>
"""


@pytest.fixture(scope="module")
def resolver(ground):
    """The library for LD_PRELOAD."""
    return modules.preload(ground, FIXTURES / "stuck_names.c")


@pytest.fixture(params=["event", "worker"])
def box(request, make_site, sandbox, resolver):
    """A site of one child, whose other provider's name is being looked up for ever."""
    made = make_site(request.param, mounts=MORE + MOUNTS, provider="GraphTokMailboxCalls 0",
                     settings=OTHER.format(secret=sandbox.client_secret_file,
                                           seconds=CONNECT_TIMEOUT))
    stuck = made.folder / "names" / "stuck"
    stuck.parent.mkdir()
    os.mkfifo(stuck)
    own(stuck.parent)
    os.chmod(made.folder, 0o755)
    modules.load_before(made, resolver, STUCK_NAMES=str(stuck))
    made.start()
    made.stuck = stuck
    assert Browser(sandbox.ca).sign_in(made.url + "/tom/auth/login").status == 200
    yield made
    stuck.unlink()
    made.end()


def asked(box):
    """How often the resolver was asked for the stuck name."""
    path = box.stuck.with_suffix(".asked")
    return path.read_text().count("\n") if path.exists() else 0


def others_work(box, sandbox, n=20):
    """Calls to the provider whose name is known, in less time than the stuck one's."""
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        answers = [pool.submit(Browser(sandbox.ca).get, box.url + "/tom/calendar/")
                   .result(CONNECT_TIMEOUT / 2) for _ in range(n)]
    return [answer.status for answer in answers] == [200] * n


def ask_for_stuck(box):
    client = socket.create_connection(("127.0.0.1", box.httpd.port), timeout=60)
    client.sendall(f"GET /other/auth/login HTTP/1.1\r\nHost: localhost:{box.httpd.port}\r\n"
                   "Accept: application/json\r\nConnection: close\r\n\r\n".encode())
    return client


def test_nobody_else_waits_for_a_name(box, sandbox):
    client = ask_for_stuck(box)
    box.httpd.wait_until(lambda: asked(box) == 1, 20)
    assert others_work(box, sandbox)
    with client.makefile("rb") as stream:
        answer = stream.read().decode()
    assert answer.startswith("HTTP/1.1 504 ") and "GT0308" in box.httpd.log()
    assert others_work(box, sandbox)


def test_nobody_waits_when_its_client_hangs_up(box, sandbox):
    for _ in range(10):
        client = ask_for_stuck(box)
        box.httpd.wait_until(lambda: asked(box) == 1, 20)
        leave(client)
        assert others_work(box, sandbox, 2)
    # However many come and go, one lookup is under way and one thread with it.
    assert asked(box) == 1


def test_a_child_ends_without_its_lookup(box, sandbox):
    client = ask_for_stuck(box)
    box.httpd.wait_until(lambda: asked(box) == 1, 20)
    leave(client)
    before = box.httpd.children()
    box.httpd.graceful()
    box.httpd.wait_until(lambda: not set(before) & set(box.httpd.children()), CONNECT_TIMEOUT + 6)
    assert others_work(box, sandbox, 2)
    client = ask_for_stuck(box)
    box.httpd.wait_until(lambda: asked(box) == 2, 20)
    leave(client)
    box.httpd.stop()
    assert "Segmentation" not in box.httpd.log() and "exit signal" not in box.httpd.log()
