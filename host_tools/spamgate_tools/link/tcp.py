"""The sealed line to a router: a TCP connection on which both sides have proved that they have the same key."""

import secrets
import select
import socket
import time
from collections.abc import Callable
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from spamgate.wire.link_auth import ANSWER_BYTES, NONCE_BYTES, Client
from spamgate.wire.link_records import Records
from spamgate.wire.link_seal import TEXT_BYTES, AuthError
from spamgate_tools.errors import UserError
from spamgate_tools.link.keys import key_file, read_key

SCHEME = "tcp"

_PATIENCE_S = 5.0
_READ_BYTES = 4096
_OFF_HINT = "set link_port and link_key in its settings, and call from one of its LANs"
_KEY_HINT = "compare the key file with the router's link_key"
_REFUSED_HINT = "it has another link_key, or has refused this address after five failures: then wait a minute"


def address_of(url: str) -> tuple[str, int]:
    """Return host and port of tcp://HOST:PORT; UserError when it is none."""
    try:
        parts = urlsplit(url)
        if parts.scheme == SCHEME and parts.hostname and parts.port and not (parts.path or parts.username):
            return parts.hostname, parts.port
    except ValueError:
        pass
    raise UserError(f"{url}: names no link over TCP", "write tcp://192.168.1.1:8425, with the router's link_port")


class TcpTransport:
    """A line that both ends have proved to be the right one; UserError when nobody there has the key."""

    baud: int | None = None
    wake = b""

    def __init__(self, url: str, key: bytes | None = None) -> None:
        self.name = url
        if key is None:
            key = read_key(key_file())
        self._socket = _connect(url)
        self._buf = bytearray(TEXT_BYTES)
        try:
            self._records = self._meet(Client(key, secrets.token_bytes(NONCE_BYTES)))
        except BaseException:
            self._socket.close()
            raise
        self._socket.setblocking(False)

    def read(self, timeout_s: float) -> bytes:
        """Return what is there, waiting up to `timeout_s` for the first of it; what was written goes before."""
        waits = not self._flush()
        text = self._text()
        if not text:
            select.select([self._socket], [self._socket] if waits else [], [], timeout_s)
            self._flush()
            text = self._text()
        return text

    def write(self, data: bytes | memoryview) -> int:
        """Take what is to be sent; return how much.  It goes with the next `read`, or before when there is much."""
        count = self._records.write(data)
        if not count and self._flush():
            count = self._records.write(data)
        return count

    def close(self) -> None:
        """Send the rest, and end."""
        try:
            if not self._flush():
                select.select([], [self._socket], [], _PATIENCE_S)
                self._flush()
        except (UserError, OSError, ValueError):
            pass
        self._socket.close()

    # --- inside ----------------------------------------------------------------------------------

    def _meet(self, client: Client) -> Records:
        try:
            self._socket.sendall(client.hello())
            answer = self._whole(ANSWER_BYTES)
            self._socket.sendall(client.prove(answer))
        except AuthError:
            raise UserError(f"{self.name}: whoever answers there has another key", _KEY_HINT) from None
        except TimeoutError:
            raise UserError(f"{self.name}: whoever listens there is no link of Spamgate") from None
        except OSError as error:
            raise self._ended(error) from None
        return Records(*client.seals(make_aes))

    def _whole(self, size: int) -> bytes:
        data = b""
        until = time.monotonic() + _PATIENCE_S
        while len(data) < size:
            self._socket.settimeout(max(0.001, until - time.monotonic()))
            piece = self._socket.recv(size - len(data))
            if not piece:
                raise UserError(f"{self.name}: the router ended the connection", _REFUSED_HINT)
            data += piece
        return data

    def _flush(self) -> bool:
        """Send what the socket takes; return whether that was all."""
        view = self._records.unsent()
        while len(view):
            try:
                self._records.sent(self._socket.send(view))
            except BlockingIOError:
                return False
            except OSError as error:
                raise self._ended(error) from None
            view = self._records.unsent()
        return True

    def _text(self) -> bytes:
        """Return the text of what has come."""
        text = b""
        while len(text) < _READ_BYTES:
            count = self._records.read_into(self._buf)
            text += self._buf[:count]
            if not count and not self._receive():
                break
        return text

    def _receive(self) -> bool:
        """Take a piece of a record; return whether there was one."""
        try:
            count = self._socket.recv_into(self._records.space())
            self._records.received(count)
        except BlockingIOError:
            return False
        except AuthError as error:
            raise UserError(f"{self.name}: {error}", "somebody is between you and the router") from None
        except OSError as error:
            raise self._ended(error) from None
        if not count:
            raise self._ended(None)
        return True

    def _ended(self, error: OSError | None) -> UserError:
        why = f" ({error.strerror})" if error and error.strerror else ""
        return UserError(f"{self.name}: the router has ended the connection{why}", _REFUSED_HINT)


def make_aes(key: bytes) -> Callable[[bytearray], bytes]:
    """Return what encrypts whole blocks with this key, each for itself."""
    return Cipher(algorithms.AES(key), modes.ECB()).encryptor().update


def _connect(url: str) -> socket.socket:
    host, port = address_of(url)
    try:
        connection = socket.create_connection((host, port), _PATIENCE_S)
    except socket.gaierror:
        raise UserError(f"{url}: no host of that name is known") from None
    except OSError as error:
        why = error.strerror or "no answer"
        raise UserError(f"{url}: no link is served there ({why})", _OFF_HINT) from None
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection
