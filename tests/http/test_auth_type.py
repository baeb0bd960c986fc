# Licensed under the Apache License, Version 2.0; see LICENSE.
"""AuthType GraphTok for any location of httpd: tokens, sessions, claims, and what httpd does around them."""

import time

import pytest

from support.browser import Browser
from support.jwt import Signer
from support.site import MOUNTS

WHERE = [("event", "sqlite3"), ("prefork", "sqlite3")]

SECRET = "b3f1c0ffee-shared-by-two-parties-0123456789-0123456789-0123456789"
SETTINGS = """
<GraphTokJWT hs>
    GraphTokJWTIssuer none
    GraphTokJWTAudience none
    GraphTokJWTAlgorithms HS256
    GraphTokJWTKeys file:{secrets}/shared
    GraphTokJWTCookie app_token
</GraphTokJWT>
"""
PLACES = """
Header always set X-User "expr=%{REMOTE_USER}"
<LocationMatch "^/(papers|ada|editors|either|ours|pass|cookie)">
    AuthType GraphTok
    GraphTokUseJWT hs
</LocationMatch>
<Location "/papers">
    Require valid-user
    ErrorDocument 403 /papers/forbidden.txt
</Location>
<Location "/ada">
    Require user ada
</Location>
<Location "/editors">
    Require graphtok-claim roles editor "chief editor"
    AuthzSendForbiddenOnFailure On
</Location>
<Location "/either">
    <RequireAny>
        Require graphtok-claim scope papers.write
        Require graphtok-claim level 7
        Require graphtok-claim realm_access.roles boss
        Require expr "%{HTTP:X-Let-In} == 'yes'"
    </RequireAny>
</Location>
<Location "/home">
    AuthType GraphTok
    Require valid-user
</Location>
<Location "/ours/auth">
    SetHandler graphtok-auth
    Require valid-user
</Location>
<Location "/ours/calendar">
    SetHandler graphtok-calendar
    Require valid-user
</Location>
<Location "/own/auth">
    SetHandler graphtok-auth
    GraphTokUser jwt hs
</Location>
<Location "/whole">
    AuthType GraphTok
    Require valid-user
</Location>
<Location "/whole/auth">
    SetHandler graphtok-auth
</Location>
"""


@pytest.fixture(scope="module")
def site(request, make_site):
    made = make_site(*request.param, mounts=MOUNTS + PLACES, migrate=False)
    made.write_secret("shared", SECRET)
    made.configure(settings=SETTINGS.replace("{secrets}", str(made.secrets)))
    made.migrate()
    for place in ("papers", "ada", "editors", "either", "home"):
        folder = made.folder / "htdocs" / place
        folder.mkdir()
        (folder / "index.html").write_text(f"in {place}")
        (folder / "forbidden.txt").write_text("not for you")
    made.start()
    made.register("/auth", "/own/auth")
    yield made
    made.end()


def token(user="ada", **more):
    return Signer("HS256", SECRET).token(body={"sub": user, "exp": int(time.time()) + 600, **more})


def ask(site, path, shown=None, method="GET", **headers):
    if shown:
        headers["Authorization"] = f"Bearer {shown}"
    return Browser().send(method, site.url + path, headers=headers)


def test_the_user_of_a_token_is_httpds(site):
    answer = ask(site, "/papers/index.html", token("grace"))
    assert (answer.status, answer.text, answer.headers["X-User"]) == (200, "in papers", "grace")
    site.httpd.accessed(lambda log: any(line.split()[1] == "grace" and "/papers" in line
                                        for line in log.splitlines()))
    assert ask(site, "/papers/", token()).text == "in papers"  # mod_dir asks for the index within


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS", "PROPFIND"])
def test_without_a_good_token_no_method_passes(site, method):
    for shown, error in ((None, ""), ("a.b.c", ', error="invalid_token"')):
        answer = ask(site, "/papers/index.html", shown, method)
        assert answer.status == 401 and "in papers" not in answer.text
        assert answer.headers["WWW-Authenticate"] == 'Bearer realm="graphtok"' + error
        assert "X-User" not in answer.headers or answer.headers["X-User"] in ("", "(null)")


def test_basic_credentials_are_none_of_ours_and_the_other_way_round(site):
    assert ask(site, "/papers/index.html", Authorization="Basic YWRhOmFkYQ==").status == 401
    assert ask(site, "/staff/auth/token", token()).headers["WWW-Authenticate"].startswith("Basic")
    assert ask(site, "/staff/auth/token", Authorization="Basic YWRhOmFkYQ==").json["tag"] == "GT0601"


def test_a_user_that_is_not_let_in(site):
    answer = ask(site, "/ada/index.html", token("bob"))
    assert answer.status == 401 and "in ada" not in answer.text
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="graphtok", error="insufficient_scope"'
    assert ask(site, "/ada/index.html", token("ada")).status == 200


@pytest.mark.parametrize("path, claims, status", [
    ("/editors", {}, 403), ("/editors", {"roles": "editor"}, 200),
    ("/editors", {"roles": ["x", "chief editor"]}, 200),
    ("/editors", {"roles": "editors"}, 403), ("/editors", {"roles": "x editor"}, 403),
    ("/editors", {"roles": {"editor": True}}, 403), ("/editors", {"roles": [["editor"]]}, 403),
    ("/editors", {"roles": "editor\0"}, 401), ("/either", {"scope": "papers.read papers.write"}, 200),
    ("/either", {"scope": ["papers.write"]}, 200), ("/either", {"scope": "papers.write.all"}, 401),
    ("/either", {"level": 7}, 200), ("/either", {"level": "7"}, 200), ("/either", {"level": 7.0}, 401),
    ("/either", {"realm_access": {"roles": ["boss"]}}, 200), ("/either", {"realm_access": "boss"}, 401),
    ("/either", {"realm_access.roles": "other", "realm_access": {"roles": ["boss"]}}, 401)])
def test_claims_let_in(site, path, claims, status):
    assert ask(site, path + "/index.html", token(**claims)).status == status


def test_another_requirement_lets_in_without_a_user(site):
    answer = ask(site, "/either/index.html", **{"X-Let-In": "yes"})
    assert (answer.status, answer.text) == (200, "in either")


def test_a_session_is_asked_for_where_no_token_is(site, browser):
    assert ask(site, "/home/index.html").status == 401
    page = ask(site, "/home/index.html", Accept="text/html")
    assert page.status == 302 and page.location.startswith("/auth/login?return_to=%2Fhome%2Findex.html")
    assert "in home" not in page.text
    browser.sign_in(site.url + "/auth/login")
    answer = browser.get(site.url + "/home/index.html")
    assert (answer.status, answer.text) == (200, "in home") and "@" in answer.headers["X-User"]
    assert browser.post(site.url + "/auth/revoke").status == 200
    assert browser.get(site.url + "/home/index.html").status == 401


def test_a_sign_in_behind_itself_is_no_loop(site):
    for path in ("/whole/auth/login", "/whole/auth/", "/whole/auth/callback?code=x&state=y"):
        answer = ask(site, path, Accept="text/html")
        assert (answer.status, answer.location) == (500, None) and "GT0896" in answer.text
    site.httpd.log_has("the sign-in at /whole/auth stands behind AuthType GraphTok")
    page = ask(site, "/whole/page", Accept="text/html")
    assert page.status == 302 and page.location.startswith("/whole/auth/login?return_to=")


def test_other_sites_change_nothing_by_a_cookie(site):
    evil = {"Origin": "https://evil.example"}
    for headers, status in (({"Cookie": "app_token=" + token()}, 403), ({}, 401)):
        assert ask(site, "/papers/index.html", method="POST", **evil, **headers).status == status
    assert ask(site, "/papers/index.html", token(), "POST", **evil).status != 403
    assert ask(site, "/papers/index.html", Cookie="app_token=" + token(), **evil).status == 200


@pytest.mark.parametrize("headers, status", [
    ({"Cookie": "app_token={token}", "Origin": "https://evil.example"}, 403),
    ({"Cookie": "app_token={token}", "Origin": "{url}"}, 200),
    ({"Authorization": "Bearer {token}", "Origin": "https://evil.example"}, 200)])
def test_other_sites_open_no_websocket_by_a_cookie(site, headers, status):
    fields = {name: value.format(token=token(), url=site.url) for name, value in headers.items()}
    fields.update({"Connection": "Upgrade", "Upgrade": "WebSocket"})
    assert ask(site, "/papers/index.html", **fields).status == status


def test_our_routes_take_the_user_that_stands_in_front(site):
    answer = ask(site, "/ours/auth/token", token("linus"))
    assert (answer.status, answer.json["tag"]) == (401, "GT0601") and "linus" in answer.json["detail"]
    assert ask(site, "/ours/calendar/events", "a.b.c").status == 401
