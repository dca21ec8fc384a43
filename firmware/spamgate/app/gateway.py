"""The gateway program: composes the plane `linux`, the engine and the services, and runs them in one loop.

`micropython -X heapsize=512k -m spamgate.app.gateway --config FILE`, or `spamgate gateway`.  Ctrl-C (SIGINT) stops it
and takes its table out of the kernel.
"""

import gc
import os
import sys
import time

from spamgate import VERSION
from spamgate.app import collect_early, forget_module
from spamgate.app.commands import Commands
from spamgate.app.environment import open_event_log, print_trace, read_config
from spamgate.app.named import merge_grants, name_devices
from spamgate.app.persistence import Persistence
from spamgate.core import states
from spamgate.core.compat import const
from spamgate.core.engine import Engine
from spamgate.core.errors import SpamgateError
from spamgate.core.router_limits import RouterLimits
from spamgate.core.ticks import elapsed
from spamgate.hal.loop import Loop
from spamgate.hal.net import Net, claim
from spamgate.hal.resolvers import system_resolvers
from spamgate.hal.steady_clock import SteadyClock, ticks_ms
from spamgate.hal.storage import Storage
from spamgate.plane.linux import LinuxPlane
from spamgate.plane.linux_log import PacketLog
from spamgate.plane.linux_watch import RouterWatcher
from spamgate.service.control import Control
from spamgate.service.dns_guard import DnsGuard
from spamgate.service.smtp_responder import Responder
from spamgate.store.state import StateFile
from spamgate.store.trace import TraceRing
from spamgate.wire.address import address_text
from spamgate.wire.events import device_id, write_verdict
from spamgate.wire.json_text import quote
from spamgate.wire.notices import write_event

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Callable

    from spamgate.app.lists import Lists
    from spamgate.service.link_tcp import LinkTcp
    from spamgate.store.settings import Settings

_CLAIM = "spamgate"  # the table's name: there is one a network namespace
_SECOND = "a gateway is running here already; look at it with `spamgate devices`, or stop it first"
_LOG_BYTES = 24576
_TRACE_RECORDS = 16384
_SECOND_MS = 1000
_NO_TICKET = ""
_OWN_RESOLVER = "127.0.0.1"


class Greeting:
    """What the responder's texts name: a ticket, and where to read more."""

    def __init__(self, gateway: "Gateway", page: str) -> None:
        self._gateway = gateway
        self.page = page

    def ticket(self, address: bytes) -> str:
        """Return the ticket of the device at this address."""
        device = self._gateway.engine.devices.at_address(address, 0, len(address))
        return self._gateway.tickets[device] if device > 0 else _NO_TICKET


class Gateway:
    """All parts, and what passes between them."""

    def __init__(self, settings: "Settings") -> None:
        self.settings = settings
        self.clock = SteadyClock()
        self.started_s = self.clock.s
        log_buffer = bytearray(_LOG_BYTES)  # first, while there is room in one piece
        limits = RouterLimits()
        self.engine = Engine(limits, self._changed)
        self.engine.enforces = not settings.monitor_only
        self.engine.at(self.clock.s, 0)
        self.watcher = RouterWatcher(self.engine, None, True, limits)
        self.loop = Loop()
        self.net = Net()
        storage = Storage(settings.state_dir)
        self.tickets = [_NO_TICKET] * limits.devices
        self.refused = [0] * limits.devices
        self._log = open_event_log(settings, storage)
        self._control: "Control | None" = None
        self.trace = TraceRing(storage, _TRACE_RECORDS)
        self.persistence = Persistence(self.engine, StateFile(storage), self.tickets, self.report)
        self.plane = LinuxPlane(
            settings, self.engine, self.watcher, PacketLog(settings.log_group, log_buffer), self
        )
        self.guard: "DnsGuard | None" = None
        self._responders: list = []
        self._served: "list[tuple[bytes, int, int]]" = []
        self._second_ms = 0
        self.lists: "Lists | None" = None
        if settings.list_key:
            from spamgate.app.lists import Lists

            self.lists = Lists(self)
        self._link: "LinkTcp | None" = None
        if settings.link_port:
            from spamgate.app.link import make_link

            self._link = make_link(self)

    def run(self) -> None:
        """Serve until stopped."""
        known = self.persistence.load()
        name_devices(self.engine, self.settings.aliases)
        merge_grants(self.engine, self.settings.grants)
        now_ms = ticks_ms()
        self.plane.start(now_ms)
        self._serve()
        if self.lists:
            self.lists.start(now_ms)
            self.loop.each_tick(self.lists.tick)
        elif self.plane.list_pair():
            self.plane.drop_lists()  # left by a gateway that took lists and was killed
        fields = [("version", quote(VERSION)), ("plane", quote(self.plane.name)), ("devices", str(known))]
        fields.append(("monitor_only", "true" if self.settings.monitor_only else "false"))
        self.tell("start", fields)
        collect_early(False)
        self.loop.run()

    def stop(self, is_clean: bool) -> None:
        """Save and say so; leave nothing in the kernel, unless it is a mistake that stops us: then verdicts hold."""
        if is_clean:
            self.plane.stop()
        self.persistence.save()
        self.tell("stop", [])
        for service in self._responders + [self.guard, self._control, self._link]:
            if service:
                service.close()

    def publish(self, line: str) -> None:
        """Write an event, and send it to whoever watches."""
        self._log.write(line)
        if self._control:
            self._control.publish(line)
        if self._link:
            self._link.publish(line)

    def report(self, text: str) -> None:
        """Something went wrong, or was mended."""
        self.tell("error", [("text", quote(text))])

    def write_table(self, write: "Callable[[str], object]", with_zone: bool) -> None:
        """Write the table for nft; its text is needed once in a while, and its memory given back."""
        from spamgate.plane.linux_rules import write_table

        write_table(write, self.settings, with_zone)
        forget_module("spamgate.plane.linux_rules")

    # --- what the parts tell ---

    def answered(self, buf, start: int, end: int, address: bytes, port: int) -> None:
        """The guard passed an answer on to a client."""
        device = self.engine.devices.at_address(address, 0, len(address))
        if device > 0:
            self.watcher.dns.answer(buf, start, end, device, port)

    def blocked(self, address: bytes, count: int) -> None:
        """The guard refused names."""

    def listed(self, address: bytes, count: int) -> None:
        """Among them some that the blocklist names."""
        device = self.engine.devices.at_address(address, 0, len(address))
        if device > 0 and self.engine.listed:
            self.engine.listed.asked(device, count)

    def _changed(self, device: int, old: int, new: int) -> None:
        if new in (states.THROTTLED, states.QUARANTINED) and not self.tickets[device]:
            drawn = os.urandom(3)
            self.tickets[device] = "%02X%02X%02X" % (drawn[0], drawn[1], drawn[2])
        elif new == states.NORMAL:  # the number may be given to another device
            self.tickets[device] = _NO_TICKET
            self.refused[device] = 0
        self.plane.changed(device, old, new)
        parts: "list[str]" = []
        write_verdict(parts.append, self.engine, device, old, new)
        self.publish("".join(parts))
        self.persistence.touch()

    def established(self, device: int, client: bytes, port: int, server: bytes, server_port: int) -> None:
        public = self.plane.public_end(client, port, server, server_port)
        problem = self.trace.problem
        self.trace.add(int(time.time()), public, (server, server_port), device_id(self.engine, device))
        if self.trace.problem and not problem:
            self.report("trace: " + self.trace.problem)

    def _held(self, address: bytes, port: int, our_port: int) -> None:
        device = self.engine.devices.at_address(address, 0, len(address))
        if device > 0:
            self.refused[device] += 1
            self.plane.held(device, address, port, our_port)

    def _held_later(self, address: bytes, port: int) -> None:
        self._held(address, port, self.settings.later_port)

    def _held_never(self, address: bytes, port: int) -> None:
        self._held(address, port, self.settings.never_port)

    # --- beginnings, and every second ---

    def _serve(self) -> None:
        settings = self.settings
        self.loop.add(self.plane.log.sock, self.plane)
        self.loop.each_tick(self.plane.tick)
        if not settings.monitor_only:
            greeting = Greeting(self, settings.page or self._own_page())
            for port, is_final in ((settings.later_port, False), (settings.never_port, True)):
                told = self._held_never if is_final else self._held_later
                responder = Responder(self.net, self.loop, port, _always if is_final else _never, greeting, told)
                self._responders.append(responder)
                self.loop.each_tick(responder.tick)
        if settings.guard != "off" and not settings.monitor_only:
            if not settings.guard_upstreams:
                settings.guard_upstreams = system_resolvers() or [_OWN_RESOLVER]
            self.guard = DnsGuard(self.net, self.loop, settings, self, self.report)
            self.loop.each_tick(self.guard.tick)
        self._control = Control(self.net, self.loop, settings.control, Commands(self), self.report)
        self.loop.each_tick(self._control.tick)
        self._serve_lan()
        self.loop.each_tick(self._tick)
        if self._link:
            self.loop.each_tick(self._link.tick)  # last: others have their turn while it waits, and then it is later

    def _tick(self, now_ms: int) -> None:
        self.clock.read()
        self.engine.at(self.clock.s, self.clock.us)
        self.persistence.tick(now_ms)
        if elapsed(now_ms, self._second_ms) >= _SECOND_MS:
            self._second_ms = now_ms
            self.engine.skew_s = self.clock.skew_s()
            self._recover()
            self.watcher.tick()
            name_devices(self.engine, self.settings.aliases)
            self._serve_lan()

    def _recover(self) -> None:
        """Where the heap was full something may not have been done: put all verdicts in force again."""
        starved = self.loop.starved
        if starved:
            self.loop.starved = 0
            gc.collect()
            self.plane.renew()
            self.persistence.touch()
            self.report("the heap was full %d times; what was under way is lost" % starved)

    def _serve_lan(self) -> None:
        """Let the guard serve where the LAN's addresses are now, and the link on its interfaces."""
        found = self.plane.home.lan_addresses
        if found == self._served:
            return
        kept = [row[0] for row in found if row in self._served]
        self._served = found
        self.net.zones = {address: zone for address, _, zone in found if address[:2] == b"\xfe\x80"}
        if self.guard:
            self.guard.serve(kept)  # what came back on another interface is listened to anew
            self.guard.serve([row[0] for row in found])
        if self._link:
            self._link.serve(self.settings.link_port, self.settings.lan)

    def _own_page(self) -> str:
        own = [address for address, _, _ in self.plane.home.lan_addresses if len(address) == 4]
        return "http://%s/" % address_text(own[0]) if own else ""

    def tell(self, kind: str, fields: "list[tuple[str, str]]") -> None:
        """Write an event that is about no device's state; fields are keys and their values as JSON."""
        parts: "list[str]" = []
        write_event(parts.append, self.engine, kind, fields)
        self.publish("".join(parts))


def _always(address: bytes) -> bool:
    return True


def _never(address: bytes) -> bool:
    return False


def main(words: "list[str]") -> int:
    """Run with the words of the command line.

    Returns the exit code: 0 stopped, 1 our own mistake (the trace is on standard error; a service manager starts
    anew), 2 with one line that says what is wrong with the settings or the system.
    """
    gateway = alone = None
    code = 0
    try:
        settings = read_config(words)
        alone = claim(_CLAIM)
        if not alone:
            raise SpamgateError(_SECOND)
        gateway = Gateway(settings)
        gateway.run()
    except SpamgateError as error:
        sys.stderr.write("error: %s\n" % error)
        code = 2
    except KeyboardInterrupt:
        pass
    except Exception as error:
        print_trace(error)
        code = 1
    if gateway:
        gateway.stop(is_clean=code == 0)
    if alone:
        alone.close()
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
