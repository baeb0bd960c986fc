# Licensed under the Apache License, Version 2.0; see LICENSE.
"""The sandbox's Google refuses what the real one refuses."""

from __future__ import annotations

import urllib.parse
from typing import Any

import pytest

from client import Sandbox
from peer import ADA, CALLBACK, CHALLENGE, VERIFIER, Answer, Peer, claims_of

AUTH = "/google/o/oauth2/v2/auth"
SCOPE = "openid email profile https://www.googleapis.com/auth/calendar"
FORM = "application/x-www-form-urlencoded"


def authorize(peer: Peer, **changes: str | None) -> Answer:
    params: dict[str, str | None] = {
        "client_id": peer.box.facts["google"]["client_id"],
        "response_type": "code",
        "redirect_uri": CALLBACK,
        "scope": SCOPE,
        "state": "state-of-the-test",
        "nonce": "nonce-of-the-test",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
        "access_type": "offline",
        "login_hint": ADA,
        **changes,
    }
    given = {name: value for name, value in params.items() if value is not None}
    return peer.ask("GET", f"{AUTH}?{urllib.parse.urlencode(given)}")


def post(peer: Peer, path: str, **params: str | None) -> Answer:
    given = {name: value for name, value in params.items() if value is not None}
    return peer.ask("POST", path, urllib.parse.urlencode(given), Content_Type=FORM)


def token(peer: Peer, **params: str | None) -> Answer:
    named: dict[str, str | None] = {
        "client_id": peer.box.facts["google"]["client_id"],
        "client_secret": peer.box.client_secret,
        **params,
    }
    return post(peer, "/google/token", **named)


def redeem(peer: Peer, code: str, **changes: str | None) -> Answer:
    named: dict[str, str | None] = {"redirect_uri": CALLBACK, "code_verifier": VERIFIER, **changes}
    return token(peer, grant_type="authorization_code", code=code, **named)


def sign_in(peer: Peer, **changes: str | None) -> dict[str, Any]:
    answer = redeem(peer, authorize(peer, **changes).returned["code"])
    assert answer.status == 200, answer.body
    found: dict[str, Any] = answer.json
    return found


def refresh(peer: Peer, text: str, **more: str) -> Answer:
    return token(peer, grant_type="refresh_token", refresh_token=text, **more)


def test_a_refresh_token_comes_with_consent_and_offline_alone(peer: Peer) -> None:
    first = sign_in(peer)
    assert first["scope"].split() == sorted(
        ["openid", *(f"https://www.googleapis.com/auth/{one}" for one in
                     ("calendar", "userinfo.email", "userinfo.profile"))]
    )
    again = refresh(peer, first["refresh_token"]).json
    assert "refresh_token" not in again and again["access_token"] != first["access_token"]
    assert "refresh_token" not in sign_in(peer)
    assert "refresh_token" in sign_in(peer, prompt="consent")
    assert "refresh_token" not in sign_in(peer, prompt="consent", access_type=None)
    assert "refresh_token_expires_in" not in first
    peer.box.settings(google_testing=True)
    assert sign_in(peer, prompt="consent")["refresh_token_expires_in"] == 604799


def test_the_oldest_of_too_many_dies(peer: Peer) -> None:
    peer.box.settings(google_most_tokens=2)
    first, second = (sign_in(peer, prompt="consent")["refresh_token"] for _ in range(2))
    assert refresh(peer, first).status == 200
    sign_in(peer, prompt="consent")
    assert refresh(peer, second).status == 200
    answer = refresh(peer, first)
    assert (answer.status, answer.json["error"]) == (400, "invalid_grant")


@pytest.mark.parametrize(
    "changes,status,word",
    [
        ({"redirect_uri": CALLBACK + "/"}, 400, "redirect_uri_mismatch"),
        ({"client_id": "other"}, 401, "invalid_client"),
        ({"scope": SCOPE + " offline_access"}, 400, "invalid_scope"),
        ({"prompt": "login"}, 400, "invalid_request"),
        ({"prompt": "none consent"}, 400, "invalid_request"),
        ({"access_type": "forever"}, 400, "invalid_request"),
        ({"response_type": None}, 400, "invalid_request"),
        ({"code_challenge": None, "code_challenge_method": None}, 400, "invalid_request"),
    ],
)
def test_faults_on_googles_own_page(
    peer: Peer, changes: dict[str, str | None], status: int, word: str
) -> None:
    answer = authorize(peer, **changes)
    assert answer.status == status and "location" not in answer.headers
    assert word in answer.body.decode()


def test_what_comes_back(peer: Peer) -> None:
    peer.box.settings(google_domain="sandbox.example")
    back = authorize(peer).returned
    assert back["iss"] == peer.box.facts["google"]["authority"]
    assert (back["authuser"], back["prompt"], back["hd"]) == ("0", "consent", "sandbox.example")
    assert authorize(peer, login_hint=None, prompt="none").returned["error"] == "login_required"
    assert authorize(peer, login_hint="grace@sandbox.example",
                     prompt="none").returned["error"] == "interaction_required"


@pytest.mark.parametrize(
    "challenge,verifier,text",
    [
        (CHALLENGE, None, "Missing code verifier."),
        (CHALLENGE, "x" * 43, "Invalid code verifier."),
        (None, VERIFIER, "code_verifier or verifier is not needed."),
    ],
)
def test_pkce(peer: Peer, challenge: str | None, verifier: str | None, text: str) -> None:
    peer.box.settings(require_pkce=False)
    method = "S256" if challenge else None
    code = authorize(peer, code_challenge=challenge, code_challenge_method=method).returned["code"]
    answer = redeem(peer, code, code_verifier=verifier)
    assert (answer.status, answer.json["error"]) == (400, "invalid_grant")
    assert answer.json["error_description"] == text


def test_codes_and_clients(peer: Peer) -> None:
    code = authorize(peer).returned["code"]
    assert redeem(peer, code, redirect_uri=CALLBACK + "x").json["error"] == "redirect_uri_mismatch"
    assert redeem(peer, code, client_secret="wrong").status == 401
    assert redeem(peer, code, client_id="other").json["error"] == "invalid_client"
    assert redeem(peer, code).status == 200
    assert redeem(peer, code).json["error_description"] == "Bad Request"
    assert token(peer, grant_type="password").json["error"] == "unsupported_grant_type"
    assert post(peer, "/google/device/code", client_id="x").json["error"] == "invalid_client"


def test_scopes_that_are_unticked(peer: Peer) -> None:
    peer.box.settings(google_unticked="https://www.googleapis.com/auth/calendar")
    granted = sign_in(peer)
    assert "calendar" not in granted["scope"]
    beyond = refresh(peer, granted["refresh_token"],
                     scope="openid https://www.googleapis.com/auth/calendar")
    assert (beyond.status, beyond.json["error"]) == (400, "invalid_scope")


def test_id_tokens(peer: Peer, box: Sandbox) -> None:
    issuer = box.facts["google"]["authority"]
    claims = claims_of(sign_in(peer)["id_token"])
    assert claims["iss"] == issuer and claims["azp"] == claims["aud"]
    assert claims["email_verified"] is True and "hd" not in claims and len(claims["sub"]) == 21
    box.settings(google_bare_issuer=True, google_domain="sandbox.example")
    claims = claims_of(sign_in(peer)["id_token"])
    assert claims["iss"] == issuer.removeprefix("https://") and claims["hd"] == "sandbox.example"
    assert "hd" not in claims_of(sign_in(peer, login_hint="mary@outlook.example")["id_token"])


def test_revocation(peer: Peer) -> None:
    first = sign_in(peer)
    assert peer.ask("GET", "/google/revoke?token=" + first["access_token"]).status == 404
    assert post(peer, "/google/revoke", token=first["access_token"]).status == 200
    assert refresh(peer, first["refresh_token"]).json["error"] == "invalid_grant"
    dead = post(peer, "/google/revoke", token=first["refresh_token"])
    assert (dead.status, dead.json["error"]) == (400, "invalid_token")
    assert "refresh_token" in sign_in(peer), "consent is asked for anew"


def test_why_a_refresh_token_ends(peer: Peer, box: Sandbox) -> None:
    text = sign_in(peer)["refresh_token"]
    box.google(ADA, end="invalid_rapt")
    answer = refresh(peer, text).json
    assert (answer["error"], answer["error_subtype"]) == ("invalid_grant", "invalid_rapt")


def test_userinfo(peer: Peer, box: Sandbox) -> None:
    access = sign_in(peer)["access_token"]
    answer = peer.ask("GET", "/google/userinfo", Authorization=f"Bearer {access}")
    assert answer.json["email"] == ADA and answer.json["given_name"] == "Ada"
    box.google(ADA, expire_access=True)
    answer = peer.ask("GET", "/google/userinfo", Authorization=f"Bearer {access}")
    assert answer.status == 401 and "Bearer" in answer.headers["www-authenticate"]
