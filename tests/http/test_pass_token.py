# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Mission T14: applications get the caller's token, and a client cannot make them believe so."""

import base64
import http.client
import itertools
import json
import os
import pathlib
import shutil
import subprocess

import pytest

from support.browser import Browser, query_of
from support.httpd import Httpd, build_folder

FIXTURES = pathlib.Path(__file__).resolve().parent / "fixtures"
WHERE = [("event", "sqlite3"), ("worker", "sqlite3"), ("prefork", "sqlite3")]

# Everything below the first path belongs to it; /backend is the other httpd.
MOUNTS = """
<Location "/auth">
    SetHandler graphtok-auth
</Location>
<Location "/tom/auth">
    GraphTokUser static tom
    SetHandler graphtok-auth
</Location>
<Location "/staff">
    GraphTokUser remote-user
    AuthType Basic
    AuthName staff
    AuthBasicProvider file
    AuthUserFile {folder}/users
    Require valid-user
    GraphTokPassToken header missing=refuse
</Location>
<Location "/staff/auth">
    SetHandler graphtok-auth
</Location>
Alias "/files" "{folder}/files"
Alias "/staff/files" "{folder}/files"
<Directory "{folder}/files">
    Options +Includes +ExecCGI
    DirectoryIndex index.cgi
    AddHandler cgi-script .cgi
    AddHandler server-parsed .shtml
    Require all granted
</Directory>
ProxyPass "/open/" "http://127.0.0.1:{backend}/"
ProxyPass "/app/" "http://127.0.0.1:{backend}/"
ProxyPass "/tom/app/" "http://127.0.0.1:{backend}/"
ProxyPass "/staff/app/" "http://127.0.0.1:{backend}/"
ProxyPass "/named/" "http://127.0.0.1:{backend}/"
ProxyPass "/refuse/" "http://127.0.0.1:{backend}/"
ProxyPass "/none/" "http://127.0.0.1:{backend}/"
ProxyPass "/bearer/" "http://127.0.0.1:{backend}/"
ProxyPass "/files/include/open" "http://127.0.0.1:{backend}/"
ProxyPass "/whole/" "http://127.0.0.1:{backend}/"
<LocationMatch "^/(whole|files/whole)/">
    GraphTokPassCookie on
</LocationMatch>
<LocationMatch "^/(app|tom/app|staff/app)/">
    GraphTokPassToken header
</LocationMatch>
<Location "/tom">
    GraphTokUser static tom
</Location>
<Location "/app/public">
    GraphTokPassToken off
</Location>
<Location "/named">
    GraphTokPassToken header Api_Token-1 resource=graph
</Location>
<Location "/refuse">
    GraphTokPassToken header missing=refuse
</Location>
<Location "/none">
    GraphTokPassToken header missing=none
</Location>
<Location "/bearer">
    GraphTokPassToken env BEARER
    RequestHeader set Authorization "expr=Bearer %{reqenv:BEARER}"
</Location>
<Location "/files/tom">
    GraphTokUser static tom
    GraphTokPassToken env
</Location>
<Location "/staff/files">
    GraphTokPassToken env STAFF_TOKEN
</Location>
<Location "/files/lua">
    GraphTokPassToken env
    LuaMapHandler "^/files/lua/" "{folder}/files/echo.lua"
</Location>
LuaMapHandler "^/echo/" "{folder}/files/echo.lua"
MergeTrailers On
<Location "/lost">
    ErrorDocument 404 /files/tom/echo.cgi
</Location>
<Location "/files/head">
    GraphTokUser static tom
    GraphTokPassToken header
</Location>
<Location "/files/moved">
    GraphTokPassToken env missing=refuse
    RewriteEngine On
    RewriteRule "x$" "/files/echo.cgi"
</Location>
ProxyPass "/behind/" "http://127.0.0.1:{backend}/forward/"
ProxyRequests On
<Proxy "http://127.0.0.1:{backend}/forward/*">
    GraphTokUser static tom
    GraphTokPassToken header
</Proxy>
Header always set X-Everywhere yes
RewriteEngine On
RewriteRule "^/files/tom/gone$" "/files/echo.cgi" [PT]
<Location "/ask">
    SetHandler asker
</Location>
<Location "/tom/ask">
    SetHandler asker
</Location>
ExtendedStatus On
<Location "/status">
    SetHandler server-status
</Location>
LogFormat "%{X-GraphTok-Token}i %{X-GraphTok-Token}e %{GRAPHTOK_TOKEN}e %{Api_Token-1}i" passed
CustomLog {folder}/passed.log passed
TraceEnable On
GraphTokAudit {folder}/audit.log
GraphTokLimit off
"""

BACKEND = """
LuaMapHandler "^/" "{fixtures}/echo.lua"
TraceEnable On
"""

SPELLINGS = ("X-GraphTok-Token", "x-graphtok-token", "X_GRAPHTOK_TOKEN", "X-GraphTok_Token",
             "X.GraphTok.Token", "X-GraphTok~Token", "X!GraphTok|Token", "X-GRAPHTOK-TOKEN-USER",
             "X_GraphTok_Token.Expires", "X-GraphTok-Token_Reason", "GRAPHTOK_TOKEN",
             "GraphTok-Token-User", "Api-Token-1", "api_token_1_user", "BEARER", "STAFF-TOKEN")
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "FOO")


def fold(name):
    return "".join(c if c.isalnum() else "_" for c in name.lower())


OURS = {fold(base + end) for base in ("X-GraphTok-Token", "GRAPHTOK_TOKEN", "Api_Token-1", "BEARER",
                                      "STAFF_TOKEN") for end in ("", "-Expires", "-User", "-Reason")}


@pytest.fixture(scope="module")
def asker(ground):
    """Another author's module, built as its author would."""
    folder = ground / "asker"
    folder.mkdir()
    shutil.copy(FIXTURES / "mod_asker.c", folder)
    done = subprocess.run(["apxs", "-c", "-Wc,-Wall -Wextra -Werror",
                           f"-I{FIXTURES.parents[2] / 'mod_graphtok/httpd'}", "mod_asker.c"],
                          cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / ".libs/mod_asker.so"


@pytest.fixture(scope="module")
def backend(ground):
    """The other httpd, without our module, which would strip what the first one gives."""
    server = Httpd(ground / "backend", "event", ("lua",))
    shutil.copy(FIXTURES / "echo.lua", server.folder)
    os.chmod(server.folder / "echo.lua", 0o644)
    server.write(BACKEND.replace("{fixtures}", str(server.folder)))
    server.conf.write_text("".join(line for line in server.conf.read_text().splitlines(True)
                                   if "graphtok_module" not in line and "LogLevel" not in line))
    server.start()
    yield server
    server.remove()


@pytest.fixture(scope="module")
def site(request, make_site, backend, asker):
    mpm, engine = request.param
    modules = ("lua", "include", "rewrite", "cgi" if mpm == "prefork" else "cgid")
    mounts = f"LoadModule asker_module {asker}\n" + MOUNTS.replace("{backend}", str(backend.port))
    if mpm != "prefork":
        mounts += f"ScriptSock {{folder}}/cgid\n"
    made = make_site(mpm, engine, modules=modules, mounts=mounts)
    files = made.folder / "files"
    for folder in (files, files / "tom", files / "lua", files / "head", files / "moved",
                   files / "whole"):
        folder.mkdir()
        os.chmod(folder, 0o755)
        for name in ("echo.cgi", "index.cgi"):
            shutil.copy(FIXTURES / "echo.cgi", folder / name)
            os.chmod(folder / name, 0o755)
        (folder / "plain.txt").write_text("plain")
        (folder / "page.shtml").write_text('<!--#include virtual="/files/include/open" -->|'
                                           '<!--#include virtual="/files/echo.cgi" -->|'
                                           '<!--#include virtual="echo.cgi" -->')
    (files / "session.shtml").write_text('<!--#include virtual="/auth/token" -->|'
                                         '<!--#include virtual="/files/whole/echo.cgi" -->|'
                                         '<!--#include virtual="/files/echo.cgi" -->')
    shutil.copy(FIXTURES / "echo.lua", files)
    os.chmod(files / "echo.lua", 0o644)
    made.start()
    yield made
    made.end()


@pytest.fixture
def ada(site, sandbox, browser):
    """A browser with a session."""
    assert browser.sign_in(site.url + "/auth/login").status == 200
    yield browser
    browser.post(site.url + "/auth/revoke")


@pytest.fixture
def tom(site, sandbox):
    """The static user is signed in."""
    browser = Browser(sandbox.ca)
    assert browser.sign_in(site.url + "/tom/auth/login").status == 200
    yield browser
    browser.post(site.url + "/tom/auth/revoke")


def basic(name):
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{name}".encode()).decode()}


def given(text, kind="header"):
    """What of ours an application got: {folded name: value}."""
    rows = (line.split(" ", 1)[1].split(": ", 1) for line in text.split("\n")
            if line.startswith(kind + " "))
    found = {}
    for row in rows:
        name, value = row if len(row) == 2 else (row[0], "")
        while name.startswith("REDIRECT_"):
            name = name[9:]
        name = fold(name.removeprefix("HTTP_") if kind == "env" else name)
        if name in OURS:
            assert name not in found or found[name] == value
            found[name] = value
    return found


def access_tokens(sandbox):
    return {text for kind, text in sandbox.secrets() if kind == "access_token"}


def age(site, user, seconds=20):
    site.database.sql("UPDATE user_tokens SET expires_at = strftime('%Y-%m-%d %H:%M:%f', 'now', "
                      f"'{seconds} seconds') WHERE user_id = '{user}'")


def test_T14_a_proxied_application_gets_token_end_and_user(site, sandbox, ada):
    answer = ada.get(site.url + "/app/x")
    got = given(answer.text)
    assert answer.status == 200 and got["x_graphtok_token"] in access_tokens(sandbox)
    assert got["x_graphtok_token_user"] == ada.get(site.url + "/auth/token").json["user"]
    assert got["x_graphtok_token_expires"] == ada.get(site.url + "/auth/token").json["expires_at"]
    assert len(got) == 3


def test_T14_static_user(site, sandbox, tom):
    got = given(Browser(sandbox.ca).get(site.url + "/tom/app/x").text)
    assert got["x_graphtok_token"] in access_tokens(sandbox)
    assert got["x_graphtok_token_user"] == "tom"


def test_T14_remote_user(site, sandbox):
    browser = Browser(sandbox.ca)
    assert browser.get(site.url + "/staff/app/x").status == 401
    login = browser.get(site.url + "/staff/auth/login?login_hint=ada@sandbox.example",
                        headers=basic("bob"))
    callback = browser.get(login.location).location
    assert browser.get(callback, headers=basic("bob")).status == 200
    got = given(browser.get(site.url + "/staff/app/x", headers=basic("bob")).text)
    assert got["x_graphtok_token_user"] == "bob"
    assert got["x_graphtok_token"] in access_tokens(sandbox)
    refused = browser.get(site.url + "/staff/app/x", headers=basic("ada"))
    assert refused.status == 401 and refused.json["tag"] == "GT0601"


def test_httpd_itself_is_told_the_user(site, tom, ada):
    """As REMOTE_USER, and in its access log."""
    text = ada.get(site.url + "/files/tom/echo.cgi").text
    assert "\nenv REMOTE_USER: tom\n" in f"\n{text}\n"
    assert "env REMOTE_USER" not in ada.get(site.url + "/files/echo.cgi").text
    user = ada.get(site.url + "/auth/token").json["user"]
    assert ada.get(site.url + "/app/known").status == 200
    log = site.httpd.accessed(lambda log: "/app/known" in log)
    assert [line.split()[1] for line in log.splitlines() if "/app/known" in line] == [user]


@pytest.mark.parametrize("path, names", [
    ("/named/x", {"api_token_1", "api_token_1_user", "api_token_1_expires"}),
    ("/app/public/x", set()), ("/open/x", set())])
def test_a_location_names_what_it_passes(site, ada, path, names):
    assert set(given(ada.get(site.url + path).text)) == names


def test_mod_headers_can_make_a_bearer_of_it(site, sandbox, ada):
    answer = ada.get(site.url + "/bearer/x")
    sent = [line for line in answer.text.split("\n") if line.startswith("header Authorization: ")]
    assert len(sent) == 1 and sent[0].split("Bearer ")[1] in access_tokens(sandbox)
    assert not given(answer.text)


@pytest.mark.parametrize("path", ["/files/tom/echo.cgi", "/files/tom/", "/files/tom/plain.txt",
                                  "/files/lua/x"])
def test_T14_variables(site, sandbox, tom, ada, path):
    answer = ada.get(site.url + path)
    assert answer.status == 200
    if not path.endswith(".txt"):
        got = given(answer.text, "env")
        assert got["graphtok_token"] in access_tokens(sandbox)
        assert set(got) == {"graphtok_token", "graphtok_token_user", "graphtok_token_expires"}


def test_a_static_file_behind_require(site, sandbox):
    browser = Browser(sandbox.ca)
    assert browser.get(site.url + "/staff/files/plain.txt").status == 401
    refused = browser.get(site.url + "/staff/files/plain.txt", headers=basic("ada"))
    assert refused.status == 401 and "plain" not in refused.text.replace("explain", "")
    assert refused.json["login_url"] == "/staff/auth/login"


def send_raw(site, method, path, fields):
    """Fields as they are, names and all; the body of the answer."""
    connection = http.client.HTTPConnection("localhost", site.httpd.port, timeout=60)
    connection.putrequest(method, path, skip_accept_encoding=True)
    for name, value in fields:
        connection.putheader(name, value)
    if not any(name == "Connection" for name, _ in fields):
        connection.putheader("Connection", "close")
    if method in ("POST", "PUT", "PATCH"):
        connection.putheader("Content-Length", "0")
    connection.endheaders()
    response = connection.getresponse()
    response.text = response.read().decode()
    connection.close()
    return response


def cookie_of(browser):
    return [("Cookie", "; ".join(f"{c.name}={c.value}" for c in browser.jar
                                 if not c.name.startswith("__")))]


@pytest.mark.parametrize("method", METHODS)
def test_nobody_else_gives_what_is_ours(site, sandbox, tom, ada, method):
    """CVE-2017-6062, CVE-2017-6413, CVE-2025-64484: every spelling, every method, signed in or
    not, passed there or not."""
    fields = [(name, "forged") for name in SPELLINGS]
    forged = [(name, "forged") for name in (n.lower() for n in SPELLINGS)]
    cookies = cookie_of(ada)
    for path, sent in itertools.product(
            ("/open/x", "/app/x", "/tom/app/x", "/none/x", "/named/x", "/files/echo.cgi",
             "/files/tom/echo.cgi", "/echo/x", "/files/lua/x", "/"),
            ([], cookies)):
        for extra in (fields, forged):
            answer = send_raw(site, method, path, sent + extra)
            assert "forged" not in answer.text, (path, sent, answer.text)


def test_nobody_else_gives_it_in_trailers(site, sandbox, ada):
    for path in ("/echo/x", "/files/lua/x", "/app/x"):
        connection = http.client.HTTPConnection("localhost", site.httpd.port, timeout=60)
        connection.putrequest("POST", path)
        connection.putheader("Transfer-Encoding", "chunked")
        connection.putheader("Content-Type", "application/x-www-form-urlencoded")
        connection.putheader("Connection", "close")
        for field in cookie_of(ada):
            connection.putheader(*field)
        connection.endheaders()
        connection.send(b"3\r\na=b\r\n0\r\nX-Other: kept\r\nX_GraphTok_Token: forged\r\n"
                        b"GRAPHTOK-TOKEN: forged\r\n\r\n")
        text = connection.getresponse().read().decode()
        connection.close()
        assert "forged" not in text, text
        assert path != "/echo/x" or "header X-Other: kept" in text
        assert path != "/files/lua/x" or "env GRAPHTOK_TOKEN: " in text


def test_missing_is_answered_as_elsewhere(site, sandbox):
    browser = Browser(sandbox.ca)
    scripted = browser.get(site.url + "/app/x")
    assert scripted.status == 401 and scripted.json["login_url"] == "/auth/login"
    assert scripted.headers["Content-Type"] == "application/problem+json"
    page = browser.get(site.url + "/app/x?y=1", headers={"Accept": "text/html"})
    assert page.status == 302 and page.location.startswith("/auth/login?")
    assert query_of(page.location)["return_to"] == "/app/x?y=1"
    assert browser.post(site.url + "/app/x", body=b"a" * 70000).status == 401


@pytest.mark.parametrize("target", [
    "/app/k%E4se", "/app/a%20b%25c%5Cd%0Ae", "/app/x//y/../z?q=%E4%0A%5C//../%", "/app/?" + "%20" * 2000,
    "/app/x?" + "%41%5C" * 1300], ids=lambda target: target[:24])
def test_a_deep_link_of_an_application_comes_back_byte_for_byte(site, browser, target):
    asked = send_raw(site, "GET", target, [("Accept", "text/html")])
    assert asked.status == 302, asked
    assert len(asked.headers["Location"]) < 8000
    back = browser.sign_in(site.url + asked.headers["Location"])
    assert back.status == 303 and back.location == site.url + target


def test_a_sign_in_comes_back_to_the_application(site, sandbox, browser):
    page = browser.get(site.url + "/app/x", headers={"Accept": "text/html"})
    back = browser.sign_in(site.url + page.location)
    assert back.location.endswith("/app/x")
    assert given(browser.get(site.url + "/app/x").text)["x_graphtok_token"] in access_tokens(sandbox)


def test_missing_refuse(site, sandbox):
    browser = Browser(sandbox.ca)
    assert browser.get(site.url + "/refuse/x").json["tag"] == "GT0821"
    page = browser.get(site.url + "/refuse/x", headers={"Accept": "text/html"})
    assert page.status == 401 and page.headers["Content-Type"].startswith("text/html")
    assert 'href="/auth/login' in page.text


def test_missing_none(site, sandbox, ada):
    assert given(Browser(sandbox.ca).get(site.url + "/none/x").text) \
        == {"x_graphtok_token_reason": "sign-in-required"}
    assert set(given(ada.get(site.url + "/none/x").text)) \
        == {"x_graphtok_token", "x_graphtok_token_user", "x_graphtok_token_expires"}


def test_nothing_is_served_after_a_refusal(site, backend):
    """CVE-2025-31492: the answer ends where it ends; the application is not asked."""
    connection = http.client.HTTPConnection("localhost", site.httpd.port, timeout=60)
    for method in ("GET", "POST") * 2:
        connection.request(method, "/refuse/once", body=b"x" if method == "POST" else None)
        answer = connection.getresponse()
        body = answer.read()
        assert answer.status == 401 and len(body) == int(answer.headers["Content-Length"])
        assert body.startswith(b"{") and body.endswith(b"}")
    connection.close()
    assert "/once" not in (backend.folder / "access.log").read_text()


def test_refreshed_on_the_way(site, sandbox, tom):
    first = given(tom.get(site.url + "/tom/app/x").text)["x_graphtok_token"]
    age(site, "tom", -20)
    site.httpd.stop()
    site.httpd.start()
    before = sandbox.calls("token")
    got = given(tom.get(site.url + "/tom/app/x").text)
    assert got["x_graphtok_token"] not in (first, "") and sandbox.calls("token") == before + 1
    assert got["x_graphtok_token"] in access_tokens(sandbox)


def test_what_cannot_be_refreshed_is_answered_by_its_class(site, sandbox, tom):
    age(site, "tom", -20)
    site.httpd.stop()
    site.httpd.start()
    sandbox.fault("token", "status", status=503, times=9)
    answer = tom.get(site.url + "/tom/app/x")
    assert answer.status in (502, 503) and answer.json["type"].startswith("urn:mod_graphtok:")
    sandbox.fault("token", "none")


def test_sub_requests_are_given_nothing_of_their_own(site, sandbox, tom):
    """Not even where they go."""
    page = site.folder / "files/page.shtml"
    text = page.read_text() + '|<!--#include virtual="/files/tom/echo.cgi" -->'
    (site.folder / "files/outside.shtml").write_text(text)
    parts = tom.get(site.url + "/files/outside.shtml").text.split("|")
    assert len(parts) == 4 and all("env " in part or "header " in part for part in parts)
    assert not any(given(text, kind) for text in parts for kind in ("header", "env"))


@pytest.mark.parametrize("folder", ["tom", "head"])
def test_sub_requests_to_elsewhere_do_not_inherit(site, sandbox, tom, folder):
    parts = tom.get(f"{site.url}/files/{folder}/page.shtml").text.split("|")
    assert len(parts) == 3
    assert not given(parts[0]) and not given(parts[1], "env")
    got = given(parts[2], "env")
    assert len(got) == 3 and "tom" in got.values()


def test_internal_redirects_take_nothing_along(site, sandbox, tom):
    there = tom.get(site.url + "/files/tom/echo.cgi?to=/files/echo.cgi")
    assert "env REDIRECT_STATUS" in there.text and not given(there.text, "env")
    again = tom.get(site.url + "/files/tom/echo.cgi?to=/files/tom/index.cgi")
    assert given(again.text, "env")["graphtok_token_user"] == "tom"
    assert not [line for line in again.text.split("\n") if line.startswith("env REDIRECT_GRAPHTOK")]
    assert not given(tom.get(site.url + "/files/tom/gone").text, "env")


def test_a_rewritten_request_is_its_targets(site, sandbox):
    answer = Browser(sandbox.ca).get(site.url + "/files/moved/x")
    assert answer.status == 200 and "env REQUEST_URI: /files/moved/x" in answer.text
    assert Browser(sandbox.ca).get(site.url + "/files/moved/plain.txt").status == 401


def test_behind_a_proxy_section_but_not_to_anywhere(site, sandbox, tom, backend):
    """ProxyRequests: a client that sends us elsewhere is handed nothing."""
    assert given(tom.get(site.url + "/behind/x").text)["x_graphtok_token_user"] == "tom"
    answer = send_raw(site, "GET", f"http://127.0.0.1:{backend.port}/forward/x", [])
    assert answer.status == 200 and "header Host: 127.0.0.1" in answer.text
    assert not given(answer.text)


def test_no_cache_keeps_what_was_made_of_it(site, sandbox, tom):
    assert tom.get(site.url + "/files/tom/plain.txt").headers["Expires"]
    assert not tom.get(site.url + "/files/plain.txt").headers["Expires"]


def test_an_answer_of_ours_is_one_of_the_server(site, sandbox):
    for accept in ("text/html", "application/json"):
        answer = Browser(sandbox.ca).get(site.url + "/refuse/x", headers={"Accept": accept})
        assert answer.headers["X-Everywhere"] == "yes"
        assert answer.headers["Cache-Control"] == "no-store"


def test_an_errors_page_does_not_fail_itself(site, sandbox):
    answer = Browser(sandbox.ca).get(site.url + "/lost/x")
    assert answer.status == 404 and "env REDIRECT_STATUS: 404" in answer.text
    assert not given(answer.text, "env")


def test_what_is_ours_cannot_be_made_hop_by_hop(site, sandbox, ada):
    """A field that Connection names is left out by every proxy."""
    names = "X-GraphTok-Token, x-graphtok-token-user ,X-GraphTok-Token-Expires, close"
    answer = send_raw(site, "GET", "/app/x", cookie_of(ada) + [("Connection", names)])
    assert answer.getheader("Connection") == "close"
    assert len(given(answer.text)) == 3


def test_trace_shows_no_token(site, sandbox, ada):
    answer = send_raw(site, "TRACE", "/app/x", cookie_of(ada))
    assert answer.status == 200 and not any(t in answer.text for t in access_tokens(sandbox))


def test_no_log_and_no_status_page_shows_it(site, sandbox, ada, tom):
    ada.get(site.url + "/app/x")
    ada.get(site.url + "/named/x")
    ada.get(site.url + "/files/tom/echo.cgi")
    status = ada.get(site.url + "/status").text
    assert not any(token in status for token in access_tokens(sandbox))
    rows = (site.folder / "passed.log").read_text().split("\n")
    assert set(rows) <= {"- - - -", ""} and len(rows) > 3


def test_each_token_that_leaves_is_recorded(site, sandbox, tom):
    def passed():
        rows = [json.loads(line) for line in (site.folder / "audit.log").read_text().splitlines()]
        return [row["user"] for row in rows if row["event"] == "token_passed"]
    before = passed()
    for path in ("/tom/app/x", "/files/tom/echo.cgi", "/tom/ask", "/open/x", "/files/plain.txt"):
        assert tom.get(site.url + path).status == 200
    assert passed() == before + ["tom"] * 3


def asked(answer):
    return dict(line.split(": ", 1) for line in answer.text.strip().split("\n"))


def test_T14_other_modules(site, sandbox, ada, tom):
    got = asked(ada.get(site.url + "/ask"))
    assert got["token"] in access_tokens(sandbox) and got["caller"] == got["user"] != "-"
    assert got["provider"] == "microsoft" and got["error"] == "-" and int(got["seconds"]) > 300
    assert asked(ada.get(site.url + "/tom/ask?graph"))["user"] == "tom"
    other = asked(ada.get(site.url + "/tom/ask?mail"))
    assert other["error"] == "invalid-request" and other["token"] == "-"


def test_no_module_is_told_a_caller_whose_grant_was_revoked(site, sandbox, ada):
    user = asked(ada.get(site.url + "/ask"))["caller"]
    assert user != "-"
    site.ctl("revoke", user)
    site.httpd.wait_until(lambda: asked(ada.get(site.url + "/ask"))["caller"] == "-", 5)
    assert asked(ada.get(site.url + "/ask"))["tag"] == "GT0821"


def test_other_modules_learn_why_there_is_none(site, sandbox):
    got = asked(Browser(sandbox.ca).get(site.url + "/ask"))
    assert (got["caller"], got["token"], got["error"], got["tag"], got["status"],
            got["login_url"]) == ("-", "-", "sign-in-required", "GT0821", "401", "/auth/login")


# Others' cookies, some with names much like ours, and what a browser may hold of ours beside its session.
OTHERS = ("a=1", "graphtok-theme=dark", "graphtok-0123456=x", "graphtok-0123456789=x", "graphtok=x",
          "x-graphtok-01234567=x", "q=\"x y\"", "e=", "bare", "GRAPHTOK-01234567=x", "last=z=z,y")
MORE_OF_OURS = ("__Host-graphtok-01234567=~ours~", "graphtok-s-0123456789abcd-0123456789abcdef=~ours~",
                "__Host-graphtok-s-01234567-0123456789abcdef=~ours~", "graphtok-fedcba98=~ours~")


def cookies_got(text):
    """Each Cookie field that applications told of, by header or by variable."""
    return [line.split(": ", 1)[1] for line in text.split("\n")
            if line.startswith("header Cookie: ") or line.startswith("env HTTP_COOKIE: ")]


def session_of(browser):
    """NAME=VALUE of the session."""
    return next(f"{c.name}={c.value}" for c in browser.jar if len(c.name) == len("graphtok-01234567"))


@pytest.mark.parametrize("path", ["/open/x", "/app/x", "/none/x", "/files/echo.cgi", "/echo/x", "/lost",
                                  "/files/", "/files/head/echo.cgi"])
def test_an_application_gets_all_cookies_but_ours(site, sandbox, tom, ada, path):
    ours = (session_of(ada), *MORE_OF_OURS)
    mixed = [cookie for pair in itertools.zip_longest(OTHERS, ours) for cookie in pair if cookie]
    for sent in (mixed, list(ours) + list(OTHERS), list(OTHERS) + list(ours)):
        answer = send_raw(site, "GET", path, [("Cookie", "; ".join(sent))])
        assert cookies_got(answer.text) == ["; ".join(OTHERS)], answer.text
        assert ours[0].split("=")[1] not in answer.text and "~ours~" not in answer.text
    answer = send_raw(site, "GET", path, [("Cookie", "; ".join(ours))])
    assert answer.status in (200, 404) and not cookies_got(answer.text)
    if path not in ("/app/x", "/files/head/echo.cgi"):
        odd = ";a=1;  b=2;c"
        assert cookies_got(send_raw(site, "GET", path, [("Cookie", odd)]).text) == [odd]


def test_two_cookie_fields_hide_no_session(site, ada):
    """httpd joins them with a comma."""
    fields = [("Cookie", "a=1"), ("Cookie", session_of(ada) + "; b=2")]
    for sent, got in ((fields, "a=1; b=2"), (fields[::-1], "b=2, a=1")):
        assert cookies_got(send_raw(site, "GET", "/open/x", sent).text) == [got]


def test_a_sign_in_under_way_is_no_application_s(site, sandbox, browser):
    browser.leave_for_sign_in(site.url + "/auth/login")
    assert cookie_of(browser)[0][1].startswith("graphtok-s-")
    assert not cookies_got(browser.get(site.url + "/open/x").text)


@pytest.mark.parametrize("path", ["/whole/x", "/files/whole/echo.cgi"])
def test_an_application_that_wants_our_cookies_gets_them(site, ada, path):
    field = "; ".join((OTHERS[0], session_of(ada), *MORE_OF_OURS, OTHERS[-1]))
    assert cookies_got(send_raw(site, "GET", path, [("Cookie", field)]).text) == [field]


def test_where_a_request_goes_says_which_cookies_it_has(site, ada):
    """Internal redirects and sub-requests, from and to each kind of location."""
    session, field = session_of(ada), "a=1; " + session_of(ada)

    def ask(path):
        return send_raw(site, "GET", path, [("Cookie", field)])
    assert json.loads(ask("/files/echo.cgi?to=/auth/token").text)["status"] == "active"
    assert cookies_got(ask("/files/echo.cgi?to=/whole/x").text) == [field]
    for left in ("/files/whole/echo.cgi?to=/files/echo.cgi", "/whole/../files/echo.cgi",
                 "/files/whole/echo.cgi?to=/open/x"):
        text = ask(left).text
        assert cookies_got(text) == ["a=1"] and session.split("=")[1] not in text, text
    ours, whole, none = ask("/files/session.shtml").text.split("|")
    assert json.loads(ours)["status"] == "active"
    assert cookies_got(whole) == [field]
    assert cookies_got(none) == ["a=1"] and session.split("=")[1] not in none
