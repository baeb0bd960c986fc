# Licensed under the Apache License, Version 2.0; see LICENSE.
"""The sandbox's own certificate authority and its server certificate, made once per folder; and a
certificate of another host by the same authority, for clients that should look at the name.

A certificate that is there and good for another day is used again, so that a configuration which
names the CA file goes on working after a restart.
"""

from __future__ import annotations

import datetime
import ipaddress
import os
import ssl
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAY = datetime.timedelta(days=1)


ELSEWHERE = "elsewhere.example"


@dataclass(frozen=True)
class Files:
    ca: Path
    certificate: Path
    key: Path
    elsewhere: Path  # certificate and key of another host


def write_private(path: Path, data: bytes) -> None:
    """A file only its owner reads, whole or not at all."""
    fresh = path.with_name(path.name + ".new")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as out:
        out.write(data)
    fresh.replace(path)


def name_of(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def begin(subject: str, issuer: str, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.datetime.utcnow()
    return (
        x509.CertificateBuilder()
        .subject_name(name_of(subject))
        .issuer_name(name_of(issuer))
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - DAY)
        .not_valid_after(now + 397 * DAY)
    )


def usage(*, is_ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not is_ca,
        key_cert_sign=is_ca,
        crl_sign=is_ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def make_ca(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    title = "Sandbox CA"
    public = key.public_key()
    builder = begin(title, title, public)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(usage(is_ca=True), critical=True)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(public), False)
    return builder.sign(key, hashes.SHA256())


def make_server(
    ca_key: ec.EllipticCurvePrivateKey,
    public: ec.EllipticCurvePublicKey,
    names: x509.SubjectAlternativeName,
) -> x509.Certificate:
    server_use = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
    issuer_id = x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key())
    builder = begin(names[0].value, "Sandbox CA", public)
    builder = builder.add_extension(names, critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), True)
    builder = builder.add_extension(usage(is_ca=False), critical=True)
    builder = builder.add_extension(server_use, critical=False)
    builder = builder.add_extension(issuer_id, critical=False)
    return builder.sign(ca_key, hashes.SHA256())


def names_here(host: str) -> x509.SubjectAlternativeName:
    known = [x509.DNSName(name) for name in dict.fromkeys(["localhost", host])]
    return x509.SubjectAlternativeName(
        [*known, x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    )


def private_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def still_good(files: Files) -> bool:
    paths = (files.ca, files.certificate, files.key, files.elsewhere)
    if not all(path.is_file() for path in paths):
        return False
    try:
        certificate = x509.load_pem_x509_certificate(files.certificate.read_bytes())
    except ValueError:
        return False
    return certificate.not_valid_after > datetime.datetime.utcnow() + DAY


def ensure(folder: Path, host: str) -> Files:
    """The files in the folder, made when they are missing or near their end."""
    files = Files(*(folder / name for name in ("ca.pem", "server.pem", "server.key", "elsewhere.pem")))
    if still_good(files):
        return files
    ca_key = ec.generate_private_key(ec.SECP256R1())
    server_key = ec.generate_private_key(ec.SECP256R1())
    server = make_server(ca_key, server_key.public_key(), names_here(host))
    other = x509.SubjectAlternativeName([x509.DNSName(ELSEWHERE)])
    elsewhere = make_server(ca_key, server_key.public_key(), other)
    pem = serialization.Encoding.PEM
    files.ca.write_bytes(make_ca(ca_key).public_bytes(pem))
    files.certificate.write_bytes(server.public_bytes(pem))
    write_private(files.key, private_pem(server_key))
    write_private(files.elsewhere, elsewhere.public_bytes(pem) + private_pem(server_key))
    return files


def server_context(files: Files) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(files.certificate, files.key)
    context.set_alpn_protocols(["http/1.1"])
    return context
