"""The lines that Spamgate writes about devices: one JSON object each, the same from every runtime.

Keys stand in the order of the format; text is ASCII with escapes; times are printed from two whole
numbers.  Reports may allocate: they are written at a change of state or at the end.
"""

from spamgate.core.counters import (
    CONNECTS,
    DNS_NAMES,
    DNS_QUERIES,
    MESSAGES_ACCEPTED,
    NOT_YET,
    PORT_25,
    SMTP_NAMES,
    SUBMISSION,
)
from spamgate.core.devices import CROWD, RELAY
from spamgate.core.identity import BEHIND_RELAY
from spamgate.core.states import STATE_NAMES
from spamgate.wire.address import address_text, mac_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from spamgate.core.engine import Engine

_LATER_S = 1 << 30


def verdict_line(engine: "Engine", device: int, old: int, new: int) -> str:
    """Return the line for a change of state, with the counters as they stand."""
    evidence = [_evidence(row) for row in engine.board.seen(device)]
    return (
        '{"type":"verdict","t":%s,"device":%s,"name":%s,"from":"%s","to":"%s","score":%d,"evidence":[%s],'
        '"smtp_connects":%d,"messages_accepted":%d}'
        % (
            epoch(engine.now_s, engine.now_us),
            quote(device_id(engine, device)),
            _name(engine, device),
            STATE_NAMES[old],
            STATE_NAMES[new],
            engine.board.score(device),
            ",".join(evidence),
            engine.counters.get_smtp(device, PORT_25, CONNECTS),
            engine.counters.get_smtp(device, PORT_25, MESSAGES_ACCEPTED),
        )
    )


def device_line(engine: "Engine", device: int) -> str:
    """Return the line that sums up a device."""
    addresses = ",".join([quote(address_text(packed)) for packed in engine.devices.addresses.of(device)])
    counters = engine.counters
    first = "null"
    if counters.first_smtp_s[device] != NOT_YET:
        first = epoch(counters.first_smtp_s[device], counters.first_smtp_us[device])
    dns = ['"%s":%d' % (name, counters.get(device, DNS_QUERIES + at)) for at, name in enumerate(DNS_NAMES)]
    return (
        '{"type":"device","device":%s,"addresses":[%s],"state":"%s","smtp":%s,"dns":{%s},'
        '"first_smtp":%s,"submission":%s,"name":%s}'
        % (
            quote(device_id(engine, device)),
            addresses,
            STATE_NAMES[engine.devices.state[device]],
            _smtp(engine, device, PORT_25),
            ",".join(dns),
            first,
            _smtp(engine, device, SUBMISSION),
            _name(engine, device),
        )
    )


def device_id(engine: "Engine", device: int) -> str:
    """Return what names the device: its MAC, its address, or both behind a relay."""
    devices = engine.devices
    if device == CROWD:
        return "crowd"
    addresses = devices.addresses.of(device)
    address = address_text(addresses[0]) if addresses else ""
    if not devices.has_mac(device):
        return address
    mac = mac_text(devices.mac(device))
    return mac + "/" + address if devices.kind(device) == BEHIND_RELAY else mac


def epoch(seconds: int, micros: int) -> str:
    """Return seconds and microseconds (seconds counted from 2**30) as UNIX time with six decimals."""
    return "%d.%06d" % (seconds + _LATER_S, micros)


def quote(text: str) -> str:
    """Return a JSON string in ASCII."""
    out = ['"']
    for letter in text:
        code = ord(letter)
        if letter in '"\\':
            out.append("\\" + letter)
        elif 32 <= code < 127:
            out.append(letter)
        elif code < 0x10000:
            out.append("\\u%04x" % code)
        else:
            code -= 0x10000
            out.append("\\u%04x\\u%04x" % (0xD800 | code >> 10, 0xDC00 | code & 0x3FF))
    out.append('"')
    return "".join(out)


def _name(engine: "Engine", device: int) -> str:
    """Return the name as JSON: what DHCP told, "something behind X" for a relay's client, else null."""
    devices = engine.devices
    name = devices.names[device]
    if device != CROWD and devices.kind(device) == BEHIND_RELAY and not name:
        return quote("something behind " + mac_text(devices.mac(device)))
    if devices.flags[device] & RELAY and name:
        return quote("something behind " + name)
    return quote(name) if name else "null"


def _evidence(row: "tuple[str, int, int, int, bytes]") -> str:
    kind, count, last_s, last_us, peer = row
    peer_text = quote(address_text(peer)) if peer else "null"
    return '{"kind":"%s","count":%d,"last":%s,"peer":%s}' % (kind, count, epoch(last_s, last_us), peer_text)


def _smtp(engine: "Engine", device: int, port: int) -> str:
    counters = engine.counters
    fields = ['"%s":%d' % (name, counters.get_smtp(device, port, at)) for at, name in enumerate(SMTP_NAMES)]
    replies = ['"%03d":%d' % pair for pair in counters.replies(device, port)]
    return '{%s,"replies":{%s}}' % (",".join(fields), ",".join(replies))
