# Licensed under the Apache License, Version 2.0; see LICENSE.
"""A proxy in front takes a prefix away (GraphTokPublicURL with a path): each link that leads a
browser or a client back to us has it exactly once."""

import base64
import re

import pytest

from support.browser import Browser, query_of
from support.httpd import Httpd
from support.site import MOUNTS

PAGE = {"Accept": "text/html"}
MORE = MOUNTS + """
<Location "/app">
    GraphTokPassToken header
</Location>
<Location "/tom/auth">
    GraphTokReturnTo /app/page.txt
</Location>
<Location "/tom/again">
    SetHandler graphtok-auth
    GraphTokReturnTo /portal/app/page.txt
</Location>
<Location "/admin">
    SetHandler graphtok-admin
    AuthType Basic
    AuthName administration
    AuthUserFile {folder}/users
    Require user ada
</Location>
"""


@pytest.fixture(scope="module", name="front")
def front_fixture(ground):
    """A real httpd in front of us."""
    made = Httpd(ground / "front")
    yield made
    made.remove()


@pytest.fixture(scope="module", name="portal")
def portal_fixture(make_site, front, sandbox_server):
    """(our site, its address as browsers see it)"""
    public = front.url + "/portal"
    # Hosts in capitals, as people write them: they are the same hosts.
    site = make_site(
        mounts=MORE, settings=f"GraphTokPublicURL {public.replace('localhost', 'LocalHost')}/",
        provider=f"GraphTokAuthority {sandbox_server.authority.replace('localhost', 'LOCALHOST')}")
    front.write(f"GraphTokPassCookie on\nProxyPass /portal/ http://127.0.0.1:{site.httpd.port}/\n"
                f"ProxyPassReverse /portal/ http://127.0.0.1:{site.httpd.port}/")
    for folder in ("app", "portal"):
        (site.folder / "htdocs" / folder).mkdir()
        (site.folder / "htdocs" / folder / "page.txt").write_text(folder)
    front.start()
    site.start()
    yield site, public
    site.end()


@pytest.fixture(autouse=True)
def registered(portal, sandbox):
    sandbox.add_redirect_uri(portal[1] + "/auth/callback")
    sandbox.add_redirect_uri(portal[1] + "/tom/auth/callback")
    sandbox.add_redirect_uri(portal[1] + "/tom/again/callback")


def test_sign_in(portal, browser):
    public = portal[1]
    login = browser.get(public + "/auth/login")
    assert query_of(login.location)["redirect_uri"] == public + "/auth/callback"
    assert {re.search("Path=([^;]*)", field)[1] for field in login.cookies} == {"/"}
    done = browser.sign_in(public + "/auth/login")
    assert done.status == 200 and done.json["status"] == "signed_in"
    assert browser.get(public + "/auth/token").status == 200


@pytest.mark.parametrize("target, then", [
    ("/portal/app/page.txt?a=%2F", "/portal/app/page.txt?a=%2F"),
    ("/app/page.txt", "/portal/app/page.txt"),
    ("/portals/x", "/portal/portals/x"),
    ("/portal", "/portal"),
    ("/portal/%2e%2e/app", "/portal/portal/%2e%2e/app"),
])
def test_return_to(portal, browser, front, target, then):
    done = browser.sign_in(portal[1] + "/auth/login?return_to=" + target.replace("%", "%25"))
    assert (done.status, done.location) == (303, front.url + then)


@pytest.mark.parametrize("target", ["/../app", "/portal/../../app", "/x/%2e%2e/%2E./app",
                                    "//evil.example", "/portal/../..//evil.example"])
def test_return_to_stays_below(portal, browser, target):
    answer = browser.get(portal[1] + "/auth/login?return_to=" + target.replace("%", "%25"))
    assert answer.status == 400 and answer.json["tag"] == "GT0833"


@pytest.mark.parametrize("mount", ["/tom/auth", "/tom/again"])
def test_the_administrators_target(portal, browser, mount):
    done = browser.sign_in(portal[1] + mount + "/login")
    assert (done.status, done.location) == (303, portal[1] + "/app/page.txt")


@pytest.mark.parametrize("path", ["/app/page.txt?x=1", "/portal/page.txt"])
def test_a_page_comes_back(portal, sandbox, path):
    """Also one of ours whose own name is the prefix's."""
    site, public = portal
    if path.startswith("/portal"):
        site.configure(mounts=MORE.replace('"/app"', '"/portal"'))
        site.httpd.graceful()
    browser = Browser(sandbox.ca)
    sent = browser.get(public + path, headers=PAGE)
    assert sent.status == 302 and sent.location.startswith("/portal/auth/login?return_to=%2Fportal%2F")
    login = public.removesuffix("/portal") + sent.location
    done = browser.get(browser.leave_for_sign_in(login, headers=PAGE), headers=PAGE)
    assert (done.status, done.location) == (303, public + path)
    assert browser.get(done.location).text == path.split("/")[1]


def test_a_front_with_this_module_passes_our_cookies_on(portal, front, browser):
    """By default it keeps them, as from any application."""
    site, public = portal
    assert browser.sign_in(public + "/auth/login").status == 200
    text = front.conf.read_text()
    try:
        front.conf.write_text(text.replace("GraphTokPassCookie on", ""))
        front.graceful()
        assert browser.get(public + "/auth/token").status == 401
        assert browser.get(site.url + "/auth/token").status == 200
    finally:
        front.conf.write_text(text)
        front.graceful()
    assert browser.get(public + "/auth/token").status == 200


def test_links(portal, sandbox):
    site, public = portal
    browser = Browser(sandbox.ca)
    assert browser.get(public + "/auth/token").json["login_url"] == "/portal/auth/login"
    for path in ("/auth/callback?error=access_denied&state=x",
                 "/auth/callback?admin_consent=True&tenant=x"):
        page = browser.get(public + path, headers=PAGE)
        assert re.findall('href="([^"]*)"', page.text) == ["/portal/auth/login", "/portal/"], page
    assert browser.sign_in(public + "/auth/login").status == 200
    sandbox.bulk_events("ada@sandbox.example", count=25)
    first = browser.get(public + "/calendar/events?top=1")
    link = first.json["@odata.nextLink"]
    assert link.startswith(public + "/calendar/events?page=") and browser.get(link).status == 200
    for origin, status in ((public, 403), ("https://evil.example", 403),
                           (public.removesuffix("/portal"), 200)):
        assert browser.post(public + "/auth/revoke", headers={"Origin": origin}).status == status
    assert f'"public_url":"{public}"' in site.httpd.check("-D", "DUMP_GRAPHTOK")[1]


def test_the_pages_of_administrators(portal, browser):
    """Each link leads below the prefix, and a form's act is known as one of our own pages'."""
    public = portal[1]
    headers = {"Accept": "text/html", "Authorization": "Basic " + base64.b64encode(b"ada:ada").decode()}
    page = browser.get(public + "/admin", headers=headers)
    links = re.findall('(?:href|src|action)="([^"#]+)"', page.text)
    assert page.status == 200 and links and all(link.startswith("/portal/admin/") for link in links)
    style = next(link for link in links if link.endswith(".css"))
    origin = public.removesuffix("/portal")
    assert browser.get(origin + style, headers=headers).status == 200
    token = re.search('csrf-token" content="([^"]+)"', page.text)[1]
    answer = browser.send("POST", public + "/admin/cleanup", f"csrf_token={token}".encode(), headers={
        **headers, "Content-Type": "application/x-www-form-urlencoded", "Origin": origin})
    assert answer.status == 303 and answer.location.startswith("/portal/admin/?done=cleaned")
