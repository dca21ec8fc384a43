"""The program of a board: engine, journal and state, and the link beside the REPL, around whatever plane it has.

Little memory holds much code here only because what is seldom needed is imported for the occasion and forgotten again:
what reads settings, writes events, saves state, answers requests, and the link itself while nobody is at the line.

Three starts in a row that did not live a minute lead to safe mode: link and REPL, and nothing else.
"""

import gc
import os
import sys

from spamgate import VERSION
from spamgate.app import collect_early, forget_module, forget_modules
from spamgate.app.board_link import LazyLink, SafeProgram
from spamgate.core import states
from spamgate.core.board_limits import BoardLimits
from spamgate.core.compat import const
from spamgate.core.engine import Engine
from spamgate.core.errors import SpamgateError
from spamgate.core.ticks import elapsed
from spamgate.hal.loop import Loop
from spamgate.hal.steady_clock import SteadyClock, ticks_ms
from spamgate.store.journal import Journal

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Any, Callable

    from spamgate.core.limits import Limits
    from spamgate.hal.contract import Hardware

SETTINGS_FILE = "settings.json"

_HEAD_BYTES = const(4096)
_SAFE_AFTER = const(3)
_LIVED_MS = const(60000)
_SECOND_MS = const(1000)
_SAVE_SOON_MS = const(2000)  # after a verdict or the owner's word
_SAVE_AGAIN_MS = const(60000)
_SAVE_ROUTINE_MS = const(6 * 3600000)  # what else was learned: flash wears out
_NO_TICKET = ""
_LIST_MODE = "list_mode"  # a file in which anything makes the next start one for lists only
_KEEPERS = ("spamgate.app.persistence", "spamgate.store.state", "spamgate.core.snapshot")
_SETTINGS_READERS = (
    "spamgate.store.board_settings",
    "spamgate.store.settings_table",
    "spamgate.store.kinds",
    "spamgate.wire.fields",
    "spamgate.wire.events",
)


class Body:
    """A list's body in its slot, behind the head; as in store/list_slots.py, which is forgotten while this serves."""

    def __init__(self, slot: "Any") -> None:
        self._slot = slot

    def read_into(self, offset: int, buf: bytearray) -> int:
        """Put what is at `offset` into `buf`; return how much."""
        return self._slot.read_into(offset + _HEAD_BYTES, buf)


class Program:
    """All parts, and what passes between them.  `make_plane(program)` returns what sees and acts, once joined."""

    slots: "list[Any]" = []  # for lists, where a key for them is known
    lists: "Any" = None  # app/board_lists.py, while there is something to do about lists
    is_list_checked = True
    list_facts = (-1, "", "")  # slot in force, the key's fingerprint, what is wrong
    make_limits: "type[Limits]" = BoardLimits

    def __init__(self, hardware: "Hardware", make_plane: "Callable[[Program], Any]") -> None:
        self.hardware = hardware
        self.settings = self._read_settings()
        limits = self.limits = self.make_limits()
        self.clock = SteadyClock()
        self.started_s = self.clock.s
        self.engine = Engine(limits, self._changed)
        self.engine.enforces = not self.settings.monitor_only
        self.engine.at(self.clock.s, 0)
        self.loop = Loop()
        self.tickets = [_NO_TICKET] * limits.devices
        self.refused = [0] * limits.devices
        self.journal = Journal(hardware.storage, self.settings.journal_kb * 1024)
        self.persistence = self
        self.plane = make_plane(self)
        self.link = LazyLink(self)
        self._second_ms = ticks_ms()
        self._started_ms = self._second_ms
        self._saved_ms = self._second_ms
        self._is_dirty = False
        self._pause_ms = _SAVE_SOON_MS
        self._has_lived = False

    def run(self) -> None:
        """Serve until interrupted."""
        known = self.begin()
        self.tell("start", '"version":"%s","plane":"%s","devices":%d' % (VERSION, self.plane.name, known))
        self.start_lists()
        collect_early(False)
        while True:
            is_busy = self.lists and self.lists.is_busy()
            self.loop.turn(0 if is_busy else self.link.wait_ms())
            now_ms = ticks_ms()
            if self.is_list_checked or self.link.link:  # else in a small heap one would stand in the other's way
                self.link.poll(now_ms)
            if is_busy:
                self.lists.step()
            if elapsed(now_ms, self._second_ms) >= _SECOND_MS:
                self._second_ms = now_ms
                try:
                    self._every_second(now_ms)
                except MemoryError:
                    self.loop.starved += 1

    def begin(self) -> int:
        """Recall the devices and join the network; return how many there are."""
        known = self.load()
        self.hardware.join(self.settings, self.report)
        self.hardware.watchdog_start()
        return known

    def stop(self) -> None:
        """Give the REPL to whoever broke in; what was learned is kept."""
        self.save()
        self.journal.flush()
        self.hardware.lived()
        self.hardware.watchdog_rest(self.settings.repl_minutes)

    def crashed(self, error: Exception) -> None:
        """Write down why the program ends, as far as there is memory for it."""
        try:
            self.report("stopped by %s %s" % (type(error).__name__, error))
            self.journal.flush()
        except (MemoryError, OSError):
            pass

    def publish(self, line: str) -> None:
        """Write an event, and send it to whoever watches."""
        self.journal.write(line)
        self.link.publish(line)

    def report(self, text: str) -> None:
        """Something went wrong, or was mended."""
        from spamgate.wire.json_text import quote

        self.tell("error", '"text":' + quote(text))

    def tell(self, kind: str, fields: str) -> None:
        """Write an event that is about no device's state; `fields` is the rest of the JSON object."""
        from spamgate.wire.events import epoch

        try:
            now = epoch(self.engine.now_s + self.engine.skew_s, self.engine.now_us)
            self.publish('{"type":"%s","t":%s,%s}\n' % (kind, now, fields))
        finally:
            forget_module("spamgate.wire.events")

    def touch(self, at_once: bool = False) -> None:
        """Something changed that must not be forgotten: it is saved within two seconds.

        Never at once: whoever asked for it is still in memory, and there is no room for what saves beside it.
        """
        self._is_dirty = True

    def make_room(self) -> None:
        """Somebody begins to talk over the link."""
        self.plane.make_room()

    def resume(self) -> None:
        """Nobody talks any more."""
        self.plane.resume()

    def held(self, address: bytes, port: int) -> None:
        """A device met our refusal."""
        device = self.engine.devices.at_address(address, 0, len(address))
        if device > 0:
            self.refused[device] += 1

    def start_lists(self) -> None:
        """Put the list in force that the board has; where that fails all else goes on."""
        try:
            if self.settings.list_key:
                self.slots = self.hardware.list_slots()
            self.is_list_checked = not self.slots
            if self.slots:
                from spamgate.core.listed import Listed

                Listed(self.engine)
                self.open_lists().start()
        except (MemoryError, OSError) as error:
            self.report("no list: %s %s" % (type(error).__name__, error))

    def open_lists(self) -> "Any":
        """Return what knows of lists, made if it is not there; None where no lists are taken."""
        if self.lists is None and self.slots:
            from spamgate.app.board_lists import BoardLists

            self.lists = BoardLists(self)
        return self.lists

    # --- verdicts, and what is kept ------------------------------------------------------------------

    def _changed(self, device: int, old: int, new: int) -> None:
        from spamgate.wire.events import write_verdict

        if new in (states.THROTTLED, states.QUARANTINED) and not self.tickets[device]:
            drawn = os.urandom(3)
            self.tickets[device] = "%02X%02X%02X" % (drawn[0], drawn[1], drawn[2])
        elif new == states.NORMAL:  # the number may be given to another device
            self.tickets[device] = _NO_TICKET
            self.refused[device] = 0
        self.plane.changed(device, old, new)
        parts: "list[str]" = []
        self.touch()
        try:
            write_verdict(parts.append, self.engine, device, old, new)
        finally:
            forget_module("spamgate.wire.events")
        self.publish("".join(parts))
        self.journal.flush()

    def load(self) -> int:
        """Enrol the devices that were known; return how many."""
        known = self._keeper().load()
        forget_modules(_KEEPERS)
        return known

    def save(self) -> None:
        """Write down what is known; where that fails, be it for want of memory, it is tried again a minute later."""
        self._saved_ms = ticks_ms()
        self._is_dirty = True
        self._pause_ms = _SAVE_AGAIN_MS
        self.link.forget_answers()
        try:
            if self._keeper().save():
                self._is_dirty = False
                self._pause_ms = _SAVE_SOON_MS
        finally:  # else what saves would stay, and take for good what the home's DNS needs
            forget_modules(_KEEPERS)

    def _keeper(self) -> "Any":
        from spamgate.app.persistence import Persistence
        from spamgate.store.state import StateFile

        return Persistence(self.engine, StateFile(self.hardware.storage), self.tickets, self.report)

    def _read_settings(self) -> "Any":
        """Return the settings of the file; where it cannot be taken, the defaults: the link must work to mend it."""
        text = self.hardware.storage.read(SETTINGS_FILE) or b"{}"
        try:
            settings = self.hardware.read_settings(text.decode())
        except (SpamgateError, ValueError) as error:
            sys.stdout.write("%s: %s\n" % (SETTINGS_FILE, error))
            settings = self.hardware.read_settings("{}")
        forget_modules(_SETTINGS_READERS)
        return settings

    # --- again and again -----------------------------------------------------------------------------

    def _every_second(self, now_ms: int) -> None:
        self.clock.read()
        self.engine.at(self.clock.s, self.clock.us)
        self.engine.skew_s = self.clock.skew_s()
        self.hardware.feed()
        self.hardware.tick(now_ms)
        self.plane.tick(now_ms)
        self.journal.tick(now_ms)
        if self.loop.starved:
            self.loop.starved = 0
            gc.collect()
            self.report("the heap was full; what was under way is lost")
        if not self._has_lived and elapsed(now_ms, self._started_ms) >= _LIVED_MS:
            self._has_lived = True
            self.hardware.lived()
        if elapsed(now_ms, self._saved_ms) >= (self._pause_ms if self._is_dirty else _SAVE_ROUTINE_MS):
            self.save()


def run(hardware: "Hardware", make_plane: "Callable[[Any], Any]", make: "type[Program]" = Program) -> None:
    """Run the program, or what is left of it after starts that failed.  Ends at the REPL, or with a reset."""
    program: "Any" = None
    try:
        if hardware.starts() > _SAFE_AFTER:
            program = SafeProgram(hardware)
        elif hardware.storage.size(_LIST_MODE):
            from spamgate.app.board_paused import PausedProgram

            program = PausedProgram(hardware, _LIST_MODE)
        else:
            program = make(hardware, make_plane)
        program.run()
    except KeyboardInterrupt:
        if program:
            program.stop()
        sys.stdout.write("Spamgate has stopped for the REPL; Ctrl-D starts it again.\n")
    except Exception as error:
        sys.print_exception(error)  # type: ignore[attr-defined]  # MicroPython's
        if program:
            program.crashed(error)
        hardware.reset()
