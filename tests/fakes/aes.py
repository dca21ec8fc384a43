"""AES for both interpreters: MicroPython's cryptolib, or the library `cryptography`."""

try:
    from spamgate.hal.cipher import make_aes
except ImportError:
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    def make_aes(key):
        """Return what encrypts whole blocks with this key, each for itself."""
        return Cipher(algorithms.AES(key), modes.ECB()).encryptor().update


__all__ = ["make_aes"]
