"""`spamgate blocklist` as its users meet it: build, info and query, what they print, and what they refuse."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from spamgate.wire.list_delta import Merge
from spamgate.wire.list_manifest import DELTA, DELTA_HEAD_BYTES, HEAD_BYTES, LIST, SIGNATURE_BYTES, split_head
from spamgate.wire.list_signing import encode_manifest, make_head
from spamgate_tools.blocklist.open_list import open_list, source_of

_SPAMGATE = str(Path(sys.executable).with_name("spamgate"))
_HOSTS = "# hosts\n0.0.0.0 ads.example\n0.0.0.0 track.example\n0.0.0.0 www.ads.example\n"
_PLAIN = "mal.example\n192.0.2.7\n*.bücher.example\n"


@pytest.fixture
def here(tmp_path: Path) -> Path:
    (tmp_path / "hosts.txt").write_text(_HOSTS)
    (tmp_path / "plain.txt").write_text(_PLAIN)
    (tmp_path / "mine.txt").write_text("ok.ads.example\n")
    (tmp_path / "universe.txt").write_text("1,google.com\n2,ads.example\n")
    return tmp_path


def _run(folder: Path, *words: str, stdin: str = "") -> subprocess.CompletedProcess:
    environment = {**os.environ, "COLUMNS": "100", "XDG_CACHE_HOME": str(folder / "cache")}
    return subprocess.run(
        [_SPAMGATE, "blocklist", *words],
        cwd=folder,
        input=stdin,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def _build(folder: Path, *words: str) -> subprocess.CompletedProcess:
    return _run(folder, "build", *words, "-o", "home.sgb", "--universe", "universe.txt")


def _good(done: subprocess.CompletedProcess) -> list[dict]:
    assert (done.returncode, done.stderr) == (0, ""), done
    return [json.loads(line) for line in done.stdout.splitlines()]


def _fault(done: subprocess.CompletedProcess) -> str:
    assert done.returncode == 2, done
    assert len(done.stderr.splitlines()) == 1, done.stderr
    return done.stderr


def _signed(path: Path) -> None:
    """Put a signature of noise on a list: enough for what only looks at whether there is one."""
    data = path.read_bytes()
    dates = {"version": 29_756_160, "created": 1_785_369_600, "expires": 1_787_961_600}
    manifest = encode_manifest({**json.loads(split_head(data).manifest), **dates})
    path.write_bytes(make_head(LIST, manifest, bytes(SIGNATURE_BYTES)) + data[HEAD_BYTES:])


def test_a_build_says_for_people_what_it_took_and_proves_that_nobody_is_hit(here):
    done = _build(here, "hosts.txt", "plain.txt", "--allow", "mine.txt")
    assert (done.returncode, done.stderr) == (0, "")
    for words in (
        "hosts.txt: hosts, file, 3 domains",
        "plain.txt: plain, file, ",
        "mine.txt: plain, file, 1 allowed",
        "holds      4 names, 1 allowed, 1 networks: ",
        "0 that an earlier source had, 1 below a listed name",
        "universe   2 well-known names",
        "1 are on the list themselves, as ads.example",
        "proof      read back: every entry is found, and of the universe only what is on the list is blocked",
        "next       spamgate blocklist sign home.sgb --key KEY.pem",
    ):
        assert words in done.stdout, words
    assert not list(here.glob("*.new"))


def test_a_build_says_for_programs_what_it_took_and_keeps_it_beside_the_list(here):
    *sources, told = _good(_build(here, "hosts.txt", "plain.txt", "--json"))
    assert [(it["type"], it["source"], it["format"]) for it in sources] == [
        ("source", "hosts.txt", "hosts"),
        ("source", "plain.txt", "plain"),
    ]
    assert (told["type"], told["file"], told["names"], told["networks_v4"]) == ("list", "home.sgb", 4, 1)
    assert (told["range_bits"], told["false_hits_per_probe"]) == (40, 4 / (1 << 40))
    assert told["universe"]["blocked_by_chance"] == 0 and told["universe"]["listed"] == 1
    opened = open_list(here / "home.sgb")
    assert opened.manifest == {
        "board_class": "any",
        "class": "exact",
        "format": 1,
        "id": "default",
        "names": 4,
        "sha256": told["sha256"],
        "size": told["body_bytes"],
    }
    report = json.loads((here / "home.sgb.report.json").read_text())
    assert report["sha256"] == told["sha256"] and len(report["sources"]) == 2


def test_addresses_cannot_be_kept_from_being_blocked_and_that_is_said(here):
    (here / "mine.txt").write_text("ok.ads.example\n192.0.2.7\n")
    said = _build(here, "hosts.txt", "plain.txt", "--allow", "mine.txt").stdout
    assert "not taken: 1 addresses; a list has no exceptions for those" in said


def test_from_sources_to_a_signed_delta(here):
    def good(*words: str) -> str:
        done = _run(here, *words)
        assert (done.returncode, done.stderr) == (0, ""), done
        return done.stdout

    good("keygen", "home.key")
    for text, version in ((_PLAIN, "1000"), (_PLAIN + "fresh.example\n", "1001")):
        (here / "plain.txt").write_text(text)
        good("build", "hosts.txt", "plain.txt", "-o", "home.sgb", "--universe", "universe.txt")
        good("sign", "home.sgb", "--key", "home.key", "--version", version)
        good("verify", "home.sgb", "--key", "home.pub")
    assert "names      1 added, 0 removed, 4 as before" in good("diff", "home.former.sgb", "home.sgb", "-o", "home.sgd")
    good("verify", "home.sgd", "--key", "home.pub")
    assert "signed     version 1001" in good("info", "home.sgb")
    assert good("query", "home.sgb", "fresh.example") == "fresh.example: listed\n"


def test_the_format_of_one_source_can_be_named(here):
    told = _good(_build(here, "plain=plain.txt", "hosts.txt", "--json"))
    assert [it["format"] for it in told[:-1]] == ["plain", "hosts"]
    assert _build(here, "plain.txt", "hosts=hosts.txt", "--json").stdout.count('"format"') == 2
    assert "is no format of lists" in _fault(_build(here, "plain.txt", "--format", "excel"))


def test_names_are_asked_for_as_people_write_them(here):
    _build(here, "hosts.txt", "plain.txt", "--allow", "mine.txt")
    asked = ["ADS.example.", "x.ok.ads.example", "google.com", "192.0.2.7", "192.0.2.8", "a.bücher.example", "a..b", ""]
    answers = _good(_run(here, "query", "home.sgb", *asked, "--json"))
    found = [(it["listed"], it["by"], it["allowed"]) for it in answers]
    assert [it["name"] for it in answers] == asked
    assert [list(it) for it in answers] == [["name", "listed", "by", "allowed"]] * len(asked)
    nothing = (False, None, False)
    parent = (True, "parent", False)
    assert found[:5] == [(True, "exact", False), (True, "parent", True), nothing, (True, "address", False), nothing]
    assert found[5:] == [parent, nothing, nothing]


def test_names_come_from_a_file_or_from_standard_input(here):
    _build(here, "hosts.txt")
    (here / "names.txt").write_bytes(b"ads.example\r\n\r\ngoogle.com\n\xff\xfe.example\n")
    answers = _good(_run(here, "query", "home.sgb", "track.example", "--file", "names.txt", "--json"))
    assert [it["listed"] for it in answers] == [True, True, False, False]
    done = _run(here, "query", "home.sgb", "--file", "-", stdin="www.ads.example\n")
    assert done.stdout == "www.ads.example: listed by a name above it\n"
    assert "no name was given" in _fault(_run(here, "query", "home.sgb"))


def test_info_tells_what_is_in_a_list_and_what_it_was_made_of(here):
    _build(here, "hosts.txt", "plain.txt")
    said = _run(here, "info", "home.sgb").stdout
    assert "signed     no: no board takes it before `spamgate blocklist sign`" in said
    assert "source     hosts.txt: hosts, 3 entries" in said
    (told,) = _good(_run(here, "info", "home.sgb", "--json"))
    assert (told["signed"], told["names"], len(told["sources"])) == (False, 4, 2)
    _signed(here / "home.sgb")
    assert "signed     version 29756160, made 2026-07-30 " in _run(here, "info", "home.sgb").stdout
    (here / "home.sgb.report.json").unlink()
    assert _good(_run(here, "info", "home.sgb", "--json"))[0]["sources"] is None


def test_a_signed_list_is_kept_beside_the_new_one(here):
    _build(here, "hosts.txt")
    _signed(here / "home.sgb")
    former = (here / "home.sgb").read_bytes()
    assert "is now home.former.sgb" in _build(here, "hosts.txt", "plain.txt").stdout
    assert (here / "home.former.sgb").read_bytes() == former
    assert not open_list(here / "home.sgb").is_signed


def test_a_difference_is_counted_and_a_delta_leads_from_one_list_to_the_other(here):
    _build(here, "hosts.txt", "plain.txt")
    (here / "home.sgb").rename(here / "old.sgb")
    (here / "plain.txt").write_text("mal.example\n192.0.2.8\n2001:db8:1::/48\nfresh.example\n")
    _build(here, "hosts.txt", "plain.txt", "--allow", "mine.txt")
    assert "is not signed" in _fault(_run(here, "diff", "old.sgb", "home.sgb", "-o", "x.sgd"))
    _signed(here / "home.sgb")
    (told,) = _good(_run(here, "diff", "old.sgb", "home.sgb", "-o", "new.sgd", "--json"))
    assert told["names"] == {"added": 1, "removed": 1, "kept": 3}
    assert told["allowed"] == {"added": 1, "removed": 0, "kept": 0}
    assert told["networks"] == {"added": 2, "removed": 1, "kept": 0}
    delta = (here / "new.sgd").read_bytes()
    assert told["delta_bytes"] == len(delta) < told["new_bytes"]
    old, new = (open_list(here / name) for name in ("old.sgb", "home.sgb"))
    assert split_head(delta).magic == DELTA and split_head(delta).manifest == new.head.manifest
    made = bytearray(len(new.body))
    merge = Merge(source_of(old.body), source_of(delta[DELTA_HEAD_BYTES:]), _writer(made))
    while not merge.step():
        pass
    assert made == new.body


def _writer(into: bytearray) -> Callable[[int, bytes], None]:
    def write(offset: int, data: bytes) -> None:
        into[offset : offset + len(data)] = data

    return write


def test_lists_of_different_classes_are_not_compared(here):
    _build(here, "hosts.txt")
    (here / "home.sgb").rename(here / "old.sgb")
    _build(here, "hosts.txt", "--class", "compact")
    assert "build both with the same --class" in _fault(_run(here, "diff", "old.sgb", "home.sgb"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        ("<!DOCTYPE html><html><p>try later</p></html>", "is a web page, not a list"),
    ],
)
def test_what_is_no_list_leaves_the_old_one_as_it_was(here, text, words):
    _build(here, "hosts.txt")
    before = (here / "home.sgb").read_bytes()
    (here / "bad.txt").write_text(text)
    assert words in _fault(_build(here, "hosts.txt", "bad.txt"))
    assert (here / "home.sgb").read_bytes() == before


def test_a_source_that_lost_nearly_all_it_had_is_taken_only_by_force(here):
    (here / "feed.txt").write_text("".join(f"bad{it}.example\n" for it in range(500)))
    _build(here, "feed.txt")
    before = (here / "home.sgb").read_bytes()
    (here / "feed.txt").write_text("bad1.example\nbad2.example\n")
    assert "the last time 500" in _fault(_build(here, "feed.txt"))
    assert (here / "home.sgb").read_bytes() == before
    assert _good(_build(here, "feed.txt", "--force", "--json"))[-1]["names"] == 2


def test_files_that_are_no_whole_lists_are_told_apart(here):
    _build(here, "hosts.txt")
    whole = (here / "home.sgb").read_bytes()
    for data, words in (
        (b"GIF89a" * 1000, "not a list"),
        (b"", "list"),
        (whole[:-1], "is not whole"),
        (whole[:-1] + bytes((whole[-1] ^ 1,)), "is damaged: its digest"),
        (whole[:20] + b"x" + whole[21:], "the head of the list is damaged"),
    ):
        (here / "bad.sgb").write_bytes(data)
        assert words in _fault(_run(here, "info", "bad.sgb")), words
    assert "cannot be read" in _fault(_run(here, "query", "missing.sgb", "a.example"))


def test_a_universe_without_names_is_refused(here):
    (here / "universe.txt").write_text("# nobody\n")
    assert "has no names" in _fault(_build(here, "hosts.txt"))


def test_the_shipped_universe_is_spared_by_a_compact_list(here):
    (here / "feed.txt").write_text("".join(f"bad{it}.example\na.bad{it}.com\n" for it in range(30_000)))
    done = _run(here, "build", "feed.txt", "-o", "c.sgb", "--class", "compact", "--board-class", "4MiB", "--json")
    told = _good(done)[-1]
    assert told["universe"]["names"] > 180_000 and told["universe"]["blocked_by_chance"] == 0
    spared = told["universe"]["exceptions"]
    assert len(spared) >= told["exceptions"] > 0
    answers = _good(_run(here, "query", "c.sgb", *spared, "--json"))
    assert not any(it["listed"] for it in answers)
