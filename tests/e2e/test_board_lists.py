"""A board's list in a home: what it names is not answered, and never once while one list after another takes its place.

The board is a Linux process with 32-bit objects in a namespace, its line a pty; behind it is Unbound, which knows all
of these names.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from e2e import board_process
from e2e.board_process import BoardProcess
from e2e.mail_home import MailHome, require
from signed_list import made_body, public_key, write_list

from spamgate_tools.errors import UserError
from spamgate_tools.lab.accounts import LARGE_PROVIDERS, RESOLVER4
from spamgate_tools.lab.host import needed

_SPAMGATE = str(Path(sys.executable).with_name("spamgate"))
HEAP = "200k"  # of a board with PSRAM: all at once
UPDATES = 100 if os.environ.get("SPAMGATE_LONG") else 8
RATE = 200  # queries a second
BARRED = [provider.domain for provider in LARGE_PROVIDERS[:4]]
OTHER = LARGE_PROVIDERS[4].domain
_PUSH_S = 120


@pytest.fixture(scope="module")
def home():
    require(board_process.missing())
    try:
        needed("dig", "dnsperf")
    except UserError as missing:
        pytest.skip(f"not run: {missing}")
    with MailHome("lists", ["board", "phone"]) as home:
        home.start_router(has_gateway=False)
        settings = {"guard_upstreams": [RESOLVER4], "list_key": public_key(), "guard_allow": [f"own.{BARRED[0]}"]}
        home.board = BoardProcess(home.devices["board"], settings, HEAP)
        try:
            home.board.wait()
            home.lists = Lists(home)
            home.lists.push(home.lists.next())
            yield home
        finally:
            home.board.stop()


class Lists:
    """Lists that all name BARRED, each with other names beside them."""

    def __init__(self, home) -> None:
        self._home = home
        self._made = 0
        self.ways: list[str] = []

    def next(self) -> Path:
        """Return the file of the next one."""
        self._made += 1
        first = 50 * self._made
        names = [*BARRED, *(f"name{number}.example" for number in range(first, first + 2000))]
        body = made_body(names, [f"www.{BARRED[1]}"])
        return write_list(self._home.devices["phone"].folder / f"list{self._made}.sgb", body, 1000 - self._made)

    def push(self, file: Path, *words: str) -> None:
        """Bring it to the board."""
        command = [_SPAMGATE, "blocklist", "push", str(file), "--port", self._home.board.port, "--json", *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=_PUSH_S, check=False)
        assert done.returncode == 0, done
        self.ways.append(json.loads(done.stdout.splitlines()[-2])["way"])


def _asked(home, *words: str) -> str:
    return home.devices["phone"].run(["dig", f"@{home.board.address}", *words]).stdout


def test_names_of_the_list_and_those_below_do_not_exist_and_who_asks_hears_why(home):
    before = home.board.ask("metrics")[0]["blocked"]
    for name in (BARRED[0], f"www.{BARRED[0]}", f"a.b.{BARRED[2]}"):
        said = _asked(home, name, "A", "+edns")
        assert "NXDOMAIN" in said and "(list)" in said, said
    assert "NXDOMAIN" in _asked(home, BARRED[0], "A", "+tcp")
    assert "NOERROR" in _asked(home, f"www.{OTHER}", "A")
    assert home.board.ask("metrics")[0]["blocked"] - before == 4


def test_exceptions_of_the_list_and_of_the_owner_win(home):
    assert "NOERROR" in _asked(home, f"www.{BARRED[1]}", "A")
    assert "(list)" not in _asked(home, f"own.{BARRED[0]}", "A")


def test_one_list_after_another_takes_its_place_and_no_name_of_theirs_is_ever_answered(home, record_testsuite_property):
    phone, lists = home.devices["phone"], home.lists
    names = phone.folder / "barred"
    names.write_text("".join(f"{name} A\nno.{name} TXT\n" for name in (BARRED[0], BARRED[2], BARRED[3])))
    command = ["dnsperf", "-s", home.board.address, "-d", str(names), "-q", "8", "-Q", str(RATE), "-l", "3600"]
    load = phone.popen(command, log="load")
    lists.ways.clear()
    for number in range(UPDATES):
        lists.push(lists.next(), *(("--full",) if number % 4 == 3 else ()))
    load.send_signal(2)
    load.wait(60)
    said = (phone.folder / "load").read_text()
    sent, lost = (int(re.search(rf"Queries {word}:\s+(\d+)", said)[1]) for word in ("sent", "lost"))
    codes = re.search(r"Response codes:\s+(.*)", said)[1]
    record_testsuite_property("board_lists", f"{UPDATES} updates, {sent} queries, {lost} lost, {codes}")
    assert codes.startswith("NXDOMAIN") and "," not in codes, said
    assert sent > RATE and lost <= sent // 100 and set(lists.ways) == {"delta", "full"}
    assert home.board.troubles() == []
