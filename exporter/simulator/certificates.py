"""Certificates of the simulated vendors: one to be trusted, one of nobody known, one expired."""

import datetime
import ipaddress
import ssl
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

Kind = Literal["good", "untrusted", "expired"]

# Certificates are judged by the machine's own clock, whatever clock the simulator follows.
_BEGIN: Final = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
_EXPIRED: Final = datetime.datetime(2021, 1, 1, tzinfo=datetime.UTC)
_END: Final = datetime.datetime(2099, 1, 1, tzinfo=datetime.UTC)
_SIGNS: Final = x509.KeyUsage(
    digital_signature=True,
    key_cert_sign=True,
    crl_sign=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    encipher_only=False,
    decipher_only=False,
)


@dataclass(frozen=True, slots=True)
class Papers:
    """What a vendor shows: ``ca_pem`` is whom to trust, ``contexts`` are its servers'."""

    ca_pem: bytes
    contexts: Mapping[Kind, ssl.SSLContext]


def make_papers(host: str) -> Papers:
    """Make the certificates for a host, an IP address. Writes files: not on the event loop."""
    known, unknown = _Authority("simulated vendors"), _Authority("nobody known")
    contexts: dict[Kind, ssl.SSLContext] = {
        "good": known.context(host, _END),
        "untrusted": unknown.context(host, _END),
        "expired": known.context(host, _EXPIRED),
    }
    return Papers(known.pem, contexts)


class _Authority:
    """A certificate authority of its own."""

    def __init__(self, name: str) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _named(f"{name} CA")
        self._identifier = x509.SubjectKeyIdentifier.from_public_key(self._key.public_key())
        certificate = (
            _builder(self._name, self._name, self._key, _END)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_SIGNS, critical=True)
            .add_extension(self._identifier, critical=False)
            .sign(self._key, hashes.SHA256())
        )
        self.pem = certificate.public_bytes(Encoding.PEM)

    def context(self, host: str, end: datetime.datetime) -> ssl.SSLContext:
        """Return a server's context for a host."""
        key = ec.generate_private_key(ec.SECP256R1())
        address = x509.IPAddress(ipaddress.ip_address(host))
        issuer = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(self._identifier)
        certificate = (
            _builder(_named("simulated vendor"), self._name, key, end)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([address]), critical=False)
            .add_extension(issuer, critical=False)
            .sign(self._key, hashes.SHA256())
        )
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        # The ssl module takes a chain from a file only.
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "server.pem"
            file.write_bytes(private + certificate.public_bytes(Encoding.PEM))
            context.load_cert_chain(file)
        return context


def _named(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, end: datetime.datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_BEGIN)
        .not_valid_after(end)
    )
