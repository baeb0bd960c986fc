# Licensed under the Apache License, Version 2.0; see LICENSE.
"""How a token request shows that it is the registration's: a secret in the body or the header, an
assertion that a registered certificate signed, or a token of an issuer that the registration trusts.

One way at a time. An assertion is held against everything that Entra documents, and what it does
not say is refused as well: its life is ten minutes at most, its jti works once.
Source: RFC 6749 2.3, RFC 7523 3; Microsoft, "Microsoft identity platform application authentication
certificate credentials", "Workload identity federation".
"""

from __future__ import annotations

import base64
import binascii
import calendar
import hmac
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from aadsts import EntraError
from keys import b64url
from people import CLIENT_ID
from wire import Request

if TYPE_CHECKING:
    from state import Client, World

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
FEDERATED_AUDIENCE = "api://AzureADTokenExchange"
LONGEST_LIFE = 600
LEEWAY = 300  # of Entra's, for clocks
CURVES = {"ES256": (ec.SECP256R1, hashes.SHA256, 32), "ES384": (ec.SECP384R1, hashes.SHA384, 48)}


@dataclass
class Federated:
    """An issuer that is trusted for one subject."""

    issuer: str
    subject: str
    key: rsa.RSAPublicKey


@dataclass
class Registration:
    """What the application is registered with."""

    secrets: list[str]
    expired: list[str] = field(default_factory=list)
    certificates: list[x509.Certificate] = field(default_factory=list)
    federated: list[Federated] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)  # jti


@dataclass
class Assertion:
    """A compact JWS taken apart."""

    header: dict[str, Any]
    claims: dict[str, Any]
    signed: bytes
    signature: bytes


def change_registration(registration: Registration, wanted: dict[str, Any]) -> None:
    """Take over what is given; certificates and keys as PEM."""
    if "secrets" in wanted:
        registration.secrets = [str(text) for text in wanted["secrets"]]
    if "expired" in wanted:
        registration.expired = [str(text) for text in wanted["expired"]]
    if "certificates" in wanted:
        registration.certificates = [
            x509.load_pem_x509_certificate(pem.encode()) for pem in wanted["certificates"]
        ]
    if "federated" in wanted:
        registration.federated = []
        for row in wanted["federated"]:
            key = serialization.load_pem_public_key(row["key"].encode())
            assert isinstance(key, rsa.RSAPublicKey)
            registration.federated.append(Federated(row["issuer"], row["subject"], key))


# ---- secrets ----


def basic_credentials(request: Request) -> tuple[str, str] | None:
    """Client id and secret of an Authorization field, both form-decoded (RFC 6749 2.3.1)."""
    kind, _, text = request.header("authorization").partition(" ")
    if kind.lower() != "basic":
        return None
    try:
        name, colon, secret = base64.b64decode(text.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError) as bad:
        raise EntraError(9002313) from bad
    if not colon:
        raise EntraError(9002313)
    return unquote_plus(name), unquote_plus(secret)


def is_among(secret: str, known: list[str]) -> bool:
    return any(hmac.compare_digest(secret.encode(), one.encode()) for one in known)


def check_secret(world: World, secret: str, client: Client) -> None:
    if not secret:
        raise EntraError(7000218)
    world.secrets.see("client_secret", secret)
    registration = world.registration
    if client.client_id != CLIENT_ID:
        registration = Registration([client.secret])
    if is_among(secret, registration.expired):
        raise EntraError(7000222, (client.client_id,))
    if not is_among(secret, registration.secrets):
        raise EntraError(7000215, (client.client_id,))
    if world.settings.secret_expired:
        raise EntraError(7000222, (client.client_id,))


# ---- assertions ----


def unpack(text: str) -> bytes:
    """base64url without padding."""
    if "=" in text or "+" in text or "/" in text:
        raise EntraError(50027)
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def take_apart(text: str) -> Assertion:
    parts = text.split(".")
    if len(parts) != 3:
        raise EntraError(50027)
    try:
        header, claims = (json.loads(unpack(part)) for part in parts[:2])
        signature = unpack(parts[2])
    except (ValueError, binascii.Error) as bad:
        raise EntraError(50027) from bad
    if not isinstance(header, dict) or not isinstance(claims, dict):
        raise EntraError(50027)
    return Assertion(header, claims, f"{parts[0]}.{parts[1]}".encode(), signature)


def verify_rsa(key: rsa.RSAPublicKey, assertion: Assertion, algorithm: str) -> None:
    scheme: padding.AsymmetricPadding = padding.PKCS1v15()
    if algorithm == "PS256":
        scheme = padding.PSS(padding.MGF1(hashes.SHA256()), salt_length=32)
    key.verify(assertion.signature, assertion.signed, scheme, hashes.SHA256())


def verify(key: object, assertion: Assertion, allowed: list[str]) -> None:
    """The signature, by an algorithm that is allowed and fits the key."""
    algorithm = assertion.header.get("alg")
    if algorithm not in allowed:
        raise EntraError(50027)
    try:
        if isinstance(key, rsa.RSAPublicKey) and algorithm in ("PS256", "RS256"):
            verify_rsa(key, assertion, algorithm)
        elif isinstance(key, ec.EllipticCurvePublicKey) and algorithm in CURVES:
            curve, digest, half = CURVES[algorithm]
            if not isinstance(key.curve, curve) or len(assertion.signature) != 2 * half:
                raise EntraError(700027)
            pair = [int.from_bytes(assertion.signature[at : at + half], "big") for at in (0, half)]
            key.verify(encode_dss_signature(*pair), assertion.signed, ec.ECDSA(digest()))
        else:
            raise EntraError(700027)
    except InvalidSignature as bad:
        raise EntraError(700027) from bad


def check_times(claims: dict[str, Any], now: float, longest: float) -> None:
    moments = [claims.get(name) for name in ("nbf", "exp")]
    if any(not isinstance(at, int) or isinstance(at, bool) for at in moments):
        raise EntraError(700024)
    begins, ends = moments
    if ends <= now - LEEWAY or begins > now + LEEWAY or ends - begins > longest:
        raise EntraError(700024)


def check_certificate(world: World, assertion: Assertion, endpoint: str) -> None:
    """Signed by a registered certificate, for this endpoint, now, once."""
    claims, header = assertion.claims, assertion.header
    if header.get("typ") != "JWT":
        raise EntraError(50027)
    found = [
        certificate
        for certificate in world.registration.certificates
        if header.get("x5t#S256") == b64url(certificate.fingerprint(hashes.SHA256()))
    ]
    if not found or calendar.timegm(found[0].not_valid_after.timetuple()) < world.now():
        raise EntraError(700027)
    algorithms = world.settings.assertion_algorithms
    verify(found[0].public_key(), assertion, algorithms.split() or ["PS256", "RS256"])
    if claims.get("sub") != CLIENT_ID:
        raise EntraError(700021)
    if claims.get("aud") != endpoint:
        raise EntraError(700023)
    check_times(claims, world.now(), LONGEST_LIFE)
    jti = claims.get("jti")
    if not isinstance(jti, str) or not jti or jti in world.registration.seen:
        raise EntraError(50027)
    world.registration.seen.add(jti)


def check_federated(world: World, assertion: Assertion) -> None:
    """From an issuer and of a subject that the registration names, letter by letter."""
    claims = assertion.claims
    found = [
        one
        for one in world.registration.federated
        if (one.issuer, one.subject) == (claims.get("iss"), claims.get("sub"))
    ]
    if not found or claims.get("aud") not in (FEDERATED_AUDIENCE, [FEDERATED_AUDIENCE]):
        raise EntraError(70021)
    verify(found[0].key, assertion, ["RS256"])
    check_times({"nbf": claims.get("iat"), **claims}, world.now(), float("inf"))


def check_assertion(world: World, params: dict[str, str], endpoint: str) -> None:
    if params.get("client_assertion_type") != ASSERTION_TYPE:
        raise EntraError(900144, ("client_assertion_type",))
    world.secrets.see("client_assertion", params["client_assertion"])
    assertion = take_apart(params["client_assertion"])
    if assertion.claims.get("iss") == CLIENT_ID:
        check_certificate(world, assertion, endpoint)
    else:
        check_federated(world, assertion)


# ---- all of it ----


def check_shown(
    world: World, request: Request, params: dict[str, str], tenant: str, client: Client
) -> None:
    """What a client that is known shows; of one of a tenant's own a secret alone is known."""
    basic = basic_credentials(request)
    ways = [basic, params.get("client_secret"), params.get("client_assertion")]
    if sum(way is not None for way in ways) > 1:
        raise EntraError(9002313)  # one way at a time (RFC 6749 2.3)
    refused = {"basic": params.get("client_secret"), "post": basic}
    if refused.get(world.settings.secrets_in):
        raise EntraError(7000218)
    if "client_assertion" in params:
        request.notes["client"] = "assertion"
        check_assertion(world, params, f"{world.base}/{tenant}/oauth2/v2.0/token")
    else:
        request.notes["client"] = "basic" if basic else "post"
        secret = basic[1] if basic else params.get("client_secret", "")
        check_secret(world, secret, client)
    if request.header("origin"):
        raise EntraError(9002326)
