# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Continuous access evaluation: strict with clients that declared cp1, silent to all others."""

from __future__ import annotations

import json
from base64 import b64decode

import pytest
from peer import ADA, Answer, Peer

CP1 = {"access_token": {"xms_cc": {"values": ["cp1"]}}}
DECLARES = json.dumps(CP1)


def with_cp1(claims: str) -> str:
    return json.dumps({"access_token": {**json.loads(claims)["access_token"], **CP1["access_token"]}})


def able(peer: Peer, claims: str = DECLARES) -> Answer:
    return peer.redeem(peer.code(claims=claims), claims=DECLARES)


def refresh(peer: Peer, answer: Answer, claims: str = DECLARES) -> Answer:
    return peer.refresh(str(answer.json["refresh_token"]), claims=claims)


def ask(peer: Peer, answer: Answer) -> Answer:
    return peer.graph(str(answer.json["access_token"]), "GET", "/me")


def test_long_life_is_for_those_that_declare_cp1_twice(peer: Peer) -> None:
    tokens = able(peer)
    assert 72_000 <= tokens.json["expires_in"] <= 100_800
    assert 72_000 <= refresh(peer, tokens).json["expires_in"] <= 100_800
    assert refresh(peer, tokens, "{}").json["expires_in"] <= 5399
    half = peer.redeem(peer.code(claims=DECLARES))
    assert half.json["expires_in"] <= 5399
    late = peer.redeem(peer.code(), claims=DECLARES)
    assert late.json["expires_in"] <= 5399


def test_a_new_place_is_met_by_a_refresh_with_the_claims(peer: Peer) -> None:
    tokens, plain = able(peer), peer.sign_in()
    claims = peer.box.access_event(ADA, "location_changed")
    refused = ask(peer, tokens)
    assert refused.status == 401
    packed = refused.headers["www-authenticate"].split('claims="')[1].rstrip('"')
    assert json.loads(b64decode(packed)) == json.loads(claims)
    assert peer.graph(str(plain["access_token"]), "GET", "/me").status == 200
    without = refresh(peer, tokens)
    assert without.codes == [50076] and without.json["error"] == "interaction_required"
    assert json.loads(without.json["claims"]) == json.loads(claims)
    assert peer.refresh(str(plain["refresh_token"])).status == 200
    fresh = refresh(peer, tokens, with_cp1(claims))
    assert ask(peer, fresh).status == 200 and ask(peer, tokens).status == 401
    assert ask(peer, refresh(peer, fresh)).status == 200, "a demand is met once"


def test_a_demand_on_the_user_is_met_by_a_sign_in_with_the_claims(peer: Peer) -> None:
    tokens = able(peer)
    claims = peer.box.access_event(ADA, "location_changed", needs_user=True)
    assert refresh(peer, tokens, with_cp1(claims)).codes == [50076]
    assert ask(peer, able(peer)).status == 401
    signed_in = able(peer, with_cp1(claims))
    assert ask(peer, signed_in).status == 200
    assert ask(peer, refresh(peer, signed_in)).status == 200


@pytest.mark.parametrize(
    "event, code", [("user_disabled", 50057), ("password_changed", 50133), ("session_revoked", 50173)]
)
def test_what_ends_the_refresh_token_too(peer: Peer, event: str, code: int) -> None:
    tokens = able(peer)
    claims = peer.box.access_event(ADA, event)
    assert ask(peer, tokens).status == 401
    assert refresh(peer, tokens, with_cp1(claims)).codes == [code]
    if event == "user_disabled":
        assert "AADSTS50057" in peer.authorize(claims=DECLARES).body.decode()
    else:
        assert ask(peer, able(peer)).status == 200


def test_only_a_client_of_cp1_is_challenged(peer: Peer) -> None:
    peer.box.fault("graph", "claims", times=0)
    assert peer.graph(str(peer.sign_in()["access_token"]), "GET", "/me").status == 200
    assert ask(peer, able(peer)).status == 401
