"""The lines that Spamgate writes about devices: one JSON object each, the same from every runtime.

Keys stand in the order of the format; text is ASCII with escapes; times are printed from two whole
numbers.  Reports may allocate, but piece by piece: a heap that is nearly full has no room for a whole line.
"""

from spamgate.core.compat import LATER_S, const
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
from spamgate.wire.json_text import quote

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Callable

    from spamgate.core.engine import Engine

    Write = Callable[[str], object]


def write_verdict(write: "Write", engine: "Engine", device: int, old: int, new: int) -> None:
    """Write the line for a change of state, with the counters as they stand."""
    write('{"type":"verdict","t":%s,' % epoch(engine.now_s + engine.skew_s, engine.now_us))
    write('"device":%s,"name":%s,' % (quote(device_id(engine, device)), _name(engine, device)))
    score = engine.board.score(device)
    write('"from":"%s","to":"%s","score":%d,"evidence":[' % (STATE_NAMES[old], STATE_NAMES[new], score))
    comma = ""
    for row in engine.board.each_seen(device):
        write(comma)
        _write_evidence(write, row, engine.skew_s)
        comma = ","
    connects = engine.counters.get_smtp(device, PORT_25, CONNECTS)
    accepted = engine.counters.get_smtp(device, PORT_25, MESSAGES_ACCEPTED)
    write('],"smtp_connects":%d,"messages_accepted":%d}\n' % (connects, accepted))


def write_device(write: "Write", engine: "Engine", device: int, more: str = "") -> None:
    """Write the line that sums up a device; `more` fields, as JSON, come last."""
    addresses = ",".join([quote(address_text(packed)) for packed in engine.devices.addresses.of(device)])
    write('{"type":"device","device":%s,"addresses":[%s],' % (quote(device_id(engine, device)), addresses))
    write('"state":"%s","smtp":' % STATE_NAMES[engine.devices.state[device]])
    _write_smtp(write, engine, device, PORT_25)
    counters = engine.counters
    dns = ['"%s":%d' % (name, counters.get(device, DNS_QUERIES + at)) for at, name in enumerate(DNS_NAMES)]
    write(',"dns":{%s},' % ",".join(dns))
    first = "null"
    if counters.first_smtp_s[device] != NOT_YET:
        first = epoch(counters.first_smtp_s[device] + engine.skew_s, counters.first_smtp_us[device])
    write('"first_smtp":%s,"submission":' % first)
    _write_smtp(write, engine, device, SUBMISSION)
    write(',"name":%s%s}\n' % (_name(engine, device), more))


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
    return "%d.%06d" % (seconds + LATER_S, micros)


def _name(engine: "Engine", device: int) -> str:
    """Return the name as JSON: what DHCP told, "something behind X" for a relay's client, else null."""
    devices = engine.devices
    name = devices.names[device]
    if device != CROWD and devices.kind(device) == BEHIND_RELAY and not name:
        return quote("something behind " + mac_text(devices.mac(device)))
    if devices.flags[device] & RELAY and name:
        return quote("something behind " + name)
    return quote(name) if name else "null"


def _write_evidence(write: "Write", row: "tuple[str, int, int, int, bytes]", skew_s: int) -> None:
    kind, count, last_s, last_us, peer = row
    write('{"kind":"%s","count":%d,"last":%s,"peer":' % (kind, count, epoch(last_s + skew_s, last_us)))
    write(quote(address_text(peer)) if peer else "null")
    write("}")


def _write_smtp(write: "Write", engine: "Engine", device: int, port: int) -> None:
    counters = engine.counters
    comma = "{"
    for at, name in enumerate(SMTP_NAMES):
        write('%s"%s":%d' % (comma, name, counters.get_smtp(device, port, at)))
        comma = ","
    write(',"replies":{%s}}' % ",".join(['"%03d":%d' % pair for pair in counters.replies(device, port)]))
