# Licensed under the Apache License, Version 2.0; see LICENSE.
"""The sandbox's on-behalf-of: whose token it gives, and each assertion that it refuses."""

from __future__ import annotations

import json
from typing import Any

import pytest
from peer import ADA, Answer, Peer

GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
SCOPE = "User.Read Calendars.ReadWrite"


def assertion(peer: Peer, **body: object) -> str:
    made: dict[str, Any] = peer.box.control("POST", "user_token", {"person": ADA, **body})
    return str(made["access_token"])


def redeem(peer: Peer, token: str | None, **changes: str | None) -> Answer:
    params: dict[str, str | None] = {
        "grant_type": GRANT,
        "assertion": token,
        "scope": SCOPE,
        "requested_token_use": "on_behalf_of",
        **changes,
    }
    return peer.token(**params)


def test_a_token_of_the_same_user(peer: Peer) -> None:
    answer = redeem(peer, assertion(peer))
    assert answer.status == 200
    assert "refresh_token" not in answer.json and "id_token" not in answer.json
    me = peer.graph(answer.json["access_token"], "GET", "/me")
    assert me.json["mail"] == ADA
    assert "refresh_token" in redeem(peer, assertion(peer), scope=SCOPE + " offline_access").json


@pytest.mark.parametrize(
    "body, code",
    [
        ({"claims": {"aud": "https://graph.microsoft.com"}}, 50013),
        ({"claims": {"scp": None}}, 50013),
        ({"claims": {"idtyp": "app"}}, 50013),
        ({"claims": {"exp": 1000}}, 500133),
        ({"claims": {"exp": None}}, 500133),
        ({"claims": {"oid": "nobody"}}, 50034),
        ({"sign_with": "unpublished"}, 50013),
        ({"sign_with": "personal"}, 50013),
    ],
)
def test_assertions_that_are_refused(peer: Peer, body: dict[str, object], code: int) -> None:
    answer = redeem(peer, assertion(peer, **body))
    assert (answer.status, answer.json["error"], answer.codes) == (400, "invalid_grant", [code])


@pytest.mark.parametrize(
    "changes, code",
    [
        ({"assertion": None}, 900144),
        ({"scope": None}, 900144),
        ({"requested_token_use": None}, 900144),
        ({"assertion": "a.b.c"}, 50027),
        ({"scope": "Mail.Read"}, 65001),
        ({"client_secret": "wrong"}, 7000215),
        ({"scope": SCOPE + " https://outlook.office.com/SMTP.Send"}, 28000),
    ],
)
def test_requests_that_are_refused(peer: Peer, changes: dict[str, str | None], code: int) -> None:
    assert redeem(peer, assertion(peer), **changes).codes == [code]


def test_conditional_access_wants_the_user(peer: Peer) -> None:
    peer.box.settings(behalf_challenge=True)
    answer = redeem(peer, assertion(peer))
    assert (answer.status, answer.json["error"]) == (400, "interaction_required")
    assert json.loads(answer.json["claims"])["access_token"]["acrs"]["essential"] is True
