"""The time of day from the network: a client of SNTP (RFC 4330, packet of RFC 5905) that never waits.

Eight random bytes stand where our time would: the server sends them back, so that nobody else's answer counts, and
learns nothing of our clock.
"""

import os

from spamgate.core.compat import const
from spamgate.core.ticks import elapsed
from spamgate.hal.esp32_net import parse_address

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Any

FAILED = -1

_NTP_PORT = const(123)
_DNS_PORT = const(53)
_PACKET_BYTES = const(48)
_ASK = b"\x23"  # no leap warning, version 4, client
_NONCE_AT = const(40)
_ECHO_AT = const(24)
_SECONDS_AT = const(40)
_SERVER_MODE = const(4)
_MOST_STRATUM = const(15)
_SINCE_1900_S = 2208988800
_ERA_S = 1 << 32
_A = const(1)
_QUESTION_AT = const(12)
_MOST_LABEL = const(63)
_MOST_ANSWER_BYTES = const(512)
_WAIT_MS = const(3000)


class TimeClient:
    """Asks one server, found by name or address, once."""

    def __init__(self, net, server: str) -> None:
        self._net = net
        self._server = server
        self._sock: "Any" = None
        self._sent = b""
        self._asks_dns = False
        self._since_ms = 0

    def tick(self, now_ms: int, resolvers: "list[str]") -> int:
        """Go on; return 0 while nothing is known, then the UNIX time, or FAILED."""
        if self._sock:
            return self._listen(now_ms)
        address = parse_address(self._server)
        if address:
            return self._ask_time(now_ms, address)
        self._asks_dns = True
        resolver = parse_address(resolvers[0]) if resolvers else b""
        return self._send(now_ms, resolver, _DNS_PORT, _query(self._server)) if resolver else FAILED

    def _ask_time(self, now_ms: int, address: bytes) -> int:
        self._asks_dns = False
        return self._send(now_ms, address, _NTP_PORT, _ASK + bytes(_NONCE_AT - 1) + os.urandom(8))

    def _send(self, now_ms: int, address: bytes, port: int, data: bytes) -> int:
        self._since_ms = now_ms
        self._sent = data
        try:
            self._sock = self._net.udp_to(address, port)
            self._sock.send(data)
        except OSError:
            return self._end(FAILED)
        return 0

    def _listen(self, now_ms: int) -> int:
        try:
            answer = self._sock.recv(_MOST_ANSWER_BYTES)
        except OSError:
            answer = b""
        if self._asks_dns:
            address = _address_in(answer, self._sent)
            if address:
                self._end(0)
                return self._ask_time(now_ms, address)
        elif _is_time(answer, self._sent):
            return self._end(_unix_s(answer))
        return self._end(FAILED) if elapsed(now_ms, self._since_ms) >= _WAIT_MS else 0

    def _end(self, outcome: int) -> int:
        if self._sock:
            self._sock.close()
            self._sock = None
        return outcome


def _is_time(answer: bytes, sent: bytes) -> bool:
    """Is this the answer to what we sent, of a server that knows the time (RFC 4330 5)?"""
    if len(answer) < _PACKET_BYTES or answer[_ECHO_AT : _ECHO_AT + 8] != sent[_NONCE_AT:]:
        return False
    return answer[0] & 7 == _SERVER_MODE and answer[0] >> 6 != 3 and 1 <= answer[1] <= _MOST_STRATUM


def _unix_s(answer: bytes) -> int:
    """Return the time in the answer; what looks like before 1968 is after 2036 (RFC 4330 3)."""
    seconds = int.from_bytes(answer[_SECONDS_AT : _SECONDS_AT + 4], "big")
    return seconds - _SINCE_1900_S + (0 if seconds >> 31 else _ERA_S)


def _query(name: str) -> bytes:
    """Return a question for the name's IPv4 address (RFC 1035 4.1)."""
    labels = b"".join(bytes((len(label) & _MOST_LABEL,)) + label.encode() for label in name.split(".") if label)
    return os.urandom(2) + b"\1\0\0\1\0\0\0\0\0\0" + labels + b"\0\0\1\0\1"


def _address_in(answer: bytes, sent: bytes) -> bytes:
    """Return the first IPv4 address that answers the question we sent, or none."""
    question_end = len(sent)
    if answer[:2] != sent[:2] or answer[_QUESTION_AT:question_end] != sent[_QUESTION_AT:]:
        return b""
    if not answer[2] & 128 or answer[3] & 15:
        return b""
    from spamgate.wire.cursor import FormError
    from spamgate.wire.dns import Message

    message = Message()
    try:
        message.read(answer, 0, len(answer))
        while message.next_record() and message.section == 1:
            if message.rtype == _A and message.rdata_end - message.rdata_at == 4:
                return bytes(answer[message.rdata_at : message.rdata_end])
    except FormError:
        pass
    return b""
