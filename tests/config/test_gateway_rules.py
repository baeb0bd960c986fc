# Licensed under the Apache License, Version 2.0; see LICENSE.
"""GraphTokAllow in a location of graphtok-graph: read, shown, inherited, and what httpd -t says."""

import pytest

AUTH = '<Location "/auth">\nSetHandler graphtok-auth\n</Location>\n'
PLACE = '<Location "/graph">\nSetHandler graphtok-graph\n{}\n</Location>\n'
JWT = "<GraphTokJWT app>\nGraphTokJWTIssuer none\nGraphTokJWTAudience none\nGraphTokJWTAlgorithms HS256\n" \
      f"GraphTokJWTKeys {'x' * 40}\n</GraphTokJWT>\n"


def rules(checked, path):
    return next(one for one in checked.dump["mounts"] if one["path"] == path)["settings"]["allow"]


def test_rules_are_shown_and_a_sections_own_count(frame):
    outer = 'GraphTokAllow POST GET /me/events/**\nGraphTokAllow GET /beta/me\nGraphTokAllow GET /'
    inner = '<Location "/graph/in">\nSetHandler graphtok-graph\nGraphTokAllow GET /v1.0/me\n</Location>\n'
    same = '<Location "/graph/as">\nSetHandler graphtok-graph\n</Location>\n'
    checked = frame.check(AUTH + PLACE.format(outer) + inner + same)
    assert checked.ok and not checked.warnings, checked.err
    shown = ["GET POST /v1.0/me/events/**", "GET /beta/me", "GET /v1.0"]
    assert rules(checked, "/graph") == rules(checked, "/graph/as") == shown
    assert rules(checked, "/graph/in") == ["GET /v1.0/me"] and rules(checked, "/auth") == []


@pytest.mark.parametrize("inside, told", [
    ("", "without GraphTokAllow: every request is refused"),
    ("GraphTokAllow GET /me claim:roles=agent", "a GraphTokAllow with claim: never holds"),
    ("GraphTokAllow GET /me claim:roles=agent\nGraphTokUser jwt app", "")])
def test_what_is_odd_at_a_place(frame, inside, told):
    checked = frame.check(JWT + AUTH + PLACE.format(inside))
    assert checked.ok, checked.err
    found = [one for one in checked.warnings if "graphtok-graph" in one]
    assert len(found) == bool(told) and told in "".join(found)


@pytest.mark.parametrize("text, message", [
    (PLACE.format("GraphTokAllow GET /a/**/b"), "'/a/**/b' is no pattern"),
    (PLACE.format("GraphTokAllow GET /a claim:roles"), "'claim:roles' is no claim: write claim:NAME=VALUE"),
    ("GraphTokAllow GET /a", "or inside a <Location> with SetHandler graphtok-graph"),
    ("<GraphTokClient a>\nGraphTokAllow GET /a claim:x=y\n</GraphTokClient>", "a client's token has no claims")])
def test_slips_of_rules(frame, text, message):
    checked = frame.check(text)
    assert checked.code == 1 and message in checked.err, checked.err
