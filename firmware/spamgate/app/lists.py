"""The blocklist of a gateway: read where it lies, looked after, and its addresses put into the kernel.

Imported only where `list_key` is set.  Another program fetches lists and writes them (`app/list_pull.py`); this one
looks now and then which is in force.  The list in force is looked up by the guard for devices whose DNS passes there,
and for all others by the way, to know who wants what it names.
"""

import json

from spamgate.app import forget_modules
from spamgate.core.compat import const
from spamgate.core.devices import GRANT_MAIL_SERVER
from spamgate.core.listed import Listed
from spamgate.core.ticks import elapsed
from spamgate.hal.file_slots import file_slots
from spamgate.hal.storage import Storage
from spamgate.service.dns_rules import NameList, is_blocked
from spamgate.store.list_slots import ListSlots
from spamgate.store.list_trust import Trust
from spamgate.wire.address import mac_text
from spamgate.wire.cursor import FormError
from spamgate.wire.json_text import quote
from spamgate.wire.list_file import ListFile

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Any, Callable

    from spamgate.app.gateway import Gateway
    from spamgate.wire.dns import Message

BOARD_CLASS = "router"
NEWS_FILE = "list_pull.json"  # what the program that fetches lists says of its last run

_LOOK_MS = const(2000)
_CHECKS = const(8)  # steps of 4 KiB in a tick: 320 KiB a second
_RETRY_MS = const(60000)
_BARRED_MS = const(1800000)
_THOROUGH_MS = const(600000)
_NOTHING = const(-1)
_MEGABYTE = const(1 << 20)
_POINTER = const(64)  # a label's size is less


class Lists:
    """The slots, the list in force, and where that is in force."""

    def __init__(self, gateway: "Gateway") -> None:
        settings = gateway.settings
        self._gateway = gateway
        self._listed = gateway.watcher.wanted = Listed(gateway.engine)
        self._storage = Storage(settings.state_dir)
        trust = Trust(self._storage, settings.list_key)
        slots = file_slots(settings.state_dir, settings.list_mb * _MEGABYTE)
        self.slots = ListSlots((slots[0], slots[1]), trust, settings.list_id, BOARD_CLASS)
        self._allowed = NameList(settings.guard_allow)
        self._reader: "ListFile | None" = None
        self._serial = 0  # of what is looked up
        self._sets: "Any" = None  # while addresses are on their way into the kernel
        self._filled = _NOTHING  # serial number of what is in the kernel, or on its way there
        self._has_sets = False  # are there some, as far as we know?
        self._is_thorough = False  # is every packet looked at?
        self._trouble = ""  # with reading the list in force
        self._looked_ms = self._failed_ms = self._barred_ms = self._filled_ms = 0
        self.job = self.said = ""  # as list_rows wants it
        self.done = self.of = 0
        self.ok: "bool | None" = None

    def start(self, now_ms: int) -> None:
        """Put in force what the slots hold."""
        self._failed_ms = now_ms - _RETRY_MS
        self._look(now_ms)
        problem = self.slots.problem or self.slots.trust.problem
        if problem:
            self._gateway.report("list: " + problem)

    def tick(self, now_ms: int) -> None:
        """Go on with what is under way, and look now and then."""
        if elapsed(now_ms, self._looked_ms) >= _LOOK_MS:
            self._look(now_ms)
        elif not self.slots.is_checked():
            self._check()
        elif self._sets:
            self._fill(now_ms)

    def asked(self, device: int, message: "Message") -> None:
        """A device asked this: is the name on the list?  What passes through the guard that tells itself."""
        reader = self._reader
        if reader is None or self._gateway.plane.is_guarded(device):
            return
        try:
            name = _name_of(message)
            if name and is_blocked(name, reader, self._allowed):
                self._listed.asked(device)
        except (FormError, OSError):
            pass

    def write(self, send: "Callable[[str], object]") -> None:
        """Tell what is in the slots and how the last fetch ended."""
        from spamgate.app.list_rows import write_lists

        self._read_news()
        write_lists(send, self.slots, self)
        forget_modules(("spamgate.app.list_rows", "spamgate.store.list_update"))

    def hear(self) -> None:
        """The program that fetches lists has ended: take what it brought, or tell why it did not."""
        self._look(self._looked_ms)
        self._read_news()
        if self.ok is False:
            self._tell('"refused"', [("text", quote(self.said))])

    def regarded(self, device: int) -> None:
        """The owner granted, or took back."""
        if self._has_sets:
            self._gateway.plane.sets.grant(device)

    # --- which list is in force ---

    def _look(self, now_ms: int) -> None:
        self._looked_ms = now_ms
        if self.slots.look():
            self._serve()
        guard = self._gateway.guard
        if guard and guard.trouble and guard.trouble != self._trouble:
            self._trouble = guard.trouble
            self._gateway.report(self._trouble)
            self._serve()
        if self._has_sets and not self._gateway.plane.list_pair():
            self._has_sets = False
            self._filled = _NOTHING  # somebody took them away
        if self._serial != self._filled and not self._sets and elapsed(now_ms, self._failed_ms) >= _RETRY_MS:
            self._begin_to_fill()
        if self._has_sets and elapsed(now_ms, self._barred_ms) >= _BARRED_MS:
            self._bar(now_ms)
        if self._is_thorough and not self._sets and elapsed(now_ms, self._filled_ms) >= _THOROUGH_MS:
            self._is_thorough = False
            self._gateway.plane.ease_lists()

    def _check(self) -> None:
        """Read on in the list in force: does it have the digest that was signed?"""
        for _ in range(_CHECKS):
            if self.slots.check_step():
                self._tell('"dropped"', [("text", quote(self.slots.problem))])
                self._serve()
            if self.slots.is_checked():
                return

    def _serve(self) -> None:
        """Let the list in force be looked up from now on, or none."""
        reader = None
        if self.slots.active >= 0:
            try:
                reader = ListFile(self.slots.body().read_into)
            except (FormError, OSError) as error:
                self._gateway.report("list: it cannot be read: %s" % error)
        self._reader = reader
        self._serial += 1
        gateway = self._gateway
        gateway.watcher.dns.overhears = self.asked if reader else None
        if gateway.guard:
            gateway.guard.use_list(reader)
        if reader:
            manifest = self.slots.manifest or {}
            fields = [("version", "%d" % manifest["version"]), ("names", "%d" % reader.names)]
            self._tell('"in force"', fields + [("addresses", "%d" % (reader.v4 + reader.v6))])
        else:
            self._tell('"none"', [])

    # --- addresses in the kernel ---

    def _begin_to_fill(self) -> None:
        """Let the addresses of the list in force follow those of the one before; most lists have none."""
        self._filled = self._serial
        plane = self._gateway.plane
        pair = plane.list_pair()
        reader = self._reader
        if reader is None or reader.v4 + reader.v6 == 0:
            self._has_sets = False
            if pair:
                plane.drop_lists()
            return
        from spamgate.plane.linux_lists import AddressSets

        settings = self._gateway.settings
        self._sets = AddressSets(settings.control.rpartition("/")[0], settings, pair or "a")
        devices = self._gateway.engine.devices
        present = [device for device in range(1, devices.capacity) if devices.is_present(device)]
        granted = [mac_text(devices.mac(one)) for one in present if devices.grant[one] == GRANT_MAIL_SERVER]
        self._sets.begin(reader, granted)

    def _fill(self, now_ms: int) -> None:
        """Go on with it."""
        sets = self._sets
        if self._filled != self._serial and not sets.is_waiting:
            self._sets = None  # meanwhile there is another list, and this one's place may be written to
            return
        try:
            if not sets.step():
                return
            problem = sets.problem
        except (FormError, OSError) as error:
            problem = "the list's addresses cannot be read: %s" % error
        self._sets = None
        forget_modules(("spamgate.plane.linux_lists",))
        if problem:
            self._failed_ms = now_ms
            self._filled = _NOTHING
            self._gateway.report("list: " + problem)
            return
        self._has_sets = self._is_thorough = True
        self._filled_ms = now_ms
        self._bar(now_ms)
        self._tell('"barred"', [("addresses", "%d" % sets.count)])

    def _bar(self, now_ms: int) -> None:
        self._barred_ms = now_ms
        for name in self._gateway.settings.lan:
            self._gateway.plane.sets.bar_lan(name)

    def _tell(self, event: str, fields: "list[tuple[str, str]]") -> None:
        self._gateway.tell("list", [("event", event)] + fields)

    def _read_news(self) -> None:
        """Read how the last fetch ended; a file that is damaged says nothing."""
        try:
            news = json.loads(self._storage.read(NEWS_FILE) or b"{}")
            self.ok = news.get("ok")
            self.said = str(news.get("said", ""))
        except (OSError, ValueError, AttributeError):
            self.ok = None
            self.said = ""


def _name_of(message: "Message") -> bytes:
    """Return the name that is asked for, in wire form and small letters; nothing where it has pointers."""
    buf = message.buf
    end = message.qname_at
    while buf[end]:
        if buf[end] >= _POINTER:
            return b""
        end += buf[end] + 1
    return bytes(buf[message.qname_at : end + 1]).lower()
