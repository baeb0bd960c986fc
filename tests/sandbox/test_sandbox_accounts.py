# Licensed under the Apache License, Version 2.0; see LICENSE.
"""The sandbox's grants without a browser of ours: password, application, device code."""

from __future__ import annotations

import pytest
from peer import ADA, Answer, Peer

TENANT = "6f1d2c3b-8a47-4e59-9b60-7c1e5d2a4f38"
DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
SCOPE = "openid profile offline_access User.Read Calendars.ReadWrite"


def login(peer: Peer, person: str = ADA, **body: object) -> str:
    answer = peer.box.control("POST", "login", {"person": person, "consent": SCOPE, **body})
    return str(answer["password"])


def place(tenant: str | None) -> str:
    return f"/{tenant}/oauth2/v2.0/token"


def by_password(peer: Peer, password: str, /, **changes: str | None) -> Answer:
    tenant = changes.pop("tenant", TENANT)
    params = {"username": ADA, "password": password, "scope": SCOPE, **changes}
    return peer.token(place(tenant), grant_type="password", **params)


def test_a_password_gives_the_tokens_of_its_user(peer: Peer) -> None:
    answer = by_password(peer, login(peer))
    assert answer.status == 200 and {"refresh_token", "id_token"} <= set(answer.json)
    assert peer.graph(answer.json["access_token"], "GET", "/me").json["mail"] == ADA


@pytest.mark.parametrize("code", [50055, 50057, 50076, 50079, 53003])
def test_a_right_password_is_refused(peer: Peer, code: int) -> None:
    answer = by_password(peer, login(peer, code=code))
    assert (answer.status, answer.json["error"], answer.codes) == (400, "invalid_grant", [code])
    assert ("claims" in answer.json) == (code == 53003)


def test_wrong_ones_lock_the_account(peer: Peer) -> None:
    password = login(peer)
    for _ in range(10):
        assert by_password(peer, "wrong").codes == [50126]
    assert by_password(peer, password).codes == [50053]
    login(peer, is_federated=True)
    assert by_password(peer, password).codes == [50126]


@pytest.mark.parametrize("changes, code", [
    ({"username": "nobody@sandbox.example"}, 50034),
    ({"username": "mary@outlook.example"}, 50034),
    ({"scope": SCOPE + " Mail.Read"}, 65001),
    ({"tenant": "common"}, 9001023),
    ({"client_secret": None}, 7000218),
    ({"password": None}, 900144),
])
def test_other_refusals(peer: Peer, changes: dict[str, str | None], code: int) -> None:
    password = login(peer)
    assert by_password(peer, password, **changes).codes == [code]


def test_a_public_client(peer: Peer) -> None:
    peer.box.control("POST", "settings", {"public_flows": True})
    answer = by_password(peer, login(peer), client_secret=None)
    assert answer.status == 200
    again = peer.token(place(TENANT), grant_type="refresh_token", client_secret=None,
                       refresh_token=answer.json["refresh_token"])
    assert again.status == 200


def test_the_application_itself(peer: Peer) -> None:
    def ask(scope: str, tenant: str = TENANT) -> Answer:
        return peer.token(place(tenant), grant_type="client_credentials", scope=scope)

    answer = ask("https://graph.microsoft.com/.default")
    assert set(answer.json) == {"token_type", "expires_in", "ext_expires_in", "access_token"}
    assert peer.graph(answer.json["access_token"], "GET", "/me").status == 400
    assert peer.graph(answer.json["access_token"], "GET", f"/users/{ADA}/events").status == 200
    assert ask("User.Read").codes == [1002012]
    assert ask("https://graph.microsoft.com/.default", "common").codes == [90019]


def begin(peer: Peer) -> str:
    form = f"client_id=11111111-2222-3333-4444-555555555555&scope={SCOPE.replace(' ', '+')}"
    answer = peer.ask("POST", f"/{TENANT}/oauth2/v2.0/devicecode", form,
                      Content_Type="application/x-www-form-urlencoded")
    assert len(answer.json["user_code"]) == 9 and "verification_uri_complete" not in answer.json
    return str(answer.json["device_code"])


def poll(peer: Peer, code: str) -> Answer:
    return peer.token(place(TENANT), grant_type=DEVICE, device_code=code)


def test_a_device_code(peer: Peer) -> None:
    code = begin(peer)
    assert poll(peer, code).json["error"] == "authorization_pending"
    assert poll(peer, code).json["error"] == "slow_down"
    peer.box.control("POST", "settings", {"device_interval": 0})
    code = begin(peer)
    assert peer.box.control("POST", "device", {"choice": ADA})["done"]
    assert poll(peer, code).status == 200
    assert poll(peer, code).codes == [54005]


@pytest.mark.parametrize("choice, error", [
    ("decline", "authorization_declined"), ("expire", "expired_token")])
def test_a_device_code_that_ends(peer: Peer, choice: str, error: str) -> None:
    code = begin(peer)
    peer.box.control("POST", "device", {"choice": choice})
    assert poll(peer, code).json["error"] == error
    assert poll(peer, "another").json["error"] == "bad_verification_code"
