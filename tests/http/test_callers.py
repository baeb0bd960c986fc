# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Who asks, where an expression of httpd's says it, and whose grant it is about then."""

import pytest

from support.browser import Browser
from support.site import MOUNTS

WHERE = [("event", "sqlite3"), ("prefork", "sqlite3")]

PAGE = {"Accept": "text/html"}

APP = """
<Location "/app">
    GraphTokUser "expr=%{HTTP:X-User}"
</Location>
<Location "/app/auth">
    SetHandler graphtok-auth
</Location>
<Location "/app/calendar">
    SetHandler graphtok-calendar
</Location>
<Location "/app/health">
    SetHandler graphtok-health
</Location>
<Location "/app/inner">
    SetHandler graphtok-auth
    GraphTokUser static tom
</Location>
<Location "/broken">
    SetHandler graphtok-auth
    GraphTokUser "expr=%{file:/no/such/file}"
</Location>
"""


@pytest.fixture(scope="module")
def site(request, make_site):
    made = make_site(*request.param, mounts=MOUNTS + APP)
    made.start()
    made.register("/app/auth", "/app/inner")
    yield made
    made.end()


def sign_in(site, sandbox, name):
    """A browser in which this user of the application has signed in."""
    browser = Browser(sandbox.ca)
    callback = browser.leave_for_sign_in(site.url + "/app/auth/login", headers={"X-User": name})
    assert browser.get(callback, headers={"X-User": name}).status == 200
    return browser


def ask(site, name=None, path="/app/auth/token", **headers):
    return Browser().get(site.url + path, headers=headers | ({"X-User": name} if name else {}))


def test_the_expression_names_the_caller(site, sandbox):
    sign_in(site, sandbox, "ada")
    assert ask(site, "ada").json["user"] == "ada"
    assert ask(site, "ada", "/app/calendar/next24").status == 200
    assert ask(site, path="/app/inner/token", name="ada").json["tag"] != "GT0829"
    site.httpd.accessed(lambda log: any(line.split()[1] == "ada" and "/app/calendar/next24" in line
                                        for line in log.splitlines()))


def test_each_user_has_a_grant_of_their_own(site, sandbox):
    sign_in(site, sandbox, "ada")
    answer = ask(site, "eve")
    assert answer.status == 401 and answer.json["login_url"] == "/app/auth/login"
    assert answer.json["tag"] != "GT0829"


def test_an_empty_result_is_no_caller(site):
    for path in ("/app/auth/token", "/app/auth/login", "/app/calendar/events"):
        answer = ask(site, path=path)
        assert (answer.status, answer.json["tag"]) == (401, "GT0829")
        assert "login_url" not in answer.json


def test_a_page_is_not_sent_to_sign_in_where_that_names_no_caller(site):
    for path in ("/app/calendar/events", "/app/auth/login"):
        answer = ask(site, path=path, **PAGE)
        assert answer.status == 401 and not answer.location and "GT0829" in answer.text


def test_a_route_without_a_caller_needs_none(site):
    assert ask(site, path="/app/health/microsoft").status == 200


def test_a_sign_in_ends_for_the_user_that_began_it(site, sandbox):
    browser = Browser(sandbox.ca)
    callback = browser.leave_for_sign_in(site.url + "/app/auth/login", headers={"X-User": "ada"})
    answer = browser.get(callback, headers={"X-User": "eve"})
    assert answer.json["tag"] == "GT0834"


@pytest.mark.parametrize("name", ["x" * 256, "a\tb", "ad\xff"], ids=["long", "tab", "latin"])
def test_what_is_no_user_id_is_refused(site, name):
    answer = ask(site, name)
    assert (answer.status, answer.json["tag"]) == (403, "GT0823")


@pytest.mark.parametrize("name", ["x" * 255, "Zo\u00c3\u00ab"],  # the latter is UTF-8, as latin-1 writes it
                         ids=["longest", "utf-8"])
def test_bounds_of_a_user_id(site, name):
    assert ask(site, name).json["login_url"] == "/app/auth/login"


def test_an_expression_that_fails_is_told(site):
    answer = ask(site, path="/broken/token")
    assert (answer.status, answer.json["tag"]) == (500, "GT0830")
    assert "/no/such" not in answer.text
    site.httpd.log_has("GT0830: token: the expression of GraphTokUser cannot be evaluated: Cannot open file /no/such/file")
