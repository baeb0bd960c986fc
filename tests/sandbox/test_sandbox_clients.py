# Licensed under the Apache License, Version 2.0; see LICENSE.
"""The sandbox refuses every assertion that Entra would: else what passes here shows nothing."""

from __future__ import annotations

import sys
import time
import uuid
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from peer import TOKEN_PATH, Answer, Peer  # noqa: E402

from support.certificate import ISSUER, PSS, SUBJECT, Certificate  # noqa: E402

TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
SALTLESS = padding.PSS(padding.MGF1(hashes.SHA256()), salt_length=0)


@pytest.fixture(scope="module", name="ours")
def ours_fixture() -> Certificate:
    return Certificate()


@pytest.fixture(scope="module", name="stranger")
def stranger_fixture() -> Certificate:
    return Certificate()


def ask(peer: Peer, assertion: str, **more: str | None) -> Answer:
    """A client that is known is told that its refresh token is none: 9002313."""
    return peer.token(
        **{"grant_type": "refresh_token", "refresh_token": "x", "client_secret": None,
           "client_assertion": assertion, "client_assertion_type": TYPE, **more})  # fmt: skip


def claims_for(peer: Peer, **changes: Any) -> dict[str, Any]:
    now, client = int(time.time()), peer.box.facts["client_id"]
    claims = {"aud": peer.box.facts["authority"] + TOKEN_PATH, "iss": client, "sub": client,
              "jti": str(uuid.uuid4()), "nbf": now, "iat": now, "exp": now + 600}  # fmt: skip
    return {name: value for name, value in {**claims, **changes}.items() if value is not None}


def header_for(certificate: Certificate, **changes: Any) -> dict[str, Any]:
    return {"alg": "PS256", "typ": "JWT", "x5t#S256": certificate.thumbprint(), **changes}


BAD_CLAIMS: list[tuple[dict[str, Any], int]] = [
    ({"aud": "https://login.example/token"}, 700023),
    ({"aud": None}, 700023),
    ({"sub": str(uuid.uuid4())}, 700021),
    ({"iss": str(uuid.uuid4())}, 70021),  # of another issuer, which no registration names
    ({"exp": 1}, 700024),
    ({"exp": None}, 700024),
    ({"exp": 2_000_000_000}, 700024),
    ({"nbf": 2_000_000_000}, 700024),
    ({"jti": None}, 50027),
    ({"jti": ""}, 50027),
]


@pytest.mark.parametrize("changes,code", BAD_CLAIMS)
def test_bad_claims(peer: Peer, ours: Certificate, changes: dict[str, Any], code: int) -> None:
    peer.box.register(certificates=[ours.pem])
    assertion = ours.sign(header_for(ours), claims_for(peer, **changes), PSS)
    assert ask(peer, assertion).codes == [code]


def test_a_good_one_once(peer: Peer, ours: Certificate) -> None:
    peer.box.register(certificates=[ours.pem])
    assertion = ours.sign(header_for(ours), claims_for(peer), PSS)
    assert ask(peer, assertion).codes == [9002313]
    answer = ask(peer, assertion)
    assert (answer.status, answer.json["error"], answer.codes) == (401, "invalid_client", [50027])


def test_bad_headers_and_signatures(peer: Peer, ours: Certificate, stranger: Certificate) -> None:
    peer.box.register(certificates=[ours.pem])
    claims = claims_for(peer)
    bad = {
        "not registered": (stranger.sign(header_for(stranger), claims, PSS), 700027),
        "another's thumbprint": (stranger.sign(header_for(ours), claims, PSS), 700027),
        "no thumbprint": (ours.sign({"alg": "PS256", "typ": "JWT"}, claims, PSS), 700027),
        "hexadecimal": (ours.sign(header_for(ours, **{
            "x5t#S256": ours.x509.fingerprint(hashes.SHA256()).hex()}), claims, PSS), 700027),
        "no type": (ours.sign(header_for(ours, typ="JOSE"), claims, PSS), 50027),
        "RS256 said to be PS256": (ours.sign(header_for(ours), claims), 700027),
        "PS256 said to be RS256": (ours.sign(header_for(ours, alg="RS256"), claims, PSS), 700027),
        "a salt of another length": (ours.sign(header_for(ours), claims, SALTLESS), 700027),
        "none": (ours.sign(header_for(ours, alg="none"), claims, PSS), 50027),
        "PS384": (ours.sign(header_for(ours, alg="PS384"), claims, PSS), 50027),
        "two parts": ("e30.e30", 50027),
        "no JSON": ("!.!.!", 50027),
    }  # fmt: skip
    found = {name: ask(peer, assertion).codes for name, (assertion, _) in bad.items()}
    assert found == {name: [code] for name, (_, code) in bad.items()}


def test_one_way_at_a_time(peer: Peer, ours: Certificate) -> None:
    peer.box.register(certificates=[ours.pem])

    def fresh() -> str:
        return ours.sign(header_for(ours), claims_for(peer), PSS)

    assert ask(peer, fresh(), client_secret=peer.box.client_secret).codes == [9002313]
    assert ask(peer, fresh(), client_assertion_type=None).codes == [900144]
    assert ask(peer, fresh(), client_assertion_type="jwt").codes == [900144]


def test_a_certificate_that_has_ended(peer: Peer) -> None:
    old = Certificate(ends=-1)
    peer.box.register(certificates=[old.pem])
    assert ask(peer, old.sign(header_for(old), claims_for(peer), PSS)).codes == [700027]


def test_tokens_of_another_issuer(peer: Peer, ours: Certificate, stranger: Certificate) -> None:
    row = {"issuer": ISSUER, "subject": SUBJECT, "key": ours.public_pem()}
    peer.box.register(federated=[row])
    assert ask(peer, ours.token()).codes == [9002313]
    bad = {
        70021: [ours.token(sub=SUBJECT.upper()), ours.token(iss=ISSUER + "/"),
                ours.token(aud=["api://other"]), ours.token(aud=["api://other", "x"])],
        700024: [ours.token(life=-400)],
        700027: [stranger.token()],
    }  # fmt: skip
    for code, tokens in bad.items():
        assert [ask(peer, token).codes for token in tokens] == [[code]] * len(tokens)


def test_secrets_by_list(peer: Peer) -> None:
    peer.box.register(secrets=["new", "newer"], expired=["old"])
    assert peer.refresh("x", client_secret="newer").codes == [9002313]
    assert peer.refresh("x", client_secret="old").codes == [7000222]
    assert peer.refresh("x").codes == [7000215]
