"""The plane `dns` as boards run it: the guard on the network, and the responder once there is somebody to refuse."""

from spamgate.app import forget_module
from spamgate.core.compat import const
from spamgate.core.states import NORMAL
from spamgate.plane.dns import DnsPlane
from spamgate.service.small_guard import SmallGuard

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Any

    from spamgate.app.board import Program

_PLACES = const(4)  # of the responder: a board has few sockets
_ROOM_BYTES = const(28672)  # what link and answers need while somebody talks


class BoardDns(DnsPlane):
    """What the program calls its plane."""

    def __init__(self, program: "Program") -> None:
        DnsPlane.__init__(self, program.engine, program.limits.connections)
        self._program = program
        self._hardware = program.hardware
        self._guard: "SmallGuard | None" = None
        self._responder: "Any" = None
        self._is_resting = False
        self._served = b""
        self._upstreams: "list[str]" = []
        self.page = program.settings.page
        self._blocklist: "Any" = None

    def tick(self, now_ms: int) -> None:
        """Serve where our address is now, and ask whom the network names."""
        hardware = self._hardware
        self.degraded = hardware.trouble
        if hardware.address and not self._guard:
            self._serve()
        if self._guard:
            self._follow(self._guard)

    def use_list(self, blocklist: "Any") -> None:
        """Block what this list names, from the next question on; None: no list."""
        self._blocklist = blocklist
        if self._guard:
            self._guard.rules.blocklist = blocklist

    def changed(self, device: int, old: int, new: int) -> None:
        """Who receives the mail of suspects is there with the next tick, when the verdict is written."""

    def make_room(self) -> None:
        """Somebody talks over the link; where memory is short, mail of suspects meets a closed port until then."""
        if self._guard and self._hardware.free_bytes() < _ROOM_BYTES:
            self._guard.rest_tcp()
            forget_module("spamgate.service.small_guard_tcp")
            forget_module("spamgate.service.stream")
        if self._responder and self._hardware.free_bytes() < _ROOM_BYTES:
            self._program.loop.no_tick(self._responder.tick)
            self._responder.close()
            self._responder = None
            forget_module("spamgate.service.smtp_responder")
            forget_module("spamgate.service.smtp_refusal")
            self._is_resting = True

    def resume(self) -> None:
        """Nobody talks any more."""
        self._is_resting = False

    def regarded(self, device: int) -> None:
        """The owner has said something about the device; every question asks anew what holds."""

    def ticket(self, address: bytes) -> str:
        """Return the ticket of the device at this address."""
        device = self._at(address)
        return self._program.tickets[device] if device > 0 else ""

    def _serve(self) -> None:
        program = self._program
        self._guard = SmallGuard(self._hardware.net, program.loop, program.settings, self, program.report)
        self._guard.rules.blocklist = self._blocklist
        program.loop.each_tick(self._guard.tick)

    def _follow(self, guard: SmallGuard) -> None:
        """The network gives addresses and takes them; the responder is needed as soon as anybody is suspect."""
        hardware = self._hardware
        if guard.rules.trouble:
            self._program.report(guard.rules.trouble)
            guard.rules.trouble = ""
            if self._program.lists is None:
                self._program.start_lists()
        if hardware.address != self._served:
            self._served = guard.own_address = hardware.address
            guard.serve([self._served] if self._served else [], self._program.settings.guard_port)
            if not self.page and self._served:
                self.page = "http://%d.%d.%d.%d/" % tuple(self._served)
        upstreams = self._program.settings.guard_upstreams or hardware.resolvers
        if upstreams != self._upstreams:
            self._upstreams = list(upstreams)
            guard.use_upstreams(self._upstreams)
        if not self._responder and not self._is_resting and self._program.engine.enforces:
            for state in self._program.engine.devices.state:
                if state != NORMAL:
                    self._receive()
                    break

    def _receive(self) -> None:
        from spamgate.service.smtp_responder import Responder

        program = self._program
        try:
            self._responder = Responder(
                self._hardware.net,
                program.loop,
                program.settings.mail_port,
                self.is_final,
                self,
                self._met,
                _PLACES,
            )
        except OSError as error:
            forget_module("spamgate.service.smtp_responder")
            program.report("port %d cannot be served: error %s" % (program.settings.mail_port, error.errno))
            return
        program.loop.each_tick(self._responder.tick)

    def _met(self, address: bytes, port: int) -> None:
        self.connected(address, port)
        self._program.held(address, port)
