# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Values sealed as the server seals them (core/crypt/seal.h, gt1), with a keyring's first key: what a
test needs of another moment or place than the server's."""

import base64
import os
import struct

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


def seal(keyring, text, *place):
    """A value of the purpose "cookie" for (table, column, user, provider)."""
    name, _, raw = keyring.split()[:3]
    key = HKDF(hashes.SHA256(), 32, salt=None, info=b"graphtok/1/cookie").derive(
        base64.urlsafe_b64decode(raw))
    fields = [field.encode() for field in ("gt1", name, "cookie", *place)]
    bound = b"".join(struct.pack(">I", len(field)) + field for field in fields)
    nonce = os.urandom(12)
    value = nonce + AESGCM(key).encrypt(nonce, text.encode(), bound)
    return f"gt1.{name}.{base64.urlsafe_b64encode(value).decode().rstrip('=')}"
