"""Lists on boards: brought whole and as deltas, refused, and cut by loss of power at any moment."""

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hil.bench import Bench
from hil.conftest import need
from signed_list import made_body, public_key, write_list

from spamgate_tools.blocklist.signed_file import read_signed
from spamgate_tools.errors import UserError

_SPAMGATE = str(Path(sys.executable).with_name("spamgate"))
_SEED = 1123
_LONG = bool(os.environ.get("SPAMGATE_LONG"))
_NAMES = 400
_NEWS = 40  # of them differ from one list to the next
_PUSH_S = 120.0
_CUTS = 2

_NEEDS = ("application", "power", "install")

pytestmark = pytest.mark.needs(*_NEEDS)


class Lists:
    """Lists for one board, each newer than the one before."""

    def __init__(self, bench: Bench, folder: Path) -> None:
        self.bench = bench
        self._folder = folder
        self._made = 0
        self._born = int(time.time()) // 60 - 600

    def next(self, **other: object) -> Path:
        """Return the file of the next list."""
        self._made += 1
        first = self._made * _NEWS
        body = made_body(f"name{number}.example" for number in range(first, first + _NAMES))
        created = (self._born + self._made) * 60
        about = {"created": created, "version": created // 60, **other}
        return write_list(self._folder / f"list{self._made}.sgb", body, **about)

    def push(self, file: Path, *words: str) -> subprocess.Popen:
        """Begin to push a file."""
        command = [_SPAMGATE, "blocklist", "push", str(file), "--port", self.bench.rig.port, "--pause", "--json"]
        return subprocess.Popen([*command, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def pushed(self, file: Path, *words: str) -> dict:
        """Push a file; return how that ended."""
        said, trouble = self.push(file, *words).communicate(timeout=_PUSH_S)
        rows = [json.loads(line) for line in said.splitlines()]
        assert rows and rows[-1]["type"] == "summary", trouble
        return rows[-2]

    def serving(self) -> int:
        """Return the version of the list in force; 0: none."""
        rows = self.bench.ask("lists")
        return next((row["version"] for row in rows if row.get("state") == "in force"), 0)


@pytest.fixture(scope="module")
def lists(rig, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lists]:
    """A board that trusts the key of tests, and has memory for all at once where that can be chosen."""
    need(rig, *_NEEDS)
    bench = Bench(rig)
    _trust(bench, public_key(), True)
    yield Lists(bench, tmp_path_factory.mktemp("lists"))
    _trust(bench, "", False)


def _trust(bench: Bench, key: str, roomy: bool) -> None:
    bench.ask("set", name="list_key", value=json.dumps(key))
    bench.rig.roomy = roomy
    bench.cut_power()
    assert bench.ask("hello")


def test_a_list_comes_whole_the_next_as_a_delta_and_both_outlive_the_power(lists: Lists) -> None:
    first, second = lists.next(), lists.next()
    end = lists.pushed(first, "--full")
    assert (end["step"], end["way"], end["former"]) == ("done", "full", 0), end
    lists.bench.cut_power()
    assert lists.serving() == end["version"] > 0
    end = lists.pushed(second)
    assert (end["step"], end["former"]) == ("done", lists.serving() - 1), end
    if lists.bench.rig.can_be_roomy:
        assert end["way"] == "delta" and end["sent_bytes"] < second.stat().st_size / 2
    lists.bench.cut_power()
    assert lists.serving() == end["version"]
    assert lists.pushed(second)["step"] == "done before"


def test_what_is_refused_leaves_the_list_in_force(lists: Lists) -> None:
    former = lists.serving()
    for other, says in (
        ({"signer": 1}, "is not signed with the key"),
        ({"id": "work"}, "the list is 'work'"),
        ({"board_class": "router"}, "for boards of class router"),
        ({"version": 7}, "is not newer"),
    ):
        end = lists.pushed(lists.next(**other))
        assert end["step"] == "failed" and says in end["cause"], end
    assert lists.serving() == former


def test_power_cut_at_any_moment_of_an_update_leaves_the_old_list_or_the_new_one(lists: Lists) -> None:
    chance = random.Random(_SEED)
    begun = time.monotonic()
    assert lists.pushed(lists.next())["step"] == "done"
    whole_s = time.monotonic() - begun
    cuts = (50 if _LONG else 2 * _CUTS) if lists.bench.rig.can_be_roomy else _CUTS
    for number in range(cuts):
        file = lists.next()
        former = lists.serving()
        pushing = lists.push(file, *(("--full",) if number % 2 else ()))
        time.sleep(chance.uniform(0.1, 1.0) * whole_s)
        lists.bench.cut_power()
        pushing.communicate(timeout=_PUSH_S)
        new = read_signed(file).manifest["version"]
        assert _settled(lists) in (former, new), f"seed {_SEED}, cut {number}"
    assert lists.pushed(lists.next())["step"] == "done"


def _settled(lists: Lists) -> int:
    """Return what serves once the board, which is about to start, has read it."""
    trouble: UserError | None = None
    for _ in range(20):
        try:
            if lists.bench.ask("lists")[0]["checked"]:
                return lists.serving()
        except UserError as error:
            trouble = error
        time.sleep(0.5)
    raise trouble or AssertionError("it does not come to an end")
