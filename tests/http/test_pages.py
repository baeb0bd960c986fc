# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Pages that a person sees: language, a link that leads on, the administrator's own ErrorDocument."""

import base64
import hashlib
import html
import re

import pytest

from support.browser import Browser, query_of
from support.site import MOUNTS

PAGE = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate"}
OWN = MOUNTS + """
<Location "/own">
    ErrorDocument 400 "said %{reqenv:GRAPHTOK_ERROR} %{reqenv:GRAPHTOK_LOGIN_URL}"
    ErrorDocument 401 /own-page.html
    ErrorDocument 404 /nowhere/at-all.html
    ErrorDocument 405 https://elsewhere.example/help
    ErrorDocument 429 /own-page.html
    ErrorDocument 502 /own/calendar/events
    ErrorDocument 503 /own-page.html
</Location>
<Location "/own/auth">
    SetHandler graphtok-auth
</Location>
<Location "/own/calendar">
    SetHandler graphtok-calendar
</Location>
<Location "/own/files">
    GraphTokPassToken header missing=refuse
</Location>
<Location "/own/plain">
    SetHandler graphtok-auth
    ErrorDocument 400 default
    GraphTokReturnTo /welcome?a=1&b=2
</Location>
Header always set X-Everywhere yes
"""
OWN_PAGE = "<!DOCTYPE html><title>Ours</title><h1>the house's own page</h1>\n"


@pytest.fixture(scope="module")
def site(make_site):
    made = make_site(mounts=OWN)
    (made.folder / "htdocs" / "own-page.html").write_text(OWN_PAGE)
    made.start()
    made.register("/own/auth")
    yield made
    made.end()


def get(site, path, browser=None, **headers):
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    return (browser or Browser()).get(site.url + path, headers={**PAGE, **headers})


def links(page):
    """[(address, text)]"""
    return [(html.unescape(url), text)
            for url, text in re.findall(r'<a href="([^"]*)">([^<]*)</a>', page.text)]


OVER = "/auth/callback?state=unknown"


@pytest.mark.parametrize("wanted, language, words", [
    (None, "en", "This sign-in is over"), ("en-GB,en;q=0.9", "en", "This sign-in is over"),
    ("de-AT,de;q=0.9,en;q=0.8", "de", "Diese Anmeldung gilt nicht mehr"),
    ("en;q=0.3, de;q=0.4", "de", "Diese Anmeldung gilt nicht mehr"),
    ("fr, *;q=0.1", "en", "This sign-in is over")])
def test_the_language_that_is_asked_for(site, wanted, language, words):
    page = get(site, OVER, **({"Accept_Language": wanted} if wanted else {}))
    assert page.status == 400 and f"<h1>{words}</h1>" in page.text
    assert f'<html lang="{language}">' in page.text
    assert page.headers["Content-Language"] == language
    assert "Accept-Language" in page.headers["Vary"]


def test_a_page_is_plain_and_loads_nothing(site):
    page = get(site, OVER)
    style = re.search("<style>(.*?)</style>", page.text, re.S)[1]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and f"style-src 'sha256-{digest}'" in policy
    assert "unsafe" not in policy
    assert "prefers-color-scheme:dark" in style and "url(" not in style
    for word in ("<script", " src=", "<link", " style=", "http:", "https:", "@import"):
        assert word not in page.text, word
    for needed in ('<meta name="viewport"', "<main>", "<h1>", "<nav>", "<title>"):
        assert page.text.count(needed) == 1, needed


def test_a_sign_in_that_is_over_leads_to_another_and_to_the_start(site):
    assert links(get(site, OVER)) == [("/auth/login", "Sign in again"), ("/", "Start page")]
    assert links(get(site, OVER, Accept_Language="de")) == [("/auth/login", "Neu anmelden"),
                                                            ("/", "Startseite")]
    assert links(get(site, "/own/plain/callback?state=x"))[1] == ("/welcome?a=1&b=2", "Start page")
    assert links(get(site, "/auth/nothing")) == [("/", "Start page")]


def test_a_sign_in_that_fails_keeps_where_it_was_to_lead(site, browser):
    asked = browser.get(site.url + "/auth/login?return_to=/app/x%3Fy%3D1").location
    state = query_of(asked)["state"]
    page = get(site, f"/auth/callback?error=access_denied&state={state}", browser)
    assert page.status == 403 and "<h1>Sign-in cancelled</h1>" in page.text
    again = links(page)[0]
    assert again[1] == "Sign in again" and query_of(again[0])["return_to"] == "/app/x?y=1"
    back = browser.sign_in(site.url + again[0])
    assert back.status == 303 and back.location == site.url + "/app/x?y=1"


@pytest.mark.parametrize("wanted, cancelled, account", [
    ("en", "Sign-in cancelled", "This account cannot sign in here"),
    ("de", "Anmeldung abgebrochen", "Dieses Konto kann sich hier nicht anmelden")])
def test_what_a_person_can_do_is_said_in_their_language(site, browser, wanted, cancelled, account):
    """And not only that it is not allowed."""
    for code, words in ((65004, cancelled), (50105, account), (53003, account), (50020, account)):
        state = query_of(browser.get(site.url + "/auth/login").location)["state"]
        page = get(site, f"/auth/callback?error=access_denied&error_description=AADSTS{code}%3a+x"
                   f"&state={state}", browser, Accept_Language=wanted)
        assert page.status == 403 and f"<h1>{words}</h1>" in page.text
        assert f"AADSTS{code}" in page.text


def test_a_failure_that_passes_offers_the_same_page_again(site, sandbox, browser):
    assert browser.sign_in(site.url + "/auth/login").status == 200
    sandbox.fault(where="graph", kind="status", status=503, times=0)
    page = get(site, "/calendar/events?top=3&skip=1", browser, Accept_Language="de")
    assert page.status == 503
    again = links(page)[0]
    assert again == ("/calendar/events?top=3&skip=1", "Noch einmal versuchen")
    sandbox.fault(where="graph", kind="none")
    assert get(site, again[0], browser).status == 200


def test_signed_in_says_who_and_where_to_go_on(site, browser):
    back = browser.leave_for_sign_in(site.url + "/auth/login")
    page = browser.get(back, headers={**PAGE, "Accept-Language": "de"})
    assert page.status == 200 and "Angemeldet" in page.text
    who = "Sie sind angemeldet als <strong>Ada Lovelace (ada@sandbox.example)</strong>"
    assert who in page.text and links(page) == [("/", "Startseite")]
    # The same address again, by the back button: out of the row.
    page = browser.get(back, headers={**PAGE, "Accept-Language": "de"})
    assert page.status == 200 and who in page.text


def test_consent_comes_back_in_german(site):
    page = get(site, "/auth/callback?admin_consent=True", Accept_Language="de")
    assert page.status == 200 and "zugestimmt" in page.text
    assert links(page) == [("/auth/login", "Anmelden"), ("/", "Startseite")]


def test_what_a_stranger_writes_is_no_markup(site, browser):
    state = query_of(browser.get(site.url + "/auth/login").location)["state"]
    page = get(site, "/auth/callback?error=access_denied&error_description=AADSTS65004%3a"
               f"%22%3e%3cscript%3e&state={state}", browser, Accept_Language="de\"><script>")
    assert page.status == 403 and "<script" not in page.text


# ---- ErrorDocument ----

def test_the_house_s_own_page_where_a_gate_refuses(site):
    page = get(site, "/own/auth/callback?state=x")
    assert page.status == 400 and page.text.startswith("said GT0834 /own/auth/login")
    assert page.headers["Content-Security-Policy"] is None
    assert page.headers["Cache-Control"] == "no-store" and page.headers["X-Everywhere"] == "yes"


def test_the_house_s_own_page_after_a_wait(site, sandbox, browser):
    assert browser.sign_in(site.url + "/own/auth/login").status == 200
    sandbox.fault(where="graph", kind="status", status=503, headers={"Retry-After": "7"}, times=1)
    page = get(site, "/own/calendar/events", browser)
    assert (page.status, page.text) == (503, OWN_PAGE)
    assert page.headers["Retry-After"] == "7"


def test_the_house_s_own_page_before_an_application(site):
    page = get(site, "/own/files/x")
    assert (page.status, page.text) == (401, OWN_PAGE)
    assert page.headers["X-Everywhere"] == "yes"


def test_an_own_page_elsewhere_or_lost_is_as_in_httpd(site):
    page = get(site, "/own/auth/revoke")
    assert page.status == 302 and page.location == "https://elsewhere.example/help"
    page = get(site, "/own/auth/nothing")
    assert page.status == 404 and "Additionally, a 404" in page.text


def test_an_own_page_that_fails_itself_ends(site, sandbox, browser):
    """/own/calendar/events stands for 502, and gets 502 itself."""
    assert browser.sign_in(site.url + "/own/auth/login", "grace@sandbox.example").status == 200
    sandbox.fault(where="graph", kind="garbage", times=0)
    page = get(site, "/own/calendar/", browser)
    sandbox.fault(where="graph", kind="none")
    assert page.status == 502 and "<h1>" in page.text and "GT0827" in page.text


def test_default_stands_for_our_page(site):
    page = get(site, "/own/plain/callback?state=x")
    assert page.status == 400 and "<h1>This sign-in is over</h1>" in page.text


@pytest.mark.parametrize("path, status", [
    ("/own/auth/callback?state=x", 400), ("/own/files/x", 401), ("/own/auth/nothing", 404),
    ("/own/auth/revoke", 405), ("/own/calendar/", 401)])
def test_a_program_gets_its_problem_all_the_same(site, path, status):
    answer = Browser().get(site.url + path, headers={"Accept": "application/json"})
    assert answer.status == status and answer.json["status"] == status
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_a_page_that_needs_a_sign_in_is_still_sent_there(site):
    page = get(site, "/own/calendar/")
    assert page.status == 302 and page.location.startswith("/own/auth/login?")
