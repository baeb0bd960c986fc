# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Browsers that come by another name than the public one: cookies belong to the host that sets them."""

import http.client
import urllib.parse

import pytest

from support.browser import query_of
from support.site import MOUNTS


def start(make_site, public="{url}", **more):
    made = make_site(**more)
    made.configure(settings="GraphTokPublicURL " + public.format(url=made.url))
    return made.start()


@pytest.fixture(scope="module")
def site(make_site):
    """Known as localhost, and reached by 127.0.0.1 as well."""
    made = start(make_site)
    yield made
    made.end()


def other(site):
    return site.url.replace("localhost", "127.0.0.1")


@pytest.mark.parametrize("path", ["/auth/", "/auth/login", "/auth/login/microsoft"])
def test_a_sign_in_goes_to_where_it_comes_back(site, sandbox, browser, path):
    sandbox.add_redirect_uri(site.url + "/auth/callback/microsoft")
    query = "?return_to=%2Fcalendar%2F%3Fa%3D%252F&login_hint=ada@sandbox.example"
    home = browser.get(other(site) + path + query)
    assert home.status == 302 and not home.cookies, home
    wanted = "/auth/login" if path == "/auth/" else path
    assert home.location == site.url + wanted + query + "&moved=1"
    away = browser.get(home.location)
    assert query_of(away.location)["redirect_uri"].startswith(site.url + "/auth/callback")
    done = browser.get(browser.get(away.location).location)
    assert done.status == 303 and done.location == site.url + "/calendar/?a=%2F", done


def test_a_page_by_another_name(site, browser):
    asked = browser.get(other(site) + "/calendar/next24", headers={"Accept": "text/html"})
    login = urllib.parse.urljoin(other(site), asked.location)
    home = browser.get(login)
    done = browser.sign_in(home.location)
    assert done.location == site.url + "/calendar/next24"


def ask(site, **fields):
    """A sign-in asked for with these header fields: status, where it leads."""
    connection = http.client.HTTPConnection("127.0.0.1", site.httpd.port, timeout=60)
    connection.putrequest("GET", fields.pop("target", "/auth/login"), skip_host=True)
    for name, value in {"Host": site.url[7:], **fields}.items():
        connection.putheader(name.replace("_", "-"), value)
    connection.endheaders()
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status, answer.getheader("Location").split("?")[0].rsplit("/", 1)[1]


@pytest.mark.parametrize("fields, then", [
    ({}, "authorize"),
    ({"Host": "{HOST}"}, "authorize"),
    ({"Host": "localhost.:{port}"}, "login"),  # a name's full form: another host for cookies
    ({"Host": "www.localhost:{port}"}, "login"),
    ({"Host": "inner:8080", "target": "/auth/login?moved=1"}, "authorize"),
    ({"Host": "inner:8080", "X_Forwarded_Host": "{host}"}, "authorize"),
    ({"Host": "inner:8080", "X_Forwarded_Host": "{host}, inner"}, "authorize"),
    ({"Host": "inner:8080", "X_Forwarded_Host": "www.{host}"}, "login")])
def test_where_a_sign_in_begins(site, fields, then):
    host = site.url[7:]
    filled = {name: value.format(host=host, HOST=host.upper(), port=site.httpd.port)
              for name, value in fields.items()}
    assert ask(site, **filled) == (302, then)


def test_going_home_costs_no_call_of_the_limit(make_site, browser):
    made = start(make_site, mounts=MOUNTS.replace("GraphTokLimit off", "GraphTokLimit login 2/min"))
    for _ in range(5):
        assert browser.get(other(made) + "/auth/login").location.endswith("moved=1")
    assert ask(made) == (302, "authorize")
    made.end()


def test_plain_http_is_another_name(make_site):
    made = start(make_site, "https://app.example")
    assert ask(made, Host="app.example") == (302, "login")
    assert ask(made, Host="app.example", target="/auth/login?moved=1") == (302, "authorize")
    assert ask(made, Host="app.example", X_Forwarded_Proto="https") == (302, "authorize")
    assert ask(made, Host="app.example", X_Forwarded_For="192.0.2.1") == (302, "authorize")
    made.end()
