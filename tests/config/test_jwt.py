# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Issuers of callers' tokens through the real httpd -t: what accepts anything does not pass."""

import os
import shutil

import pytest

from support.jwt import Signer, jwks

RIGHT = {"GraphTokJWTIssuer": "https://issuer.example", "GraphTokJWTAudience": "a b",
         "GraphTokJWTAlgorithms": "RS256 ES256",
         "GraphTokJWTKeys": "https://issuer.example/keys"}
SECRET = "0123456789abcdef0123456789abcdef"


def jwt(name="staff", **more):
    """A section; None leaves a directive out."""
    lines = [f"{key} {value}" for key, value in (RIGHT | more).items() if value is not None]
    return f"<GraphTokJWT {name}>\n" + "\n".join(lines) + "\n</GraphTokJWT>\n"


def write(frame, text, mode=0o640, name="keys"):
    """A file of keys, as its reference."""
    path = frame.folder / name
    path.write_text(text)
    os.chmod(path, mode)
    shutil.chown(path, group="www-data" if os.geteuid() == 0 else None)
    return f"file:{path}"


def test_all_is_in_the_dump(frame):
    checked = frame.check(jwt(GraphTokJWTUser="uid", GraphTokJWTCookie="app", GraphTokJWTLeeway="5s"))
    assert not checked.warnings
    assert checked.dump["config"]["jwts"] == [{
        "name": "staff", "issuer": "https://issuer.example", "audience": "a b",
        "algorithms": "RS256 ES256", "keys": None, "keys_url": "https://issuer.example/keys",
        "user": "uid", "cookie": "app", "leeway": "5s", "ca_file": None,
        "where": f"{checked.conf}:{checked.line_of('<GraphTokJWT staff>')}"}]


def test_a_place_names_it(frame):
    checked = frame.check(jwt() + '<Location "/auth">\nSetHandler graphtok-auth\n'
                          "GraphTokUser jwt staff\n</Location>\n")
    settings = next(m for m in checked.dump["mounts"] if m["path"] == "/auth")["settings"]
    assert (settings["user_from"], settings["user_jwt"]) == ("jwt", "staff")


@pytest.mark.parametrize("name", sorted(RIGHT))
def test_what_must_be_said(frame, name):
    checked = frame.check(jwt(**{name: None}))
    assert checked.code == 1 and f"<GraphTokJWT staff> lacks {name}: " in checked.err
    assert f"{checked.conf}:{checked.line_of('<GraphTokJWT')}:" in checked.err


@pytest.mark.parametrize("more, message", [
    ({"GraphTokJWTAlgorithms": "none"}, "'none' is not a list of: HS256"),
    ({"GraphTokJWTAlgorithms": "RS256 none"}, "'RS256 none' is not a list of"),
    ({"GraphTokJWTAlgorithms": "HS256 RS256"}, "'HS256 RS256' is not a list of"),
    ({"GraphTokJWTAlgorithms": "rs256"}, "'rs256' is not a list of"),
    ({"GraphTokJWTAlgorithms": "RS1"}, "'RS1' is not a list of"),
    ({"GraphTokJWTAlgorithms": "HS256"}, "publishes keys, and HS256 want a shared secret"),
    ({"GraphTokJWTKeys": "http://issuer.example/keys"}, "is not an https URL"),
    ({"GraphTokJWTKeys": "/etc/graphtok/keys.pem"}, "did you mean file:/etc/graphtok/keys.pem?"),
    ({"GraphTokJWTIssuer": "none", "GraphTokJWTAudience": "none"}, "each token of their owner would pass"),
    ({"GraphTokJWTCookie": "graphtok-0123abcd"}, "is not a cookie's name that is none of ours"),
    ({"GraphTokJWTCookie": '"a b"'}, "is not a cookie's name"),
    ({"GraphTokJWTLeeway": "6min"}, "'6min' is above the largest, 5min"),
    ({"GraphTokCAFile": "/no/such.pem"}, "there is no file /no/such.pem"),
    ({"GraphTokJWTIssuer": '""'}, "takes one argument"), ({"GraphTokJWTAudience": ""}, "it must have 1 to"),
    ({"GraphTokJWTUser": '""'}, "takes one argument")])
def test_what_does_not_pass(frame, more, message):
    checked = frame.check(jwt(**more))
    assert checked.code == 1 and message in checked.err and checked.out == ""


def test_it_is_one_and_in_the_main_server(frame):
    assert "is defined already" in frame.check(jwt() + jwt()).err
    for text in (f"<VirtualHost *:80>\n{jwt()}</VirtualHost>", frame.provider(jwt(), "other")):
        assert frame.check(text).code == 1
    checked = frame.check("GraphTokJWTIssuer x")
    assert "GraphTokJWTIssuer must stand inside <GraphTokJWT NAME>" in checked.err
    checked = frame.check("<GraphTokJWT a>\nGraphTokLease 1min\n</GraphTokJWT>")
    assert "must not stand inside <GraphTokJWT>" in checked.err


@pytest.mark.parametrize("more, words", [
    ({"GraphTokJWTIssuer": "none"}, ["the claim iss is not judged"]),
    ({"GraphTokJWTAudience": "none"}, ["GraphTokJWTAudience none: tokens that its issuer made"]),
    ({"GraphTokJWTIssuer": "None"}, ["'None' is a name; the word for none at all is none"]),
    ({"GraphTokJWTIssuer": "*"}, ["'*' stands for itself alone, and is no pattern"]),
    ({"GraphTokJWTIssuer": "https://login.microsoftonline.com/{tenantid}/v2.0"}, ["name the tenant"]),
    ({"GraphTokJWTIssuer": "https://i/.well-known/openid-configuration"}, ["write the issuer that stands"]),
    ({"GraphTokJWTAudience": "a none"}, ["'none' among others is a name"]),
    ({"GraphTokJWTAudience": "a,b"}, ["'a,b' has a comma in it"]),
    ({"GraphTokJWTKeys": "https://i/.well-known/openid-configuration"}, ["holds no keys: write the jwks_uri"])])
def test_what_is_warned_of(frame, more, words):
    checked = frame.check(jwt(**more))
    assert checked.ok and [any(word in line for line in checked.warnings) for word in words] == [True]


def test_a_shared_secret(frame):
    hs = {"GraphTokJWTIssuer": "none", "GraphTokJWTAudience": "none", "GraphTokJWTAlgorithms": "HS256"}
    checked = frame.check(jwt(GraphTokJWTKeys=write(frame, SECRET), **hs))
    assert checked.ok and ["signed with this secret" in line for line in checked.warnings] == [True]
    longer = hs | {"GraphTokJWTAlgorithms": "HS512"}
    checked = frame.check(jwt(GraphTokJWTKeys=write(frame, SECRET), **longer))
    assert checked.ok and "has 32 bytes, and HS512 wants 64 at least" in checked.err
    checked = frame.check(jwt(GraphTokJWTKeys=write(frame, SECRET[:16]), **hs))
    assert checked.ok and "has 16 bytes, and HS256 wants 32 at least" in checked.err
    checked = frame.check(jwt(GraphTokJWTKeys=write(frame, SECRET + "\n" + SECRET + "\n"), **hs))
    assert checked.ok and "has several lines, all of which are the one secret" in checked.err
    checked = frame.check(jwt(GraphTokJWTKeys=SECRET, **hs))
    assert checked.ok and "stands in the configuration itself" in checked.err
    for text, words in ((SECRET[:15], "fewer than 16 bytes"), (Signer("RS256").pem(), "is PEM"),
                        (jwks(Signer("ES256")), "is a JSON Web Key")):
        checked = frame.check(jwt(GraphTokJWTKeys=write(frame, text), **hs))
        assert checked.code == 1 and words in checked.err
    checked = frame.check(jwt(GraphTokJWTKeys=write(frame, SECRET, 0o644), **hs))
    assert checked.code == 1 and "others can read it" in checked.err
    assert SECRET not in checked.err


def test_public_keys(frame):
    rsa, elliptic = Signer("RS256"), Signer("ES384")
    for text in (rsa.pem(), jwks(rsa), rsa.pem() + elliptic.pem(), "\n# ours\n" + rsa.pem()):
        checked = frame.check(jwt(GraphTokJWTKeys=write(frame, text, 0o644)))
        assert checked.ok and not checked.warnings, checked.err
    for text, words in ((elliptic.pem(), "no public key that serves"),
                        (jwks(elliptic), "no public key that serves"), ("nonsense", "neither PEM nor"),
                        ('{"keys": []}', "no public key that serves"),
                        ("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", "without a public"),
                        (rsa.private_pem(), "private key in it")):
        checked = frame.check(jwt(GraphTokJWTKeys=write(frame, text, 0o644)))
        assert checked.code == 1 and words in checked.err, checked.err
    checked = frame.check(jwt(GraphTokJWTKeys=write(frame, rsa.pem(), 0o666)))
    assert checked.code == 1 and "write to it" in checked.err


def test_one_issuer_for_two_stores_whose_ids_are_other_people(frame):
    def places(beta, column):
        return (jwt() + jwt("other") + "<GraphTokStore beta>\nGraphTokTable beta_tokens\n"
                f"GraphTokUserColumn {column}\n</GraphTokStore>\n"
                '<Location "/main">\nSetHandler graphtok-auth\nGraphTokUser jwt staff\n</Location>\n'
                '<Location "/beta">\nSetHandler graphtok-auth\nGraphTokUseStore beta\n'
                f"GraphTokUser jwt {beta}\n</Location>\n")
    for beta, column, lines in (("staff", "teacher_id", 1), ("other", "teacher_id", 0),
                                ("staff", "user_id", 0)):
        checked = frame.check(places(beta, column))
        told = [line for line in checked.warnings if "a token of one is taken" in line]
        assert checked.ok and len(told) == lines, checked.err


@pytest.mark.parametrize("line, message", [
    ("GraphTokUseJWT nobody", "GraphTokUseJWT: there is no <GraphTokJWT nobody>"),
    ("Require graphtok-claim roles", "needs a claim's name and the values")])
def test_what_a_place_says_wrongly(frame, line, message):
    checked = frame.check(f'<Location "/x">\n{line}\n</Location>')
    assert checked.code == 1 and message in checked.err


def test_a_require_is_met_by_our_type(frame):
    checked = frame.check('<Location "/auth">\nAuthType GraphTok\nSetHandler graphtok-auth\n'
                          "Require valid-user\n</Location>")
    assert checked.ok and not any("no AuthType says" in line for line in checked.warnings)
