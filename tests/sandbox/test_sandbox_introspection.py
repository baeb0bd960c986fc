# Licensed under the Apache License, Version 2.0; see LICENSE.
"""A mail server asks the sandbox whose mailbox a token opens."""

from __future__ import annotations

import urllib.parse
from typing import Any

import pytest

from peer import ADA, SCOPE, Peer
from test_sandbox_google import SCOPE as GOOGLE_SCOPE
from test_sandbox_google import sign_in

IMAP = "https://outlook.office.com/IMAP.AccessAsUser.All"
SMTP = "https://outlook.office.com/SMTP.Send"
CLOSED = {"active": False}


def ask(peer: Peer, token: str, protocol: str = "imap") -> Any:
    body = urllib.parse.urlencode({"token": token, "client_id": "", "client_secret": ""})
    return peer.ask("POST", f"/mail/introspect/{protocol}", body).json


def outlook(peer: Peer, scope: str = IMAP) -> str:
    tokens = peer.sign_in(scope=f"{SCOPE} {scope}")
    return str(peer.refresh(tokens["refresh_token"], scope=scope).json["access_token"])


def test_a_token_of_outlook_opens_by_its_protocol(peer: Peer) -> None:
    token = outlook(peer)
    assert ask(peer, token) == {"active": True, "username": ADA, "team": "team@sandbox.example"}
    assert ask(peer, token, "smtp") == CLOSED
    assert ask(peer, outlook(peer, SMTP), "smtp")["active"]


def test_a_token_of_graph_opens_nothing(peer: Peer) -> None:
    tokens = peer.sign_in(scope=f"{SCOPE} IMAP.AccessAsUser.All SMTP.Send")
    assert ask(peer, tokens["access_token"]) == CLOSED
    assert ask(peer, tokens["access_token"], "smtp") == CLOSED
    assert ask(peer, "rubbish") == ask(peer, "") == CLOSED


@pytest.mark.parametrize("protocol", ["imap", "smtp"])
def test_googles_token_opens_with_the_scope_of_mail(peer: Peer, protocol: str) -> None:
    plain = sign_in(peer)["access_token"]
    mail = sign_in(peer, scope=f"{GOOGLE_SCOPE} https://mail.google.com/")["access_token"]
    assert ask(peer, plain, protocol) == CLOSED
    assert ask(peer, mail, protocol)["username"] == ADA
    peer.box.control("POST", "google", {"expire_access": True})
    assert ask(peer, mail, protocol) == CLOSED


def test_time_and_revocation_close(peer: Peer) -> None:
    token = outlook(peer)
    peer.box.expire_access(ADA)
    assert ask(peer, token) == CLOSED
    other = outlook(peer)
    peer.box.revoke(ADA, access=True)
    assert ask(peer, other) == CLOSED


def test_a_stranger_is_no_member_of_the_team(peer: Peer) -> None:
    tokens = peer.sign_in("alan@sandbox.example", f"{SCOPE} {IMAP}")
    token = peer.refresh(tokens["refresh_token"], scope=IMAP).json["access_token"]
    assert ask(peer, token) == {
        "active": True, "username": "alan@sandbox.example", "team": "none"
    }  # fmt: skip
