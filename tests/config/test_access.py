# Licensed under the Apache License, Version 2.0; see LICENSE.
"""AuthType and Require that do not do what they seem to, through the real httpd -t."""

import pytest

JWT = """<GraphTokJWT {name}>
GraphTokJWTIssuer https://issuer.example
GraphTokJWTAudience us
GraphTokJWTAlgorithms RS256
GraphTokJWTKeys https://issuer.example/keys
{more}
</GraphTokJWT>
"""
ISSUERS = JWT.format(name="staff", more="") + JWT.format(name="app", more="GraphTokJWTCookie app")
SIGN_IN = '<Location "/auth">\nSetHandler graphtok-auth\n</Location>\n'
OURS = "AuthType GraphTok\nGraphTokUseJWT {}\n"
VALID = "Require valid-user"
OPEN = "Require all granted"
BASIC = "AuthType Basic\nAuthName x\nAuthUserFile /dev/null\n"
NO_EFFECT = "has no effect at"
NEVER_MET = "is met by no request at /x"


def place(path, *lines, kind="Location"):
    return f'<{kind} "{path}">\n' + "\n".join(lines) + f"\n</{kind}>\n"


@pytest.mark.parametrize("text, words", [
    (place("/x", "GraphTokUseJWT staff"), "GraphTokUseJWT staff has no effect at /x: no AuthType"),
    (place("/x", BASIC + "GraphTokUseJWT staff", VALID), "has no effect at /x: AuthType Basic holds"),
    (place("/x", "GraphTokUseJWT staff", VALID), "Require valid-user holds at /x, where no AuthType"),
    (place("/srv", "GraphTokUseJWT staff", kind="Directory"), NO_EFFECT),
    ("GraphTokUseJWT staff\n", "GraphTokUseJWT staff has no effect at /: "),
    ("GraphTokUseJWT staff\n" + place("/x", "AuthType GraphTok", VALID), ""),
    (place("/", "GraphTokUseJWT staff") + place("/x", "AuthType GraphTok", VALID), ""),
    (place("^/(x|y)", OURS.format("staff"), kind="LocationMatch") + place("/x", VALID), ""),
    (place("/x", OURS.format("staff")), "AuthType GraphTok has no effect at /x: no Require wants"),
    (place("/x", OURS.format("staff"), "Require ip 10.0.0.1"), "AuthType GraphTok has no effect at /x"),
    (place("/x", OURS.format("staff"), VALID) + place("/x", OPEN), "AuthType GraphTok has no effect"),
    (place("/x", OURS.format("staff")) + place("/x/y", VALID), ""),
    (place("/x", OURS.format("staff"), "<RequireAll>", "Require local", VALID, "</RequireAll>"), ""),
    (place("/x", "Require graphtok-claim roles a"), "Require graphtok-claim roles a holds at /x, where no"),
    (place("/x", "AuthType GraphTok", "Require graphtok-claim roles a"), NEVER_MET),
    (place("/x", BASIC, "Require graphtok-claim roles a"), NEVER_MET),
    (place("/x", OURS.format("staff"), "Require graphtok-claim roles a"), ""),
    (place("/x", "AuthType GraphTok\nGraphTokUser jwt staff", "Require graphtok-claim roles a"), "")])
def test_what_lets_in_all_or_none(frame, text, words):
    checked = frame.check(ISSUERS + SIGN_IN + text)
    assert checked.ok and len(checked.warnings) == bool(words), checked.err
    assert not words or words in checked.warnings[0]


@pytest.mark.parametrize("text, words", [
    (place("/", "AuthType GraphTok", VALID) + SIGN_IN, "stands before the sign-in at /auth"),
    (place("/", "AuthType GraphTok", VALID) + SIGN_IN + place("/auth", OPEN), ""),
    (SIGN_IN + place("/auth", OPEN) + place("/", "AuthType GraphTok", VALID), "stands before the sign-in"),
    (SIGN_IN + place("/auth", OURS.format("staff"), VALID), "stands before /auth/callback"),
    (SIGN_IN + place("/auth", OURS.format("app"), VALID), ""),
    (SIGN_IN + place("/auth", OURS.format("staff"), VALID) + place("/auth/callback", OPEN), ""),
    (SIGN_IN + place("/auth", OURS.format("staff"), VALID, "GraphTokRoutes token"), "")])
def test_a_sign_in_behind_itself(frame, text, words):
    checked = frame.check(ISSUERS + text)
    assert checked.ok and len(checked.warnings) == bool(words), checked.err
    assert not words or words in checked.warnings[0]


def test_a_provider_calls_as_no_user(frame):
    provider = frame.provider("GraphTokKind openid\nGraphTokAuthority https://login.example")
    provider = provider.replace("GraphTokTenant contoso.example", "")
    guarded = SIGN_IN + place("/auth", BASIC, VALID)
    checked = frame.check(guarded, provider=provider)
    assert len(checked.warnings) == 1 and "stands before /auth/logout/backchannel" in checked.warnings[0]
    assert not frame.check(guarded + place("/auth/logout/backchannel", OPEN), provider=provider).warnings


@pytest.mark.parametrize("outer, inner", [("Require ip 10.0.0.1", OPEN), ("", "AuthType Basic")])
def test_what_guards_nothing(frame, outer, inner):
    text = place("/", outer) + place("/x", "SetHandler graphtok-auth", "GraphTokUser static tom", inner)
    checked = frame.check(text)
    assert ["every client acts as the static user tom" in line for line in checked.warnings] == [True]
