# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Graph over HTTP/2: many calls at once share a few connections."""

import asyncio
import re

import pytest

from support import httpd as servers
from support.browser import Browser
from support.site import tls_host

CALLS = 240
ANSWER = b'{"value": []}'

TUNING = """StartServers 1
ServerLimit 1
ThreadLimit 64
ThreadsPerChild 64
MaxRequestWorkers 64
AsyncRequestWorkerFactor 20
H2MinWorkers 260
H2MaxWorkers 260
"""

MOUNTS = """
<Location "/tom/auth">
    SetHandler graphtok-auth
</Location>
<Location "/tom/calendar">
    SetHandler graphtok-calendar
</Location>
<Location "/server-status">
    SetHandler server-status
</Location>
GraphTokUser static tom
GraphTokLimit off
"""


@pytest.fixture(scope="module", name="site")
def site_fixture(make_site, sandbox_server):
    """One httpd is both: ours, and a Graph that speaks HTTP/2 and asks a slow server behind it."""
    port, behind = servers.free_port(), servers.free_port()
    settings = tls_host(port, sandbox_server, "Protocols h2 http/1.1\n"
                        f"ProxyPass /v1.0 http://127.0.0.1:{behind}/v1.0")
    made = make_site("event", tuning=TUNING, mounts=MOUNTS, settings=settings,
                     modules=("proxy", "proxy_http"),
                     provider=f"GraphTokMailboxCalls 0\nGraphTokGraphURL https://localhost:{port}"
                              "/v1.0")
    conf = made.httpd.conf.read_text()
    made.httpd.conf.write_text(conf.replace(f"GraphTokGraphURL {sandbox_server.graph}\n", ""))
    made.behind = behind
    made.start()
    assert Browser(sandbox_server.ca).sign_in(made.url + "/tom/auth/login").status == 200
    yield made
    made.end()


def connections(site):
    text = Browser().get(site.url + "/server-status?auto").text
    return int(re.search(r"^GraphTokConnections: (\d+)$", text, re.M)[1])


async def answer_slowly(reader, writer):
    """Graph takes its time."""
    try:
        while True:
            await reader.readuntil(b"\r\n\r\n")
            await asyncio.sleep(0.2)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                         + f"Content-Length: {len(ANSWER)}\r\n\r\n".encode() + ANSWER)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def ask(port):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /tom/calendar/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    answer = await reader.read()
    writer.close()
    return answer.split(b" ", 2)[1]


async def burst(site):
    """Many calls at once: (their statuses, most connections seen)."""
    server = await asyncio.start_server(answer_slowly, "127.0.0.1", site.behind, backlog=512)
    async with server:
        assert await ask(site.httpd.port) == b"200"  # the protocol is known from here on
        calls = asyncio.gather(*[ask(site.httpd.port) for _ in range(CALLS)])
        most = 0
        while not calls.done():
            most = max(most, await asyncio.to_thread(connections, site))
        return set(await calls), most


def test_many_calls_share_a_few_connections(site):
    statuses, used = asyncio.run(burst(site))
    assert statuses == {b"200"}
    assert 3 <= used <= 12  # of 100 streams each, besides those to the provider


def test_a_connection_with_a_wrong_key_is_not_kept(site):
    """Over HTTP/2 libcurl keeps a connection of which one call was refused."""
    conf = site.httpd.conf.read_text()
    site.httpd.conf.write_text(conf.replace(
        "GraphTokMailboxCalls 0\n", f"GraphTokMailboxCalls 0\nGraphTokPin sha256//{'A' * 43}=\n"))
    site.httpd.graceful()
    assert asyncio.run(ask(site.httpd.port)) == b"502"
    site.httpd.wait_until(lambda: connections(site) == 0, 10)
    assert "GT0316" in site.httpd.log()
