# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Tokens as issuers sign them, part by part, so that anything can be wrong; and where keys are published."""

import base64
import hashlib
import hmac
import http.server
import json
import ssl
import threading
import time

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils

HASHES = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}
CURVES = {"256": (ec.SECP256R1(), "P-256", 32), "384": (ec.SECP384R1(), "P-384", 48),
          "512": (ec.SECP521R1(), "P-521", 66)}


def b64url(data):
    """As in a token."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(value, width=0):
    """A key's number."""
    return b64url(value.to_bytes(width or (value.bit_length() + 7) // 8, "big"))


def encode(part):
    """A header or claims: a dict, or text as it is to stand."""
    text = part if isinstance(part, str) else json.dumps(part)
    return b64url(text.encode())


def claims(**more):
    """Right ones; None leaves a claim out."""
    now = int(time.time())
    made = {"iss": "https://issuer.example", "aud": "graphtok", "sub": "ada", "iat": now,
            "exp": now + 600, **more}
    return {name: value for name, value in made.items() if value is not None}


class Signer:
    """A key and its algorithm."""

    def __init__(self, alg, secret=None, kid=None):
        self.alg = alg
        self.kid = kid
        self.secret = secret
        kind, size = alg[:2], alg[2:]
        if kind in ("RS", "PS"):
            self.key = rsa.generate_private_key(65537, 2048)
        elif kind == "ES":
            self.key = ec.generate_private_key(CURVES[size][0])
        elif kind == "Ed":
            self.key = ed25519.Ed25519PrivateKey.generate()

    def signature(self, text):
        """Of the first two parts."""
        kind, size, data = self.alg[:2], self.alg[2:], text.encode()
        if kind == "HS":
            return hmac.digest(self.secret.encode(), data, "sha" + size)
        if kind == "RS":
            return self.key.sign(data, padding.PKCS1v15(), HASHES[size])
        if kind == "PS":
            hashed = HASHES[size]
            return self.key.sign(data, padding.PSS(padding.MGF1(hashed), hashed.digest_size), hashed)
        if kind == "Ed":
            return self.key.sign(data)
        width = CURVES[size][2]
        return b"".join(part.to_bytes(width, "big") for part in utils.decode_dss_signature(
            self.key.sign(data, ec.ECDSA(HASHES[size]))))

    def header(self, **more):
        """Right; None leaves a member out."""
        made = {"typ": "JWT", "alg": self.alg, "kid": self.kid, **more}
        return {name: value for name, value in made.items() if value is not None}

    def token(self, header=None, body=None, **more):
        """A compact JWS of claims(**more)."""
        text = f"{encode(header or self.header())}.{encode(body or claims(**more))}"
        return f"{text}.{b64url(self.signature(text))}"

    def public(self, **more):
        """The key as a JWK."""
        kind, size = self.alg[:2], self.alg[2:]
        public = self.key.public_key()
        if kind in ("RS", "PS"):
            numbers = public.public_numbers()
            jwk = {"kty": "RSA", "n": number(numbers.n), "e": number(numbers.e)}
        elif kind == "ES":
            numbers, (_, crv, width) = public.public_numbers(), CURVES[size]
            jwk = {"kty": "EC", "crv": crv, "x": number(numbers.x, width), "y": number(numbers.y, width)}
        else:
            raw = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
            jwk = {"kty": "OKP", "crv": "Ed25519", "x": b64url(raw)}
        return jwk | ({"kid": self.kid} if self.kid else {}) | more

    def pem(self):
        """The same as PEM."""
        return self.key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()

    def private_pem(self):
        """What belongs nowhere but to its owner."""
        return self.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                      serialization.NoEncryption()).decode()


def jwks(*signers):
    """A key set."""
    return json.dumps({"keys": [signer.public() for signer in signers]})


def digest(token):
    """What tells tokens apart in a message without showing them."""
    return hashlib.sha256(token.encode()).hexdigest()[:8]


class KeyServer:
    """Where an issuer publishes its keys, on loopback; over TLS with a (certificate, key)."""

    def __init__(self, *signers, tls=None):
        self.signers = list(signers)
        self.status = 200
        self.asked = 0
        self.gate = threading.Event()
        self.gate.set()
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            """Answers each request with the key set of now."""

            def do_GET(self):  # pylint: disable=invalid-name
                """One fetch."""
                server.asked += 1
                server.gate.wait(30)
                body = jwks(*server.signers).encode()
                self.send_response(server.status)
                self.send_header("Content-Type", "application/jwk-set+json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):  # pylint: disable=arguments-differ
                """Quiet."""

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.scheme = "https" if tls else "http"
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            self.http.socket = context.wrap_socket(self.http.socket, server_side=True)
        self.port = self.http.server_address[1]
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    @property
    def url(self):
        """Of the key set."""
        return f"{self.scheme}://localhost:{self.port}/keys"

    def end(self):
        """Stop."""
        self.http.shutdown()
        self.http.server_close()
