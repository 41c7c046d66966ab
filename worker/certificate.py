"""The certificate that the dev server shows with `--local-protocol https`: one that was given, or one of its own.

Its own is for this machine's names, made once, and kept in the user's cache folder, where nobody else may read its key.
It is signed by itself: browsers ask before they believe it, curl wants `-k` or `--cacert`.
"""

from __future__ import annotations

import datetime
import ipaddress
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from paddock.worker.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["CertificateFiles", "find_certificate", "given_certificate", "own_certificate"]

#: Source: wrangler's own certificates.
_VALID: Final = datetime.timedelta(days=30)
_RENEWED_BEFORE: Final = datetime.timedelta(days=1)
_NAMES: Final = ("localhost", "*.localhost")
_ADDRESSES: Final = ("127.0.0.1", "::1")
_FILE: Final = "localhost.pem"


class CertificateFiles(NamedTuple):
    """Two PEM files, or twice the same one that has both."""

    key: Path
    certificate: Path


def find_certificate(key: Path | None, certificate: Path | None) -> CertificateFiles:
    """The given files, else the server's own. Raises ConfigError with what is wrong with them."""
    if key is not None and certificate is not None:
        return given_certificate(key, certificate)
    return own_certificate(_cache_folder(os.environ), datetime.datetime.now(datetime.UTC))


def given_certificate(key: Path, certificate: Path) -> CertificateFiles:
    """The files, when they can be read and belong together. Raises ConfigError."""
    try:
        private = load_pem_private_key(_read(key, "private key"), password=None)
    except (ValueError, TypeError) as error:  # a TypeError: it needs a password
        raise ConfigError([f"Expected a private key in PEM format, without a password, in {key}: {error}."]) from error
    try:
        public = x509.load_pem_x509_certificate(_read(certificate, "certificate"))
    except ValueError as error:
        raise ConfigError([f"Expected a certificate in PEM format in {certificate}: {error}."]) from error
    if private.public_key() != public.public_key():
        raise ConfigError([f"The private key in {key} is not that of the certificate in {certificate}."])
    return CertificateFiles(key, certificate)


def own_certificate(folder: Path, now: datetime.datetime) -> CertificateFiles:
    """The server's own, for this machine's names: the one in the folder, or a new one where that ends within a day.

    Raises ConfigError where the folder cannot be written.
    """
    file = folder / _FILE
    if not _is_good(file, now):
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            _replace(file, _make(now))
        except OSError as error:
            raise ConfigError([f"Could not keep a certificate in {folder}: {error.strerror}."]) from error
    return CertificateFiles(file, file)


def _cache_folder(environment: Mapping[str, str]) -> Path:
    """The folder for certificates in the user's cache."""
    cache = environment.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "paddock" / "https"


def _read(file: Path, what: str) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise ConfigError([f"Could not read the {what} in {file}: {error.strerror}."]) from error


def _is_good(file: Path, now: datetime.datetime) -> bool:
    try:
        if file.stat().st_mode & 0o077:
            return False  # others have been able to read the key
        given_certificate(file, file)
        certificate = x509.load_pem_x509_certificate(file.read_bytes())
    except (OSError, ConfigError):
        return False
    return certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc - _RENEWED_BEFORE


def _replace(file: Path, content: bytes) -> None:
    """Key and certificate are one file, so that servers that start together never see one of each."""
    descriptor, temporary = tempfile.mkstemp(dir=file.parent)  # which nobody else may read
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
        os.replace(temporary, file)
    except BaseException:
        os.unlink(temporary)
        raise


def _make(now: datetime.datetime) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Paddock on this machine")])
    names = [x509.DNSName(text) for text in _NAMES]
    addresses = [x509.IPAddress(ipaddress.ip_address(text)) for text in _ADDRESSES]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _RENEWED_BEFORE)
        .not_valid_after(now + _VALID)
        .add_extension(x509.SubjectAlternativeName([*names, *addresses]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return private + certificate.public_bytes(Encoding.PEM)
