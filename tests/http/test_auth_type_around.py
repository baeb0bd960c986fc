# Licensed under the Apache License, Version 2.0; see LICENSE.
"""AuthType GraphTok and what httpd has around it: error pages, rewriting, proxies, sub-requests, other
requirements, HTTP/2, virtual hosts, tokens for applications, long fields, several children."""

import concurrent.futures
import http.client
import os
import pathlib
import shutil
import subprocess
import threading
import time

import pytest

from support import httpd as servers
from support.browser import Browser
from support.jwt import Signer, jwks

FIXTURES = pathlib.Path(__file__).resolve().parent / "fixtures"
SECRETS = {"hs": "first-secret-0123456789-0123456789-0123456789", "beta": "second-secret-0123456789-0123456789-0123"}
CHILDREN = """StartServers 4
ServerLimit 4
ThreadsPerChild 8
MaxRequestWorkers 32
MinSpareThreads 32
MaxSpareThreads 32
AsyncRequestWorkerFactor 20
LimitRequestFieldSize 65536
"""
SETTINGS = """
Protocols h2c http/1.1
<GraphTokJWT hs>
    GraphTokJWTIssuer none
    GraphTokJWTAudience none
    GraphTokJWTAlgorithms HS256
    GraphTokJWTKeys file:{secrets}/hs
</GraphTokJWT>
<GraphTokJWT beta>
    GraphTokJWTIssuer none
    GraphTokJWTAudience none
    GraphTokJWTAlgorithms HS256
    GraphTokJWTKeys file:{secrets}/beta
</GraphTokJWT>
<GraphTokJWT set>
    GraphTokJWTIssuer https://issuer.example
    GraphTokJWTAudience {audience}
    GraphTokJWTAlgorithms RS256
    GraphTokJWTKeys file:{secrets}/keys.json
</GraphTokJWT>
"""
MOUNTS = """
GraphTokLimit off
ScriptSock {folder}/cgid
Header always set X-User "expr=%{REMOTE_USER}"
<LocationMatch "^/(papers|local|cgi|away|within|through|any|given|rules)(/|$)">
    AuthType GraphTok
    GraphTokUseJWT hs
    Require valid-user
</LocationMatch>
<Location "/as/auth">
    SetHandler graphtok-auth
</Location>
<Location "/as">
    GraphTokUser jwt hs
</Location>
<Location "/set">
    AuthType GraphTok
    GraphTokUseJWT set
    Require valid-user
</Location>
<Location "/local">
    ErrorDocument 401 /shown.html
</Location>
<Location "/within">
    ErrorDocument 401 /within/shown.html
</Location>
<Location "/cgi">
    ErrorDocument 401 /echo.cgi
</Location>
<Location "/away">
    ErrorDocument 401 https://elsewhere.example/sign-in
</Location>
<Location "/through">
    SetHandler "proxy:http://127.0.0.1:{backend}"
</Location>
<Location "/any">
    <RequireAny>
        Require valid-user
        Require expr "%{HTTP:X-Let-In} == 'yes'"
    </RequireAny>
</Location>
<Location "/given">
    GraphTokPassToken env missing=refuse
    Header always set X-Given "%{GRAPHTOK_TOKEN_USER}e"
</Location>
<Directory "{folder}/htdocs">
    Options +Includes +ExecCGI
    AddHandler cgi-script .cgi
    AddHandler server-parsed .shtml
</Directory>
<Directory "{folder}/htdocs/moved">
    RewriteEngine On
    RewriteRule "^(.*)$" "/papers/$1"
</Directory>
RewriteEngine On
RewriteRule "^/passed/(.*)" "/papers/$1" [PT]
<VirtualHost 127.0.0.1:{backend}>
    RedirectMatch 204 .*
    Header always set X-Reached "expr=%{HTTP:Authorization}"
</VirtualHost>
<VirtualHost 127.0.0.1:{second}>
    DocumentRoot {folder}/htdocs
    <Location "/papers">
        GraphTokUseJWT beta
    </Location>
</VirtualHost>
Listen 127.0.0.1:{backend}
Listen 127.0.0.1:{second}
"""
PAGE = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate"}
KEY = Signer("RS256", kid="first")


def publish(site, *signers):
    """The key set, in one step."""
    path = site.secrets / "keys.new"
    path.write_text(jwks(*signers))
    os.chmod(path, 0o644)
    path.rename(site.secrets / "keys.json")


def settings(made, audience="graphtok"):
    return SETTINGS.replace("{secrets}", str(made.secrets)).replace("{audience}", audience)


@pytest.fixture(scope="module")
def site(make_site):
    second, backend = servers.free_port(), servers.free_port()
    mounts = MOUNTS.replace("{second}", str(second)).replace("{backend}", str(backend))
    made = make_site("event", mounts=mounts, tuning=CHILDREN, migrate=False,
                     modules=("cgid", "include", "rewrite"))
    made.second = f"http://localhost:{second}"
    for name, secret in SECRETS.items():
        made.write_secret(name, secret)
    publish(made, KEY)
    made.configure(settings=settings(made))
    made.migrate()
    documents = made.folder / "htdocs"
    for place in ("papers", "local", "cgi", "away", "within", "any", "given", "set", "moved"):
        (documents / place).mkdir()
        (documents / place / "a.txt").write_text(f"kept in {place}")
    for page in (documents / "open.shtml", documents / "papers/page.shtml"):
        page.write_text('<!--#include virtual="/papers/a.txt" -->|')
    (documents / "shown.html").write_text("shown instead")
    shutil.copy(FIXTURES / "echo.cgi", documents)
    os.chmod(documents / "echo.cgi", 0o755)
    made.start()
    made.register("/as/auth")
    yield made
    made.end()


def token(name="hs", user="ada", **more):
    return Signer("HS256", SECRETS[name]).token(body={"sub": user, "exp": int(time.time()) + 600, **more})


def ask(site, path, shown=None, **headers):
    if shown:
        headers["Authorization"] = f"Bearer {shown}"
    return Browser().get((path if "://" in path else site.url + path), headers=headers)


def refused(answer):
    return answer.status == 401 and answer.headers["WWW-Authenticate"].startswith("Bearer realm") and (
        "kept" not in answer.text) and "X-Reached" not in answer.headers


# ---- error pages ----

def test_a_page_of_the_administrator_stands_in_for_ours(site):
    """For a person; a program gets the problem, and both the status and the challenge."""
    for shown, error in ((None, ""), ("a.b.c", ', error="invalid_token"')):
        page = ask(site, "/local/a.txt", shown, **PAGE)
        assert (page.status, page.text) == (401, "shown instead")
        assert page.headers["WWW-Authenticate"] == 'Bearer realm="graphtok"' + error
        problem = ask(site, "/local/a.txt", shown)
        assert refused(problem) and problem.json["tag"] == ("GT0551" if shown else "GT0864")
    assert ask(site, "/local/a.txt", token(), **PAGE).text == "kept in local"


def test_a_program_as_error_page_gets_no_token(site):
    page = ask(site, "/cgi/a.txt", "a.b.c", **PAGE)
    assert page.status == 401 and "env REDIRECT_STATUS: 401" in page.text
    assert "env REDIRECT_GRAPHTOK_ERROR: GT0551" in page.text and "a.b.c" not in page.text
    assert "REMOTE_USER" not in page.text


def test_an_error_page_elsewhere_or_behind_the_same_gate(site):
    """httpd takes no other address for 401, and a page that is refused itself is not gone round in a circle."""
    for place in ("away", "within"):
        page = ask(site, f"/{place}/a.txt", "a.b.c", **PAGE)
        assert refused(page) and "Location" not in page.headers, page


# ---- other ways to a location ----

@pytest.mark.parametrize("path", ["/moved/a.txt", "/passed/a.txt", "/papers/a.txt?x#y", "/papers/%61.txt", "//papers/a.txt",
                                  "/papers/./a.txt", "/x/../papers/a.txt", "/papers/a.txt?/open.shtml",
                                  "/papers/a.txt%3F", "/papers/a.txt%23"])
def test_no_spelling_of_the_way_is_a_way_round(site, path):
    """CVE-2020-8595, CVE-2025-54576, CVE-2026-41059."""
    for shown in (None, "a.b.c"):
        assert ask(site, path, shown).status in (401, 404)
    answer = ask(site, path, token())
    assert answer.status == 404 or (answer.text, answer.headers["X-User"]) == ("kept in papers", "ada")


def test_a_proxy_is_behind_the_gate(site):
    """CVE-2019-3878."""
    for shown in (None, "a.b.c"):
        assert refused(ask(site, "/through/x", shown))
    shown = token()
    answer = ask(site, "/through/x", shown)
    assert (answer.status, answer.headers["X-Reached"]) == (204, "Bearer " + shown)


def test_parts_of_a_page_are_behind_the_gate(site):
    assert "kept in papers" not in ask(site, "/open.shtml").text
    assert "kept in papers" not in ask(site, "/open.shtml", "a.b.c").text
    assert ask(site, "/open.shtml", token()).text == "kept in papers|"
    assert ask(site, "/papers/page.shtml", token()).text == "kept in papers|"
    assert refused(ask(site, "/papers/page.shtml"))


def test_one_of_several_requirements(site):
    assert refused(ask(site, "/any/a.txt")) and refused(ask(site, "/any/a.txt", "a.b.c"))
    for headers in ({"X-Let-In": "yes"}, {"Authorization": "Bearer " + token()}):
        assert ask(site, "/any/a.txt", **headers).text == "kept in any"


# ---- other wires and hosts ----

def test_http2(site):
    for shown, status in ((token(), b"200"), ("a.b.c", b"401")):
        done = subprocess.run(["curl", "-sS", "--noproxy", "*", "--http2-prior-knowledge", "-w", "\n%{http_version} %{http_code}",
                               "-H", f"Authorization: Bearer {shown}", site.url + "/papers/a.txt"],
                              capture_output=True, check=True, timeout=60)
        assert done.stdout.endswith(b"\n2 " + status) and (b"kept in papers" in done.stdout) == (status == b"200")


def test_a_token_of_another_host(site):
    """CVE-2017-6807; also when it is remembered."""
    for _ in range(2):
        assert ask(site, "/papers/a.txt", token()).status == 200
        assert ask(site, site.second + "/papers/a.txt", token("beta")).status == 200
        assert refused(ask(site, site.second + "/papers/a.txt", token()))
        assert refused(ask(site, "/papers/a.txt", token("beta")))


def test_a_token_that_is_too_long(site):
    """A little less than 16 KiB passes; more is told, by a location and by a route."""
    long = token(user="grace", filler="x" * 12000)
    longer = token(user="grace", filler="x" * 12400)
    assert len(long) < 16384 < len(longer)
    assert ask(site, "/papers/a.txt", long).status == 200
    for path in ("/papers/a.txt", "/as/auth/token"):
        answer = ask(site, path, longer)
        assert (answer.status, answer.json["tag"]) == (413, "GT0550") and "kept in papers" not in answer.text


def test_an_application_gets_the_token_of_that_user(site, sandbox):
    browser, own = Browser(sandbox.ca), {"Authorization": "Bearer " + token(user="linus")}
    begun = browser.get(site.url + "/as/auth/login?login_hint=ada@sandbox.example", headers=own)
    assert browser.get(browser.get(begun.json["authorization_url"]).location).status == 200
    answer = ask(site, "/given/a.txt", token(user="linus"))
    assert (answer.status, answer.text, answer.headers["X-Given"]) == (200, "kept in given", "linus")
    other = ask(site, "/given/a.txt", token(user="ken"))
    assert other.status == 401 and other.json["tag"] == "GT0601" and "kept in given" not in other.text


# ---- keys and rules that change, in all children ----

def hammer(site, token, stop, seen):
    """On a connection of its own, which one child has."""
    wire = http.client.HTTPConnection("localhost", site.httpd.port, timeout=60)
    while not stop.wait(0.01):
        try:
            wire.request("GET", "/set/a.txt", headers={"Authorization": "Bearer " + token})
            answer = wire.getresponse()
            answer.read()
            seen.append(answer.status)
        except (http.client.HTTPException, ConnectionError):
            wire.close()  # its child ended
    wire.close()


def test_all_children_drop_a_withdrawn_key(site):
    """Under load on each child's connections, by tokens of the old key and of the new one."""
    fresh, stop = Signer("RS256", kid="fresh"), threading.Event()
    old, new = [[] for _ in range(8)], [[] for _ in range(4)]
    with concurrent.futures.ThreadPoolExecutor(12) as clients:
        for shown, answers in ((KEY.token(), old), (fresh.token(), new)):
            for seen in answers:
                clients.submit(hammer, site, shown, stop, seen)
        try:
            site.httpd.wait_until(lambda: all(seen[-1:] == [200] for seen in old), 20)
            publish(site, fresh)
            site.httpd.wait_until(lambda: all(seen[-1:] == [401] for seen in old) and all(
                seen[-1:] == [200] for seen in new), 20)
        finally:
            stop.set()
    for seen in old:
        assert seen == sorted(seen)  # none went back
    publish(site, KEY)
    site.httpd.wait_until(lambda: ask(site, "/set/a.txt", KEY.token()).status == 200, 20)


def test_rules_that_change_at_a_graceful_restart_forget_what_passed(site):
    shown = KEY.token(aud=["graphtok"])
    assert [ask(site, "/set/a.txt", shown).status for _ in range(3)] == [200] * 3
    site.configure(settings=settings(site, "another"))
    site.httpd.graceful()
    site.httpd.wait_until(lambda: ask(site, "/set/a.txt", KEY.token(aud="another")).status == 200, 20)
    assert refused(ask(site, "/set/a.txt", shown))
