"""Who is at the other end of a link over TCP: both sides prove that they have the same key, and draw session keys.

The three passes of ISO/IEC 9798-4 with HMAC-SHA256 (RFC 2104, FIPS 180-4) and a key of 32 random bytes:

    client to server    "SGL1", and a nonce of the client
    server to client    a nonce of the server, and its proof: HMAC(key, "... server proof", both nonces)
    client to server    its own proof:                        HMAC(key, "... client proof", both nonces)

Each proof names the role, so that none can be handed back to its maker, and each side's nonce is new, so that a
recorded meeting proves nothing.  Afterwards everything goes through `link_seal.py`, each direction with keys of its own
that come from the key and both nonces.  Whoever records a session and gets hold of the key later can read it.
"""

from spamgate.core.compat import const
from spamgate.wire.link_seal import AuthError, Mac, Seal, is_same

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from spamgate.wire.link_seal import MakeAes

KEY_BYTES = 32
NONCE_BYTES = 32
HELLO_BYTES = 36
ANSWER_BYTES = 64
PROOF_BYTES = 32

_MAGIC = b"SGL1"
_LABEL = b"spamgate link 1 "  # named in every proof and key, so that the key serves nothing else by accident
_CLIENT = b"client"
_SERVER = b"server"


class _Side:
    """What both sides do alike."""

    def __init__(self, key: bytes, nonce: bytes) -> None:
        self._mac = Mac(key)
        self._nonce = nonce
        self._nonces = b""  # the client's, then the server's

    def _proof(self, role: bytes) -> bytes:
        return self._mac.of(_LABEL, role, b" proof", self._nonces)

    def _check(self, proof: bytes, role: bytes) -> None:
        if not is_same(proof, self._proof(role)):
            raise AuthError("the other side has another key")

    def _seal(self, make_aes: "MakeAes", role: bytes) -> Seal:
        aes = make_aes(self._mac.of(_LABEL, role, b" cipher", self._nonces))
        return Seal(aes, Mac(self._mac.of(_LABEL, role, b" seal", self._nonces)))


class Client(_Side):
    """The side that calls; `nonce` is NONCE_BYTES of a random generator, new for each meeting."""

    def hello(self) -> bytes:
        """Return what is sent first."""
        return _MAGIC + self._nonce

    def prove(self, answer: bytes) -> bytes:
        """Return the proof to send to a server that has proved itself; AuthError if it has not."""
        self._nonces = self._nonce + answer[:NONCE_BYTES]
        self._check(answer[NONCE_BYTES:], _SERVER)
        return self._proof(_CLIENT)

    def seals(self, make_aes: "MakeAes") -> "tuple[Seal, Seal]":
        """Return what seals our words, and what opens the server's."""
        return self._seal(make_aes, _CLIENT), self._seal(make_aes, _SERVER)


class Server(_Side):
    """The side that is called; `nonce` as a client's."""

    def answer(self, hello: bytes) -> bytes:
        """Return what is sent to a client that has said hello; AuthError if it has not."""
        if len(hello) != HELLO_BYTES or not hello.startswith(_MAGIC):
            raise AuthError("no hello of a Spamgate link")
        self._nonces = hello[len(_MAGIC) :] + self._nonce
        return self._nonce + self._proof(_SERVER)

    def check(self, proof: bytes) -> None:
        """Let the client prove itself; AuthError if it cannot."""
        self._check(proof, _CLIENT)

    def seals(self, make_aes: "MakeAes") -> "tuple[Seal, Seal]":
        """Return what seals our words, and what opens the client's."""
        return self._seal(make_aes, _SERVER), self._seal(make_aes, _CLIENT)
