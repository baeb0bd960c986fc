# Licensed under the Apache License, Version 2.0; see LICENSE.
"""httpd is told who the caller is where we know it, and what it cannot know of a session is said."""

import base64

import pytest

from support.browser import Browser
from support.site import MOUNTS

NEEDS = """
<LocationMatch "^/needs/">
    SetHandler none
    GraphTokPassToken header
    Require valid-user
</LocationMatch>
<Location "/typed/calendar">
    SetHandler graphtok-calendar
    AuthType GraphTok
    Require valid-user
</Location>
<Location "/bare/calendar">
    SetHandler graphtok-calendar
    Require valid-user
</Location>
<Location "/foreign">
    Require valid-user
</Location>
"""


WHERE = [("event", "sqlite3"), ("prefork", "sqlite3")]


@pytest.fixture(scope="module")
def site(request, make_site):
    made = make_site(*request.param, mounts=MOUNTS + NEEDS)
    made.start()
    yield made
    made.end()


def users_of(site, target):
    """%u of each line of the access log about a path, once there is one."""
    def rows(log):
        return [line.split()[1] for line in log.splitlines()
                if line.split('"')[1].split()[1].split("?")[0] == target]
    return rows(site.httpd.accessed(rows))


@pytest.fixture(name="ada")
def ada_fixture(site, browser):
    assert browser.sign_in(site.url + "/auth/login").status == 200
    return browser


def test_sessions_stand_in_the_log(site, ada):
    user = ada.get(site.url + "/auth/token").json["user"]
    assert ada.get(site.url + "/calendar/next24").status == 200
    assert ada.get(site.url + "/health/microsoft").status == 200
    assert users_of(site, "/auth/token")[-1] == user
    assert users_of(site, "/calendar/next24")[-1] == user
    assert users_of(site, "/auth/callback")[-1] == user
    assert users_of(site, "/auth/login")[-1] == "-"


def test_no_session_is_nobody(site, ada):
    assert Browser().get(site.url + "/calendar/").status == 401
    assert users_of(site, "/calendar/")[-1] == "-"
    cookie = "; ".join(f"{c.name}={c.value}" for c in ada.jar)
    ada.post(site.url + "/auth/revoke")
    assert len(users_of(site, "/auth/revoke")[-1]) > 1
    assert Browser().get(site.url + "/auth/user", headers={"Cookie": cookie}).status == 401
    assert users_of(site, "/auth/user")[-1] == "-"


def test_static_users_and_those_of_httpd(site, sandbox):
    basic = {"Authorization": "Basic " + base64.b64encode(b"bob:bob").decode()}
    browser = Browser(sandbox.ca)
    browser.get(site.url + "/tom/auth/token")
    browser.get(site.url + "/staff/auth/token", headers=basic)
    assert users_of(site, "/tom/auth/token") == ["tom"]
    assert users_of(site, "/staff/auth/token") == ["bob"]


@pytest.mark.parametrize("path", ["/needs/x", "/bare/calendar/", "/bare/calendar/next24"])
def test_a_require_that_no_session_can_meet_is_named_in_the_log(site, ada, path):
    assert ada.get(site.url + path).status == 500
    site.httpd.log_has(f"{path} is answered with 500. Write AuthType GraphTok, or leave this Require out")


def test_a_require_that_a_session_meets(site, ada):
    assert ada.get(site.url + "/typed/calendar/").status == 200
    assert Browser().get(site.url + "/typed/calendar/").status == 401


def test_it_is_named_at_the_start_and_where_it_is_ours_alone(site):
    assert "Require valid-user holds at /bare/calendar, where no AuthType" in site.httpd.log()
    assert Browser().get(site.url + "/foreign/x").status == 500
    assert Browser().get(site.url + "/bare/calendar/").status == 500
    site.httpd.log_has("/bare/calendar/ is answered with 500")
    assert "/foreign/x is answered" not in site.httpd.log()
