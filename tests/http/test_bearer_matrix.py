# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Each route of the product against each kind of bad token: only the good one passes.

The routes are read from docs/routes.md, whose rows are compared with the tables of the product. Kinds of tokens
stand in a table here, with what published flaws of other verifiers (CVE-2015-9235, CVE-2018-0114, CVE-2022-21449,
GHSA-wcvh-g65p-v576) let pass.
"""

import pathlib
import re
import time

import pytest

from support.browser import Browser
from support.jwt import KeyServer, Signer, b64url, claims, encode, jwks

WHERE = [("event", "sqlite3")]

ROUTES = (pathlib.Path(__file__).resolve().parents[2] / "docs/routes.md").read_text()
GOOD, OTHER = Signer("RS256", kid="one"), Signer("RS256", kid="one")
ELLIPTIC = Signer("ES256", kid="two")
NOW = int(time.time())
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


def unsigned(header, body):
    return f"{encode(header)}.{encode(body)}."


def cut(token, part, text):
    parts = token.split(".")
    parts[part] = text
    return ".".join(parts)


def signed_with_public_key():
    """CVE-2015-9235: the published key as the secret of HS256."""
    signer = Signer("HS256", GOOD.pem())
    return signer.token(header=signer.header(kid="one"))


RIGHT = GOOD.token()
BAD = {
    "none": unsigned({"alg": "none"}, claims()), "None": unsigned({"alg": "None", "kid": "one"}, claims()),
    "no-signature": cut(RIGHT, 2, ""), "no-alg": GOOD.token(header={"kid": "one"}),
    "public-key-as-secret": signed_with_public_key(),
    "another-key": OTHER.token(), "unknown-kid": Signer("RS256", kid="three").token(),
    "another-keys-kid": GOOD.token(header=GOOD.header(kid="two")),
    "changed-payload": cut(RIGHT, 1, encode(claims(sub="root"))),
    "changed-signature": cut(RIGHT, 2, b64url(b"\0" * 256)),
    "zero-signature": cut(ELLIPTIC.token(), 2, b64url(b"\0" * 64)),
    "expired": GOOD.token(exp=NOW - 1, iat=NOW - 60), "no-exp": GOOD.token(exp=None),
    "exp-text": GOOD.token(exp=str(NOW + 600)), "exp-huge": GOOD.token(exp=1e300), "exp-null": GOOD.token(
        body='{"iss":"https://issuer.example","aud":"graphtok","sub":"ada","exp":null}'),
    "not-yet": GOOD.token(nbf=NOW + 300), "issued-later": GOOD.token(iat=NOW + 300, exp=NOW + 600),
    "no-iss": GOOD.token(iss=None), "other-iss": GOOD.token(iss="https://issuer.example/"),
    "iss-list": GOOD.token(iss=["https://issuer.example"]), "no-aud": GOOD.token(aud=None),
    "other-aud": GOOD.token(aud="graphtok2"), "aud-object": GOOD.token(aud={"graphtok": 1}),
    "empty-aud": GOOD.token(aud=[]), "no-sub": GOOD.token(sub=None), "empty-sub": GOOD.token(sub=""),
    "sub-list": GOOD.token(sub=["ada"]), "crit": GOOD.token(header=GOOD.header(crit=["exp"])),
    "jku": GOOD.token(header=GOOD.header(jku="https://evil.example/keys")),
    "x5u": GOOD.token(header=GOOD.header(x5u="https://evil.example/cert")),
    "jwk": OTHER.token(header=OTHER.header(jwk=OTHER.public())),  # CVE-2018-0114
    "b64": GOOD.token(header=GOOD.header(b64=False)), "typ": GOOD.token(header=GOOD.header(typ="logout+jwt")),
    "id-token-typ": GOOD.token(header=GOOD.header(typ="dpop+jwt")),
    "twice": GOOD.token(body=f'{{"iss":"https://issuer.example","aud":"graphtok","sub":"eve","sub":"ada","exp":{NOW + 600}}}'),
    "twice-alg": GOOD.token(header='{"alg":"RS256","alg":"none","kid":"one"}'),
    "jwe": ".".join(["e30"] * 5), "two-parts": RIGHT.rsplit(".", 1)[0], "four-parts": RIGHT + ".e30",
    "padded": RIGHT + "=", "not-json": GOOD.token(body="ada"), "list": GOOD.token(body="[]"),
    "garbage": "a.b.c", "empty-parts": "..",
}


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


def test_only_the_good_token_passes_each_route(site, keys):
    """The good one first and last: a site that lets no caller in must not pass this."""
    passed = []
    for method, path in routes():
        for kind, token in BAD.items():
            answer = ask(site, method, path, token)
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
