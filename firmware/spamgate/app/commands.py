"""What the owner may ask and order: one method for each request of `wire/messages.py`."""

import gc

from spamgate import VERSION
from spamgate.core import states
from spamgate.core.compat import const
from spamgate.core.devices import CONFIRMED, CROWD, GRANT_MAIL_SERVER, GRANT_NONE, GRANT_SUBMISSION
from spamgate.wire.address import address_text, parse_address
from spamgate.wire.answers import PROTOCOL, MessageError
from spamgate.wire.events import device_id, epoch, write_device, write_verdict
from spamgate.wire.json_text import quote
from spamgate.wire.notices import write_event

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Any, Callable

    from spamgate.app.gateway import Gateway
    from spamgate.app.lists import Lists
    from spamgate.core.line import Line

    Send = Callable[[str], object]

_GRANTS = {"none": GRANT_NONE, "submission": GRANT_SUBMISSION, "mail-server": GRANT_MAIL_SERVER}
_GRANT_NAMES = ("none", "submission", "mail-server")
_LISTED = 8  # devices named in an error


class Commands:
    """Answers requests about one gateway."""

    def __init__(self, gateway: "Gateway") -> None:
        self._gateway = gateway
        self._engine = gateway.engine

    def hello(self, fields: "dict[str, Any]", send: "Send") -> None:
        """Version and protocol."""
        send('{"type":"hello","version":"%s","protocol":%d}\n' % (VERSION, PROTOCOL))

    def status(self, fields: "dict[str, Any]", send: "Send") -> None:
        """How the gateway is."""
        gateway = self._gateway
        degraded = gateway.plane.degraded
        log = gateway.plane.log
        reason = quote(degraded) if degraded else "null"
        monitor_only = "true" if gateway.settings.monitor_only else "false"
        line = '{"type":"status","version":"%s","protocol":%d,"plane":"%s",' % (VERSION, PROTOCOL, gateway.plane.name)
        line += '"observation":"%s","reason":%s,' % ("degraded" if degraded else "full", reason)
        line += '"monitor_only":%s,"uptime_s":%d,' % (monitor_only, self._engine.now_s - gateway.started_s)
        line += '"devices":%d,"packets":%d,' % (len(self._engine.devices.everyone()), log.packets)
        line += '"lost":%d,"malformed":%d,' % (log.lost, gateway.watcher.malformed)
        gc.collect()
        line += _heap_text()
        send(line + '"line":"%s"}\n' % _line_text(self._engine.line))

    def devices(self, fields: "dict[str, Any]", send: "Send") -> None:
        """A line for each device."""
        for device in self._engine.devices.everyone():
            self._sum_up(send, device)
        if self._engine.is_crowded:
            self._sum_up(send, CROWD)

    def monitor(self, fields: "dict[str, Any]", send: "Send") -> None:
        """The devices as they are; what happens from now on comes from the event log."""
        self.devices(fields, send)

    def explain(self, fields: "dict[str, Any]", send: "Send") -> None:
        """Why a device is in its state."""
        device = self._find(fields["device"])
        engine = self._engine
        devices = engine.devices
        write_verdict(send, engine, device, devices.previous[device], devices.state[device])
        self._sum_up(send, device)
        since = epoch(devices.since_s[device] + engine.skew_s, 0)
        state = states.STATE_NAMES[devices.state[device]]
        details = (quote(device_id(engine, device)), state, since, _GRANT_NAMES[devices.grant[device]])
        send(
            '{"type":"explain","device":%s,"state":"%s","since":%s,"grant":"%s",' % details
            + '"ticket":%s,"confirmed":%s,"refused":%d}\n'
            % (
                quote(self._gateway.tickets[device]),
                "true" if devices.flags[device] & CONFIRMED else "false",
                self._gateway.refused[device],
            )
        )

    def release(self, fields: "dict[str, Any]", send: "Send") -> None:
        """Let a device go."""
        device = self._find(fields["device"])
        self._engine.release(device)
        self._acted(send, "release", device, "")

    def grant(self, fields: "dict[str, Any]", send: "Send") -> None:
        """What a device may send."""
        device = self._find(fields["device"])
        self._engine.grant(device, _GRANTS[fields["grant"]])
        self._acted(send, "grant", device, fields["grant"])

    def confirm(self, fields: "dict[str, Any]", send: "Send") -> None:
        """The owner confirms a quarantine."""
        device = self._find(fields["device"])
        if not self._engine.confirm(device):
            raise MessageError("%s is not quarantined" % fields["device"], "only a quarantine can be confirmed")
        self._acted(send, "confirm", device, "")

    def trace(self, fields: "dict[str, Any]", send: "Send") -> None:
        """Which device had an outgoing connection."""
        address = parse_address(fields["ip"]) if fields["ip"] else None
        found = self._gateway.trace.find(fields["time"], fields["port"], address, fields["skew"])
        device = quote(found[0]) if len(found) == 1 and fields["port"] else "null"
        candidates = ",".join([quote(one) for one in found])
        send('{"type":"trace","device":%s,"candidates":[%s]}\n' % (device, candidates))

    def _sum_up(self, send: "Send", device: int) -> None:
        """Write the device's line, with how often it wanted what the blocklist names, since it joined or we started."""
        listed = self._engine.listed
        wanted = (listed.names[device], listed.addresses[device]) if listed else (0, 0)
        write_device(send, self._engine, device, ',"listed":{"names":%d,"addresses":%d}' % wanted)

    def lists(self, fields: "dict[str, Any]", send: "Send") -> None:
        """The blocklist in force, and how the last fetch ended."""
        self._lists().write(send)

    def list_apply(self, fields: "dict[str, Any]", send: "Send") -> None:
        """The program that fetches lists has ended: look at what it brought."""
        lists = self._lists()
        if fields["name"] != "pull":
            raise MessageError("a router fetches its lists", "run `spamgate blocklist pull --config FILE` there")
        lists.hear()
        send('{"type":"list_apply","name":"pull"}\n')

    def _lists(self) -> "Lists":
        if not self._gateway.lists:
            raise MessageError("no lists are taken here", "set list_key to your public key, then restart")
        return self._gateway.lists

    def _acted(self, send: "Send", action: str, device: int, grant: str) -> None:
        gateway = self._gateway
        gateway.plane.regarded(device)
        if gateway.lists:
            gateway.lists.regarded(device)
        gateway.persistence.touch(at_once=True)  # before the owner hears that it is done
        fields = [("action", quote(action)), ("device", quote(device_id(self._engine, device)))]
        fields.append(("state", quote(states.STATE_NAMES[self._engine.devices.state[device]])))
        if grant:
            fields.append(("grant", quote(grant)))
        parts: "list[str]" = []
        write_event(parts.append, self._engine, "action", fields)
        send("".join(parts))
        gateway.publish("".join(parts))

    def _find(self, text: str) -> int:
        """Return the device that `text` names, MessageError unless it is exactly one.

        A MAC comes before an address, and that before a name: what a device calls itself is its own choice.
        """
        engine = self._engine
        present = [d for d in range(1, engine.devices.capacity) if engine.devices.is_present(d)]
        wanted = text.lower()
        found: "list[int]" = []
        for is_named in (self._has_id, self._has_address, self._has_name):
            found = found or [device for device in present if is_named(device, wanted)]
        if len(found) == 1:
            return found[0]
        named = ", ".join([device_id(engine, device) for device in (found or present)[:_LISTED]])
        if found:
            raise MessageError("%s names %d devices" % (text, len(found)), "use one of " + named)
        raise MessageError("%s: no such device" % text, "known are " + (named or "none yet"))

    def _has_id(self, device: int, wanted: str) -> bool:
        return device_id(self._engine, device) == wanted

    def _has_address(self, device: int, wanted: str) -> bool:
        return wanted in [address_text(address) for address in self._engine.devices.addresses.of(device)]

    def _has_name(self, device: int, wanted: str) -> bool:
        return self._engine.devices.names[device].lower() == wanted


def _line_text(line: "Line") -> str:
    if line.blocks_25:
        return "blocks-25"
    return "listed" if line.listed else "open"


def _heap_text() -> str:
    """Return how full the heap is, as MicroPython counts it."""
    used = gc.mem_alloc()  # type: ignore[attr-defined]
    return '"heap_used":%d,"heap_free":%d,' % (used, gc.mem_free())  # type: ignore[attr-defined]
