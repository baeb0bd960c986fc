# Licensed under the Apache License, Version 2.0; see LICENSE.
"""A session ends with the grant that it began with, on every node, and holds where it began."""

import re

import pytest

from support import httpd as servers
from support.browser import Browser
from support.site import MOUNTS

PUBLIC = "https://app.example"

HOSTS = """
Listen 127.0.0.1:{second}
Listen 127.0.0.1:{third}
GraphTokPublicURL """ + PUBLIC + """
<VirtualHost 127.0.0.1:{first}>
    ServerName first.internal
    {of_first}
</VirtualHost>
<VirtualHost 127.0.0.1:{second}>
    ServerName second.internal
</VirtualHost>
<VirtualHost 127.0.0.1:{third}>
    ServerName third.internal
    GraphTokSessionRealm app
</VirtualHost>
"""


def cookie_of(answer):
    """The session cookie that an answer sets, as a browser sends it."""
    session = re.compile(r"(?:__Host-)?graphtok-[0-9a-f]{8}=[^;]+")
    return next(found[0] for field in answer.cookies if (found := session.match(field)))


def ask(url, cookie, path="/auth/token", method="GET"):
    return Browser().send(method, url + path, headers={"Cookie": cookie}).status


def sign_in(site, sandbox):
    """The cookie of a new browser's session."""
    return cookie_of(Browser(sandbox.ca).sign_in(site.url + "/auth/login"))


@pytest.fixture(scope="module", name="nodes", params=["sqlite3", "pgsql"])
def nodes_fixture(request, make_site):
    """Two servers on one database, whose sessions are the same."""
    one = make_site(engine=request.param, settings="GraphTokSessionRealm nodes")
    two = make_site(engine=request.param, settings="GraphTokSessionRealm nodes",
                    database=one.database, migrate=False,
                    keyring=(one.secrets / "keyring").read_text())
    for node in (one, two):
        node.start()
    yield one, two
    for node in (two, one):
        node.end()


def test_A4_a_session_ends_with_its_grant(nodes, sandbox):
    one, two = nodes
    cookies = [sign_in(one, sandbox), sign_in(two, sandbox)]
    assert [ask(node.url, cookie) for node in nodes for cookie in cookies] == [200] * 4
    assert ask(one.url, cookies[0], "/auth/revoke", "POST") == 200
    assert [ask(one.url, cookie) for cookie in cookies] == [401] * 2
    for cookie in cookies:
        two.httpd.wait_until(lambda cookie=cookie: ask(two.url, cookie) == 401, 5)
    # A new sign-in is another grant's: no older session lives on by it.
    fresh = sign_in(two, sandbox)
    assert [ask(node.url, fresh) for node in nodes] == [200] * 2
    assert [ask(node.url, cookie) for node in nodes for cookie in cookies] == [401] * 4
    # Another sign-in without a revoke ends nothing.
    again = sign_in(one, sandbox)
    assert [ask(node.url, cookie) for node in nodes for cookie in (fresh, again)] == [200] * 4


def test_A4_a_session_ends_when_an_administrator_revokes(nodes, sandbox):
    cookie = sign_in(nodes[0], sandbox)
    assert [ask(node.url, cookie) for node in nodes] == [200] * 2
    user = Browser().get(nodes[0].url + "/auth/token", headers={"Cookie": cookie}).json["user"]
    nodes[0].ctl("revoke", user)
    fresh = sign_in(nodes[1], sandbox)
    for node in nodes:
        node.httpd.wait_until(lambda node=node: ask(node.url, cookie) == 401, 5)
        assert ask(node.url, fresh) == 200


def sign_in_behind(url, sandbox, back_at=None):
    """The cookie of the same behind GraphTokPublicURL, or the answer when the browser comes back to
    another host: browsers keep such cookies for https, so this one does it by hand."""
    browser = Browser(sandbox.ca)
    login = browser.get(url + "/auth/login?login_hint=ada%40sandbox.example",
                        headers={"X-Forwarded-Host": "app.example"})
    at_provider = browser.get(login.location)
    callback = at_provider.location.replace(PUBLIC, back_at or url)
    state = "; ".join(field.split(";")[0] for field in login.cookies)
    answer = browser.get(callback, headers={"Cookie": state})
    return answer if back_at else cookie_of(answer)


def test_a_session_is_its_virtual_hosts(make_site, sandbox):
    ports = [servers.free_port() for _ in range(2)]
    site = make_site()
    hosts = HOSTS.replace("{first}", str(site.httpd.port)).replace("{second}", str(ports[0])).replace(
        "{third}", str(ports[1]))
    urls = [site.url] + [f"http://127.0.0.1:{port}" for port in ports]
    site.configure(mounts=hosts.replace("{of_first}", "") + MOUNTS)
    site.start()
    try:
        sandbox.add_redirect_uri(PUBLIC + "/auth/callback")
        cookie = sign_in_behind(site.url, sandbox)
        assert [ask(url, cookie) for url in urls] == [200, 401, 401]
        # Nor under the name that the other host's own cookie has: the value is bound, too.
        other = sign_in_behind(urls[1], sandbox)
        assert [ask(url, other) for url in urls] == [401, 200, 401]
        lost = sign_in_behind(site.url, sandbox, back_at=urls[1])
        assert lost.status == 400 and lost.json["tag"] == "GT0834", lost
        forged = other.split("=", 1)[0] + "=" + cookie.split("=", 1)[1]
        assert forged != cookie and ask(urls[1], forged) == 401
        site.configure(mounts=hosts.replace("{of_first}", "GraphTokSessionRealm app") + MOUNTS)
        site.httpd.graceful()
        assert [ask(url, cookie) for url in urls] == [401, 401, 401]
        cookie = sign_in_behind(site.url, sandbox)
        assert [ask(url, cookie) for url in urls] == [200, 401, 200]
        assert sign_in_behind(site.url, sandbox, back_at=urls[2]).status == 200
    finally:
        site.end()
