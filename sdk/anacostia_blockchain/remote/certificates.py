"""Certificates for machines that speak to each other, and an authority of one's own.

Each certificate serves both ways: a server shows it, and so does a client that is asked for one.
"""

from __future__ import annotations

import ipaddress
import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from anacostia_blockchain._extras import require
from anacostia_blockchain.errors import ConfigError

require("tls", "cryptography")

from cryptography import x509  # noqa: E402 - the extra first
from cryptography.hazmat.primitives import hashes  # noqa: E402 - likewise
from cryptography.hazmat.primitives.asymmetric import ec  # noqa: E402 - likewise
from cryptography.hazmat.primitives.serialization import (  # noqa: E402 - likewise
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID  # noqa: E402 - likewise

if TYPE_CHECKING:
    from collections.abc import Sequence

AUTHORITY_DAYS = 3650
DAYS = 365

_NAME = re.compile(r"[A-Za-z0-9_:][A-Za-z0-9_.:-]*")
_USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)
_BOTH_WAYS = (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH)
_SLACK = timedelta(minutes=5)
"""Clocks differ: a certificate is valid from a little before it was made."""


@dataclass(frozen=True, slots=True)
class CertificateFiles:
    """Where a certificate is.

    Attributes:
        ca: the authority's certificate, which the other side needs.
        cert: the certificate.
        key: its private key; readable by its owner alone.
    """

    ca: Path
    cert: Path
    key: Path

    @property
    def tls(self) -> dict[str, Path]:
        """As `tls=` of `Pipeline.serve`, which then asks clients for a certificate too."""
        return {"tls_cert": self.cert, "tls_key": self.key, "tls_ca": self.ca}


def issue(folder: Path, hosts: Sequence[str], *, days: float = DAYS) -> CertificateFiles:
    """Issue a certificate; the folder's authority is made with the first one.

    Args:
        folder: for `ca.pem` and `ca.key`, and for `<host>.pem` and `<host>.key`. Whoever has
            `ca.key` can pretend to be any of the machines: it stays here.
        hosts: names and addresses of one machine; the first one names the files.
        days: for which the certificate is valid.

    Raises:
        ConfigError: no host is given, or one that cannot be; the authority cannot be read.
    """
    if not hosts or not _NAME.fullmatch(hosts[0]) or hosts[0] == "ca":
        raise ConfigError("name the machine that the certificate is for, by host name or address")
    names = [_general_name(host) for host in hosts]
    folder.mkdir(parents=True, exist_ok=True)
    ca = folder / "ca.pem"
    authority, authority_key = _authority(ca, folder / "ca.key")
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = (
        _builder(_subject(hosts[0]), key, authority.subject, authority_key, days)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(
            x509.ExtendedKeyUsage(
                [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
            ),
            critical=False,
        )
        .sign(authority_key, hashes.SHA256())
    )
    files = CertificateFiles(ca, folder / f"{hosts[0]}.pem", folder / f"{hosts[0]}.key")
    _write(files.cert, files.key, certificate, key)
    return files


def _authority(cert: Path, key: Path) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    """The folder's authority; made if there is none."""
    if not cert.exists() and not key.exists():
        made = _make_authority()
        _write(cert, key, *made)
        return made
    try:
        loaded = load_pem_private_key(key.read_bytes(), None)
        certificate = x509.load_pem_x509_certificate(cert.read_bytes())
    except (OSError, ValueError, TypeError) as error:
        raise ConfigError(f"the authority in {cert.parent} cannot be read: {error}") from error
    if not isinstance(loaded, ec.EllipticCurvePrivateKey):
        raise ConfigError(f"{key} is not the key of an authority of ours")
    return certificate, loaded


def _make_authority() -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = _subject("Anacostia pipelines")
    usage = dict.fromkeys(_USAGES, False) | {"key_cert_sign": True, "crl_sign": True}
    certificate = (
        _builder(name, key, name, key, AUTHORITY_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.KeyUsage(**usage), critical=True)
        .sign(key, hashes.SHA256())
    )
    return certificate, key


def _builder(
    subject: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    issuer: x509.Name,
    issuer_key: ec.EllipticCurvePrivateKey,
    days: float,
) -> x509.CertificateBuilder:
    """What every certificate has."""
    now = datetime.now(UTC)
    issued_by = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key())
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SLACK)
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(issued_by, critical=False)
    )


def _subject(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        pass
    try:
        return x509.DNSName(host)
    except ValueError as error:
        raise ConfigError(f"{host!r} is no host name: write it in ASCII") from error


def _write(
    cert: Path, key: Path, certificate: x509.Certificate, private: ec.EllipticCurvePrivateKey
) -> None:
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    key.unlink(missing_ok=True)
    with os.fdopen(os.open(key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(pem)
    cert.write_bytes(certificate.public_bytes(Encoding.PEM))
