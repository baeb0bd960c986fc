# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Bodies behind input filters that inflate, split and hold back, on every route that takes one; and
the status of what httpd could not read."""

import email
import email.policy
import gzip
import http.client
import json
import pathlib
import random
import re
import socket
import subprocess

import pytest
from groups import CLUB

from support import modules
from support.browser import Browser
from support.site import MOUNTS, NOON, administered

# Each chain of input filters is a location of its own, below its number; the one that we read from is
# first. (DEFLATE itself takes no header that comes in pieces.)
CHAINS = ["DEFLATE", "TEST_SPLIT", "TEST_HOLD", "TEST_SPLIT;DEFLATE", "TEST_HOLD;DEFLATE",
          "TEST_SPLIT;TEST_HOLD;DEFLATE", "test-ext", "test-ext;DEFLATE", "test-ext;TEST_SPLIT"]
PROGRAMS = [n for n, chain in enumerate(CHAINS) if "test-ext" in chain]
FILTERS = [n for n in range(len(CHAINS)) if n not in PROGRAMS]
MORE = """
ExtFilterDefine test-ext mode=input cmd=/bin/cat
<Location "/tom/small">
    SetHandler graphtok-calendar
    GraphTokRequestMax 1K
    SetInputFilter DEFLATE
</Location>
<Location "/tom/nothing">
    SetHandler graphtok-calendar
    SetInputFilter TEST_NOTHING
</Location>
<Location "/tom/answer">
    SetHandler graphtok-calendar
    SetInputFilter TEST_ANSWER
</Location>
<Location "/tom/limited">
    SetHandler graphtok-calendar
    LimitRequestBody 100
</Location>
<Location "/tom/inflated-limit">
    SetHandler graphtok-calendar
    SetInputFilter DEFLATE
    DeflateInflateLimitRequestBody 100
</Location>
RequestReadTimeout body=1
Protocols h2c http/1.1
""" + "".join(f"""
<Location "/tom/{n}">
    SetHandler graphtok-calendar
    SetInputFilter {chain}
</Location>
<Location "/tom/mail/{n}">
    SetHandler graphtok-mail
    SetInputFilter {chain}
</Location>
<Location "/tom/graph/{n}">
    SetHandler graphtok-graph
    GraphTokAllow POST /me/events
    SetInputFilter {chain}
</Location>
{administered(f"/tokens/{n}")}
<Location "/tokens/{n}">
    SetInputFilter {chain}
</Location>
""" for n, chain in enumerate(CHAINS))
SCOPES = ("GraphTokScope openid profile email offline_access User.Read Calendars.ReadWrite "
          "Group.ReadWrite.All Mail.ReadWrite https://outlook.office.com/IMAP.AccessAsUser.All "
          "https://outlook.office.com/SMTP.Send\n")
KEPT = """
<GraphTokStore main>
    GraphTokMailSync on
</GraphTokStore>
"""


WITH_BODY = ["create POST", "update PUT", "patch PATCH", "extend POST", "extend PATCH",
             "group-create POST", "group-update PUT", "group-patch PATCH", "draft POST", "send POST",
             "bulk POST", "batch POST"]
NOTE = "com.contoso.note"


def serve(mpm, make_site, ground, sandbox_server, mail_server):
    """A site with all chains; no child may have died in it, and no sanitizer found a thing."""
    made = make_site(mpm, mounts=modules.load(ground, "test_bodies") + MOUNTS + MORE,
                     provider="GraphTokMailboxCalls 0\n" + SCOPES +
                     f"GraphTokSMTP smtp://localhost:{mail_server.submission}\n",
                     modules=("ext_filter", "reqtimeout"), migrate=False)
    made.configure(settings=KEPT)
    made.migrate()
    made.start()
    made.sink = mail_server.sink
    made.tom = Browser(sandbox_server.ca)
    made.mail_of = sandbox_server.process.mail
    sandbox_server.process.settings(admin_consented=True)
    assert made.tom.sign_in(made.url + "/tom/auth/login").status == 200
    before = set(made.httpd.children())
    yield made
    died = before - set(made.httpd.children())
    made.end()
    assert not died and "exit signal" not in made.httpd.log()


@pytest.fixture(scope="module")
def filtered(make_site, ground, sandbox_server, mail_server):
    yield from serve("event", make_site, ground, sandbox_server, mail_server)


@pytest.fixture(scope="module")
def forking(make_site, ground, sandbox_server, mail_server):
    """mod_ext_filter loses a body now and then where other threads work while it forks: mod_reflector
    had 1 of 2,400 empty under mpm_event, 0 of 4,800 under mpm_prefork."""
    yield from serve("prefork", make_site, ground, sandbox_server, mail_server)


@pytest.fixture
def ways(filtered):
    return ways_of(filtered)


def ways_of(site):
    """Every route with a body: a function that sends a text to it; the answer, and the text that arrived."""
    def send(method, path, whole, packed=False, **more):
        return site.tom.send(method, site.url + path, gzip.compress(whole) if packed else whole,
                             headers={**fields(packed), **more})

    def create(below=""):
        def way(mount, text, packed=False):
            return arrived(send("POST", f"/tom/{mount}{below}/events", body(text), packed))
        return way

    def change(method, below=""):
        def way(mount, text, packed=False):
            made = send("POST", f"/tom/calendar{below}/events", body("x"))
            path = f"/tom/{mount}{below}/events/" + made.json["id"].replace("/", "%2F")
            return arrived(send(method, path, body(text), packed))
        return way

    def extend(method):
        def way(mount, text, packed=False):
            made = send("POST", "/tom/calendar/events", body("x"))
            below = "/events/" + made.json["id"].replace("/", "%2F") + "/extensions"
            note = {"extensionName": NOTE, "text": text}
            if method == "PATCH":
                send("POST", "/tom/calendar" + below, json.dumps({**note, "text": ""}).encode())
                below += "/" + NOTE
            return arrived(send(method, f"/tom/{mount}{below}", json.dumps(note).encode(), packed))
        return way

    def draft(mount, text, packed=False):
        wish = {"to": ["grace@sandbox.example"], "subject": "long", "body": text}
        answer = send("POST", f"/tom/mail/{mount}/drafts/create", json.dumps(wish).encode(), packed)
        kept = [row for row in site.mail_of("ada@sandbox.example") if row["id"] == answer.json.get("id")]
        return answer, kept[0]["body"]["content"] if kept else ""

    def mail(mount, text, packed=False):
        wish = {"to": "bob@elsewhere.example", "subject": "long", "text": text}
        site.sink.messages.clear()
        answer = send("POST", f"/tom/mail/{mount}/send", json.dumps(wish).encode(), packed)
        (taken,) = site.sink.messages or [None]
        if taken is None:
            return answer, ""
        return answer, email.message_from_bytes(taken.data, policy=email.policy.default).get_content()

    def bulk(mount, text, packed=False):
        ids = [text[at:at + 30] for at in range(0, len(text), 30)]
        wish = json.dumps({"act": "validate", "ids": ids}).encode()
        answer = send("POST", f"/tokens/{mount}/bulk", wish, packed, Authorization="Basic YWRhOmFkYQ==")
        return answer, text if answer.json.get("total") == len(set(ids)) else ""

    def batch(mount, text, packed=False):
        part = {"id": "1", "method": "POST", "url": "/me/events", "body": json.loads(body(text)),
                "headers": {"Content-Type": "application/json"}}
        answer = send("POST", f"/tom/graph/{mount}/$batch", json.dumps({"requests": [part]}).encode(), packed)
        (made,) = answer.json.get("responses") or [{"status": answer.status, "body": {}}]
        return answer, made["body"]["body"]["content"] if made["status"] == 201 else ""
    club = "/groups/" + CLUB
    return {"create POST": create(), "update PUT": change("PUT"), "patch PATCH": change("PATCH"),
            "extend POST": extend("POST"), "extend PATCH": extend("PATCH"), "group-create POST": create(club),
            "group-update PUT": change("PUT", club), "group-patch PATCH": change("PATCH", club),
            "draft POST": draft, "send POST": mail, "bulk POST": bulk, "batch POST": batch}


def arrived(answer):
    """With the text that came back: an event's, or a note's."""
    return answer, answer.json["body"]["content"] if "body" in answer.json else answer.json.get("text", "")


def body(text, packed=False):
    event = {**NOON, "subject": "long", "body": {"contentType": "text", "content": text}}
    whole = json.dumps(event).encode()
    return gzip.compress(whole) if packed else whole


def fields(packed=False):
    return {"Content-Type": "application/json", **({"Content-Encoding": "gzip"} if packed else {})}


def compressible(length):
    """Letters that pack to a hundredth and unpack in many pieces."""
    chance = random.Random(1)
    words = ["".join(chance.choices("abcdefghij", k=120)) for _ in range(3)]
    return "".join(chance.choice(words) for _ in range(length // 120))


def exchange(site, *pieces):
    """Send bytes, each piece in its own time; the answer's head and body."""
    with socket.create_connection(("127.0.0.1", site.httpd.port), timeout=30) as client:
        for piece in pieces:
            client.sendall(piece)
        answer = http.client.HTTPResponse(client)
        answer.begin()
        return answer, answer.read()


def head(path, *more, method="POST"):
    return "\r\n".join([f"{method} /tom/{path} HTTP/1.1", "Host: localhost",
                        "Content-Type: application/json", *more, "", ""]).encode()


def test_every_route_with_a_body_is_tried(ways):
    folder = pathlib.Path(__file__).parents[2] / "mod_graphtok" / "httpd" / "routes"
    rows = [row for path in folder.glob("routes_*.c")
            for row in re.findall(r'\{"([\w-]+)", "(\w+)", "[^"]*", \w+,\s*([^}]*)\}',
                                  path.read_text())]
    taking = {f"{name} {method}" for name, method, rest in rows if "GTM_BODY_JSON" in rest}
    assert rows and taking == set(ways) == set(WITH_BODY)


@pytest.mark.parametrize("route", WITH_BODY)
@pytest.mark.parametrize("mount", FILTERS, ids=CHAINS.__getitem__)
def test_whole_through_any_filter(ways, mount, route):
    is_whole_through(ways, mount, route)


@pytest.mark.parametrize("route", WITH_BODY)
@pytest.mark.parametrize("mount", PROGRAMS, ids=CHAINS.__getitem__)
def test_whole_through_a_program(forking, mount, route):
    is_whole_through(ways_of(forking), mount, route)


def is_whole_through(ways, mount, route):
    text = compressible(2400 if "SPLIT" in CHAINS[mount] else 60_000)
    answer, whole = ways[route](mount, text, packed="DEFLATE" in CHAINS[mount])
    assert answer.status in (200, 201, 202) and text in whole, answer


@pytest.mark.parametrize("route", WITH_BODY)
def test_2_KiB_that_inflate_to_180(ways, route):
    text = compressible(180_000)
    assert len(body(text, packed=True)) < 3000
    for _ in range(3):
        answer, whole = ways[route](0, text, packed=True)
        assert answer.status in (200, 201, 202) and text in whole, answer


@pytest.mark.parametrize("mount", ["calendar", CHAINS.index("TEST_SPLIT"), CHAINS.index("TEST_HOLD")])
def test_HTTP2_without_a_length(filtered, mount):
    done = subprocess.run(
        ["curl", "-sS", "--noproxy", "*", "--http2-prior-knowledge", "-X", "POST", "-T", "-",
         "-w", "\n%{http_code}", "-H", "Content-Type: application/json", f"{filtered.url}/tom/{mount}/events"],
        input=body("streamed"), capture_output=True, timeout=60, check=False)
    text, status = done.stdout.rsplit(b"\n", 1)
    assert status == b"201" and json.loads(text)["subject"] == "long", done


def test_the_bound_holds_after_inflation(filtered, ways):
    assert len(body("a" * 5000, packed=True)) < 500
    answer, _ = ways["create POST"]("small", "a" * 5000, packed=True)
    assert answer.status == 413 and answer.json["tag"] == "GT0817"
    assert ways["create POST"]("small", "a" * 200, packed=True)[0].status == 201


def test_a_filter_that_never_gives_anything(ways):
    answer, _ = ways["create POST"]("nothing", "a")
    assert answer.status == 413 and answer.json["tag"] == "GT0817"


def test_a_filter_that_answers_by_itself(filtered):
    answer, text = exchange(filtered, head("answer/events", "Content-Length: 2"), b"{}")
    assert answer.status == 418 and text == b"short and stout"


ROUTES = [("POST", "events"), ("GET", ""), ("DELETE", "events/x")]


@pytest.mark.parametrize("method, path", ROUTES)
def test_LimitRequestBody_stays_413(filtered, method, path):
    answer, text = exchange(filtered, head("limited/" + path, "Content-Length: 200", method=method))
    assert answer.status == 413, (answer.status, text)
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = json.loads(text)
    assert problem["status"] == 413 and problem["tag"] == "GT0860"
    assert problem["type"] == "urn:mod_graphtok:too-large"


@pytest.mark.parametrize("method, path", ROUTES)
@pytest.mark.parametrize("mount, sent, status", [
    ("limited", b"c8\r\n{" + b" " * 199 + b"\r\n0\r\n\r\n", 413),
    ("calendar", b"zz\r\n{}\r\n", 400),
], ids=["too-much", "no-number"])
def test_what_httpd_answers_to_chunks_is_the_only_answer(filtered, method, path, mount, sent, status):
    with socket.create_connection(("127.0.0.1", filtered.httpd.port), timeout=30) as client:
        client.sendall(head(f"{mount}/{path}", "Transfer-Encoding: chunked", method=method) + sent)
        answer = client.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 %d " % status) and answer.count(b"HTTP/1.1 ") == 1, answer


def test_what_an_input_filter_refuses_stays_413(ways):
    answer, _ = ways["create POST"]("inflated-limit", "a" * 5000, packed=True)
    assert answer.status == 413 and answer.json["tag"] == "GT0860"


@pytest.mark.parametrize("method, path", [("POST", "calendar/events"), ("GET", "calendar/")])
def test_a_body_that_stops_is_408(filtered, method, path):
    answer, text = exchange(filtered, head(path, "Content-Length: 20", method=method), b"{")
    assert answer.status == 408, (answer.status, text)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert json.loads(text)["tag"] == "GT0861" and json.loads(text)["status"] == 408
