"""Many ports at once: each board is looked at, named, written and recorded; what goes wrong at one stops no other."""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from spamgate_tools import side_by_side
from spamgate_tools.errors import UserError
from spamgate_tools.provision.bench import Bench, Found, Seat
from spamgate_tools.provision.inventory import DONE, Inventory, Order, Record, SerialTaken
from spamgate_tools.provision.plan import NoRow, Plan, Row
from spamgate_tools.side_by_side import FAILED

LOOKING = "looking"
WRITING = "writing"
TESTING = "testing"
MADE = side_by_side.DONE
MADE_BEFORE = side_by_side.DONE_BEFORE


@dataclass(eq=False)
class Place(side_by_side.Place):
    """What there is to say of a board that is made."""

    mac: str = ""
    chip: str = ""
    board: str = ""
    serial: str = ""
    profile: str = ""
    self_test: str = ""
    list_version: int = 0  # of the list that was written with it


class Station:
    """Works on ports side by side; `changed` is called by the threads of the ports at each step."""

    def __init__(
        self,
        bench: Bench,
        plan: Plan,
        inventory: Inventory,
        changed: Callable[[Place, str], None],
        again: bool = False,
        list_version: int = 0,
    ) -> None:
        self._bench = bench
        self._plan = plan
        self._inventory = inventory
        self._changed = changed
        self._again = again
        self._list_version = list_version
        self._desk = threading.Lock()  # one board is named at a time
        self._at_work: dict[str, str] = {}  # MAC to port
        self._made: dict[str, str] = {}

    def start(self, port: str) -> Place:
        """Begin with the board at a port; the thread dies with the program, and the next run goes on from there."""
        return side_by_side.begin(Place(port), self._make, self._end)

    def _end(self, place: Place, end: str) -> None:
        if end == FAILED and place.serial:
            self._record_failure(place)
        with self._desk:
            self._at_work = {mac: port for mac, port in self._at_work.items() if port != place.port}
        self._step(place, end)

    def _make(self, place: Place) -> str:
        self._step(place, LOOKING)
        with self._bench.at(place.port) as seat:
            found = seat.found
            place.chip, place.board = found.chip, found.board
            if self._inventory.board(found.mac) is None:
                seat.check()
            with self._desk:
                self._enter(place, found)
                record, row = self._name(place, found)
            place.serial, place.profile, place.self_test = record.serial, record.profile, record.self_test
            is_due = self._again and found.mac not in self._made
            if record.state == DONE and found.serial == record.serial and not is_due:
                place.hint = _changes(record, found, row)
                return MADE_BEFORE
            image = self._write(place, seat, row)
        self._step(place, TESTING)
        place.self_test = self._bench.test(place.port, record.identity)
        self._inventory.finish(found.mac, image, place.self_test)
        self._made[found.mac] = place.port
        return MADE

    def _enter(self, place: Place, found: Found) -> None:
        """Let one port at a time have a MAC: copies of a chip, or two names of one port, would share a row."""
        other = self._at_work.setdefault(found.mac, place.port)
        if other == place.port and found.mac in self._made and not found.serial:
            other = f"{self._made[found.mac]}, and is done"
        if other != place.port:
            hint = "give each port once; else one chip is a copy of the other"
            raise UserError(f"the same MAC {found.mac} is at {other}", hint)
        place.mac = found.mac

    def _name(self, place: Place, found: Found) -> tuple[Record, Row]:
        """Return the row of the inventory for this board, made if need be, and that of the plan."""
        known = self._inventory.board(found.mac)
        self._refuse_strangers(found, known)
        try:
            row = self._plan.row_for(place.port, found.mac, known.serial if known else "", self._is_given)
        except NoRow:
            hint = f"add its MAC {found.mac} or its port"
            raise UserError(f"no row of {self._plan.source} is for this board", hint) from None
        if known and row.serial and row.serial.casefold() != known.serial.casefold():
            hint = f"put {known.serial} in the plan, or drop the board with `spamgate inventory {found.mac} --forget`"
            raise UserError(f"is {known.serial} in the inventory, {row.serial} in the plan", hint)
        try:
            return self._inventory.claim(found.mac, self._order(place, found, row), self._plan.is_promised), row
        except SerialTaken as taken:
            raise UserError(str(taken), "give each board a serial of its own") from None

    def _refuse_strangers(self, found: Found, known: Record | None) -> None:
        """Leave a board alone that others made; one that was begun here may still bear its former name."""
        if self._again or not found.serial or (known and (known.state != DONE or known.serial == found.serial)):
            return
        ours = f", and {known.serial} here" if known else ""
        hint = "use the inventory that made it, or make it anew with --again"
        raise UserError(f"was made by another inventory: it is {found.serial} there{ours}", hint)

    def _is_given(self, serial: str) -> bool:
        return self._inventory.holder(serial) is not None

    def _order(self, place: Place, found: Found, row: Row) -> Order:
        profile = row.profile
        return Order(found.board, place.port, row.serial, self._plan.prefix, profile.name, profile.sha256, row.site)

    def _write(self, place: Place, seat: Seat, row: Row) -> str:
        record = self._inventory.begin(place.mac, self._order(place, seat.found, row))
        place.profile, place.self_test = record.profile, ""

        def progress(share: float) -> None:
            place.share = share

        self._step(place, WRITING)
        image = seat.write(record.identity, row.profile.settings, progress)
        place.list_version = self._list_version
        return image

    def _record_failure(self, place: Place) -> None:
        try:
            self._inventory.fail(place.mac, place.cause)
        except UserError as error:
            place.hint = f"{place.hint}; and {error.text}" if error.text != place.cause else place.hint

    def _step(self, place: Place, step: str) -> None:
        place.step = step
        self._changed(place, place.step)


def _changes(record: Record, found: Found, row: Row) -> str:
    """Return what a board that was done before has not got."""
    if record.board != found.board:
        return f"it was made as {record.board}: --again makes it {found.board}"
    if record.settings_sha256 != row.profile.sha256:
        return "its settings have changed since: --again writes it anew"
    return ""
