"""The plane `lwip` as boards run it: the module on lwIP's input hook, and the guard as the home's resolver.

Everybody whose DNS goes to the board is guarded.  Who asks another resolver is seen, but not guarded.
"""

from spamgate.app import forget_module
from spamgate.app.board import Program, run
from spamgate.app.named import merge_grants, name_devices
from spamgate.core.compat import const
from spamgate.core.gate_limits import GateLimits
from spamgate.hal.steady_clock import ticks_ms
from spamgate.plane.lwip import LwipPlane
from spamgate.service.home_guard import HomeGuard
from spamgate.service.small_guard import PASS, SmallGuard
from spamgate.wire.address import parse_address

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Any

_ROOM_BYTES = const(28672)  # what link and answers need while somebody talks
_TICKET = "######"  # the module writes the device's digits there
_NOBODY = b""


class GateTexts:
    """What refusals name, as service/smtp_refusal.py wants it."""

    def __init__(self, page: str) -> None:
        self.page = page

    def ticket(self, address: bytes) -> str:
        """Return what stands for any device's ticket."""
        return _TICKET


class BoardLwip(LwipPlane):
    """What the program calls its plane, and what the guard calls its policy."""

    def __init__(self, program: "Program") -> None:
        hardware: "Any" = program.hardware
        LwipPlane.__init__(self, program.settings, program.engine, program.limits, hardware.gate, program)
        self._program = program
        self._hardware = hardware
        self.asked = 0
        self.blocks = 0
        self._guard: "SmallGuard | None" = None
        self._blocklist: "Any" = None
        self._known: "tuple[list[str], list[str]]" = ([], [])  # addresses inside, and outside
        self._upstreams: "list[str]" = []

    def start(self) -> None:
        """Begin to look and to judge; where we are is looked at again and again."""
        name_devices(self._engine, self._settings.aliases)
        merge_grants(self._engine, self._settings.grants)
        self._look_around()
        if self._guard:
            self._follow(self._guard)  # who asks in the first second has an answer, too
        self._tell_texts()
        self.begin(ticks_ms(), self._program.loop)

    def tick(self, now_ms: int) -> None:
        """Once a second: addresses may have changed, devices may have come."""
        self.degraded = self._hardware.trouble
        if self._look_around():
            self._tell_texts()
        if self._guard:
            self._follow(self._guard)
        name_devices(self._engine, self._settings.aliases)
        if self._program.loop.starved:
            self.renew()  # what should have been told may not have been
        LwipPlane.tick(self, now_ms)

    def use_list(self, blocklist: "Any") -> None:
        """Block what this list names, from the next question on; None: no list."""
        self._blocklist = blocklist
        if self._guard:
            self._guard.rules.blocklist = blocklist

    def make_room(self) -> None:
        """Somebody talks over the link: where memory is short, DNS over TCP waits."""
        if self._guard and self._hardware.free_bytes() < _ROOM_BYTES:
            self._guard.rest_tcp()
            forget_module("spamgate.service.small_guard_tcp")
            forget_module("spamgate.service.stream")

    def resume(self) -> None:
        """Nobody talks any more."""

    # --- for the guard: what devices ask is seen on its way, so it tells the engine nothing of that ----------

    def question(self, wire: bytes, end: int, address: bytes, port: int) -> int:
        """A device asks what no rule answers."""
        self.asked += 1
        return PASS

    def answered(self, buf: "bytes | bytearray", start: int, end: int, address: bytes, port: int) -> None:
        """A resolver answered."""

    def blocked(self, address: bytes, count: int) -> None:
        """Names on a list were refused."""
        self.blocks += count

    def listed(self, address: bytes) -> None:
        """A device asked for a name of the blocklist."""
        device = self._engine.devices.at_address(address, 0, len(address))
        if device > 0 and self._engine.listed:
            self._engine.listed.asked(device)

    # --- where we are ------------------------------------------------------------------------------------------

    def _look_around(self) -> bool:
        """The home ends where our addresses say, and the guard serves there; True when they have changed."""
        hardware = self._hardware
        if (hardware.lan, hardware.wan) == self._known:
            return False
        self._known = (list(hardware.lan), list(hardware.wan))
        own = [text.split("/")[0] for text in hardware.lan + hardware.wan]
        self.home.learn(hardware.lan, own, hardware.lan_mac)
        served = [parse_address(text.split("/")[0]) for text in hardware.lan if ":" not in text]
        if served and not self._guard:
            self._serve()
        if self._guard:
            self._guard.own_address = served[0] if served else b""
            self._guard.serve(served, self._settings.guard_port)
        return True

    def _serve(self) -> None:
        program = self._program
        self._guard = HomeGuard(self._hardware.net, program.loop, program.settings, self, program.report)
        self._guard.rules.blocklist = self._blocklist
        program.loop.each_tick(self._guard.tick)

    def _follow(self, guard: SmallGuard) -> None:
        """Ask whom the network names; say what is wrong with the list."""
        if guard.rules.trouble:
            self._report(guard.rules.trouble)
            guard.rules.trouble = ""
            if self._program.lists is None:
                self._program.start_lists()
        upstreams = self._settings.guard_upstreams or self._hardware.resolvers
        if upstreams != self._upstreams:
            self._upstreams = list(upstreams)
            guard.use_upstreams(self._upstreams)

    def _tell_texts(self) -> None:
        """Give the module the words of every gateway's refusals; a page that makes them too long is not named."""
        from spamgate.service.smtp_refusal import BYE, Refusal

        gate = self._gate
        ours = [text.split("/")[0] for text in self._known[0] if ":" not in text]
        own = "http://%s/" % ours[0] if ours else ""
        for page in (self._settings.page or own, own, ""):
            greeting = GateTexts(page)
            try:
                gate.text(gate.LATER, Refusal(False, greeting).banner(_NOBODY))
                gate.text(gate.NEVER, Refusal(True, greeting).banner(_NOBODY))
                break
            except ValueError:
                self._report("page: %s is too long for a refusal, and not named there" % page)
        gate.text(gate.SORRY, Refusal(True, GateTexts("")).answer(_NOBODY))
        gate.text(gate.BYE, BYE)
        forget_module("spamgate.service.smtp_refusal")


class LwipProgram(Program):
    """The program of a board, for one that is in path."""

    make_limits = GateLimits

    def begin(self) -> int:
        """Recall the devices, join the network, and put in force what is known; return how many there are."""
        known = Program.begin(self)
        self.plane.start()
        return known

    def _read_settings(self) -> "Any":
        settings = Program._read_settings(self)
        forget_module("spamgate.store.lwip_settings")
        return settings


def run_lwip(hardware: "Any") -> None:
    """Run the program on a board in path."""
    run(hardware, BoardLwip, LwipProgram)
