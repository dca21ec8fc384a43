"""Plane `linux`: a router with nftables.  It sees what is forwarded, and lets the kernel enforce what was decided.

The table is loaded once; afterwards the kernel is told of each change by a message.  Forwarding never waits for this
program: verdicts hold while it is away, until their time is up, and the redirect to the DNS guard for seconds only.
"""

import os

from spamgate.core import states
from spamgate.core.compat import const
from spamgate.core.errors import SpamgateError
from spamgate.core.ticks import elapsed
from spamgate.plane.enforcing import Enforcer
from spamgate.plane.flows import Flows
from spamgate.plane.linux_home import Home
from spamgate.plane.linux_log import PacketLog
from spamgate.plane.linux_sets import LISTS_TABLE, TABLE, KernelSets
from spamgate.plane.netfilter import Netfilter
from spamgate.wire import conntrack
from spamgate.wire.cursor import FormError
from spamgate.wire.nft import NEW_FLOW_TABLE, ask_chain, ask_flow_tables, chain_mark

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from spamgate.core.engine import Engine
    from spamgate.plane.linux_watch import RouterWatcher
    from spamgate.plane.offload import Offload

_LEASE_MS = const(1000)  # of GUARD_LEASE_S: two renewals may be late
_CHECK_MS = const(1000)
_HOME_MS = const(5000)
_RENEW_MS = const(1800000)
_HOUR_S = const(3600)
_MARKED_CHAIN = "passed_on"
_NOT_LOADED = const(-2)
_EPERM = const(1)
_NOT_PERMITTED = "no privilege, or another program reads it; run as root, or choose another log_group"


class PlaneError(SpamgateError):
    """The kernel does not let us work."""


class LinuxPlane(Enforcer):
    """Joins the kernel's log, the watcher and the sets.

    `owner` has `clock` (with `read()`, `s` and `us`), is told with `report(text)` what went wrong and was mended, and
    with `established` of connections, as Flows says; its `write_table(write, with_zone)` gives the table's text.
    """

    name = "linux"
    sets: KernelSets

    def __init__(self, settings, engine: "Engine", watcher: "RouterWatcher", log: PacketLog, owner) -> None:
        self._kernel = Netfilter()
        lasting_s = 0 if settings.fail == "closed" else settings.verdict_hours * _HOUR_S
        sets = KernelSets(self._kernel, engine.devices, lasting_s)
        Enforcer.__init__(self, settings, engine, sets, settings.lan)
        self._watcher = watcher
        self._clock = owner.clock
        self._report = owner.report
        self._write_table = owner.write_table
        self.home = Home(self._kernel, settings.lan, settings.wan, settings.home_networks)
        self.log = log
        self._offload: "Offload | None" = None
        self.flows = Flows(engine, watcher, sets, owner.established, self._pay)
        self._guards_all = settings.guard == "all" and self._enforces
        self._guards_suspects = settings.guard == "suspects" and self._enforces
        self._mark = _NOT_LOADED
        self._problem = ""  # why the table is not in the kernel
        self.loads = 0  # of the table
        self._leased_ms = self._checked_ms = self._homed_ms = self._renewed_ms = 0

    @property
    def degraded(self) -> str:
        """Why not everything is seen; nothing when it is."""
        if self.home.missing:
            return "interface %s is not there" % self.home.missing[0]
        return self._problem or (self._offload.problem if self._offload else "")

    def start(self, now_ms: int) -> None:
        """Load the table, ask for packets, and put in force what is known of the devices."""
        self.home.refresh()
        self._watcher.scope = self.home
        self._watcher.own = self.home.router
        self._watcher.mail.flows = self.flows
        error = self.log.start()
        if error:
            reason = _NOT_PERMITTED if error == _EPERM else "error %d" % error
            raise PlaneError("log group %d: %s" % (self._settings.log_group, reason))
        self._load()
        self._put_in_force()
        self._recall_swarm()
        self._exempt_from_offload()
        self._leased_ms = self._checked_ms = self._homed_ms = self._renewed_ms = now_ms

    def ready(self, sock) -> None:
        """Packets are waiting."""
        clock = self._clock
        clock.read()
        self._engine.at(clock.s, clock.us)
        self.log.read(self._watcher)

    def changed(self, device: int, old: int, new: int) -> None:
        """The engine or the owner decided: let the kernel know."""
        Enforcer.changed(self, device, old, new)
        if self._guards_suspects:
            self._lease(device)
            if not self._is_suspect(device) and old in (states.THROTTLED, states.QUARANTINED):
                self.sets.unguard(device)

    def is_guarded(self, device: int) -> bool:
        """Does the device's DNS pass through the guard?"""
        return self._guards_all or (self._guards_suspects and self._is_suspect(device))

    def list_pair(self) -> str:
        """Return to which pair of sets the rules about a blocklist's addresses lead; empty where there are none."""
        for pair in ("a", "b"):
            size = self._kernel.ask(ask_chain(self._kernel.request, LISTS_TABLE, "leads_to_" + pair))
            if chain_mark(self._kernel.reply, size) >= 0:
                return pair
        return ""

    def drop_lists(self) -> None:
        """Bar no addresses."""
        os.system("nft delete table inet %s 2>/dev/null" % LISTS_TABLE)

    def ease_lists(self) -> None:
        """Bar only what begins a connection: what went on from before has been cut."""
        os.system("nft insert rule inet %s barred ct state established,related accept 2>/dev/null &" % LISTS_TABLE)

    def tick(self, now_ms: int) -> None:
        """Renew leases and verdicts, look after the table and the interfaces."""
        if elapsed(now_ms, self._leased_ms) >= _LEASE_MS:
            self._leased_ms = now_ms
            self._lease_all()
        if elapsed(now_ms, self._checked_ms) >= _CHECK_MS:
            self._checked_ms = now_ms
            self._check_table()
        if elapsed(now_ms, self._homed_ms) >= _HOME_MS:
            self._homed_ms = now_ms
            self._report_failures()
            self.home.refresh()
            self._exempt_from_offload()
        if elapsed(now_ms, self._renewed_ms) >= _RENEW_MS:
            self._renewed_ms = now_ms
            self._enforce_all()

    def stop(self) -> None:
        """Take the table out: nothing of us stays in the kernel."""
        if self._mark != _NOT_LOADED:
            if self._offload:
                self._offload.restore()
            os.system("nft delete table inet %s 2>/dev/null" % TABLE)
            if self.list_pair():
                self.drop_lists()
        self.log.close()
        self._kernel.close()

    def public_end(self, client: bytes, port: int, server: bytes, server_port: int) -> "tuple[bytes, int]":
        """Return the address and port that the server sees of this connection; its own when nobody knows."""
        asked = conntrack.Tuple(client, port, server, server_port)
        size = self._kernel.ask(conntrack.ask(self._kernel.request, conntrack.TCP, asked))
        try:
            _, reply = conntrack.read(self._kernel.reply, size)
        except FormError:
            return client, port
        return reply.target, reply.target_port

    def meant_for(self, client: bytes, port: int, our_port: int) -> bytes:
        """Return which server a redirected client wanted to reach, or nothing."""
        for address, _, _ in self.home.lan_addresses:
            if len(address) != len(client):
                continue
            asked = conntrack.Tuple(address, our_port, client, port)
            size = self._kernel.ask(conntrack.ask(self._kernel.request, conntrack.TCP, asked, True))
            try:
                original, _ = conntrack.read(self._kernel.reply, size)
            except FormError:
                continue
            return original.target
        return b""

    def held(self, device: int, client: bytes, port: int, our_port: int) -> bytes:
        """The responder answered a device: let it pass next time if the server has a past; returns the server."""
        server = self.meant_for(client, port, our_port)
        if server:
            self.met(device, server, 0, len(server))
        return server

    def _lease(self, device: int) -> None:
        if self._is_suspect(device):
            self.sets.guard(device)

    def _lease_all(self) -> None:
        if self._guards_all:
            for name in self._settings.lan:
                self.sets.guard_lan(name)
        elif self._guards_suspects:
            for device in range(1, self._engine.devices.capacity):
                self._lease(device)

    def _enforce_all(self) -> None:
        """Put in force what is known of all devices, the guard's among them."""
        Enforcer._enforce_all(self)
        self._lease_all()

    def _exempt_from_offload(self) -> None:
        """Few homes offload flows: what sees to it is loaded only there."""
        if not self._offload:
            if not self._kernel.count(ask_flow_tables(self._kernel.request), NEW_FLOW_TABLE):
                return
            from spamgate.plane.offload import Offload

            self._offload = Offload(self._settings.control.rpartition("/")[0])
        self._offload.exempt(self._report)

    def _report_failures(self) -> None:
        """Say what the kernel refused since the last time."""
        sets = self.sets
        if sets.failures:
            self._report("the kernel refused %d changes of sets (error %d)" % (sets.failures, sets.last_error))
            sets.failures = 0

    def _load(self) -> None:
        """Load the table; DNS sent to the guard is tracked apart where this kernel can."""
        path = ""
        for with_zone in (True, False):
            path = self._write_down(with_zone)
            if os.system("nft -f %s 2>%s.error" % (path, path)) == 0:
                break
        else:
            with open(path + ".error") as file:
                problem = file.readline().strip() or "is nftables installed?"
            raise PlaneError("nft refuses the table: %s" % problem)
        self.sets.forget()
        self.loads += 1
        self._mark = self._read_mark()

    def _write_down(self, with_zone: bool) -> str:
        """Write the table to a file and return its path: where the control socket is, lest a full disk stop us."""
        path, error = "", 0
        for folder in (self._settings.control.rpartition("/")[0], self._settings.state_dir):
            path = folder + "/table.nft"
            try:
                with open(path, "w") as file:
                    self._write_table(file.write, with_zone)
                return path
            except OSError as failed:
                error = failed.errno or 0
        raise PlaneError("%s: cannot be written: error %d" % (path, error))

    def _check_table(self) -> None:
        """Has somebody else taken the table or its rules away?"""
        if self._read_mark() == self._mark:
            return
        try:
            self._load()
        except PlaneError as error:
            if self._problem != str(error):
                self._problem = str(error)
                self._report(self._problem)
            return
        self._problem = ""
        self._put_in_force()
        self._report("the table inet %s was changed by another program; loaded again" % TABLE)

    def _read_mark(self) -> int:
        size = self._kernel.ask(ask_chain(self._kernel.request, TABLE, _MARKED_CHAIN))
        return chain_mark(self._kernel.reply, size)
