# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Sign-out at the provider: by us on wish, and told to us by a frame or a call of the provider's."""

import re
import time
import urllib.parse

import pytest

from support.browser import Browser, query_of

PLACES = """
GraphTokSessionRealm nodes
<Location "/auth">
    SetHandler graphtok-auth
</Location>
<Location "/bye/auth">
    SetHandler graphtok-auth
    GraphTokLogoutReturnTo https://app.example/bye
</Location>
GraphTokLimit off
"""
FORM = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "same-origin"}
TYPE = {"Content-Type": "application/x-www-form-urlencoded"}
ISSUER = "{authority}/{tenant}/v2.0"


@pytest.fixture(scope="module", name="nodes")
def nodes_fixture(make_site):
    """Two servers on one database, whose sessions are the same."""
    one = make_site(engine="pgsql", mounts=PLACES)
    two = make_site(engine="pgsql", mounts=PLACES, database=one.database, migrate=False,
                    keyring=(one.secrets / "keyring").read_text())
    for node in (one, two):
        node.start()
    yield one, two
    for node in (two, one):
        node.end()


def sign_in(node, sandbox, sid, **claims):
    """The cookie of a session that the provider calls `sid`."""
    sandbox.process.settings(id_token_claims={"sid": sid, **claims})
    answer = Browser(sandbox.ca).sign_in(node.url + "/auth/login")
    sandbox.process.settings(id_token_claims={})
    session = re.compile(r"graphtok-[0-9a-f]{8}=[^;]+")
    return next(found[0] for field in answer.cookies if (found := session.match(field)))


def is_good(node, cookie):
    return Browser().get(node.url + "/auth/token", headers={"Cookie": cookie}).status == 200


def is_over(node, cookie):
    node.httpd.wait_until(lambda: not is_good(node, cookie), 10)
    return True


def told_by_frame(node, **query):
    """As a frame of another site's page asks: without a cookie."""
    return Browser().get(f"{node.url}/auth/logout/frontchannel?{urllib.parse.urlencode(query)}",
                         headers={"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "iframe"})


def token_of(sandbox, **claims):
    return sandbox.process.control("POST", "logout_token", {"claims": claims})["logout_token"]


def told_by_call(node, token):
    form = urllib.parse.urlencode({"logout_token": token}).encode()
    return Browser().send("POST", node.url + "/auth/logout/backchannel", form, TYPE)


def test_X1_the_providers_session_ends_as_well(nodes, sandbox):
    cookie = sign_in(nodes[0], sandbox, "s-1", login_hint="O.ada")
    answer = Browser().send("POST", nodes[0].url + "/auth/logout?provider=1",
                            headers={"Cookie": cookie})
    assert answer.json["status"] == "signed_out" and not is_good(nodes[0], cookie)
    url = answer.json["logout_url"]
    done = nodes[0].url + "/auth/logout/done"
    assert url.split("?")[0].endswith("/oauth2/v2.0/logout")
    assert query_of(url) == {"client_id": sandbox.client_id, "logout_hint": "O.ada",
                             "post_logout_redirect_uri": done}
    sandbox.add_redirect_uri(done)
    back = Browser(sandbox.ca).get(url)
    assert back.status == 302 and back.location == done
    page = Browser().get(done, headers=FORM)
    assert page.status == 200 and "Signed out" in page.text
    cookie = sign_in(nodes[0], sandbox, "s-2")
    form = Browser().send("POST", nodes[0].url + "/bye/auth/logout?provider=1",
                          headers={"Cookie": cookie, **FORM})
    assert form.status == 303
    assert query_of(form.location)["post_logout_redirect_uri"] == "https://app.example/bye"


def test_X1_a_frame_of_the_provider_ends_its_session_everywhere(nodes, sandbox):
    one, two = nodes
    gone, stays = sign_in(one, sandbox, "front-1"), sign_in(two, sandbox, "front-2")
    issuer = ISSUER.format(authority=sandbox.authority, tenant=sandbox.tenant)
    for wrong in ({}, {"sid": ""}, {"sid": "x" * 256}, {"sid": "front-1", "iss": "https://evil.example"},
                  {"sid": "front-1", "iss": issuer + "/"}):
        answer = told_by_frame(two, **wrong)
        assert answer.status == 400 and answer.json["tag"] == "GT0897", wrong
    assert told_by_frame(two, sid="front-3").status == 200
    assert all(is_good(node, cookie) for node in nodes for cookie in (gone, stays))
    answer = told_by_frame(two, sid="front-1", iss=issuer)
    assert answer.status == 200 and answer.headers["Cache-Control"] == "no-store"
    # It stands in a frame of the provider's page.
    assert answer.headers["Content-Security-Policy"] is None
    assert answer.headers["X-Frame-Options"] is None and not answer.cookies
    assert all(is_over(node, gone) and is_good(node, stays) for node in nodes)
    # Entra says the sid alone.
    assert told_by_frame(one, sid="front-2").status == 200
    assert all(is_over(node, stays) for node in nodes)


def test_X1_a_call_of_the_provider_ends_a_session_everywhere(nodes, sandbox):
    one, two = nodes
    gone, stays = sign_in(one, sandbox, "back-1"), sign_in(two, sandbox, "back-2")
    token = token_of(sandbox, sid="back-1")
    answer = told_by_call(two, token)
    assert answer.status == 200 and answer.headers["Cache-Control"] == "no-store"
    assert all(is_over(node, gone) and is_good(node, stays) for node in nodes)
    again = told_by_call(two, token)
    assert again.status == 400 and again.json["tag"] == "GT0898"
    assert again.headers["Cache-Control"] == "no-store"
    # Each server remembers for itself; sent to another one, the token names what is over.
    fresh = sign_in(one, sandbox, "back-3")
    assert told_by_call(one, token).status == 200
    assert told_by_call(one, token).json["tag"] == "GT0898"
    assert all(is_good(node, cookie) for node in nodes for cookie in (fresh, stays))


def test_X1_a_call_about_a_person_ends_all_sessions(nodes, sandbox):
    one, two = nodes
    gone = [sign_in(one, sandbox, "all-1"), sign_in(two, sandbox, "all-2")]
    user = Browser().get(one.url + "/auth/token", headers={"Cookie": gone[0]}).json["user"]
    token = token_of(sandbox, oid=user.split("@")[0])
    assert told_by_call(two, token).status == 200
    assert all(is_over(node, cookie) for node in nodes for cookie in gone)
    fresh = sign_in(two, sandbox, "all-3")
    assert all(is_good(node, fresh) for node in nodes)
    # One that was issued before, as one that is sent again, ends no session that is younger.
    before = token_of(sandbox, oid=user.split("@")[0], iat=int(time.time()) - 30)
    assert told_by_call(one, before).status == 200
    assert told_by_call(one, before).status == 400
    assert all(is_good(node, fresh) for node in nodes)


@pytest.mark.parametrize("claims", [
    {"iss": "https://evil.example"}, {"aud": "another"}, {"iat": 1}, {"iat": None}, {"exp": 1},
    {"exp": None}, {"jti": None}, {"jti": ""}, {"events": None}, {"events": {}},
    {"events": {"http://schemas.openid.net/event/backchannel-logout": 1}}, {"nonce": "n"},
    {"sid": None}, {"sid": "x" * 256}])
def test_X1_forged_logout_tokens(nodes, sandbox, forged, claims):
    answer = told_by_call(nodes[0], token_of(sandbox, **{"sid": "forged", **claims}))
    assert answer.status == 400 and answer.json["tag"] == "GT0534"
    assert answer.json["detail"] == "the provider's logout token is not accepted"
    assert is_good(nodes[0], forged)


@pytest.fixture(scope="module", name="forged")
def forged_fixture(nodes, sandbox_server):
    """A session that no forged token ends."""
    return sign_in(nodes[0], sandbox_server, "forged")


def test_X1_tokens_that_another_key_signed(nodes, sandbox, forged):
    good = token_of(sandbox, sid="forged")
    head, body, signature = good.split(".")
    for wrong in ("", "x", "a.b.c", f"{head}.{body}.", f"{head}.{body}", f"{head}.{body}.{signature[:-4]}AAAA",
                  "eyJhbGciOiJub25lIn0." + body + "."):
        assert told_by_call(nodes[0], wrong).status == 400, wrong
    sandbox.process.settings(id_token_alg="none")
    assert told_by_call(nodes[0], token_of(sandbox, sid="forged")).status == 400
    sandbox.process.settings(id_token_alg="HS256")
    assert told_by_call(nodes[0], token_of(sandbox, sid="forged")).status == 400
    sandbox.process.settings(id_token_alg="RS256")
    assert Browser().send("POST", nodes[0].url + "/auth/logout/backchannel", b"{}",
                          {"Content-Type": "application/json"}).status == 415
    assert is_good(nodes[0], forged)
