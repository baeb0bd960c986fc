# Licensed under the Apache License, Version 2.0; see LICENSE.
"""The sandbox's own certificate authority and its server certificate, made once per folder.

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


@dataclass(frozen=True)
class Files:
    ca: Path
    certificate: Path
    key: Path


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
    ca_key: ec.EllipticCurvePrivateKey, public: ec.EllipticCurvePublicKey, host: str
) -> x509.Certificate:
    known = [x509.DNSName(name) for name in dict.fromkeys(["localhost", host])]
    names = x509.SubjectAlternativeName(
        [*known, x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    )
    server_use = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
    issuer_id = x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key())
    builder = begin("localhost", "Sandbox CA", public)
    builder = builder.add_extension(names, critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), True)
    builder = builder.add_extension(usage(is_ca=False), critical=True)
    builder = builder.add_extension(server_use, critical=False)
    builder = builder.add_extension(issuer_id, critical=False)
    return builder.sign(ca_key, hashes.SHA256())


def still_good(files: Files) -> bool:
    if not (files.ca.is_file() and files.certificate.is_file() and files.key.is_file()):
        return False
    try:
        certificate = x509.load_pem_x509_certificate(files.certificate.read_bytes())
    except ValueError:
        return False
    return certificate.not_valid_after > datetime.datetime.utcnow() + DAY


def ensure(folder: Path, host: str) -> Files:
    """The three files in the folder, made when they are missing or near their end."""
    files = Files(folder / "ca.pem", folder / "server.pem", folder / "server.key")
    if still_good(files):
        return files
    ca_key = ec.generate_private_key(ec.SECP256R1())
    server_key = ec.generate_private_key(ec.SECP256R1())
    server = make_server(ca_key, server_key.public_key(), host)
    pem = serialization.Encoding.PEM
    files.ca.write_bytes(make_ca(ca_key).public_bytes(pem))
    files.certificate.write_bytes(server.public_bytes(pem))
    write_private(
        files.key,
        server_key.private_bytes(
            pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ),
    )
    return files


def server_context(files: Files) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(files.certificate, files.key)
    context.set_alpn_protocols(["http/1.1"])
    return context
