# Licensed under the Apache License, Version 2.0; see LICENSE.
"""On-behalf-of: a user's access token for our application is redeemed for one of another resource.

Entra's order: the assertion's signature, its audience, its times, what kind of token it is, then
consent and Conditional Access. Source: Microsoft, "On-Behalf-Of flow", "Access token claims
reference".
"""

from __future__ import annotations

import base64
import binascii
import json
import uuid
from collections.abc import Callable

import scopes as scope_rules
from aadsts import EntraError
from authorize import Params
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from keys import SigningKey
from people import CLIENT_ID, TENANT, Person, find_person
from state import World

GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
CHALLENGE = '{"access_token":{"acrs":{"essential":true,"value":"c1"}}}'
SKEW = 300


def user_token(world: World, person: Person, changes: dict[str, object], which: str = "") -> str:
    """An access token (version 2) of a user for our own API, as its single-page application has."""
    now = int(world.now())
    claims: dict[str, object] = {
        "aud": CLIENT_ID,
        "iss": f"{world.base}/{TENANT}/v2.0",
        "iat": now,
        "nbf": now,
        "exp": now + 3600,
        "azp": "99999999-8888-7777-6666-555555555555",
        "azpacr": "0",
        "name": person.name,
        "oid": person.oid,
        "preferred_username": person.address,
        "scp": "access_as_user",
        "sub": "pairwise-of-the-api",
        "tid": TENANT,
        "uti": uuid.uuid4().hex[:22],
        "ver": "2.0",
    }
    claims = {k: v for k, v in {**claims, **changes}.items() if v is not None}
    text = world.keys.sign(claims, "RS256", which or "current", world.client_secret)
    return world.secrets.see("access_token", text)


def part(text: str) -> dict[str, object]:
    value = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    if not isinstance(value, dict):
        raise ValueError("no object")
    return value


def is_signed(key: SigningKey, token: str) -> bool:
    signed, _, signature = token.rpartition(".")
    raw = base64.urlsafe_b64decode(signature + "=" * (-len(signature) % 4))
    try:
        key.private.public_key().verify(
            raw, signed.encode(), padding.PKCS1v15(), hashes.SHA256()
        )
    except InvalidSignature:
        return False
    return True


def read_assertion(world: World, token: str) -> dict[str, object]:
    """The claims of an assertion that Entra itself has signed."""
    try:
        header, claims = (part(text) for text in token.split(".")[:2])
        keys = [key for key in world.keys.work if key.kid == header.get("kid")]
        is_good = header.get("alg") == "RS256" and any(is_signed(key, token) for key in keys)
    except (ValueError, binascii.Error, UnicodeDecodeError) as bad:
        raise EntraError(50027) from bad
    if not is_good:
        raise EntraError(50013)
    return claims


def find_person_of(world: World, claims: dict[str, object], client_id: str) -> Person:
    """Whose it is, when it is one that may be redeemed."""
    if claims.get("aud") != client_id:
        raise EntraError(50013)
    end = claims.get("exp")
    if not isinstance(end, int) or end + SKEW < world.now():
        raise EntraError(500133)
    if claims.get("idtyp") == "app" or not claims.get("scp"):
        raise EntraError(50013)
    person = find_person(str(claims.get("oid", "")))
    if person is None:
        raise EntraError(50034)
    return person


def redeem(
    world: World, params: Params, asked_of: Callable[[World, str], frozenset[str]]
) -> tuple[Person, frozenset[str], str]:
    """Whose token, with which scopes, for which resource."""
    for name in ("assertion", "scope"):
        if not params.get(name):
            raise EntraError(900144, (name,))
    if params.get("requested_token_use") != "on_behalf_of":
        raise EntraError(900144, ("requested_token_use",))
    claims = read_assertion(world, params["assertion"])
    person = find_person_of(world, claims, params["client_id"])
    asked = asked_of(world, params["scope"])
    resource = scope_rules.one_resource(asked, params["scope"])
    named = {scope for scope in asked if not scope.endswith("/.default")}
    if not named - set(scope_rules.OPENID) <= world.consents[person.oid]:
        raise EntraError(65001, (CLIENT_ID,))
    if world.settings.behalf_challenge:
        raise EntraError(
            50076, (resource,), error="interaction_required", claims=CHALLENGE
        )
    return person, asked, resource
