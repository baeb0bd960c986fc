# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Tokens that no location may take, one for each way in which a verifier can be wrong. They are held against
an issuer https://issuer.example with the audience graphtok, which signs by RS256 and ES256 (GOOD, ELLIPTIC)."""

import base64
import time

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from .jwt import Signer, b64url, claims, encode

NOW = int(time.time())
GOOD, OTHER = Signer("RS256", kid="one"), Signer("RS256", kid="one")
ELLIPTIC = Signer("ES256", kid="two")
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # of the points of P-256
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
DIRECT = {"alg": "dir", "enc": "A128CBC-HS256"}


def unsigned(header, body=None):
    return f"{encode(header)}.{encode(body or claims())}."


def cut(token, part, text):
    parts = token.split(".")
    parts[part] = text
    return ".".join(parts)


def by_secret(secret, **more):
    """HS256, which this issuer does not have."""
    signer = Signer("HS256", secret)
    return signer.token(header=signer.header(**{"kid": "one", **more}))


def headed(signer=GOOD, **more):
    """With a right signature."""
    return signer.token(header=signer.header(**more))


def body(text):
    """Claims as text; `%s` stands for the good ones."""
    return GOOD.token(body=text.replace("%s", '"iss":"https://issuer.example","aud":"graphtok","sub":"ada"'
                                        f',"exp":{NOW + 600}'))


def tail_bits(text):
    """The same bytes in a text that is not the canonical one; None: it has no bits to spare."""
    spare = {2: 4, 3: 2}.get(len(text) % 4)
    return text[:-1] + ALPHABET[ALPHABET.index(text[-1]) | (1 << spare) - 1] if spare else None


def lax(part):
    """A token whose part decodes to the same with bits that should be zero, signed as it stands."""
    for filler in ("", "x", "xx"):
        header, payload = encode(GOOD.header(filler=filler)), encode(claims(filler=filler))
        changed = [tail_bits(header), payload] if part == 0 else [header, tail_bits(payload)]
        if None not in changed:
            text = ".".join(changed)
            return f"{text}.{b64url(GOOD.signature(text))}"
    raise AssertionError("one of three lengths has spare bits")


def elliptic(r, s):
    """With this signature."""
    return cut(ELLIPTIC.token(), 2, b64url(r.to_bytes(32, "big") + s.to_bytes(32, "big")))


def der():
    """The signature as X.509 has it."""
    text = ELLIPTIC.token().rsplit(".", 1)[0]
    return f"{text}.{b64url(ELLIPTIC.key.sign(text.encode(), ec.ECDSA(hashes.SHA256())))}"


def jwe(parts=5, **header):
    """Encrypted, or so it says."""
    return ".".join([encode({**DIRECT, **header}), "", b64url(b"\0" * 16), b64url(b"\0" * 64), b64url(b"\0" * 16)][:parts])


RIGHT = GOOD.token()
SIGNATURE = RIGHT.rsplit(".", 1)[1]
BAD = {
    # the algorithm
    "none": unsigned({"alg": "none"}), "None": unsigned({"alg": "None", "kid": "one"}),
    "nOnE": unsigned({"alg": "nOnE", "kid": "one"}), "none-with-signature": cut(RIGHT, 0, encode({"alg": "none"})),
    "alg-empty": unsigned({"alg": "", "kid": "one"}), "alg-null": unsigned('{"alg":null,"kid":"one"}'),
    "alg-list": headed(alg=["RS256"]), "alg-lower": headed(alg="rs256"), "alg-blank": headed(alg="RS256 "),
    "alg-unknown": headed(alg="RS1"), "alg-not-allowed": headed(Signer("RS512", kid="one")),
    "no-alg": GOOD.token(header={"kid": "one"}),
    "twice-alg": GOOD.token(header='{"alg":"RS256","alg":"none","kid":"one"}'),
    "public-key-as-secret": by_secret(GOOD.pem()), "public-key-stripped": by_secret(GOOD.pem().strip()),
    "public-key-after-blank": by_secret(" " + GOOD.pem()), "modulus-as-secret": by_secret(GOOD.public()["n"]),
    "no-secret": by_secret(""), "zero-secret": by_secret("\0"),
    # the signature
    "no-signature": cut(RIGHT, 2, ""), "changed-signature": cut(RIGHT, 2, b64url(b"\0" * 256)),
    "short-signature": cut(RIGHT, 2, SIGNATURE[:64]), "long-signature": cut(RIGHT, 2, SIGNATURE + "AAAA"),
    "signature-of-another": cut(RIGHT, 2, GOOD.token(sub="eve").rsplit(".", 1)[1]),
    "zero-signature": elliptic(0, 0), "r-0": elliptic(0, 1), "s-0": elliptic(1, 0), "r-s-order": elliptic(ORDER, ORDER),
    "r-s-1": elliptic(1, 1), "der-signature": der(), "changed-payload": cut(RIGHT, 1, encode(claims(sub="root"))),
    # the key
    "another-key": OTHER.token(), "unknown-kid": Signer("RS256", kid="three").token(),
    "another-keys-kid": headed(kid="two"), "kid-list": headed(OTHER, kid=["one", "two"]),
    "kid-object": headed(OTHER, kid={"one": 1}), "kid-number": headed(OTHER, kid=0), "kid-empty": headed(OTHER, kid=""),
    "kid-path": by_secret("", kid="../../../../../../dev/null"), "kid-sql": by_secret("x", kid="z' UNION SELECT 'x"),
    "kid-command": by_secret("x", kid="one|/bin/echo x"), "kid-format": headed(OTHER, kid="%s%n%s%n"),
    "kid-address": headed(OTHER, kid="../other?x=http://evil.example/"), "kid-long": headed(OTHER, kid="k" * 5000),
    "kid-break": headed(OTHER, kid="one\r\nX: y"), "kid-nul": GOOD.token(header='{"alg":"RS256","kid":"one\\u0000"}'),
    "jku": headed(jku="https://evil.example/keys"), "x5u": headed(x5u="https://evil.example/cert"),
    "jwk": headed(OTHER, jwk=OTHER.public()), "jwk-without-kid": headed(OTHER, kid=None, jwk=OTHER.public()),
    "x5c": headed(OTHER, x5c=[base64.b64encode(b"x" * 99).decode()]),
    # the header
    "crit": headed(crit=["exp"]), "crit-unknown": headed(crit=["mine"], mine=1), "crit-empty": headed(crit=[]),
    "crit-b64": headed(crit=["b64"], b64=True), "b64": headed(b64=False), "typ": headed(typ="logout+jwt"),
    "id-token-typ": headed(typ="dpop+jwt"), "typ-list": headed(typ=["JWT"]),
    "header-list": GOOD.token(header='["RS256"]'), "header-more": GOOD.token(header='{"alg":"RS256","kid":"one"}{}'),
    "header-bom": GOOD.token(header='\ufeff{"alg":"RS256","kid":"one"}'),
    # times
    "expired": GOOD.token(exp=NOW - 1, iat=NOW - 60), "no-exp": GOOD.token(exp=None),
    "expired-and-forged": OTHER.token(exp=NOW - 1, iat=NOW - 60),
    "exp-text": GOOD.token(exp=str(NOW + 600)), "exp-huge": GOOD.token(exp=1e300),
    "exp-null": body('{"iss":"https://issuer.example","aud":"graphtok","sub":"ada","exp":null}'),
    "exp-over": body('{"iss":"https://issuer.example","aud":"graphtok","sub":"ada","exp":1e400}'),
    "exp-digits": body('{"iss":"https://issuer.example","aud":"graphtok","sub":"ada","exp":' + "9" * 30 + "}"),
    "exp-negative": GOOD.token(exp=-1, iat=None), "exp-true": GOOD.token(exp=True), "exp-list": GOOD.token(exp=[NOW + 600]),
    "exp-object": GOOD.token(exp={"$gt": 0}), "exp-fraction-past": GOOD.token(exp=NOW - 0.5, iat=NOW - 60),
    "not-yet": GOOD.token(nbf=NOW + 300), "nbf-text": GOOD.token(nbf=str(NOW)), "nbf-huge": GOOD.token(nbf=1e18),
    "issued-later": GOOD.token(iat=NOW + 300, exp=NOW + 600), "iat-text": GOOD.token(iat="now"),
    # issuer, audience, user
    "no-iss": GOOD.token(iss=None), "other-iss": GOOD.token(iss="https://issuer.example/"),
    "iss-longer": GOOD.token(iss="https://issuer.example.evil.com"), "iss-shorter": GOOD.token(iss="https://issuer.exam"),
    "iss-character": GOOD.token(iss="h"), "iss-empty": GOOD.token(iss=""), "iss-case": GOOD.token(iss="https://ISSUER.example"),
    "iss-list": GOOD.token(iss=["https://issuer.example"]), "iss-two": GOOD.token(iss=["https://evil.example", "https://issuer.example"]),
    "iss-twice": body('{%s,"iss":"https://evil.example"}'), "no-aud": GOOD.token(aud=None),
    "other-aud": GOOD.token(aud="graphtok2"), "aud-words": GOOD.token(aud="other graphtok"), "aud-part": GOOD.token(aud="graph"),
    "aud-object": GOOD.token(aud={"graphtok": 1}), "empty-aud": GOOD.token(aud=[]), "aud-numbers": GOOD.token(aud=[17, None, True]),
    "aud-nested": GOOD.token(aud=[["graphtok"]]), "aud-empty-text": GOOD.token(aud=""), "no-sub": GOOD.token(sub=None),
    "empty-sub": GOOD.token(sub=""), "sub-list": GOOD.token(sub=["ada"]), "sub-nul": body('{%s,"x":"ada\\u0000root"}'),
    "twice": body('{%s,"sub":"eve"}'),
    # form
    "jwe": ".".join(["e30"] * 5), "jwe-dir": jwe(), "jwe-three-parts": jwe(3),
    "jwe-zip": jwe(zip="DEF"), "jwe-p2c": jwe(alg="PBES2-HS256+A128KW", p2s="AAAA", p2c=2147483647),
    "enc-beside-alg": cut(headed(OTHER, enc="A128CBC-HS256"), 2, ""),
    "two-parts": RIGHT.rsplit(".", 1)[0], "four-parts": RIGHT + ".e30", "dot-behind": RIGHT + ".", "dot-before": "." + RIGHT,
    "dots": "." * 7000, "padded": RIGHT + "=", "other-alphabet": cut(RIGHT, 2, "+/" + SIGNATURE[2:]),
    "tail-bits-header": lax(0), "tail-bits-payload": lax(1), "tail-bits-signature": cut(RIGHT, 2, tail_bits(SIGNATURE)),
    "deep": body('{%s,"x":' + "[" * 1000 + "]" * 1000 + "}"), "not-json": GOOD.token(body="ada"), "list": GOOD.token(body="[]"),
    "more-behind": body('{%s}{"sub":"eve"}'), "not-utf8": cut(RIGHT, 1, b64url(b'{"sub":"\xff"}')),
    "garbage": "a.b.c", "empty-parts": "..",
}
