"""`spamgate decode dns`: what our reader makes of DNS messages given as hex, one a line."""

from collections.abc import Iterable, Iterator

from spamgate.wire.cursor import FormError
from spamgate.wire.dns import Message
from spamgate.wire.dns_strict import read_all, read_questions

Decoded = dict[str, str | int | bool | None]

_MAX_MESSAGE_BYTES = 65535  # what the 16-bit length of DNS over TCP allows


def decode_lines(lines: Iterable[str]) -> Iterator[Decoded]:
    """Yield one object a line: the message's fields, or `{"error": what is wrong}`."""
    message = Message()
    for line in lines:
        try:
            yield _decode(message, _from_hex(line))
        except FormError as error:
            yield {"error": str(error)}


def _from_hex(line: str) -> bytes:
    digits = "".join(line.split())
    if not digits:
        raise FormError("empty line")
    for place, digit in enumerate(digits, 1):
        if digit not in "0123456789abcdefABCDEF":
            raise FormError(f"not a hex digit: {ascii(digit)}, number {place} of the line")
    if len(digits) % 2:
        raise FormError("odd number of hex digits")
    if len(digits) > 2 * _MAX_MESSAGE_BYTES:
        raise FormError(f"longer than {_MAX_MESSAGE_BYTES} bytes, the most a DNS message can have")
    return bytes.fromhex(digits)


def _decode(message: Message, wire: bytes) -> Decoded:
    """Return the fields of `wire`; FormError when already its question section is malformed."""
    try:
        read_all(message, wire, 0, len(wire))
    except FormError:
        # The question is what devices are judged by: it counts even before broken or signed records.
        read_questions(message, wire, 0, len(wire))
        _walk_records(message, wire)
    asked = message.qname_at >= 0
    return {
        "qname": message.name_text(message.qname_at) if asked else None,
        "qtype": message.qtype if asked else None,
        "qclass": message.qclass if asked else None,
        "qr": bool(message.qr),
        "opcode": message.opcode,
        "rcode": message.rcode,
        "answers": message.an_count,
        "edns": message.edns,
    }


def _walk_records(message: Message, wire: bytes) -> None:
    """Find EDNS, as far as the records can be told apart."""
    message.read(wire, 0, len(wire))
    try:
        while message.next_record():
            pass
    except FormError:
        pass
