# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Where a place's users sign in: as GraphTokSignIn says, or where it helps."""

import pytest

from support.browser import Browser, query_of

STORES = """
<GraphTokStore beta>
    GraphTokTable beta_tokens
</GraphTokStore>
<GraphTokStore gamma>
    GraphTokTable gamma_tokens
</GraphTokStore>
"""

PLACES = """
<Location "/auth">
    SetHandler graphtok-auth
</Location>
<Location "/second/auth">
    SetHandler graphtok-auth
</Location>
<Location "/calls/auth">
    SetHandler graphtok-auth
</Location>
<Location "/calendar/of/ada">
    GraphTokUser static ada
    SetHandler graphtok-calendar
</Location>
<Location "/calendar/of/ada/auth">
    SetHandler graphtok-auth
</Location>
<Location "/second/beta/auth">
    SetHandler graphtok-auth
    GraphTokUseStore beta
</Location>
<Location "/calendar">
    SetHandler graphtok-calendar
</Location>
<Location "/second/calendar">
    SetHandler graphtok-calendar
</Location>
<Location "/aut">
    SetHandler graphtok-calendar
    GraphTokUseStore beta
</Location>
<Location "/gamma">
    SetHandler graphtok-calendar
    GraphTokUseStore gamma
</Location>
<Location "/named">
    SetHandler graphtok-calendar
    GraphTokSignIn /second/auth/
</Location>
<Location "/app">
    GraphTokPassToken header
    GraphTokUseStore beta
    GraphTokSignIn /second/beta/auth
</Location>
GraphTokLimit off
"""


@pytest.fixture(scope="module")
def site(make_site):
    made = make_site(settings=STORES, mounts=PLACES)
    made.start()
    made.register("/auth", "/second/auth", "/second/beta/auth")
    yield made
    made.end()


@pytest.mark.parametrize("path, place", [
    ("/calendar/events", "/auth"), ("/second/calendar/events", "/second/auth"),
    ("/aut/events", "/second/beta/auth"), ("/named/events", "/second/auth"),
    ("/calendar/of/ada/events", "/calendar/of/ada/auth"),
    ("/app/x", "/second/beta/auth"), ("/auth/token", "/auth"),
    ("/second/beta/auth/token", "/second/beta/auth"), ("/gamma/events", None)])
def test_a_place_signs_in_where_it_helps(site, path, place):
    answer = Browser().get(site.url + path)
    assert answer.status == 401
    assert answer.json.get("login_url") == (place and place + "/login")


def test_a_page_goes_where_the_directive_says_and_comes_back(site, browser):
    answer = browser.get(site.url + "/named/next24", headers={"Accept": "text/html"})
    assert answer.status == 302 and answer.location.startswith("/second/auth/login?")
    assert query_of(answer.location)["return_to"] == "/named/next24"
    callback = browser.leave_for_sign_in(site.url + answer.location)
    assert browser.follow(callback).status == 200
    assert browser.get(site.url + "/named/next24").status == 200


def test_a_page_stays_where_no_sign_in_helps(site, browser):
    answer = browser.get(site.url + "/gamma/next24", headers={"Accept": "text/html"})
    assert answer.status == 401 and not answer.location
