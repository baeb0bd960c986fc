# Licensed under the Apache License, Version 2.0; see LICENSE.
"""graphtok-graph: any path of Graph that is allowed, both ways as it comes, and nothing else."""

import http.client
import json
import socket
import time
import urllib.parse

import pytest

from support.browser import Browser
from support.echo import PIECE, Echo
from support.jwt import Signer

SECRET = "b3f1c0ffee-shared-by-two-parties-0123456789-0123456789-0123456789"
OTHER = """
<GraphTokJWT app>
    GraphTokJWTIssuer none
    GraphTokJWTAudience none
    GraphTokJWTAlgorithms HS256
    GraphTokJWTKeys file:{secrets}/shared
</GraphTokJWT>
<GraphTokProvider echo>
    GraphTokTenant {tenant}
    GraphTokClientID {client_id}
    GraphTokClientSecret file:{secrets}/client-secret
    GraphTokScope openid profile email offline_access User.Read Calendars.ReadWrite
    GraphTokAuthority {authority}
    GraphTokGraphURL {echo}/v1.0
    GraphTokCAFile {ca}
</GraphTokProvider>
"""
MOUNTS = """
GraphTokLimit off
AllowEncodedSlashes NoDecode
<Location "/">
    GraphTokUseProvider microsoft
</Location>
<Location "/auth">
    SetHandler graphtok-auth
</Location>
<Location "/graph">
    SetHandler graphtok-graph
    GraphTokAllow GET /me
    GraphTokAllow GET POST PATCH DELETE /me/events/**
    GraphTokAllow GET /me/calendarView
    GraphTokAllow GET /me/calendarView/delta
    GraphTokAllow GET PATCH POST /me/messages/**
    GraphTokAllow GET /users/*/calendar
    GraphTokAllow GET /beta/me/events
</Location>
<Location "/none">
    SetHandler graphtok-graph
</Location>
<Location "/agent">
    GraphTokUser jwt app
</Location>
<Location "/agent/auth">
    SetHandler graphtok-auth
</Location>
<Location "/agent/graph">
    SetHandler graphtok-graph
    GraphTokAllow GET /me/calendar/** claim:roles=agent
    GraphTokAllow GET /me/events claim:roles=agent claim:level=2
    GraphTokAllow GET /me claim:roles=person
</Location>
<Location "/echo">
    GraphTokUseProvider echo
</Location>
<Location "/echo/auth">
    SetHandler graphtok-auth
</Location>
<Location "/echo/graph">
    SetHandler graphtok-graph
    GraphTokAllow GET POST PUT PATCH DELETE /**
</Location>
"""


@pytest.fixture(scope="module")
def echo():
    server = Echo()
    yield server
    server.end()


@pytest.fixture(scope="module")
def site(request, make_site, sandbox_server, echo):
    made = make_site(*request.param, mounts=MOUNTS, migrate=False)
    made.write_secret("shared", SECRET)
    facts = {"secrets": made.secrets, "echo": echo.url, "tenant": sandbox_server.tenant,
             "client_id": sandbox_server.client_id, "authority": sandbox_server.authority,
             "ca": sandbox_server.ca}
    made.configure(settings=OTHER.format(**facts))
    made.migrate()
    made.start()
    made.register("/auth", "/echo/auth", "/agent/auth")
    yield made
    made.end()


@pytest.fixture
def ada(site, browser):
    assert browser.sign_in(site.url + "/auth/login").status == 200
    return browser


@pytest.fixture
def eve(site, browser, echo):
    """A browser that is signed in where Graph is an echo."""
    echo.heard.clear()
    assert browser.sign_in(site.url + "/echo/auth/login").status == 200
    return browser


def test_what_is_allowed_and_what_is_not(site, sandbox, ada):
    assert ada.get(site.url + "/graph/v1.0/me").json["mail"] == "ada@sandbox.example"
    assert ada.get(site.url + "/graph/me/").status == 200
    before = sandbox.calls("graph")
    for method, path in (("DELETE", "/me"), ("GET", "/me/mailFolders"), ("GET", "/beta/me"),
                         ("GET", "/users/x/calendar/events"), ("POST", "/me/calendarView")):
        answer = ada.send(method, f"{site.url}/graph{path}")
        assert answer.status == 403 and answer.json["tag"] == "GT1701", answer
        shown = path if path.startswith("/beta") else "/v1.0" + path
        assert f"{method} {shown}" in answer.json["detail"]
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json["error"]["code"] == "forbidden"
        assert answer.json["error"]["message"] == answer.json["detail"]
    assert ada.get(site.url + "/none/v1.0/me").status == 403
    assert Browser().get(site.url + "/graph/v1.0/me").status == 401
    assert sandbox.calls("graph") == before


@pytest.mark.parametrize("path, judged", [
    ("/users/ada@sandbox.example/calendar", True), ("/users('ada%40sandbox.example')/calendar", True),
    ("/users/a/../b/calendar", False), ("/users/%2e%2e/calendar", False),
    ("/users/%252e%252e/calendar", False), ("/users/a%2fb/calendar", False),
    ("/users/a%252fb/calendar", False), ("/users/a%5cb/calendar", False),
    ("/users/a%09b/calendar", False), ("/users/..%3bx/calendar", False),
    ("/users//calendar", False), ("/users('..')/calendar", False), ("/USERS/x/calendar", False)])
def test_paths_have_one_reading(site, eve, echo, path, judged):
    answer = raw_get(eve, site, "/echo/graph/v1.0" + path)
    if judged:
        assert answer.status == 200
        want = path.replace("%40", "@")
        assert echo.last()[1] == "/v1.0" + want
    elif answer.status == 200:  # httpd has merged slashes and taken dots away before we see the path
        assert ".." not in echo.last()[1] and "//" not in echo.last()[1]
    else:
        assert answer.status in (400, 403, 404) and not echo.heard


class Raw:
    """An answer of http.client."""

    def __init__(self, response):
        self.status, self.headers, self.body = response.status, response.headers, response.read()


def cookie(browser):
    return "; ".join(f"{one.name}={one.value}" for one in browser.jar)


def raw_get(browser, site, target):
    connection = http.client.HTTPConnection("localhost", site.httpd.port, timeout=60)
    connection.request("GET", target, headers={"Cookie": cookie(browser)})
    answer = Raw(connection.getresponse())
    connection.close()
    return answer


def test_fields_that_go_on_and_those_that_never_do(site, eve, echo):
    passed = {"Prefer": 'outlook.timezone="UTC"', "ConsistencyLevel": "eventual", "client-request-id": "7",
              "SdkVersion": "graph-js/3.0", "If-None-Match": 'W/"x"', "Accept-Language": "de"}
    kept = {"Cookie": "other=1", "X-Forwarded-For": "1.2.3.4", "X-Forwarded-Host": "evil.example",
            "Forwarded": "for=1", "Authorization": "Bearer theirs", "X-HTTP-Method-Override": "DELETE",
            "Via": "1.1 x", "TE": "trailers", "X-AnchorMailbox": "bob"}
    kept["Cookie"] += "; " + cookie(eve)
    answer = eve.get(site.url + "/echo/graph/v1.0/me/events?$filter=a%20eq%20'b'&$top=3&$top=4",
                     headers={**passed, **kept})
    assert answer.status == 200, answer
    _, target, fields = echo.last()
    assert target == "/v1.0/me/events?$filter=a%20eq%20'b'&$top=3&$top=4"
    assert {name: fields[name.lower()] for name in passed} == passed
    assert fields["host"] == urllib.parse.urlsplit(echo.url).netloc
    assert fields["authorization"].startswith("Bearer ") and "theirs" not in fields["authorization"]
    assert not {name.lower() for name in kept} - {"authorization"} & set(fields)


def test_refusals_and_fields_of_graph_reach_the_caller(site, eve, echo):
    body = b'{"error":{"code":"ErrorItemNotFound","message":"gone"}}'
    echo.order(404, body, Content_Type="application/json", request_id="r1", Set_Cookie="a=b",
               Access_Control_Allow_Origin="*", Server="x", ETag='W/"1"')
    answer = eve.get(site.url + "/echo/graph/v1.0/me/events/x")
    assert (answer.status, answer.body) == (404, body)
    assert answer.headers["request-id"] == "r1" and answer.headers["ETag"] == 'W/"1"'
    assert not answer.cookies and answer.headers["Access-Control-Allow-Origin"] is None
    echo.order(412, body, Content_Type="application/json")
    answer = eve.send("PATCH", site.url + "/echo/graph/v1.0/me/events/x", {"a": 1}, {"If-Match": "*"})
    assert answer.status == 412 and echo.last()[2]["if-match"] == "*"
    echo.order(304, ETag='W/"1"')
    assert eve.get(site.url + "/echo/graph/v1.0/me/events/x").status == 304
    echo.order(302, Location="https://files.example/x?token=1")
    answer = eve.get(site.url + "/echo/graph/v1.0/me/drive/items/x/content")
    assert (answer.status, answer.location) == (302, "https://files.example/x?token=1")
    echo.order(302, Location=echo.url + "/v1.0/me/drive/x")
    answer = eve.get(site.url + "/echo/graph/v1.0/me/drive/items/x/content")
    assert answer.location == site.url + "/echo/graph/v1.0/me/drive/x"


def test_links_are_ours_both_ways(site, eve, echo):
    given = {"@odata.context": f"{echo.url}/v1.0/$metadata#x", "uploadUrl": f"{echo.url}/v1.0/up",
             "value": [{"@odata.id": f"{echo.url}/beta/x", "text": f"{echo.url}/v1.0/x",
                        "@microsoft.graph.downloadUrl": "https://files.example/1"}],
             "@odata.deltaLink": f"{echo.url}/v1.0/me/events/delta?$deltatoken=a%2Fb"}
    echo.order(200, json.dumps(given).encode(), Content_Type="application/json;odata.metadata=minimal")
    answer = eve.get(site.url + "/echo/graph/v1.0/me/events/delta")
    ours = site.url + "/echo/graph"
    assert answer.json == {
        "@odata.context": ours + "/v1.0/$metadata#x", "uploadUrl": f"{echo.url}/v1.0/up",
        "value": [{"@odata.id": ours + "/beta/x", "text": f"{echo.url}/v1.0/x",
                   "@microsoft.graph.downloadUrl": "https://files.example/1"}],
        "@odata.deltaLink": ours + "/v1.0/me/events/delta?$deltatoken=a%2Fb"}
    assert answer.headers["Content-Type"] == "application/json;odata.metadata=minimal"
    eve.get(answer.json["@odata.deltaLink"])
    assert echo.last()[1] == "/v1.0/me/events/delta?$deltatoken=a%2Fb"
    sent = {"@odata.id": ours + "/v1.0/users/x", "b@odata.bind": "https://graph.microsoft.com/v1.0/y"}
    eve.send("POST", ours + "/v1.0/groups/1/members/$ref", sent)
    want = json.dumps({"@odata.id": echo.url + "/v1.0/users/x",
                       "b@odata.bind": "https://graph.microsoft.com/v1.0/y"}).encode()
    assert echo.heard[-1][3] == len(want)


def test_files_keep_their_bytes_and_run_nothing(site, eve, echo):
    body = b'[{"@odata.nextLink": "' + echo.url.encode() + b'/v1.0/me"}]'
    echo.order(200, body, Content_Type="application/json")
    assert eve.get(site.url + "/echo/graph/v1.0/me/messages/a/attachments/b/$value").body == body
    echo.order(206, b"<script>", Content_Type="text/html", Content_Range="bytes 2-9/100",
               Content_Disposition="inline")
    answer = eve.get(site.url + "/echo/graph/v1.0/me/photo/$value", headers={"Range": "bytes=2-9"})
    assert (answer.status, answer.body) == (206, b"<script>")
    assert echo.last()[2]["range"] == "bytes=2-9" and "accept-encoding" not in echo.last()[2]
    assert answer.headers["Content-Range"] == "bytes 2-9/100"
    assert answer.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    echo.order(200, 100 * 2**20, Content_Type="application/octet-stream")
    answer = eve.send("HEAD", site.url + "/echo/graph/v1.0/me/photo/$value")
    assert (answer.status, answer.headers["Content-Length"]) == (200, str(100 * 2**20))


def test_an_agent_reads_calendars_and_nothing_else(site, sandbox):
    def ask(path, **claims):
        token = Signer("HS256", SECRET).token(body={"sub": "ada", "exp": int(time.time()) + 600, **claims})
        return browser.get(site.url + path, headers={"Authorization": f"Bearer {token}"})
    browser = Browser(sandbox.ca)
    begun = ask("/agent/auth/login?login_hint=ada@sandbox.example")
    assert browser.follow(begun.json["authorization_url"]).status == 200
    assert ask("/agent/graph/v1.0/me/calendar", roles=["x", "agent"]).status == 200
    assert ask("/agent/graph/v1.0/me/calendar/events", roles="agent").status == 200
    for path, claims in (("/me/calendar", {}), ("/me/calendar", {"roles": "person"}), ("/me", {"roles": "agent"}),
                         ("/me/events", {"roles": "agent"}), ("/me/events", {"level": 2}),
                         ("/me/messages", {"roles": ["agent", "person"]})):
        assert ask("/agent/graph/v1.0" + path, **claims).status == 403, (path, claims)
    assert ask("/agent/graph/v1.0/me/events", roles="agent", level=2).status == 200
    assert ask("/agent/graph/v1.0/me", roles="person").status == 200


def rss(site):
    """KiB of the children together."""
    total = 0
    for pid in site.httpd.children():
        with open(f"/proc/{pid}/status", encoding="ascii") as status:
            total += sum(int(line.split()[1]) for line in status if line.startswith("VmRSS"))
    return total


SIZE = 100 * 2**20


def test_a_hundred_mebibytes_down(site, eve, echo):
    before = rss(site)
    echo.order(200, SIZE, Content_Type="application/octet-stream")
    echo.order(200, SIZE, Content_Type="application/octet-stream")  # it is asked for again, as a stream
    connection = http.client.HTTPConnection("localhost", site.httpd.port, timeout=60)
    connection.request("GET", "/echo/graph/v1.0/me/drive/items/x/content", headers={"Cookie": cookie(eve)})
    answer, got, most = connection.getresponse(), 0, 0
    assert answer.headers["Content-Length"] == str(SIZE)
    while piece := answer.read(2**20):
        assert piece == (PIECE * 16)[:len(piece)]
        got += len(piece)
        most = max(most, rss(site))
    assert got == SIZE and most < before + 8192
    echo.orders.clear()


@pytest.mark.parametrize("chunked", [False, True])
def test_a_hundred_mebibytes_up(site, eve, echo, chunked):
    before, most = rss(site), 0

    def pieces():
        nonlocal most
        for count in range(SIZE // 2**20):
            yield PIECE * 16
            if count % 10 == 0:
                most = max(most, rss(site))
    connection = http.client.HTTPConnection("localhost", site.httpd.port, timeout=60)
    more = {} if chunked else {"Content-Length": str(SIZE)}
    connection.request("PUT", "/echo/graph/v1.0/me/drive/root:/x.bin:/content", pieces(), encode_chunked=chunked,
                       headers={"Cookie": cookie(eve), "Content-Type": "application/octet-stream", **more})
    answer = connection.getresponse()
    assert answer.status == 200, answer.read()
    assert echo.heard[-1][3] == SIZE and most < before + 8192
    fields = echo.last()[2]
    assert fields.get("content-length") == (None if chunked else str(SIZE))


def test_a_slow_graph_stops_the_client(site, eve, echo):
    """What is on its way lies in buffers of a bounded size, however much the client would send."""
    echo.gate.clear()
    try:
        client = socket.create_connection(("127.0.0.1", site.httpd.port), timeout=60)
        client.sendall((f"PUT /echo/graph/v1.0/me/x HTTP/1.1\r\nHost: localhost:{site.httpd.port}\r\n"
                        f"Cookie: {cookie(eve)}\r\nContent-Length: {SIZE}\r\n\r\n").encode())
        client.settimeout(2)
        sent = 0
        with pytest.raises(TimeoutError):
            while sent < SIZE:
                sent += client.send(PIECE)
        assert sent < SIZE // 2
    finally:
        echo.gate.set()
    client.settimeout(60)
    while sent < SIZE:
        sent += client.send(PIECE[:SIZE - sent])
    assert client.recv(100).startswith(b"HTTP/1.1 200")
    client.close()
    assert echo.heard[-1][3] == SIZE


def test_a_body_that_graph_does_not_want(site, eve, echo):
    echo.order(413, b'{"error":{"code":"TooLarge"}}', Content_Type="application/json")
    client = socket.create_connection(("127.0.0.1", site.httpd.port), timeout=60)
    client.sendall((f"PUT /echo/graph/v1.0/me/x HTTP/1.1\r\nHost: localhost:{site.httpd.port}\r\n"
                    f"Cookie: {cookie(eve)}\r\nContent-Length: {SIZE}\r\n\r\n").encode() + PIECE * 2)
    answer = http.client.HTTPResponse(client, method="PUT")
    answer.begin()
    assert answer.status == 413 and answer.headers["Connection"] == "close"
    client.close()


def test_changes_of_a_calendar(site, sandbox, ada):
    sandbox.bulk_events("ada@sandbox.example", count=3)
    ours = site.url + "/graph/v1.0/me"
    link = ours + "/calendarView/delta?startDateTime=2000-01-01T00:00:00Z&endDateTime=2004-01-01T00:00:00Z"
    seen = []
    made = ada.post(ours + "/events", {**LUNCH, "start": {"dateTime": "2001-05-01T12:00:00", "timeZone": "UTC"},
                                       "end": {"dateTime": "2001-05-01T13:00:00", "timeZone": "UTC"}})
    assert made.status == 201, made
    while link:
        answer = ada.get(link, headers={"Prefer": "odata.maxpagesize=1"})
        assert answer.status == 200, answer
        seen += answer.json["value"]
        link, last = answer.json.get("@odata.nextLink"), answer.json.get("@odata.deltaLink")
    assert last.startswith(ours + "/calendarView/delta?$deltatoken=")
    assert made.json["id"] in [one["id"] for one in seen]
    assert ada.get(last).json["value"] == []
    path = "/events/" + made.json["id"].replace("/", "-").replace("+", "_")
    assert ada.send("DELETE", ours + path).status == 204
    assert ada.get(last).json["value"] == [{"id": made.json["id"], "@removed": {"reason": "deleted"}}]
    gone = ada.get(ours + "/calendarView/delta?$deltatoken=old")
    assert gone.status == 410 and gone.json["error"]["code"] == "SyncStateNotFound"


# ---- $batch ----

def batch(browser, url, *parts):
    """The answer, and the parts of it by id."""
    requests = [{"id": str(number), "method": part[0], "url": part[1]} | (part[2] if part[2:] else {})
                for number, part in enumerate(parts, 1)]
    answer = browser.post(url + "/$batch", {"requests": requests})
    assert answer.status == 200, answer
    return answer, {one["id"]: one for one in answer.json["responses"]}


LUNCH = {"subject": "Lunch", "start": {"dateTime": "2030-05-01T12:00:00", "timeZone": "UTC"},
         "end": {"dateTime": "2030-05-01T13:00:00", "timeZone": "UTC"}}
TYPED = {"headers": {"Content-Type": "application/json"}, "body": LUNCH}


def test_the_rules_hold_for_each_part_of_a_batch(site, sandbox, ada):
    before = sandbox.calls("graph")
    answer, parts = batch(ada, site.url + "/graph/v1.0", ("GET", "/me"), ("DELETE", "/me"),
                          ("POST", "/me/events", TYPED), ("GET", "/me/events", {"dependsOn": ["2"]}),
                          ("GET", "/me/../users"), ("GET", "/me/events?$top=1", {"dependsOn": ["4"]}),
                          ("POST", "/$batch", {"headers": TYPED["headers"], "body": {}}),
                          ("GET", "/me%2fmailFolders"), ("get", "me/events", {"dependsOn": ["3"]}))
    assert {number: part["status"] for number, part in parts.items()} == {
        "1": 200, "2": 403, "3": 201, "4": 424, "5": 400, "6": 424, "7": 400, "8": 400, "9": 200}
    assert parts["2"]["body"]["error"]["message"] == "no GraphTokAllow of this location allows DELETE /v1.0/me"
    assert parts["1"]["body"]["mail"] == "ada@sandbox.example"
    assert parts["3"]["headers"]["Location"].startswith(site.url + "/graph/v1.0/users(")
    assert sandbox.graph not in answer.text
    calls = sandbox.calls("graph")
    _, parts = batch(ada, site.url + "/graph", ("DELETE", "/me"))
    assert parts["1"]["status"] == 403 and sandbox.calls("graph") == calls > before


@pytest.mark.parametrize("requests, field", [
    ([], "requests"), ({}, "requests"), ([{}], "requests[0].id"),
    ([{"id": "1", "method": "GET", "url": "/me"}] * 2, "requests[1].id"),
    ([{"id": "1", "method": "TRACE", "url": "/me"}], "requests[0].method"),
    ([{"id": "1", "method": "GET", "url": "https://graph.microsoft.com/v1.0/me"}], "requests[0].url"),
    ([{"id": "1", "method": "GET", "url": "/me", "dependsOn": ["2"]}], "requests[0].dependsOn"),
    ([{"id": str(n), "method": "GET", "url": "/me"} for n in range(21)], "requests")])
def test_what_is_no_batch(site, sandbox, ada, requests, field):
    before = sandbox.calls("graph")
    answer = ada.post(site.url + "/graph/v1.0/$batch", {"requests": requests})
    assert answer.status == 400 and [error["field"] for error in answer.json["errors"]] == [field]
    assert sandbox.calls("graph") == before


def test_parts_of_a_batch_carry_no_other_fields(site, eve, echo):
    echo.order(200, b'{"responses":[{"id":"1","status":200,"body":{"n":1.10}}]}', Content_Type="application/json")
    headers = {"Authorization": "Bearer x", "Cookie": "a=b", "Prefer": "x", "X-Other": "1"}
    answer, _ = batch(eve, site.url + "/echo/graph/v1.0", ("GET", "/me", {"headers": headers}),
                      ("GET", "/../x"))
    assert echo.last()[1] == "/v1.0/$batch" and b'"n":1.10' in answer.body
    sent = '{"requests":[{"id":"1","method":"GET","url":"/me","headers":{"Prefer":"x"}}]}'
    assert echo.heard[-1][3] == len(sent)
