# Licensed under the Apache License, Version 2.0; see LICENSE.
"""A server that stands between us and the provider: for the same name, with another key, whose
certificate is of an authority of its own. It hands on what it hears."""

import base64
import datetime
import hashlib
import ipaddress
import select
import socket
import ssl
import threading

import certs
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

PEM = serialization.Encoding.PEM
TLS11 = ssl.TLSVersion.TLSv1_1


def pin_of(certificate):
    """As GraphTokPin has it."""
    key = certificate.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return "sha256//" + base64.b64encode(hashlib.sha256(key).digest()).decode()


def pin_in(path):
    """That of a certificate's file."""
    with open(path, "rb") as file:
        return pin_of(x509.load_pem_x509_certificate(file.read()))


class Middle:
    """One on a loopback port. `ends`: days until its certificate does."""

    def __init__(self, folder, target, ends=30, version=None, host="localhost"):
        self.host = host
        self.target = target  # (port, authorities of the one behind)
        ca_key, self.key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
        ca = self._make_ca(ca_key)
        self.ca = folder / "middle-ca.pem"
        self.ca.write_bytes(ca.public_bytes(PEM))
        self.ca_pin = pin_of(ca)
        self.connections = []  # addresses they came from
        self.heard = b""
        self.version = version
        self._write_certificate(folder, ca_key, ends)
        self.listener = socket.create_server(
            ("127.0.0.1" if host == "localhost" else host, 0), backlog=64,
            family=socket.AF_INET6 if ":" in host else socket.AF_INET)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self):
        return f"https://[{self.host}]:{self.port}" if ":" in self.host else (
            f"https://{self.host}:{self.port}")

    @staticmethod
    def _make_ca(key):
        builder = certs.begin("Middle CA", "Middle CA", key.public_key())
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        return builder.sign(key, hashes.SHA256())

    def _write_certificate(self, folder, ca_key, ends):
        moment = datetime.datetime.utcnow()
        names = x509.SubjectAlternativeName([
            x509.IPAddress(ipaddress.ip_address(self.host)) if ":" in self.host
            else x509.DNSName(self.host)])
        certificate = (
            x509.CertificateBuilder().subject_name(certs.name_of("localhost"))
            .issuer_name(certs.name_of("Middle CA")).public_key(self.key.public_key())
            .serial_number(x509.random_serial_number()).not_valid_before(moment - 60 * certs.DAY)
            .not_valid_after(moment + ends * certs.DAY).add_extension(names, False)
            .sign(ca_key, hashes.SHA256()))
        self.pin = pin_of(certificate)
        self.certificate = folder / "middle.pem"
        self.certificate.write_bytes(certificate.public_bytes(PEM) + self.key.private_bytes(
            PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))

    def _context(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate)
        if self.version:
            context.set_ciphers("DEFAULT:@SECLEVEL=0")
            context.minimum_version = context.maximum_version = self.version
        return context

    def _accept(self):
        while True:
            try:
                client, address = self.listener.accept()
            except OSError:
                return
            self.connections.append(address[0])
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        port, authorities = self.target
        there = ssl.create_default_context(cafile=authorities)
        try:
            with self._context().wrap_socket(client, server_side=True) as ours, \
                    socket.create_connection(("127.0.0.1", port)) as behind, \
                    there.wrap_socket(behind, server_hostname="localhost") as theirs:
                self._relay(ours, theirs)
        except OSError:
            client.close()

    def _relay(self, ours, theirs):
        others = {ours: theirs, theirs: ours}
        while True:
            waiting = [end for end in others if end.pending()] or select.select(others, [], [])[0]
            for end in waiting:
                piece = self._receive(end)
                if piece == b"":
                    return
                if piece and end is ours:
                    self.heard += piece
                others[end].sendall(piece or b"")

    @staticmethod
    def _receive(end):
        """Bytes; None where what came was TLS's own, as a session ticket."""
        end.setblocking(False)
        try:
            return end.recv(65536)
        except ssl.SSLWantReadError:
            return None
        finally:
            end.setblocking(True)

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
