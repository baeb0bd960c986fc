# Licensed under the Apache License, Version 2.0; see LICENSE.
"""The keys that sign id_tokens, and their publication.

As at Entra: RSA, no `alg` member, `x5t` equal to `kid`, one certificate in `x5c`, and an `issuer`
per key, which for work accounts is a template and for personal ones is not. The key for personal
accounts is here so that a client can be shown a token of a work tenant signed with it.
Source: OpenID Connect Core 1.0, RFC 7515, RFC 7517; Microsoft, "ID token claims reference".
"""

from __future__ import annotations

import base64
import datetime
import hashlib
import hmac
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

from wire import json_text


def b64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number_text(value: int) -> str:
    return b64url(value.to_bytes((value.bit_length() + 7) // 8, "big"))


@dataclass(frozen=True)
class SigningKey:
    private: rsa.RSAPrivateKey
    kid: str
    certificate: bytes  # DER
    is_personal: bool

    def public_part(self, base: str, personal_tenant: str) -> dict[str, object]:
        numbers = self.private.public_key().public_numbers()
        tenant = personal_tenant if self.is_personal else "{tenantid}"
        return {
            "kty": "RSA",
            "use": "sig",
            "kid": self.kid,
            "x5t": self.kid,
            "n": number_text(numbers.n),
            "e": number_text(numbers.e),
            "x5c": [base64.b64encode(self.certificate).decode()],
            "issuer": f"{base}/{tenant}/v2.0",
        }


def make_key(is_personal: bool = False) -> SigningKey:
    private = rsa.generate_private_key(65537, 2048)
    now = datetime.datetime.utcnow()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sandbox token signing")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=365))
        .sign(private, hashes.SHA256())
        .public_bytes(serialization.Encoding.DER)
    )
    thumbprint = b64url(hashlib.sha1(certificate, usedforsecurity=False).digest())
    return SigningKey(private, thumbprint, certificate, is_personal)


@dataclass
class KeySet:
    """The published keys; the first work key signs."""

    work: list[SigningKey] = field(default_factory=lambda: [make_key()])
    personal: SigningKey = field(default_factory=lambda: make_key(is_personal=True))
    unpublished: SigningKey | None = None

    def rotate(self, keep_old: bool) -> str:
        """Sign with a fresh key from now on; the older ones stay published if asked for."""
        fresh = make_key()
        self.work = [fresh, *self.work] if keep_old else [fresh]
        return fresh.kid

    def published(self, base: str, personal_tenant: str) -> dict[str, object]:
        keys = [*self.work, self.personal]
        return {"keys": [key.public_part(base, personal_tenant) for key in keys]}

    def choose(self, which: str) -> SigningKey:
        if which == "personal":
            return self.personal
        if which == "unpublished":
            self.unpublished = self.unpublished or make_key()
            return self.unpublished
        return self.work[0]

    def sign(self, claims: dict[str, object], alg: str, which: str, client_secret: str) -> str:
        """A compact JWS; `alg` other than RS256 makes the forgeries that a client must refuse."""
        key = self.choose(which)
        header = {"typ": "JWT", "alg": alg, "kid": key.kid}
        text = f"{b64url(json_text(header))}.{b64url(json_text(claims))}"
        if alg == "none":
            signature = b""
        elif alg == "HS256":
            signature = hmac.digest(client_secret.encode(), text.encode(), "sha256")
        else:
            signature = key.private.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{text}.{b64url(signature)}"
