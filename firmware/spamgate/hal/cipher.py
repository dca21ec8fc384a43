"""AES of MicroPython's cryptolib, which builds without TLS do not have: then importing this is an ImportError."""

from cryptolib import aes  # type: ignore[import-not-found]

from spamgate.core.compat import const

_ECB = const(1)


def make_aes(key: bytes):
    """Return what encrypts whole blocks with this key of 32 bytes, each for itself: `encrypt(blocks) -> bytes`."""
    return aes(key, _ECB).encrypt
