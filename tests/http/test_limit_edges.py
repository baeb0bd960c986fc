# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Mission O7 at its edges: each number, for a user and for an address, over several children; and an
attack from ten thousand addresses while a user works."""

import collections
import concurrent.futures
import http.client
import itertools
import json
import re
import socket

import pytest

from support.browser import Browser

MOUNTS = """
<Location "/beta">
    GraphTokUseStore beta
</Location>
<LocationMatch "^/(main|beta)/as">
    GraphTokUser "expr=%{req:X-User}"
</LocationMatch>
""" + "".join(f"""
<Location "{store}/as/auth">
    SetHandler graphtok-auth
</Location>
<Location "{store}/as/calendar">
    SetHandler graphtok-calendar
</Location>
""" for store in ("/main", "/beta")) + """
<Location "/auth">
    SetHandler graphtok-auth
</Location>
RemoteIPHeader X-Client-IP
RemoteIPTrustedProxy 127.0.0.1
"""
STORES = "<GraphTokStore beta>\nGraphTokTable beta_tokens\n</GraphTokStore>\n"
CHILDREN = {"event": "StartServers 4\nServerLimit 4\nThreadsPerChild 8\nMaxRequestWorkers 32\n"
                     "MinSpareThreads 32\nMaxSpareThreads 32\nAsyncRequestWorkerFactor 20\n",
            "prefork": "StartServers 6\nMinSpareServers 6\nMaxSpareServers 8\nMaxRequestWorkers 8\n"}
EVENT = {"subject": "Lunch", "start": {"dateTime": "2030-05-01T12:00:00", "timeZone": "UTC"},
         "end": {"dateTime": "2030-05-01T13:00:00", "timeZone": "UTC"}}
O7 = {  # class: how often a minute, and a call of it
    "login": (10, "GET", "/auth/login", None),
    "user": (100, "GET", "/auth/user", None),
    "calendar": (100, "GET", "/calendar/", None),
    "events": (200, "GET", "/calendar/events", None),
    "create": (50, "POST", "/calendar/events", EVENT),
    "update": (50, "PUT", "/calendar/events/x", EVENT),
    "delete": (50, "DELETE", "/calendar/events/x", None),
}
# Public ones: RemoteIPTrustedProxy believes no proxy that says its client is of an intranet.
addresses = (f"198.18.{n >> 8}.{n & 255}" for n in itertools.count(1))


@pytest.fixture(scope="module", params=["event", "prefork"])
def served(request, make_site):
    made = make_site(request.param, mounts=MOUNTS, settings=STORES, tuning=CHILDREN[request.param])
    made.start()
    yield made
    made.end()


def ask(served, method, path, headers, body=None):
    """One call on a connection of its own, so that the children take turns."""
    connection = http.client.HTTPConnection("localhost", served.httpd.port, timeout=60)
    try:
        connection.request(method, path, None if body is None else json.dumps(body),
                           {"Content-Type": "application/json", **headers})
        answer = connection.getresponse()
        answer.read()
        return answer
    finally:
        connection.close()


def at_once(calls):
    """All of them from eight threads; the answers."""
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        return [done.result() for done in [pool.submit(*call) for call in calls]]


@pytest.mark.parametrize("name", O7)
def test_O7_for_a_user(served, sandbox, name):
    """The number counts for the user, from whichever address and in whichever child."""
    count, method, path, body = O7[name]
    user = f"{name}-user"

    def call(user, store):
        return ask(served, method, f"/{store}/as{path}",
                   {"X-User": user, "X-Client-IP": next(addresses)}, body)
    answers = at_once([(call, user, "main")] * (count + 10))
    seen = collections.Counter(answer.status for answer in answers)
    # Above 64 a caller may get 2 % less, where its calls took longer than a part of the minute.
    assert count * 0.98 <= len(answers) - seen[429] <= count, seen
    assert set(seen) == {302 if name == "login" else 401, 429}, seen
    refused = next(answer for answer in answers if answer.status == 429)
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert refused.headers["RateLimit-Policy"] == f'"{name}";q={count};w=60'
    # Neither another user is meant nor the same name in another store.
    assert call("another", "main").status != 429 and call(user, "beta").status != 429
    assert call(user, "main").status == 429


def test_O7_for_an_address(served, sandbox):
    """Where no caller is known: logins with sessions, and callbacks for every kind of caller."""
    for count, path, span, headers in ((10, "/auth/login", 60, {}), (20, "/auth/callback?state=x", 3600, {}),
                                       (20, "/main/as/auth/callback?state=x", 3600, {"X-User": "u"})):
        address = next(addresses)
        answers = at_once([(ask, served, "GET", path, {"X-Client-IP": address, **headers})]
                          * (count + 10))
        seen = collections.Counter(answer.status for answer in answers)
        assert len(answers) - seen[429] == count, (path, seen)
        refused = next(answer for answer in answers if answer.status == 429)
        assert 1 <= int(refused.headers["Retry-After"]) <= span
        assert ask(served, "GET", path, {"X-Client-IP": next(addresses), **headers}).status != 429
        # Another user at the same address is no other client to a callback.
        if headers:
            assert ask(served, "GET", path, {"X-Client-IP": address, "X-User": "v"}).status == 429


# ---- an attack ----

# httpd closes a connection after a 400.
PATHS = ("/auth/login", "/auth/token", "/main/as/auth/login", "/main/as/calendar/events",
         "/auth/callback?state=x")


def flood(served, rounds):
    """Each path from an address of its own, so many times; the statuses."""
    seen = collections.Counter()
    for _ in range(rounds):
        with socket.create_connection(("127.0.0.1", served.httpd.port), 60) as client:
            client.sendall("".join(
                f"GET {path} HTTP/1.1\r\nHost: localhost:{served.httpd.port}\r\n"
                f"X-Client-IP: {next(addresses)}\r\n\r\n" for path in PATHS).encode())
            answers = b"".join(iter(lambda: client.recv(65536), b""))
        seen.update(int(status) for status in re.findall(rb"HTTP/1.1 (\d+) ", answers))
    return seen


WORK = ("/main/as/auth/token", "/main/as/auth/user", "/main/as/calendar/")


def test_ten_thousand_addresses_disturb_no_user(served, sandbox):
    sandbox.add_redirect_uri(served.url + "/main/as/auth/callback")
    browser, own = Browser(sandbox.ca), {"X-User": "worker", "X-Client-IP": "192.0.2.77"}
    back = browser.leave_for_sign_in(served.url + "/main/as/auth/login", headers=own)
    assert browser.get(back, headers=own).status == 200
    spent = {"X-Client-IP": "192.0.2.78"}
    while ask(served, "GET", "/auth/callback?state=x", spent).status != 429:
        pass
    with concurrent.futures.ThreadPoolExecutor(4) as attackers:
        floods = [attackers.submit(flood, served, 500) for _ in range(4)]
        worked = []
        while len(worked) < 30 * len(WORK) and (len(worked) < 9 or not all(f.done() for f in floods)):
            worked += [ask(served, "GET", path, own).status for path in WORK]
        seen = sum((done.result() for done in floods), collections.Counter())
    assert set(worked) == {200}, collections.Counter(worked)
    assert seen == {302: 2000, 400: 2000, 401: 6000}, seen
    # Nor does a client get calls back that it had spent.
    assert ask(served, "GET", "/auth/callback?state=x", spent).status == 429
