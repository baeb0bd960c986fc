# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Each route of the product against each kind of bad token: only the good one passes.

The routes are read from docs/routes.md, whose rows are compared with the tables of the product. Kinds of tokens
stand in a table (support/forged.py).
"""

import http.client
import pathlib
import re
import time

import pytest

from support.browser import Browser
from support.forged import BAD, ELLIPTIC, GOOD, NOW
from support.jwt import KeyServer, Signer

WHERE = [("event", "sqlite3")]

ROUTES = (pathlib.Path(__file__).resolve().parents[2] / "docs/routes.md").read_text()
SETTINGS = """
<GraphTokJWT issuer>
    GraphTokJWTIssuer https://issuer.example
    GraphTokJWTAudience graphtok
    GraphTokJWTAlgorithms RS256 ES256
    GraphTokJWTKeys {url}
</GraphTokJWT>
<GraphTokJWT hs>
    GraphTokJWTIssuer none
    GraphTokJWTAudience none
    GraphTokJWTAlgorithms HS256
    GraphTokJWTKeys file:{secrets}/shared
</GraphTokJWT>
"""
MOUNTS = """
GraphTokLimit off
<LocationMatch "^/(auth|calendar)">
    GraphTokUser jwt issuer
</LocationMatch>
<LocationMatch "^/(health|metrics)">
    AuthType GraphTok
    GraphTokUseJWT issuer
    Require valid-user
</LocationMatch>
<Location "/hs">
    GraphTokUser jwt hs
</Location>
""" + "".join(f"""
<Location "/{path}">
    SetHandler graphtok-{name}
</Location>
""" for path, name in (("auth", "auth"), ("calendar", "calendar"), ("health", "health"),
                       ("metrics", "metrics"), ("hs/auth", "auth")))


def routes():
    """[(method, path)] of each route, holes filled; what a browser brings without a token is left out."""
    found = []
    for part in re.split(r"^## ", ROUTES, flags=re.M)[1:]:
        handler = re.search(r"graphtok-(auth|calendar|health|metrics)\b", part.split("\n", 1)[0])
        cells = " ".join(re.findall(r"^\| (`[A-Z]+ /[^|]*) \|", part, re.M))
        for method, path in re.findall(r"`(GET|POST|PUT|PATCH|DELETE) (/[^`?]*)", cells):
            if handler and "callback" not in path:
                path = re.sub(r"\{[^}]*\}", "x", path.replace("{provider}", "microsoft"))
                found.append((method, f"/{handler.group(1)}{path}"))
    return found


@pytest.fixture(scope="module")
def keys():
    server = KeyServer(GOOD, ELLIPTIC)
    yield server
    server.end()


@pytest.fixture(scope="module")
def site(request, make_site, keys):
    made = make_site(*request.param, mounts=MOUNTS, migrate=False)
    made.write_secret("shared", SHARED[0])
    made.configure(settings=SETTINGS.replace("{url}", keys.url).replace("{secrets}", str(made.secrets)))
    made.migrate()
    made.start()
    yield made
    made.end()


SHARED = ["first-secret-0123456789-0123456789-0123456789", "second-secret-0123456789-0123456789-012345678"]


def ask(site, method, path, token):
    body = b"{}" if method in ("POST", "PUT", "PATCH") else None
    return Browser().send(method, site.url + path, body, {
        "Authorization": f"Bearer {token}", "Content-Type": "application/json"})


def is_refused(answer):
    return answer.status == 401 and answer.headers["WWW-Authenticate"].endswith('error="invalid_token"')


def test_the_table_has_the_products_routes():
    paths = {path.split("/")[1] for _, path in routes()}
    assert paths == {"auth", "calendar", "health", "metrics"} and len(routes()) > 15


class Wire:
    """One connection for thousands of requests."""

    def __init__(self, site):
        self.wire = http.client.HTTPConnection("localhost", site.httpd.port, timeout=60)

    def ask(self, method, path, token):
        """As ask(), without a body."""
        self.wire.request(method, path, headers={"Authorization": f"Bearer {token}"})
        answer = self.wire.getresponse()
        answer.read()
        return answer


def test_only_the_good_token_passes_each_route(site, keys):
    """The good one first and last: a site that lets no caller in must not pass this."""
    passed, wire = [], Wire(site)
    for method, path in routes():
        for kind, token in BAD.items():
            answer = wire.ask(method, path, token)
            if not is_refused(answer):
                passed.append((method, path, kind, answer.status))
        for token in (GOOD.token(), ELLIPTIC.token(), GOOD.token(header=GOOD.header(typ="at+jwt")), GOOD.token()):
            answer = ask(site, method, path, token)
            if is_refused(answer) or "error=" in answer.headers.get("WWW-Authenticate", ""):
                passed.append((method, path, "good", answer.status))
    assert not passed
    assert keys.asked < 12  # however many ids were invented


def test_a_token_that_passed_ends(site):
    token = GOOD.token(exp=int(time.time()) + 2)
    assert not is_refused(ask(site, "GET", "/auth/token", token))
    site.httpd.wait_until(lambda: is_refused(ask(site, "GET", "/auth/token", token)), 10)
    site.httpd.graceful()
    assert is_refused(ask(site, "GET", "/auth/token", token))


def test_keys_rotate_while_tokens_come(site, keys):
    """A new key's tokens pass, a withdrawn key's end, and keys that cannot be fetched stay."""
    old, fresh = GOOD.token(sub="old"), Signer("RS256", kid="fresh")
    assert not is_refused(ask(site, "GET", "/auth/token", old))
    keys.signers = [fresh, ELLIPTIC]
    site.httpd.wait_until(lambda: not is_refused(ask(site, "GET", "/auth/token", fresh.token())), 20)
    site.httpd.wait_until(lambda: is_refused(ask(site, "GET", "/auth/token", old)), 20)
    keys.status = 500
    assert not is_refused(ask(site, "GET", "/auth/token", ELLIPTIC.token()))
    assert is_refused(ask(site, "GET", "/auth/token", Signer("RS256", kid="other").token()))
    assert not is_refused(ask(site, "GET", "/auth/token", fresh.token()))
    keys.status, keys.signers = 200, [GOOD, ELLIPTIC]
    site.httpd.wait_until(lambda: not is_refused(ask(site, "GET", "/auth/token", GOOD.token())), 20)


def test_a_shared_secret_changes_without_a_restart(site):
    tokens = [Signer("HS256", secret).token(body={"sub": "ada", "exp": NOW + 900}) for secret in SHARED]
    assert not is_refused(ask(site, "GET", "/hs/auth/token", tokens[0]))
    assert is_refused(ask(site, "GET", "/hs/auth/token", tokens[1]))
    site.write_secret("shared", SHARED[1])
    site.httpd.wait_until(lambda: not is_refused(ask(site, "GET", "/hs/auth/token", tokens[1])), 20)
    assert is_refused(ask(site, "GET", "/hs/auth/token", tokens[0]))
    site.write_secret("shared", "short")  # half written: the one before serves
    site.httpd.log_has("GT0554")
    assert not is_refused(ask(site, "GET", "/hs/auth/token", tokens[1]))
