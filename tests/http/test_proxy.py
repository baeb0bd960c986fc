# Licensed under the Apache License, Version 2.0; see LICENSE.
"""GraphTokProxy: every call to the provider goes through it and nothing else does. The provider goes
by a name that only the proxy knows, so a call that went past the proxy would fail."""

import json

import pytest

from support.browser import Browser
from support.provider import Provider
from support.proxy import Proxy

HOST = "provider.invalid"
LOGIN = "graphtok:pa:ss wörd"
ENTRIES = ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")
MORE = "GraphTokConnectTimeout 2s\n    GraphTokTimeout 6s\n    "
TLS_HANDSHAKE = 0x16


class Neighbour(Browser):
    """A browser that finds the provider."""

    def send(self, method, url, **more):
        return super().send(method, url.replace(HOST, "localhost"), **more)


@pytest.fixture(scope="module", name="away")
def away_fixture(ground):
    """A provider that is found through a proxy only."""
    provider = Provider(ground / "away", HOST)
    yield provider
    provider.stop()


@pytest.fixture(scope="module", name="trap")
def trap_fixture():
    """The proxy that the environment names."""
    proxy = Proxy()
    yield proxy
    proxy.close()


@pytest.fixture(name="proxy")
def proxy_fixture():
    proxy = Proxy(LOGIN)
    yield proxy
    try:
        proxy.close()
    except OSError:
        pass


def environment(trap):
    return {**{name: trap.url for name in ENTRIES}, "no_proxy": "*", "NO_PROXY": "*"}


@pytest.fixture(name="office")
def office_fixture(make_site, away, proxy, trap):
    away.reset()
    made = make_site(sandbox=away)
    made.write_secret("login", LOGIN + "\n")
    made.configure(provider=MORE + f"GraphTokProxy {proxy.url} file:{made.secrets}/login")
    made.httpd.environment.update(environment(trap))
    made.start()
    yield made
    made.end()


def problem(answer, tag):
    """What a client is told: the tag, and not who the proxy is."""
    assert answer.json["tag"] == tag and answer.json["status"] == 502, answer
    assert "127.0.0.1" not in answer.text and "proxy" not in answer.text
    return answer


def test_all_goes_through_the_proxy(office, away, proxy, trap):
    browser = Neighbour(away.ca)
    assert browser.sign_in(office.url + "/auth/login").status == 200
    assert browser.get(office.url + "/auth/user").status == 200
    assert browser.get(office.url + "/calendar/events").status == 200
    assert browser.get(office.url + "/health/microsoft").json["status"] == "healthy"
    office.ctl("refresh", "--all", "--days", "400")
    assert away.calls("discovery") and away.calls("jwks") and away.calls("graph") == 2
    assert away.calls("token:authorization_code") == 1
    assert away.calls("token:refresh_token") == 1
    assert proxy.targets() == {away.authority.split("//")[1]}
    assert all(line.endswith(" HTTP/1.1") and line.startswith("CONNECT ") for line, _ in proxy.asked)
    assert proxy.first_bytes == {TLS_HANDSHAKE}
    assert not any("authorization" in fields for _, fields in proxy.asked)
    assert not trap.asked


def test_the_environment_is_not_asked(make_site, sandbox, trap):
    made = make_site()
    made.httpd.environment.update(environment(trap))
    for name in ("no_proxy", "NO_PROXY"):
        del made.httpd.environment[name]
    made.start()
    browser = Browser(sandbox.ca)
    assert browser.sign_in(made.url + "/auth/login").status == 200
    assert browser.get(made.url + "/auth/user").status == 200
    assert not trap.asked
    made.end()


def test_credentials_of_the_proxy(office, away, proxy):
    """They are followed without a restart, and stand nowhere in the clear."""
    browser = Neighbour(away.ca)
    assert browser.sign_in(office.url + "/auth/login").status == 200
    office.write_secret("login", "graphtok:an old one")
    proxy.hang_up()
    office.httpd.wait_until(lambda: browser.get(office.url + "/auth/user").status == 502
                          or proxy.hang_up(), 10)
    problem(browser.get(office.url + "/auth/user"), "GT0314")
    assert f"the proxy {proxy.url} refuses the user and password of GraphTokProxy (status 407)" \
        in office.httpd.log()
    office.write_secret("login", LOGIN)
    office.httpd.wait_until(lambda: browser.get(office.url + "/auth/user").status == 200, 10)
    dump = office.httpd.check("-D", "DUMP_GRAPHTOK")[1]
    assert f'"proxy":"{proxy.url}"' in dump and f"file:{office.secrets}/login" in dump
    places = [office.httpd.log(), dump, office.ctl("status", check=False).stdout]
    for secret in ("wörd", "an old one", *{fields["proxy-authorization"].split()[1]
                                           for _, fields in proxy.asked}):
        assert not any(secret in place for place in places), secret


def test_a_revocation_goes_through_the_proxy(office, away, proxy):
    """Entra has no endpoint for it. Here the sandbox is another provider, whose document names one."""
    issuer = f"{away.authority}/{away.tenant}/v2.0"
    office.configure(settings=f"""
<GraphTokProvider other>
    GraphTokKind openid
    GraphTokAuthority {issuer}
    GraphTokClientID {away.client_id}
    GraphTokClientSecret file:{office.secrets}/client-secret
    GraphTokCAFile {away.ca}
    GraphTokProxy {proxy.url} file:{office.secrets}/login
</GraphTokProvider>
<Location "/other/auth">
    SetHandler graphtok-auth
    GraphTokUseProvider other
</Location>
GraphTokUseProvider microsoft
""")
    office.httpd.graceful()
    office.register("/other/auth")
    browser = Neighbour(away.ca)
    document = browser.get(issuer + "/.well-known/openid-configuration").json
    document["revocation_endpoint"] = document["token_endpoint"]
    away.fault(where="discovery", kind="answer", times=0, body=json.dumps(document))
    keys = browser.get(document["jwks_uri"]).json["keys"]
    for key in keys:  # Entra's name their issuer, with a place for the tenant's id
        del key["issuer"]
    away.fault(where="jwks", kind="answer", times=0, body=json.dumps({"keys": keys}))
    assert browser.sign_in(office.url + "/other/auth/login").status == 200
    proxy.hang_up()
    before = len(proxy.asked)
    away.fault(where="token", kind="answer", body="{}", times=1)
    assert browser.post(office.url + "/other/auth/revoke").status == 200
    office.httpd.log_has("a grant that is not kept here was revoked at provider other")
    assert proxy.targets() == {away.authority.split("//")[1]} and len(proxy.asked) == before + 1


def test_a_proxy_that_refuses(office, away, proxy):
    browser = Neighbour(away.ca)
    assert browser.sign_in(office.url + "/auth/login").status == 200
    proxy.status = 403
    proxy.hang_up()
    problem(browser.get(office.url + "/auth/user"), "GT0314")
    assert f"the proxy {proxy.url} refuses the connection (status 403)" in office.httpd.log()


def test_a_proxy_that_is_away(office, away, proxy):
    browser = Neighbour(away.ca)
    proxy.close()
    problem(browser.get(office.url + "/auth/login", headers={"Accept": "application/json"}), "GT0313")
    assert f"the proxy {proxy.url} cannot be reached" in office.httpd.log()
    assert "GT0304" not in office.httpd.log()


def test_a_proxy_without_an_address(make_site, away):
    made = make_site(sandbox=away, provider=MORE + "GraphTokProxy http://proxy.invalid:3128")
    made.start()
    problem(Neighbour(away.ca).get(made.url + "/auth/login"), "GT0313")
    assert "the name of the proxy proxy.invalid does not resolve" in made.httpd.log()
    made.end()
