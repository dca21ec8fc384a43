"""Fetching files from web servers, over HTTP/1.1 and TLS, for MicroPython's unix port.

Nothing here waits for longer than it was told, whatever a server does: the sockets do not block, and every wait counts
against one deadline.  Content goes to the caller piece by piece; nothing grows with what a server sends.  None of this
holds for micropython-lib's `requests`, which waits without end and keeps the whole answer.
"""

import binascii
import select
import socket
import time

from spamgate.core.compat import const
from spamgate.core.errors import SpamgateError
from spamgate.wire.cursor import FormError
from spamgate.wire.http_reply import MOST_HEAD_BYTES, ReplyHead, Url, chunk_size

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Any

BUNDLES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/ssl/cert.pem", "/etc/pki/tls/certs/ca-bundle.crt")

_STREAM = const(1)
_MOST_REDIRECTS = const(5)
_MOST_LINE_BYTES = const(256)
_MOST_TRIED = const(4)  # addresses of a server
_CONNECT_MS = 10000
_TURN_MS = const(100)
_AGAIN = (11, 115)  # EAGAIN, EINPROGRESS
_POLLIN = const(1)
_POLLOUT = const(4)
_REDIRECTS = (301, 302, 303, 307, 308)
_WORDS = {
    101: "there is no way to it",
    104: "it hung up",
    110: "it does not answer",
    111: "it refuses connections",
    113: "it cannot be reached",
    -0x7200: "what it speaks is no TLS",  # MBEDTLS_ERR_SSL_INVALID_RECORD
}


class WebError(SpamgateError):
    """A server that cannot be reached, or does not answer as servers do."""


class Web:
    """Fetches files; `certificates` is the file that names whom to trust, empty for the system's."""

    def __init__(self, certificates: str) -> None:
        self._certificates = certificates
        self._context: "Any" = None

    def get(self, text: str, within_s: int, headers: "tuple[tuple[str, str], ...]" = ()) -> "Answer":
        """Ask for a file, through redirects, and return the answer; it must be read to its end within the time."""
        deadline = _Deadline(within_s)
        try:
            url = Url(text)
            for _ in range(_MOST_REDIRECTS + 1):
                answer = self._ask(url, deadline, headers)
                if answer.head.status not in _REDIRECTS:
                    return answer
                answer.close()
                before, url = url, url.joined(answer.head.get("location"))
                if before.scheme == "https" and url.scheme != "https":
                    raise WebError("%s: leads away from https" % before.text)
        except FormError as error:
            raise WebError("%s: %s" % (text, error)) from None
        raise WebError("%s: leads from one place to the next without end" % text)

    def _ask(self, url: Url, deadline: "_Deadline", headers: "tuple[tuple[str, str], ...]") -> "Answer":
        stream = self._connect(url, deadline)
        lines = ["GET %s HTTP/1.1" % url.path, "Host: " + url.authority, "User-Agent: spamgate"]
        lines += ["Accept-Encoding: identity", "Connection: close"]
        lines += ["%s: %s" % header for header in headers]
        try:
            stream.write("\r\n".join(lines).encode() + b"\r\n\r\n")
            return Answer(stream)
        except (OSError, ValueError, FormError) as error:  # ValueError: a certificate that is not good
            stream.close()
            raise _web_error(url, error) from None
        except WebError:
            stream.close()
            raise

    def _connect(self, url: Url, deadline: "_Deadline") -> "_Stream":
        """Return a connection to one of the server's addresses, with TLS if the URL wants it."""
        problem: "Exception" = OSError(0)
        try:
            found = socket.getaddrinfo(url.host, url.port, 0, _STREAM)
        except OSError:
            raise WebError("%s: its name is not known here" % url.host) from None
        for row in found[:_MOST_TRIED]:
            try:
                sock = socket.socket(row[0], _STREAM)
            except OSError as error:
                problem = error
                continue
            sock.setblocking(False)
            try:
                _wait_for_connection(sock, row[-1], deadline)
                return _Stream(sock, self._wrapped(sock, url), deadline)
            except OSError as error:
                sock.close()
                problem = error
            except SpamgateError:
                sock.close()
                raise
        raise _web_error(url, problem)

    def _wrapped(self, sock: "Any", url: Url) -> "Any":
        if url.scheme == "http":
            return sock
        if self._context is None:
            self._context = _tls(self._certificates)
        return self._context.wrap_socket(sock, server_hostname=url.host, do_handshake_on_connect=False)


class Answer:
    """An answer and its content: `read_into` until it returns 0, which it does only at the announced end."""

    def __init__(self, stream: "_Stream") -> None:
        self._stream = stream
        self._line = bytearray(1)
        data = b""
        while not data.endswith(b"\r\n\r\n"):
            if len(data) > MOST_HEAD_BYTES:
                raise FormError("the head of its answer is too long")
            data += self._read_line(MOST_HEAD_BYTES)
        self.head = ReplyHead(data)
        self._is_chunked = self.head.is_chunked
        self._left = 0 if self._is_chunked else self.head.length  # of the content, or of the chunk; -1: to the end
        self._is_over = self.head.status in (204, 304) or self._left == 0 and not self._is_chunked
        self._has_begun = False

    def read_into(self, buf: "bytearray | memoryview") -> int:
        """Put what comes next into `buf`; return how much, 0 at the end.  WebError where it breaks off before."""
        try:
            return self._read(buf)
        except (OSError, ValueError, FormError) as error:
            raise WebError("the server broke off: %s" % _told(error)) from None

    def close(self) -> None:
        """Hang up."""
        self._stream.close()

    def _read(self, buf: "bytearray | memoryview") -> int:
        if self._is_chunked and not self._left and not self._is_over:
            self._begin_chunk()
        if self._is_over:
            return 0
        view = memoryview(buf)
        count = self._stream.read_into(view if self._left < 0 else view[: self._left])
        if self._left > 0:
            if not count:
                raise FormError("%d bytes are missing" % self._left)
            self._left -= count
            self._is_over = not self._left and not self._is_chunked
        self._is_over = self._is_over or not count
        return count

    def _begin_chunk(self) -> None:
        if self._has_begun:
            self._read_line(_MOST_LINE_BYTES)
        self._has_begun = True
        self._left = chunk_size(self._read_line(_MOST_LINE_BYTES))
        self._is_over = not self._left

    def _read_line(self, most: int) -> bytes:
        """Return what comes up to a line's end."""
        line = b""
        while not line.endswith(b"\n"):
            if len(line) >= most:
                raise FormError("a line of its answer is too long")
            if not self._stream.read_into(self._line):
                raise FormError("it hung up")
            line += bytes(self._line)
        return line


class _Stream:
    """A connection that gives up when the time is over."""

    def __init__(self, sock: "Any", stream: "Any", deadline: "_Deadline") -> None:
        self._sock = sock
        self._stream = stream
        self._deadline = deadline
        self._poll = select.poll()
        self._poll.register(sock, _POLLIN)

    def write(self, data: bytes) -> None:
        """Send all of it."""
        while data:
            data = data[self._stream.write(data) or 0 :]
            if data:
                self._wait()

    def read_into(self, buf: "bytearray | memoryview") -> int:
        """Put what is there into `buf`, once there is something; 0 when the server has hung up."""
        while True:
            count = self._stream.readinto(buf)
            if count is not None:
                return int(count)
            self._wait()

    def close(self) -> None:
        """Hang up."""
        self._stream.close()
        self._sock.close()

    def _wait(self) -> None:
        self._deadline.check()
        self._poll.poll(_TURN_MS)


class _Deadline:
    """When a request must be over."""

    def __init__(self, within_s: int) -> None:
        self._until_s = time.time() + within_s
        self._within_s = within_s

    def check(self) -> None:
        """WebError when it is too late; a clock that was set back meanwhile counts as that."""
        left_s = self._until_s - time.time()
        if not 0 < left_s <= self._within_s:
            raise WebError("the server took longer than %d s" % self._within_s)


def _wait_for_connection(sock: "Any", address: "Any", deadline: _Deadline) -> None:
    try:
        sock.connect(address)
    except OSError as error:
        if error.errno not in _AGAIN:
            raise
    poll = select.poll()
    poll.register(sock, _POLLOUT)
    for _ in range(_CONNECT_MS // _TURN_MS):
        deadline.check()
        if poll.poll(_TURN_MS):
            return  # or it was refused, which the first word to it will show
    raise OSError(110)


def _tls(path: str) -> "Any":
    """Return what checks certificates against those in a file of PEM, one after another."""
    try:  # what `ssl` stands upon, which is frozen into MicroPython and not in MICROPYPATH
        import tls  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        raise WebError("this MicroPython has no TLS: take http://, for lists are signed, or a build with TLS") from None
    context = tls.SSLContext(tls.PROTOCOL_TLS_CLIENT)
    context.verify_mode = tls.CERT_REQUIRED
    for bundle in (path,) if path else BUNDLES:
        if _load(context, bundle):
            return context
    raise WebError("%s: no certificates there to check https against; set list_ca" % (path or BUNDLES[0]))


def _load(context: "Any", path: str) -> int:
    """Let the context trust the certificates in a file; return how many: some that are there it may not understand."""
    loaded = 0
    part = ""
    try:
        with open(path) as file:
            for line in file:
                if line.startswith("-----BEGIN"):
                    part = ""
                elif line.startswith("-----END"):
                    try:
                        context.load_verify_locations(binascii.a2b_base64(part))
                        loaded += 1
                    except ValueError:
                        pass
                else:
                    part += line
    except OSError:
        return 0
    return loaded


def _web_error(url: Url, error: Exception) -> WebError:
    return WebError("%s: %s" % (url.authority, _told(error)))


def _told(error: Exception) -> str:
    """Return in words what went wrong."""
    if not isinstance(error, OSError):
        return " ".join(str(error).split())
    return _WORDS.get(error.errno or 0, "error %s" % error.errno)
