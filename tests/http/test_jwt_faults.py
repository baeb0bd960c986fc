# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Published faults of programs that verify tokens or stand behind them, one row each, and what tries it here.

Names behind `tokens` are of support/forged.py; test_bearer_matrix.py shows each to each route. A name with a file
is of a test elsewhere. All others are tests and keys of this file.
"""

import hashlib
import http.client
import json
import os
import pathlib
import re
import time

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from support.browser import Browser
from support.forged import BAD, cut
from support.jwt import KeyServer, Signer, b64url, claims, encode, number

HERE = pathlib.Path(__file__).resolve().parent
FAULTS = [  # published as, of which program, what is tried
    # ---- the token says how it is to be verified ----
    ("CVE-2015-2951 CVE-2015-2964 CVE-2018-1000531 CVE-2020-15957 CVE-2021-22160 CVE-2021-29451 CVE-2021-29455 "
     "CVE-2021-29500 CVE-2022-23540", "JWT.php, jose, prime-jwt, DP3T, Pulsar, Portofino, Grassroot, node "
     "jsonwebtoken: alg none", "tokens none None nOnE none-with-signature alg-empty alg-null no-signature no-alg"),
    ("CVE-2026-23993", "HarbourJwt: an unknown alg is no algorithm", "tokens alg-unknown alg-lower alg-blank alg-list"),
    ("CVE-2015-9235 CVE-2016-10555 CVE-2017-11424 CVE-2022-29217 CVE-2022-23541 CVE-2024-33663 CVE-2024-37568 "
     "CVE-2024-54150 CVE-2026-22817 CVE-2026-22818 CVE-2026-27804", "node jsonwebtoken, jwt-simple, PyJWT, "
     "python-jose, Authlib, cjwt, Hono: a public key as secret of HS256", "tokens public-key-as-secret modulus-as-secret"),
    ("CVE-2023-48223 CVE-2026-34950", "fast-jwt: the same with white space round the key",
     "tokens public-key-stripped public-key-after-blank"),
    ("CVE-2026-44699", "libjwt: an RSA key is an empty secret", "tokens no-secret zero-secret"),
    ("CVE-2022-23539", "node jsonwebtoken: keys of another type or algorithm", "tokens alg-not-allowed",
     "test_a_wicked_key_verifies_nothing[other-alg]"),
    # ---- the token brings its key, or says where it is ----
    ("CVE-2018-0114 CVE-2026-27962", "node-jose, Authlib: the header's jwk", "tokens jwk jwk-without-kid"),
    ("CVE-2024-21643", "Microsoft.IdentityModel: jku of a signed HTTP request", "tokens jku x5u x5c",
     "test_no_address_of_a_token_is_asked"),
    ("CWE-918", "liboauth2: a kid in an address", "tokens kid-address", "test_no_address_of_a_token_is_asked"),
    ("CVE-2021-46743", "firebase/php-jwt: a kid that is a list", "tokens kid-list kid-object kid-number kid-empty"),
    ("CVE-2025-65945", "auth0/node-jws: a secret chosen by the header", "tokens kid-path kid-sql kid-command"),
    ("CVE-2021-32785 CWE-134", "mod_auth_openidc, liboauth2: a token's text as format", "tokens kid-format kid-break kid-nul"),
    # ---- signature and arithmetic ----
    ("CVE-2022-21449 CVE-2021-43572 CVE-2022-24884", "Java, starkbank-ecdsa, ecdsautils: r and s of zero",
     "tokens zero-signature r-0 s-0 r-s-order r-s-1"),
    ("CVE-2020-28042", "ServiceStack: a signature that is cut", "tokens short-signature long-signature no-signature",
     "test_a_secret_wants_its_whole_signature"),
    ("CVE-2020-36843", "EdDSA-Java: S beyond the order", "test_jwt.c::published_signature_vectors"),
    ("CVE-2006-4339 CVE-2016-1494", "OpenSSL, python-rsa: exponent 3 and rubbish behind the hash",
     "test_a_wicked_key_verifies_nothing[e-3]"),
    ("CVE-2017-12974 CVE-2017-16007", "Nimbus, node-jose: a point beside the curve", "test_a_wicked_key_verifies_nothing[beside-the-curve]"),
    ("RFC 8725 3.5", "small keys, exponent 1, points of small order", "test_a_wicked_key_verifies_nothing[rsa-1024]",
     "test_a_wicked_key_verifies_nothing[e-1]", "test_a_wicked_key_verifies_nothing[order-1]",
     "test_a_wicked_key_verifies_nothing[order-2]"),
    ("CVE-2023-51774", "json-jwt: a key for encryption verifies", "test_a_wicked_key_verifies_nothing[enc]"),
    ("CVE-2023-29409", "Go: keys so large that each check takes long", "test_jwt.c::numbers_of_keys_are_judged"),
    # ---- encrypted tokens ----
    ("CVE-2024-33531", "lua-resty-jwt: a JWE where a JWS was wanted", "tokens jwe jwe-dir jwe-three-parts enc-beside-alg"),
    ("CVE-2026-29000 CVE-2023-37464", "pac4j, cjose: what is in a JWE is believed", "tokens jwe-dir none"),
    ("CVE-2023-31582 CVE-2023-50658 CVE-2023-51775 CVE-2023-52428 CVE-2023-50966", "jose4j, jose2go, Nimbus, erlang-jose: "
     "p2c without bound", "tokens jwe-p2c"),
    ("CVE-2024-21319 CVE-2024-28122 CVE-2024-28176 CVE-2024-28180 CVE-2024-29370 CVE-2024-33664 CVE-2025-62706",
     "Microsoft.IdentityModel, jwx, jose, go-jose, python-jose, Authlib: a compressed JWE", "tokens jwe-zip"),
    # ---- header ----
    ("CVE-2025-59420 CVE-2026-32597", "Authlib, PyJWT: crit that is not understood",
     "tokens crit crit-unknown crit-empty crit-b64 b64"),
    ("RFC 8725 3.11", "a token of another use", "tokens typ id-token-typ typ-list"),
    # ---- form ----
    ("CVE-2022-39227", "python-jwt: JSON and compact form in one", "test_what_is_no_token[json]"),
    ("CVE-2025-22868 CVE-2025-27144 CVE-2025-30204", "x/oauth2, go-jose, golang-jwt: thousands of dots",
     "tokens dots dot-behind dot-before four-parts two-parts empty-parts"),
    ("CVE-2025-53864", "Nimbus: JSON nested without bound", "tokens deep"),
    ("CVE-2025-61920", "Authlib: parts without bound", "test_auth_type_around.py::test_a_token_that_is_too_long", "tokens kid-long"),
    ("CVE-2019-17195", "Nimbus: an exception that nothing catches", "tokens garbage not-json list not-utf8 header-list"),
    ("mod_auth_openidc issue 389", "mod_auth_openidc: a token that is cut ends the process", "test_a_token_that_is_cut"),
    ("RFC 7515 2", "lax base64: one token has many texts", "tokens padded other-alphabet tail-bits-header tail-bits-payload "
     "tail-bits-signature header-bom"),
    ("RFC 8725 2.6", "members that stand twice", "tokens twice twice-alg iss-twice more-behind header-more"),
    # ---- claims ----
    ("GHSA-wcvh-g65p-v576", "mod_auth_openidc: aud, iss, exp not judged",
     "tokens no-aud other-aud no-iss other-iss no-exp expired"),
    ("CVE-2020-26160", "jwt-go: an empty list of audiences", "tokens empty-aud aud-numbers aud-nested aud-object aud-empty-text"),
    ("CVE-2024-53861 CVE-2024-5037 CVE-2026-23552", "PyJWT, telemeter, Camel: a part of an issuer",
     "tokens iss-longer iss-shorter iss-character iss-empty iss-case"),
    ("CVE-2025-30144", "fast-jwt: a list of issuers", "tokens iss-list iss-two"),
    ("CVE-2024-51744", "golang-jwt: one fault hides another", "tokens expired-and-forged"),
    ("mod_auth_openidc 2026-05", "exp of 1e300", "tokens exp-huge exp-over exp-digits exp-negative exp-true exp-list exp-object "
     "exp-text exp-null exp-fraction-past nbf-text nbf-huge iat-text"),
    ("CWE-613", "liboauth2: remembered beyond its end", "test_bearer_matrix.py::test_a_token_that_passed_ends"),
    ("CVE-2019-7644", "Auth0-WCF: the answer shows the right signature",
     "test_bearer.py::test_the_log_has_the_reason_and_the_answer_has_not"),
    # ---- the request ----
    ("CVE-2021-21378", "Envoy: a token of an unknown issuer is none",
     "test_bearer.py::test_a_bad_token_is_refused_where_none_is_needed"),
    ("CVE-2017-6413 CVE-2025-64484", "mod_auth_openidc, oauth2-proxy: names of users from the client",
     "test_what_is_no_token[x-user]", "test_pass_token.py::test_nobody_else_gives_what_is_ours"),
    ("CVE-2020-8595 CVE-2025-54576 CVE-2026-41059", "Istio, oauth2-proxy: another spelling of the way",
     "test_auth_type_around.py::test_no_spelling_of_the_way_is_a_way_round"),
    ("CVE-2022-31692", "Spring Security: forward and include",
     "test_auth_type_around.py::test_parts_of_a_page_are_behind_the_gate"),
    ("CVE-2019-3878", "mod_auth_mellon: a proxy before the gate", "test_auth_type_around.py::test_a_proxy_is_behind_the_gate"),
    ("CVE-2025-31492", "mod_auth_openidc: the page follows its refusal",
     "test_auth_type.py::test_without_a_good_token_no_method_passes"),
    ("CVE-2017-6807", "mod_auth_mellon: another virtual host's", "test_auth_type_around.py::test_a_token_of_another_host"),
    ("CVE-2021-21411", "oauth2-proxy: a restriction that stopped", "test_auth_type.py::test_claims_let_in"),
    ("RFC 6750 2", "two tokens, and tokens elsewhere", "test_bearer.py::test_two_tokens_are_a_wrong_request",
     "test_bearer.py::test_without_a_token_there_is_no_code", "test_what_is_no_token[two-fields]",
     "test_what_is_no_token[tab]", "test_what_is_no_token[nothing]", "test_what_is_no_token[proxy]",
     "test_what_is_no_token[form]"),
]
SECRET = "a-secret-that-two-parties-share-0123456789-0123456789-0123456789"
SETTINGS = """
<GraphTokJWT set>
    GraphTokJWTIssuer https://issuer.example
    GraphTokJWTAudience graphtok
    GraphTokJWTAlgorithms RS256 RS512 ES256 EdDSA
    GraphTokJWTKeys file:{secrets}/keys.json
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
Header always set X-User "expr=%{REMOTE_USER}"
""" + "".join(f"""
<Location "/{name}">
    AuthType GraphTok
    GraphTokUseJWT {name}
    Require valid-user
</Location>
""" for name in ("set", "hs"))


# ---- keys that no issuer should publish ----

FIELD = 2**255 - 19  # of Ed25519


def signed(kid, sign, alg="RS256", **more):
    text = f"{encode({'alg': alg, 'kid': kid})}.{encode(claims(**more))}"
    return f"{text}.{b64url(sign(text.encode()))}"


def opened(data, filler):
    """Where an RSA signature of SHA-256 leads, with so many bytes of filler."""
    told = bytes.fromhex("3031300d060960864801650304020105000420") + hashlib.sha256(data).digest()
    return b"\0\1" + b"\xff" * filler + b"\0" + told


def cube_root(value):
    """The least whole number whose cube is not below."""
    low, high = 0, 1 << (value.bit_length() // 3 + 1)
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if middle**3 < value else (low, middle)
    return low


def with_rubbish(data):
    """For exponent 3: the hash stands in front, where some verifiers look."""
    block = opened(data, 8).ljust(256, b"\0")
    root = cube_root(int.from_bytes(block, "big"))
    assert (root**3).to_bytes(256, "big").startswith(opened(data, 8))
    return root.to_bytes(256, "big")


def rsa_of(exponent, bits=2048):
    signer = Signer("RS256")
    signer.key = rsa.generate_private_key(exponent, bits)
    return signer


def small_order(kid, y):
    """A public key whose multiples are few: R is the neutral point and S is 0. Of order 2, every other
    text fits."""
    key, neutral = y.to_bytes(32, "little"), (1).to_bytes(32, "little")
    order = 2**252 + 27742317777372353535851937790883648493
    for number_of_try in range(64):
        token = signed(kid, lambda data: neutral + bytes(32), "EdDSA", jti=str(number_of_try))
        text = token.rsplit(".", 1)[0].encode()
        if y == 1 or int.from_bytes(hashlib.sha512(neutral + key + text).digest(), "little") % order % 2 == 0:
            return {"kty": "OKP", "crv": "Ed25519", "x": b64url(key)}, token
    raise AssertionError("a text in two fits")


def wicked():
    """{kid: (JWK, token that such a key lets pass)}"""
    small, three, other = rsa_of(65537, 1024), rsa_of(3), Signer("RS256")
    plain = other.public()
    point = {"kty": "EC", "crv": "P-256", "x": number(1, 32), "y": number(1, 32)}
    return {
        "rsa-1024": (small.public(), signed("rsa-1024", lambda data: small.signature(data.decode()))),
        "e-1": ({**plain, "e": "AQ"}, signed("e-1", lambda data: opened(data, 202))),
        "e-3": (three.public(), signed("e-3", with_rubbish)),
        "enc": ({**plain, "use": "enc"}, signed("enc", lambda data: other.signature(data.decode()))),
        "other-alg": ({**plain, "alg": "RS512"}, signed("other-alg", lambda data: other.signature(data.decode()))),
        "beside-the-curve": (point, signed("beside-the-curve", lambda _: b"\1" * 64, "ES256")),
        "order-1": small_order("order-1", 1), "order-2": small_order("order-2", FIELD - 1)}


WICKED = wicked()
GOOD = Signer("RS256", kid="good")


@pytest.fixture(scope="module")
def site(make_site):
    made = make_site("event", mounts=MOUNTS, migrate=False)
    made.write_secret("shared", SECRET)
    keys = made.secrets / "keys.json"
    keys.write_text(json.dumps({"keys": [{**jwk, "kid": kid} for kid, (jwk, _) in WICKED.items()] + [GOOD.public()]}))
    os.chmod(keys, 0o644)
    made.configure(settings=SETTINGS.replace("{secrets}", str(made.secrets)))
    made.migrate()
    for place in ("set", "hs"):
        (made.folder / "htdocs" / place).mkdir()
        (made.folder / "htdocs" / place / "a.txt").write_text("kept")
    made.start()
    yield made
    made.end()


def ask(site, token, place="set"):
    return Browser().get(f"{site.url}/{place}/a.txt", headers={"Authorization": f"Bearer {token}"})


def is_refused(answer):
    return answer.status == 401 and "kept" not in answer.text


@pytest.mark.parametrize("kid", WICKED)
def test_a_wicked_key_verifies_nothing(site, kid):
    assert is_refused(ask(site, WICKED[kid][1]))
    assert ask(site, GOOD.token()).text == "kept"


# ---- tokens and requests that do not fit into a table of tokens ----

def test_a_secret_wants_its_whole_signature(site):
    signer, body = Signer("HS256", SECRET), {"sub": "ada", "exp": int(time.time()) + 600}
    token = signer.token(body=body)
    text, signature = token.rsplit(".", 1)
    whole = signer.signature(text)
    assert ask(site, token, "hs").text == "kept"
    for wrong in [whole[:size] for size in (0, 1, 16, 31)] + [whole + b"\0", bytes(32), signature.encode()]:
        assert is_refused(ask(site, f"{text}.{b64url(wrong)}", "hs"))
    for header in ({"alg": "HS384"}, {"alg": "HS512"}, {"alg": "none"}, {"alg": "RS256"}):
        assert is_refused(ask(site, cut(token, 0, encode(header)), "hs"))
    for secret in ("", "\0", SECRET[:-1], SECRET + "\0", SECRET + "\n"):
        assert is_refused(ask(site, Signer("HS256", secret).token(body=body), "hs"))


def test_a_token_that_is_cut(site):
    token, children = GOOD.token(), site.httpd.children()
    assert all(is_refused(ask(site, token[:end])) for end in range(1, len(token), 13))
    assert ask(site, token).text == "kept" and site.httpd.children() == children


def test_no_address_of_a_token_is_asked(site):
    thief = KeyServer(Signer("RS256", kid="good"))
    try:
        for more in ({"jku": thief.url}, {"x5u": thief.url}, {"kid": thief.url}, {"kid": "good", "jku": thief.url}):
            assert is_refused(ask(site, thief.signers[0].token(header={"alg": "RS256", **more})))
            assert is_refused(ask(site, thief.signers[0].token(header={"alg": "RS256", "kid": "good"}, iss=thief.url)))
        assert thief.asked == 0
    finally:
        thief.end()


SHOWN = GOOD.token()
IN_JSON = json.dumps(dict(zip(("protected", "payload", "signature"), SHOWN.split("."))))
NO_TOKEN = {  # the fields of a request, and its status
    "json": ([("Authorization", f"Bearer {IN_JSON}")], 400),
    "two-fields": ([("Authorization", f"Bearer {SHOWN}"), ("Authorization", f"Bearer {SHOWN}")], 400),
    "tab": ([("Authorization", f"Bearer\t{SHOWN}")], 401), "nothing": ([("Authorization", "Bearer")], 400),
    "proxy": ([("Proxy-Authorization", f"Bearer {SHOWN}"), ("X-Authorization", f"Bearer {SHOWN}")], 401),
    "x-user": ([(name, "ada") for name in ("Remote-User", "REMOTE_USER", "X-Remote-User", "X-Forwarded-User")], 401),
    "form": ([("Content-Type", "application/x-www-form-urlencoded")], 401)}


@pytest.mark.parametrize("name", NO_TOKEN)
def test_what_is_no_token(site, name):
    fields, status = NO_TOKEN[name]
    wire = http.client.HTTPConnection("localhost", site.httpd.port, timeout=60)
    wire.putrequest("POST" if name == "form" else "GET", "/set/a.txt")
    body = f"access_token={SHOWN}".encode() if name == "form" else b""
    for field in [*fields, ("Content-Length", str(len(body)))]:
        wire.putheader(*field)
    wire.endheaders(body)
    answer = wire.getresponse()
    assert answer.status == status and b"kept" not in answer.read()
    assert answer.headers["X-User"] in (None, "", "(null)")
    wire.close()


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "Bearer  "])
def test_a_scheme_has_no_case(site, scheme):
    answer = Browser().get(site.url + "/set/a.txt", headers={"Authorization": f"{scheme} {SHOWN}"})
    assert answer.text == "kept"


# ---- the table ----

def known_tests():
    """All that a row may name: tests by file and name, and those of this file with their parameters."""
    found = {f"{path.name}::{name}" for folder in ("http", "unit", "config") for path in (HERE.parent / folder).glob("test_*")
             for name in re.findall(r"^(?:def |START_TEST\()(\w+)", path.read_text(), re.M)}
    found |= {name for name in globals() if name.startswith("test_")}
    found |= {f"test_a_wicked_key_verifies_nothing[{kid}]" for kid in WICKED}
    return found | {f"test_what_is_no_token[{name}]" for name in NO_TOKEN}


def test_each_row_is_tried_and_each_trial_has_a_row():
    words = [word for row in FAULTS for word in row[2:]]
    tokens = {name for word in words if word.startswith("tokens ") for name in word.split()[1:]}
    others = {word for word in words if not word.startswith("tokens ")}
    assert tokens <= set(BAD) and others <= known_tests(), (tokens - set(BAD), others - known_tests())
    own = {name for name in known_tests() if name.startswith(("test_a_wicked_key_verifies_nothing[", "test_what_is_no_token["))}
    assert own <= others, own - others
