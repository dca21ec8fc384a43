"""A station with boards in memory: what goes wrong at one port, or stops it all, and what the next run makes of it."""

import sqlite3
import threading
import time
from collections import Counter

import pytest
from fakes.bench import KIND, FakeBench, FakeBoard

from spamgate_tools.errors import UserError
from spamgate_tools.provision import tray as tray_module
from spamgate_tools.provision.bench import PASSED
from spamgate_tools.provision.identity import Identity
from spamgate_tools.provision.inventory import BEGUN, DONE, Inventory
from spamgate_tools.provision.plan import Plan, read_plan
from spamgate_tools.provision.profiles import Profile, Profiles
from spamgate_tools.provision.station import MADE, MADE_BEFORE, Station
from spamgate_tools.provision.table import ending
from spamgate_tools.provision.tray import Tray
from spamgate_tools.side_by_side import FAILED

_DEFAULT = Profile("default", {"wifi_name": "home"})
_ANY = Plan("P-", _DEFAULT)


@pytest.fixture
def inventory(tmp_path):
    with Inventory(tmp_path / "inventory.sqlite") as inventory:
        yield inventory


def _boards(count: int) -> dict[str, FakeBoard]:
    return {f"port{number}": FakeBoard(number) for number in range(1, count + 1)}


def _run(boards, inventory, plan=_ANY, again=False, ports=(), **more):
    """Work on a tray once; return how each port ended."""
    bench = boards if isinstance(boards, FakeBench) else FakeBench(boards)
    tray = Tray()
    station = Station(bench, plan, inventory, tray.changed, again)
    tray.serve(station, lambda: list(ports or bench.boards), lambda place, step: None, **more)
    return {place.port: place for place in tray.places}


def _steps(ended) -> Counter:
    return Counter(place.step for place in ended.values())


def _csv(tmp_path, text: str) -> Plan:
    path = tmp_path / "order.csv"
    path.write_text(text)
    return read_plan(path, "P-", Profiles(_DEFAULT))


def test_a_tray_with_three_bad_boards_then_the_same_again_then_repaired(inventory):
    boards = _boards(32)
    boards["port3"].trouble = {"look": UserError("port3: no bootloader answers", "press BOOT")}
    boards["port7"].trouble = {"write": UserError("the board went away", "connect it again")}
    boards["port9"].trouble = {"test": UserError("the board does not answer")}
    ended = _run(boards, inventory)
    assert _steps(ended) == {MADE: 29, FAILED: 3}
    assert ended["port3"].cause == "no bootloader answers" and ended["port3"].hint == "press BOOT"
    assert ending(ended["port7"]).endswith("FAILED: the board went away; connect it again")
    assert ended["port1"].self_test == PASSED
    records = inventory.boards()
    assert Counter(record.state for record in records) == {DONE: 29, BEGUN: 2}
    assert inventory.board(boards["port7"].mac).problem == "the board went away"

    again = _run(boards, inventory)
    assert _steps(again) == {MADE_BEFORE: 29, FAILED: 3}
    assert max(board.times_written for port, board in boards.items() if port != "port9") == 1

    for port in ("port3", "port7", "port9"):
        boards[port].trouble = {}
    assert _steps(_run(boards, inventory)) == {MADE_BEFORE: 29, MADE: 3}
    after = inventory.boards()
    assert len(after) == len({record.serial for record in after}) == len({record.link_key for record in after}) == 32
    kept = {record.mac: (record.serial, record.link_key) for record in after}
    assert all(kept[record.mac] == (record.serial, record.link_key) for record in records)
    assert all(record.problem == "" and record.state == DONE for record in after)


def test_all_ports_are_worked_on_at_once(inventory):
    bench = FakeBench(_boards(16))
    bench.together = threading.Barrier(16)
    assert _steps(_run(bench, inventory)) == {MADE: 16}
    assert bench.most_held == 16


def test_a_board_is_told_what_the_inventory_knows(inventory):
    boards = _boards(1)
    _run(boards, inventory)
    record = inventory.boards()[0]
    assert boards["port1"].identity == record.identity and boards["port1"].settings == {"wifi_name": "home"}
    assert (record.board, record.profile, record.image, record.port) == (KIND, "default", "image", "port1")


class _PowerLoss(BaseException):
    """Not even an error is handled any more."""


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_after_a_loss_of_power_a_board_goes_on_as_the_same(inventory, tmp_path):
    boards = _boards(1)
    boards["port1"].trouble = {"write": _PowerLoss()}
    station = Station(FakeBench(boards), _ANY, inventory, lambda place, step: None)
    station.start("port1")
    for thread in threading.enumerate():
        if thread.name == "port1":
            thread.join()
    begun = inventory.boards()
    assert [(record.state, record.serial) for record in begun] == [(BEGUN, "P-0001")]
    boards["port1"].trouble = {}
    with Inventory(tmp_path / "inventory.sqlite") as later:
        assert _steps(_run(boards, later)) == {MADE: 1}
        assert later.boards()[0].link_key == begun[0].link_key
    assert boards["port1"].times_written == 1


def test_a_board_of_another_inventory_is_left_alone_unless_told(inventory):
    boards = _boards(2)
    boards["port1"].identity = Identity("SG-OLD-1", boards["port1"].mac, KIND, bytes(32))
    ended = _run(boards, inventory)
    assert _steps(ended) == {MADE: 1, FAILED: 1}
    assert ended["port1"].cause == "was made by another inventory: it is SG-OLD-1 there"
    assert "--again" in ended["port1"].hint and boards["port1"].times_written == 0
    assert _run(boards, inventory, again=True)["port1"].step == MADE
    assert boards["port1"].identity.serial == "P-0002"


def test_a_cut_while_another_inventorys_board_is_taken_over_is_made_good(inventory):
    boards = _boards(1)
    boards["port1"].identity = Identity("SG-OLD-1", boards["port1"].mac, KIND, bytes(32))
    boards["port1"].trouble = {"write": UserError("the board went away")}
    assert _run(boards, inventory, again=True)["port1"].step == FAILED
    boards["port1"].trouble = {}
    assert _run(boards, inventory)["port1"].step == MADE
    assert boards["port1"].identity.serial == "P-0001"


def test_a_board_that_was_given_another_name_since_is_left_alone(inventory):
    boards = _boards(1)
    _run(boards, inventory)
    boards["port1"].identity = Identity("SG-OLD-1", boards["port1"].mac, KIND, bytes(32))
    assert _run(boards, inventory)["port1"].cause.endswith("it is SG-OLD-1 there, and P-0001 here")


def test_a_board_that_was_erased_since_is_written_again_as_the_same(inventory):
    boards = _boards(1)
    _run(boards, inventory)
    key = boards["port1"].identity.link_key
    boards["port1"].identity = None
    assert _run(boards, inventory)["port1"].step == MADE
    assert (boards["port1"].identity.serial, boards["port1"].identity.link_key) == ("P-0001", key)


def test_done_boards_are_written_again_when_told(inventory):
    boards = _boards(2)
    _run(boards, inventory)
    assert _steps(_run(boards, inventory, again=True)) == {MADE: 2}
    assert [board.times_written for board in boards.values()] == [2, 2]
    assert [record.attempts for record in inventory.boards()] == [2, 2]


def test_a_board_that_cannot_be_made_costs_no_serial(inventory, tmp_path):
    boards = _boards(2)
    boards["port1"].trouble = {"check": UserError("no image for its chip")}
    plan = _csv(tmp_path, "serial\nA\n")
    ended = _run(boards, inventory, plan, ports=["port1"])
    assert ended["port1"].cause == "no image for its chip" and not inventory.boards()
    assert _run(boards, inventory, plan)["port2"].serial == "A"


def test_that_a_board_has_not_got_new_settings_is_said(inventory):
    boards = _boards(1)
    _run(boards, inventory)
    place = _run(boards, inventory, Plan("P-", Profile("default", {"wifi_name": "new"})))["port1"]
    assert place.step == MADE_BEFORE and place.hint == "its settings have changed since: --again writes it anew"
    assert boards["port1"].settings == {"wifi_name": "home"}


def test_two_ports_with_one_mac_do_not_share_a_row(inventory):
    boards = _boards(1)
    boards["port2"] = FakeBoard(1)
    bench = FakeBench(boards)
    holder = FakeBench({"port1": boards["port1"]})
    entered, leave = threading.Event(), threading.Event()

    class Slow(FakeBench):
        def test(self, port, identity):
            entered.set()
            leave.wait(60)
            return super().test(port, identity)

    slow = Slow(holder.boards)
    slow.boards = bench.boards
    tray = Tray()
    station = Station(slow, _ANY, inventory, tray.changed)
    first = station.start("port1")
    assert entered.wait(60)
    second = station.start("port2")
    while not second.has_ended:
        pass
    leave.set()
    while not first.has_ended:
        pass
    assert (first.step, second.step) == (MADE, FAILED)
    assert second.cause == f"the same MAC {boards['port1'].mac} is at port1"
    assert boards["port2"].times_written == 0


def test_a_copy_of_a_chip_that_was_just_done_does_not_get_its_name(inventory):
    boards = {**_boards(1), "port2": FakeBoard(1)}
    bench = FakeBench(boards)
    tray = Tray()
    station = Station(bench, _ANY, inventory, tray.changed)
    ports = iter([["port1"], ["port1"], ["port1", "port2"]])
    tray.serve(station, lambda: next(ports, []), lambda place, step: None, count=1, wait=True)
    second = station.start("port2")
    while not second.has_ended:
        pass
    assert second.cause == f"the same MAC {boards['port1'].mac} is at port1, and is done"
    assert boards["port2"].times_written == 0


def test_a_board_that_moves_to_another_port_is_not_written_twice_in_one_run(inventory):
    boards = _boards(1)
    bench = FakeBench(boards)
    tray = Tray()
    station = Station(bench, _ANY, inventory, tray.changed, again=True)
    for port in ("port1", "port2"):
        bench.boards = {port: boards["port1"]}
        place = station.start(port)
        while not place.has_ended:
            pass
    assert place.step == MADE_BEFORE and boards["port1"].times_written == 1


def test_a_port_is_worked_on_once_under_two_names(inventory, tmp_path):
    (tmp_path / "ttyUSB0").touch()
    (tmp_path / "by-id").symlink_to(tmp_path / "ttyUSB0")
    boards = {str(tmp_path / "ttyUSB0"): FakeBoard(1)}
    ended = _run(boards, inventory, ports=[str(tmp_path / "ttyUSB0"), str(tmp_path / "by-id")])
    assert _steps(ended) == {MADE: 1}


def test_serials_of_the_plan_are_given_and_kept(inventory, tmp_path):
    plan = _csv(tmp_path, "mac,port,serial\n24:0a:c4:00:00:01,,M-1\n,port2,Q-2\n,,O-1\n,,O-2\n")
    boards = _boards(4)
    assert _steps(_run(boards, inventory, plan)) == {MADE: 4}
    assert boards["port1"].identity.serial == "M-1" and boards["port2"].identity.serial == "Q-2"
    assert {boards["port3"].identity.serial, boards["port4"].identity.serial} == {"O-1", "O-2"}
    assert _steps(_run(boards, inventory, plan)) == {MADE_BEFORE: 4}
    boards["port5"] = FakeBoard(5)
    late = _run(boards, inventory, plan)["port5"]
    assert late.step == FAILED and "no row of" in late.cause and boards["port5"].mac in late.hint


def test_a_plan_that_contradicts_the_inventory_is_said(inventory, tmp_path):
    boards = _boards(2)
    _run(boards, inventory, _csv(tmp_path, "mac,serial\n24:0a:c4:00:00:01,A\n24:0a:c4:00:00:02,B\n"))
    turned = _csv(tmp_path, "mac,serial\n24:0a:c4:00:00:01,C\n24:0a:c4:00:00:03,B\n")
    boards = {"port1": boards["port1"], "port3": FakeBoard(3)}
    ended = _run(boards, inventory, turned)
    assert ended["port1"].cause == "is A in the inventory, C in the plan"
    assert ended["port3"].cause == "serial B is that of board 24:0a:c4:00:00:02"
    assert boards["port3"].times_written == 0 and len(inventory.boards()) == 2


def test_a_counted_serial_is_never_one_that_the_plan_promises(inventory, tmp_path):
    plan = _csv(tmp_path, "port,serial\nport1,\nport2,P-0001\n")
    boards = _boards(2)
    assert _steps(_run({"port1": boards["port1"]}, inventory, plan)) == {MADE: 1}
    assert _steps(_run(boards, inventory, plan)) == {MADE: 1, MADE_BEFORE: 1}
    assert [record.serial for record in inventory.boards()] == ["P-0001", "P-0002"]


@pytest.mark.parametrize("mistake", [ZeroDivisionError("nothing to divide by"), SystemExit(2)])
def test_a_mistake_of_ours_at_one_port_stops_no_other(inventory, mistake):
    boards = _boards(3)
    boards["port2"].trouble = {"write": mistake}
    ended = _run(boards, inventory)
    assert _steps(ended) == {MADE: 2, FAILED: 1}
    assert ended["port2"].cause == f"{type(mistake).__name__}: {mistake}"


def test_with_no_room_for_the_inventory_no_board_is_touched(inventory, monkeypatch):
    boards = _boards(2)
    _run({"port1": boards["port1"]}, inventory)
    with monkeypatch.context() as patch:
        patch.setattr(inventory, "_db", _Full(inventory._db, "INSERT INTO board"))
        ended = _run(boards, inventory)
    assert (ended["port1"].step, ended["port2"].step) == (MADE_BEFORE, FAILED)
    assert "database or disk is full" in ended["port2"].cause and "make room" in ended["port2"].hint
    assert boards["port2"].times_written == 0
    assert _steps(_run(boards, inventory)) == {MADE_BEFORE: 1, MADE: 1}


def test_a_board_that_could_not_be_recorded_is_not_called_done(inventory, monkeypatch):
    boards = _boards(1)
    with monkeypatch.context() as patch:
        patch.setattr(inventory, "_db", _Full(inventory._db, "UPDATE board SET state = ?, image"))
        assert "full" in _run(boards, inventory)["port1"].cause
    begun = inventory.boards()[0]
    assert begun.state == BEGUN and boards["port1"].identity == begun.identity
    assert _steps(_run(boards, inventory)) == {MADE: 1}
    assert inventory.boards()[0].link_key == begun.link_key


class _Full:
    """A database whose disk is full for some statements."""

    def __init__(self, db: sqlite3.Connection, statement: str) -> None:
        self._db = db
        self._statement = statement

    def execute(self, statement: str, *values: object) -> sqlite3.Cursor:
        if statement.startswith(self._statement):
            raise sqlite3.OperationalError("database or disk is full")
        return self._db.execute(statement, *values)

    @property
    def in_transaction(self) -> bool:
        return self._db.in_transaction


def test_boards_that_come_later_are_made_too_until_there_are_enough(inventory, monkeypatch):
    monkeypatch.setattr(tray_module, "_GONE_S", 0.6)
    boards = _boards(3)
    bench = FakeBench(boards)
    tray = Tray()
    station = Station(bench, _ANY, inventory, tray.changed)
    empty_s: list[float] = []

    def ports() -> list[str]:
        if tray.made() < 2:
            return ["port1", "port2"][: tray.made() + 1]
        if len(empty_s) < 3 or empty_s[-1] - empty_s[1] < 0.8:  # at the first look port2 may still be at work
            empty_s.append(time.monotonic())
            return []
        boards["port1"] = boards["port3"]  # another board on the same adapter
        return ["port1", "port2"]

    tray.serve(station, ports, lambda place, step: None, count=4, wait=True)
    assert [place.step for place in tray.places] == [MADE, MADE, MADE, MADE_BEFORE]
    assert len(inventory.boards()) == 3


def test_a_port_that_goes_and_comes_with_a_restart_is_looked_at_once(inventory):
    bench = FakeBench(_boards(2))
    tray = Tray()
    station = Station(bench, _ANY, inventory, tray.changed)
    rounds = iter([["port1"], [], [], ["port1"], [], ["port1"], ["port1", "port2"]])
    tray.serve(station, lambda: next(rounds, []), lambda place, step: None, count=2, wait=True)
    assert [(place.port, place.step) for place in tray.places] == [("port1", MADE), ("port2", MADE)]


def test_no_more_boards_are_begun_than_were_ordered(inventory):
    boards = _boards(10)
    boards["port2"].trouble = {"look": UserError("no bootloader answers")}
    ended = _run(boards, inventory, count=4)
    assert _steps(ended) == {MADE: 4, FAILED: 1}
    assert len(inventory.boards()) == 4
