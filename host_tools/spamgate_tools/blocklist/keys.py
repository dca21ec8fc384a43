"""The keys with which lists are signed: RSA-3072 with exponent 65537, the private half as PEM, the public one as text.

Devices take the public key as one line of base64: the setting `list_key`, and `next_key` of a manifest.
"""

import os
import sys
from pathlib import Path

import click
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from spamgate.wire.list_manifest import LABEL
from spamgate.wire.pss import MODULUS_BYTES, decode_key, encode_key
from spamgate_tools.errors import UserError

PUBLIC_SUFFIX = ".pub"

_EXPONENT = 65537
_SALT_BYTES = 32
_MOST_BYTES = 65536
_MAKE_HINT = "make one with `spamgate blocklist keygen`"


def make_keys(path: Path, passphrase: bytes | None) -> bytes:
    """Write a new private key, for its owner's eyes only, and the public key beside it; return the modulus."""
    public = public_path(path)
    for file in (path, public):
        if file.exists():
            hint = "a key that devices trust cannot be made again: choose another name"
            raise UserError(f"{file}: is there already", hint)
    key = rsa.generate_private_key(_EXPONENT, 8 * MODULUS_BYTES)
    encryption = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as private:
            private.write(pem)
        public.write_text(encode_key(modulus_of(key)) + "\n", encoding="ascii")
    except OSError as error:
        raise UserError(f"{error.filename or path}: cannot be written: {error.strerror}") from None
    return modulus_of(key)


def public_path(path: Path) -> Path:
    """Return where the public key of a private one goes."""
    if path.suffix == PUBLIC_SUFFIX:
        raise UserError(f"{path}: is the name of a public key", "name the file for the private one, such as home.key")
    return path.with_suffix(PUBLIC_SUFFIX)


def read_private(path: Path, passphrase: bytes | None) -> rsa.RSAPrivateKey:
    """Return the private key in a PEM file; asks for the passphrase where it has one that was not given."""
    pem = _read(path)
    try:
        key = _load(pem, passphrase)
    except TypeError:  # encrypted, and no passphrase; or not, and one was given
        key = _load(pem, None if passphrase else _ask(path))
    except (ValueError, UnsupportedAlgorithm):
        if passphrase and b"ENCRYPTED" in pem:
            raise UserError(f"{path}: the passphrase does not open it") from None
        raise UserError(f"{path}: holds no private key in PEM", _MAKE_HINT) from None
    if not isinstance(key, rsa.RSAPrivateKey) or not _fits(key.public_key()):
        raise UserError(f"{path}: is no RSA key of 3072 bits with exponent {_EXPONENT}", _MAKE_HINT)
    return key


def read_public(path: Path) -> bytes:
    """Return the modulus in the file of a public key: our line of base64, or PEM."""
    data = _read(path)
    modulus = decode_key(data.decode("ascii", "replace").strip())
    if modulus:
        return modulus
    try:
        key = serialization.load_pem_public_key(data)
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, rsa.RSAPublicKey) or not _fits(key):
        hint = f"it is the {PUBLIC_SUFFIX} file that `spamgate blocklist keygen` wrote"
        raise UserError(f"{path}: holds no public key of 3072 bits", hint)
    return key.public_numbers().n.to_bytes(MODULUS_BYTES, "big")


def modulus_of(key: rsa.RSAPrivateKey) -> bytes:
    """Return what devices know a key by."""
    return key.public_key().public_numbers().n.to_bytes(MODULUS_BYTES, "big")


def sign_manifest(key: rsa.RSAPrivateKey, manifest: bytes) -> bytes:
    """Return the signature over a manifest (`wire/list_manifest.py`)."""
    return key.sign(LABEL + manifest, padding.PSS(padding.MGF1(hashes.SHA256()), _SALT_BYTES), hashes.SHA256())


def read_passphrase(path: Path | None) -> bytes | None:
    """Return the first line of a file, None where none is named."""
    if path is None:
        return None
    lines = _read(path).splitlines()
    if not lines or not lines[0]:
        raise UserError(f"{path}: its first line is empty", "write the passphrase there")
    return lines[0]


def _load(pem: bytes, passphrase: bytes | None) -> object:
    return serialization.load_pem_private_key(pem, passphrase)


def _ask(path: Path) -> bytes:
    if not sys.stdin.isatty():
        raise UserError(f"{path}: needs its passphrase", "name a file that has it with --passphrase-file")
    word: str = click.prompt(f"passphrase of {path}", hide_input=True, err=True)
    return word.encode()


def _fits(key: rsa.RSAPublicKey) -> bool:
    return key.key_size == 8 * MODULUS_BYTES and key.public_numbers().e == _EXPONENT


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_MOST_BYTES)
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
