# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Certificates with their keys, and tokens of an issuer that a registration may trust."""

import base64
import datetime
import json
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID

PEM = serialization.Encoding.PEM
ISSUER, SUBJECT = "https://cluster.example", "system:serviceaccount:web:httpd"
AUDIENCE = "api://AzureADTokenExchange"


def packed(value):
    """base64url of JSON or bytes."""
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


class Certificate:
    """One that certifies itself, as for a registration. `begins`, `ends`: days until it does."""

    def __init__(self, kind="RSA", bits=2048, begins=-400, ends=300, key=None):
        self.key = key or (rsa.generate_private_key(65537, bits) if kind == "RSA"
                           else ec.generate_private_key(ec.SECP256R1()))
        now = datetime.datetime.utcnow()
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "graphtok")])
        self.x509 = (
            x509.CertificateBuilder().subject_name(name).issuer_name(name)
            .public_key(self.key.public_key()).serial_number(x509.random_serial_number())
            .not_valid_before(now + datetime.timedelta(days=begins))
            .not_valid_after(now + datetime.timedelta(days=ends, minutes=5))
            .sign(self.key, hashes.SHA256()))

    @property
    def pem(self):
        return self.x509.public_bytes(PEM).decode()

    def key_pem(self, passphrase=None):
        lock = (serialization.BestAvailableEncryption(passphrase.encode()) if passphrase
                else serialization.NoEncryption())
        return self.key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, lock).decode()

    def public_pem(self):
        return self.key.public_key().public_bytes(
            PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()

    def thumbprint(self):
        return packed(self.x509.fingerprint(hashes.SHA256()))

    def sign(self, header, claims, scheme=None, digest=hashes.SHA256):
        """A compact JWS; PKCS #1 unless a scheme is given."""
        text = f"{packed(header)}.{packed(claims)}"
        signature = self.key.sign(text.encode(), scheme or padding.PKCS1v15(), digest())
        return f"{text}.{packed(signature)}"

    def token(self, life=3600, **claims):
        """As Kubernetes gives a pod."""
        now = int(time.time())
        return self.sign({"alg": "RS256", "kid": "cluster"}, {
            "iss": ISSUER, "sub": SUBJECT, "aud": [AUDIENCE], "iat": now - 10, "nbf": now - 10,
            "exp": now + life, **claims})


PSS = padding.PSS(padding.MGF1(hashes.SHA256()), salt_length=32)
