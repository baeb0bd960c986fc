# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Callers that show a token: GraphTokUser jwt, by secret, PEM, key set in a file and at an address."""

import contextlib
import http.client
import os
import re
import time
import urllib.parse

import pytest

from support.browser import Browser
from support.jwt import KeyServer, Signer, claims, jwks

WHERE = [("event", "sqlite3"), ("prefork", "sqlite3")]

SECRET = "b3f1c0ffee-shared-by-two-parties-0123456789-0123456789-0123456789"
ISSUER = """
    GraphTokJWTIssuer https://issuer.example
    GraphTokJWTAudience graphtok other
"""
SETTINGS = """
<GraphTokJWT hs>
    GraphTokJWTIssuer none
    GraphTokJWTAudience none
    GraphTokJWTAlgorithms HS256 HS384 HS512
    GraphTokJWTKeys file:{secrets}/shared
    GraphTokJWTCookie app_token
</GraphTokJWT>
<GraphTokJWT pem>""" + ISSUER + """
    GraphTokJWTAlgorithms RS256 PS256
    GraphTokJWTKeys file:{secrets}/key.pem
    GraphTokJWTUser uid
</GraphTokJWT>
<GraphTokJWT set>""" + ISSUER + """
    GraphTokJWTAlgorithms ES256 ES384 ES512 EdDSA RS384 RS512 PS384 PS512
    GraphTokJWTKeys file:{secrets}/keys.json
</GraphTokJWT>
<GraphTokJWT url>""" + ISSUER + """
    GraphTokJWTAlgorithms RS256
    GraphTokJWTKeys {url}
</GraphTokJWT>
"""
MOUNTS = "GraphTokLimit off\n" + """
<Location "/metrics">
    SetHandler graphtok-metrics
</Location>
""" + "".join(f"""
<Location "/{name}">
    GraphTokUser jwt {name}
</Location>
<Location "/{name}/auth">
    SetHandler graphtok-auth
</Location>
<Location "/{name}/health">
    SetHandler graphtok-health
</Location>
""" for name in ("hs", "pem", "set", "url"))
MANY = [Signer(alg, kid=alg) for alg in ("ES256", "ES384", "ES512", "EdDSA", "RS384", "RS512", "PS384",
                                         "PS512")]
PEM = Signer("RS256")
URL = Signer("RS256", kid="first")


def publish(site, name, text):
    """A key that all users may read."""
    path = site.secrets / name
    path.write_text(text)
    os.chmod(path, 0o644)


@pytest.fixture(scope="module")
def keys():
    server = KeyServer(URL)
    yield server
    server.end()


@pytest.fixture(scope="module")
def site(request, make_site, keys):
    made = make_site(*request.param, mounts=MOUNTS, migrate=False)
    made.write_secret("shared", SECRET)
    publish(made, "key.pem", PEM.pem())
    publish(made, "keys.json", jwks(*MANY))
    made.configure(settings=SETTINGS.replace("{secrets}", str(made.secrets)).replace("{url}", keys.url))
    made.migrate()
    made.start()
    yield made
    made.end()


def ask(site, place, token=None, path="/auth/token", **headers):
    if token:
        headers["Authorization"] = f"Bearer {token}"
    return Browser().get(f"{site.url}/{place}{path}", headers=headers)


def passes(answer):
    """The caller is known, and has no grant yet."""
    return answer.status == 401 and answer.json["tag"] not in ("GT0551", "GT0864") and (
        answer.headers["WWW-Authenticate"] == 'Bearer realm="graphtok"') and "login_url" in answer.json


def is_refused(answer):
    return answer.status == 401 and answer.json["tag"] == "GT0551" and answer.headers[
        "WWW-Authenticate"] == 'Bearer realm="graphtok", error="invalid_token"'


def plain(**more):
    """Claims as an application of its own makes them."""
    return {"sub": "ada", "exp": int(time.time()) + 600, **more}


@pytest.mark.parametrize("alg", ["HS256", "HS384", "HS512"])
def test_a_shared_secret_lets_in(site, alg):
    assert passes(ask(site, "hs", Signer(alg, SECRET).token(body=plain())))
    assert is_refused(ask(site, "hs", Signer(alg, SECRET + "x").token(body=plain())))


@pytest.mark.parametrize("signer", MANY, ids=lambda signer: signer.alg)
def test_a_key_set_in_a_file_lets_in(site, signer):
    token = signer.token()
    assert passes(ask(site, "set", token))
    assert is_refused(ask(site, "set", signer.token(body=claims(aud="someone"))))
    assert is_refused(ask(site, "set", Signer(signer.alg, kid=signer.kid).token()))


def test_pem_lets_in_by_both_paddings(site):
    for alg in ("RS256", "PS256"):
        signer = Signer(alg)
        signer.key = PEM.key
        assert passes(ask(site, "pem", signer.token(uid="ada")))
        answer = ask(site, "pem", signer.token(uid=17, aud=["x", "other"]))
        assert passes(answer) and answer.json["detail"].startswith("user 17 has not signed in")
        assert is_refused(ask(site, "pem", signer.token()))  # no uid
        assert is_refused(ask(site, "pem", signer.token(uid=1.5)))
        assert is_refused(ask(site, "pem", signer.token(uid="")))


def test_a_key_set_at_an_address_lets_in(site, keys):
    assert passes(ask(site, "url", URL.token()))
    asked = keys.asked
    assert passes(ask(site, "url", URL.token(sub="bob")))
    assert site.httpd.mpm == "prefork" or keys.asked == asked  # a child of its own asks for itself


def test_without_a_token_there_is_no_code(site):
    for headers in ({}, {"Authorization": "Basic YWRhOmFkYQ=="}, {"Cookie": "other=1"}):
        answer = ask(site, "hs", **headers)
        assert (answer.status, answer.json["tag"]) == (401, "GT0864")
        assert answer.headers["WWW-Authenticate"] == 'Bearer realm="graphtok"'
    token = Signer("HS256", SECRET).token(body=plain())
    assert ask(site, "hs", path=f"/auth/token?access_token={token}").json["tag"] == "GT0864"


def test_a_token_in_its_cookie(site):
    token = Signer("HS256", SECRET).token(body=plain())
    assert passes(ask(site, "hs", Cookie=f"a=b; app_token={token}"))
    assert is_refused(ask(site, "hs", Cookie=f"app_token={token}x"))
    assert ask(site, "pem", Cookie=f"app_token={token}").json["tag"] == "GT0864"


def test_two_tokens_are_a_wrong_request(site):
    token = Signer("HS256", SECRET).token(body=plain())
    for answer in (ask(site, "hs", token, Cookie=f"app_token={token}"),
                   ask(site, "hs", Cookie=f"app_token={token}; app_token={token}"),
                   ask(site, "hs", f"{token}, Bearer {token}"), ask(site, "hs", " "),
                   ask(site, "hs", f"{token} x")):
        assert (answer.status, answer.json["tag"]) == (400, "GT0862")
        assert answer.headers["WWW-Authenticate"] == 'Bearer realm="graphtok", error="invalid_request"'


def test_a_cookie_is_under_the_rule_for_other_sites(site):
    token = Signer("HS256", SECRET).token(body=plain())
    headers = {"Cookie": f"app_token={token}", "Origin": "https://evil.example"}
    answer = Browser().post(f"{site.url}/hs/auth/revoke", b"", headers=headers)
    assert (answer.status, answer.json["tag"]) == (403, "GT0814")


def test_a_bad_token_is_refused_where_none_is_needed(site):
    assert is_refused(ask(site, "hs", "a.b.c", path="/auth/login"))


def test_the_caller_is_shown_to_httpd(site):
    ask(site, "hs", Signer("HS256", SECRET).token(body=plain(sub="grace")))
    site.httpd.accessed(lambda log: any(line.split()[1] == "grace" for line in log.splitlines()))


def test_the_log_has_the_reason_and_the_answer_has_not(site):
    token = Signer("HS256", SECRET).token(body=plain(exp=int(time.time()) - 1))
    answer = ask(site, "hs", token)
    assert is_refused(answer) and "exp" not in answer.text
    site.httpd.log_has("a caller's token is refused by <GraphTokJWT hs>: rule exp")
    assert token.split(".")[2] not in site.httpd.log()


def figures(site):
    """{result: how many tokens}"""
    text = Browser().get(f"{site.url}/metrics").text
    return {name: int(number) for name, number in re.findall(
        r'^graphtok_caller_tokens_total{result="(\w+)"} (\d+)$', text, re.M)}


def counted(site, act):
    """The figures that an act moved, and by how much."""
    before = figures(site)
    act()
    after = figures(site)
    return {name: after[name] - before[name] for name in after if after[name] != before[name]}


def test_a_signature_is_verified_once_for_all_children(site):
    """Connections that are kept hold a child each with prefork, so that several see the same token."""
    token, at = MANY[0].token(sub="bob"), urllib.parse.urlsplit(site.url).netloc

    def ask_many():
        with contextlib.ExitStack() as kept:
            for _ in range(3):
                wire = kept.enter_context(contextlib.closing(http.client.HTTPConnection(at, timeout=60)))
                for _ in range(2):
                    wire.request("GET", "/set/auth/token", headers={"Authorization": f"Bearer {token}"})
                    answer = wire.getresponse()
                    assert answer.status == 401 and b"login_url" in answer.read()

    assert counted(site, ask_many) == {"accepted": 1, "remembered": 5}


@pytest.mark.parametrize("result, more", [
    ("expired", {"exp": 1000}), ("too_early", {"nbf": 9000000000}), ("audience", {"aud": "someone"}),
    ("claims", {"sub": ""})])
def test_a_refusal_is_counted_by_its_class(site, result, more):
    token = Signer("HS256", SECRET).token(body=plain(**more))
    assert counted(site, lambda: is_refused(ask(site, "hs", token))) == {result: 1}


def test_requests_with_two_tokens_are_counted(site):
    assert counted(site, lambda: ask(site, "hs", "a.b.c", Cookie="app_token=a.b.c")) == {"request": 1}


def test_a_secret_that_changed_forgets_its_tokens(site):
    token = Signer("HS256", SECRET).token(body=plain(sub="eve"))
    assert passes(ask(site, "hs", token)) and passes(ask(site, "hs", token))
    site.write_secret("shared", SECRET + "-new")
    try:
        site.httpd.wait_until(lambda: is_refused(ask(site, "hs", token)), 30)
    finally:
        site.write_secret("shared", SECRET)
    site.httpd.wait_until(lambda: passes(ask(site, "hs", token)), 30)
