# Licensed under the Apache License, Version 2.0; see LICENSE.
"""A server that is told to end at once (TERM): its parent kills after ten seconds what is left."""

import socket
import subprocess
import threading
import time

import pytest

from support import modules
from support.browser import Browser
from support.httpd import own
from support.site import MOUNTS

APPLICATION = """
<Location "/app">
    GraphTokUser static tom
    GraphTokPassToken header
</Location>
"""
KILLED = "sending a SIGKILL"


def stop(site):
    """TERM: how long it took, seconds."""
    began = time.monotonic()
    site.httpd.stop()
    return time.monotonic() - began


def ask(url, *options):
    """A client that does not mind its end."""
    return subprocess.Popen(["curl", "-sS", "--noproxy", "*", "--max-time", "30", "-o", "/dev/null",
                             *options, url], stderr=subprocess.DEVNULL)


def slow_reader(site, path):
    """A client that reads little of its answer."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
    client.settimeout(30)
    client.connect(("127.0.0.1", site.httpd.port))
    client.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    assert client.recv(20).startswith(b"HTTP/1.1 200")
    return client


def read_to_the_end(client):
    with client:
        try:
            while client.recv(1 << 16):
                pass
        except ConnectionError:
            pass


def test_no_other_file_gets_an_answer(make_site, sandbox, ground):
    """The MPM closes the sockets of connections that its threads are writing to."""
    assert sandbox
    site = make_site(mounts=modules.load(ground, "test_files") + MOUNTS,
                     settings="EnableSendfile off\nSendBufferSize 16384")
    files = site.folder / "files"
    files.mkdir()
    own(files)
    site.httpd.environment["TEST_FILES"] = str(files)
    (site.folder / "htdocs" / "large").write_bytes(bytes(20 << 20))
    site.start()
    clients = [slow_reader(site, "/large") for _ in range(8)]
    readers = [threading.Timer(1, read_to_the_end, [client]) for client in clients]
    for reader in readers:
        reader.start()
    took = stop(site)
    for reader in readers:
        reader.join()
    assert {file.stat().st_size for file in files.iterdir()} == {0}
    assert took < 1, "nothing is written to clients any more"
    site.end()


@pytest.mark.parametrize("mpm, option", [("worker", "--http1.1"), ("prefork", "--http1.1"),
                                         ("event", "--http1.1"),
                                         ("event", "--http2-prior-knowledge")])
def test_a_provider_that_hangs_does_not_hold_it_up(make_site, sandbox, mpm, option):
    site = make_site(mpm, settings="Protocols h2c http/1.1")
    site.start()
    browser = Browser(sandbox.ca)
    assert browser.sign_in(site.url + "/tom/auth/login").status == 200
    assert browser.get(site.url + "/tom/calendar/").status == 200
    before = sandbox.calls("graph")
    sandbox.fault(where="graph", kind="hang", seconds=60, times=2)
    with ask(site.url + "/tom/calendar/", option), ask(site.url + "/tom/calendar/", option):
        sandbox.wait_for_calls("graph", before + 2)
        assert stop(site) < 3
    assert KILLED not in site.httpd.log() and "exit signal" not in site.httpd.log()
    site.end()


def test_a_refresh_under_way_has_its_time(make_site, sandbox):
    """An application's request waits for it. The answer, which may hold the only refresh token that
    works from now on, is waited for as long as the parent allows."""
    site = make_site("prefork", mounts=MOUNTS + APPLICATION)
    (site.folder / "htdocs" / "app").mkdir()
    (site.folder / "htdocs" / "app" / "page").write_text("a page")
    site.start()
    assert Browser(sandbox.ca).sign_in(site.url + "/tom/auth/login").status == 200
    site.httpd.stop()
    site.database.sql("UPDATE user_tokens SET expires_at = expires_at - 86400")
    site.httpd.start()
    before = sandbox.calls("token")
    sandbox.fault(where="token", kind="delay", seconds=3, when="after", times=1)
    with ask(site.url + "/app/page"):
        sandbox.wait_for_calls("token", before + 1)
        assert stop(site) < 7
    assert KILLED not in site.httpd.log() and "exit signal" not in site.httpd.log()
    site.httpd.start()
    assert Browser().get(site.url + "/app/page").text == "a page"
    assert sandbox.calls("token:refresh_token") == 1
    site.end()
