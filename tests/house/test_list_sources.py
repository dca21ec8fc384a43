"""A source as a whole: which format it is in, what its report says, and what is refused with a clear message."""

import gzip
import json
from pathlib import Path

import pytest

from spamgate_tools.blocklist.detect import detect
from spamgate_tools.blocklist.entry import DOMAIN
from spamgate_tools.blocklist.source import Options, read_source
from spamgate_tools.errors import UserError

NAMES = [f"n{number}.example" for number in range(200)]
FORMS = {
    "hosts": "# {}\n127.0.0.1 localhost\n" + "\n".join(f"0.0.0.0 {name}" for name in NAMES),
    "plain": "\n".join(NAMES),
    "adblock": "! x\n" + "\n".join(f"||{name}^" for name in NAMES),
    "dnsmasq": "\n".join(f"address=/{name}/0.0.0.0" for name in NAMES),
    "unbound": "server:\n" + "\n".join(f'  local-zone: "{name}" always_nxdomain' for name in NAMES),
    "bind": "\n".join(f'zone "{name}" {{ type master; notify no; file "null"; }};' for name in NAMES),
    "rpz": "$TTL 60\n@ SOA a. b. 1 2 3 4 5\n NS a.\n" + "\n".join(f"{name} CNAME ." for name in NAMES),
    "json": json.dumps(NAMES),
}


@pytest.fixture
def list_file(tmp_path: Path):
    def make(data: bytes | str, name: str = "list.txt") -> str:
        path = tmp_path / name
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return str(path)

    return make


def refusal(where: str, format: str | None = None, options: Options | None = None) -> str:
    with pytest.raises(UserError) as caught:
        read_source(where, format, options)
    message = str(caught.value)
    assert message.startswith(where) and "\n" not in message and caught.value.hint
    return message.removeprefix(f"{where}: ")


# --- formats ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("format", FORMS)
@pytest.mark.parametrize("change", ["", "crlf", "cr", "mark", "gzip"])
def test_the_format_is_found_and_means_the_same(list_file, format: str, change: str) -> None:
    data = FORMS[format].encode()
    if change in ("crlf", "cr"):
        data = data.replace(b"\n", b"\r\n" if change == "crlf" else b"\r")
    if change == "mark":
        data = b"\xef\xbb\xbf" + data
    if change == "gzip":
        data = gzip.compress(data[:500]) + gzip.compress(data[500:])
    report = read_source(list_file(data))
    assert report.format == format
    assert len(report.entries.blocked[DOMAIN]) == report.taken == len(NAMES)


@pytest.mark.parametrize(("text", "format"), [
    ("5.6.7.8\n5.6.7.0/24", "addresses"),
    ("5.6.7.0/24 ; SBL1", "addresses"),
    ('{"cidr":"5.6.7.0/24","sblid":"SBL1"}\n{"type":"metadata"}', "addresses"),
    ("@@||a.example^\na.example\nb.example", "adblock"),
    ("[Adblock Plus 2.0]\n||a.example^", "adblock"),
    ("a.example\n" * 50 + "||b.example^", "plain"),
    ("server:\nlocal-data: 'a.example A 0.0.0.0'", "unbound"),
    ("24.0.2.0.192.rpz-client-ip A 127.0.0.1", "rpz"),
    ("0.0.0.0 a.example # ||b.example^", "hosts"),
])  # fmt: skip
def test_a_format_is_told_by_its_lines(text: str, format: str) -> None:
    assert detect(text.encode()) == format


def test_one_name_among_addresses_is_enough(list_file) -> None:
    report = read_source(list_file("5.6.7.8\n" * 20_000 + "a.example\n" + "5.6.7.9\n" * 20_000))
    assert (report.format, report.taken, report.skipped) == ("plain", 3, {})


def test_a_format_that_is_named_is_not_guessed(list_file) -> None:
    where = list_file("a.example\n5.6.7.8\n")
    assert read_source(where).entries.counts()["domains"] == 1
    report = read_source(where, "addresses")
    assert report.entries.counts()["domains"] == 0
    assert list(report.skipped) == ["not an address"]
    assert "there are: hosts, plain" in str(pytest.raises(UserError, read_source, where, "xml").value)


# --- the report ---------------------------------------------------------------------------------------


def test_the_report_counts_every_line_and_names_the_first_three(list_file) -> None:
    where = list_file("||a.example^\n||A.example^\n\n! x\n" + "\n".join(f"||b{at}.example/x" for at in range(5)))
    report = read_source(where)
    assert (report.lines, report.taken, report.duplicates) == (9, 1, 1)
    about = json.loads(json.dumps(report.as_json()))
    assert about["skipped"] == [
        {
            "reason": "rule about an address of a page",
            "count": 5,
            "examples": [{"line": at + 5, "text": f"||b{at}.example/x"} for at in range(3)],
        }
    ]
    assert about["taken"] == {"domains": 1, "exact": 0, "children": 0, "allowed": 0, "addresses": 0}
    lines = list(report.as_lines())
    assert lines[0] == f"{where}: adblock, file, 1 domains, 1 more were there before"
    assert lines[2] == "  skipped 5: rule about an address of a page (line 5: ||b0.example/x)"


def test_examples_give_a_terminal_no_orders(list_file) -> None:
    report = read_source(list_file(b"a.example\n\x1b[2Jb.example" + b"\xff" * 200))
    (skipped,) = report.skipped.values()
    assert skipped.examples[0][1].isprintable()
    assert len(skipped.examples[0][1]) <= 80


def test_progress_is_told(list_file) -> None:
    told: list[tuple[str, str, int, int]] = []
    where = list_file("\n".join(f"n{number}.example" for number in range(70_000)))
    read_source(where, options=Options(progress=lambda *what: told.append(what)))
    assert told == [(where, "reading", 32_768, 0), (where, "reading", 65_536, 0)]


# --- what is refused ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("data", "says"), [
    (b"", "is empty"),
    (b"\xef\xbb\xbf \n\r\n", "is empty"),
    (b"# only\n! comments\n", "holds nothing but comments"),
    (b"<!DOCTYPE html>\n<html><body>Not found</body></html>", "is a web page, not a list"),
    (b"\n <?xml version='1.0'?>\n<html>", "is a web page, not a list"),
    (b"<!-- x -->\n<HTML lang=de>", "is a web page, not a list"),
    ("a.example\n".encode("utf-16"), "is text in UTF-16"),
    (b"<script>alert(1)</script>\n" * 9, "its format is none that is known"),
    (b'{"error": "rate limit exceeded"}', "its format is none that is known"),
    (b"Too many requests.\nTry again later.\nThank you.", "its format is none that is known"),
    (b"a.example\n" + b"some words of prose\n" * 9, "its format is not clear"),
    (bytes(range(256)) * 64, "its format is"),
    (b"\0" * 100_000, "its format is none that is known"),
    (b"x" * 5_000_000, "its format is none that is known"),
    (b"[\"a.example\"", "is JSON, but no array of names"),
    (b"0.0.0.0 localhost\n127.0.0.1 localhost\n", "holds no entry (read as hosts): 2 times the machine's own names"),
    (gzip.compress(b"a.example\n" * 9999)[:-20], "is a broken gzip file"),
    (b"\x1f\x8b\x08\0rubbish", "is a broken gzip file"),
])  # fmt: skip
def test_what_is_no_list_is_refused(list_file, data: bytes, says: str) -> None:
    assert refusal(list_file(data)).startswith(says)


def test_a_page_is_refused_whatever_format_is_named(list_file) -> None:
    page = list_file("<!doctype html>\na.example\n")
    assert refusal(page, "plain").startswith("is a web page")


def test_no_file_is_said_so(tmp_path: Path) -> None:
    assert refusal(str(tmp_path / "none")).startswith("cannot be read: No such file")
    assert refusal(str(tmp_path)).startswith("cannot be read: Is a directory")


def test_gigabytes_are_not_read(tmp_path: Path, list_file) -> None:
    huge = tmp_path / "huge"
    with huge.open("wb") as file:
        file.truncate(5 << 30)
    assert refusal(str(huge)).startswith("is larger than 128 MB")
    assert refusal("/dev/zero").startswith("is larger than 128 MB")
    small = Options(most_bytes=1 << 20)
    bomb = gzip.compress(bytes(64 << 20))
    assert len(bomb) < 1 << 20
    assert refusal(list_file(bomb), options=small).startswith("is larger than 1 MB")


def test_lines_that_are_none_do_not_spoil_the_others(list_file) -> None:
    data = b"\n".join((b"a.example", b"b" * (1 << 20), b"c\0.example", b"\xc3.example", b"d.example", b"e.example"))
    report = read_source(list_file(data), "plain")
    assert report.taken == 3
    assert {reason: skipped.count for reason, skipped in report.skipped.items()} == {
        "line of more than 4096 bytes": 1,
        "line with NUL bytes": 1,
        "broken UTF-8": 1,
    }


def test_a_feed_that_shrank_is_refused_unless_forced(list_file) -> None:
    where = list_file("a.example\nb.example\n")
    former = {where: 21}
    assert read_source(where, options=Options(former=former)).taken == 2  # so short a list may do as it likes
    former = {where: 1000}
    assert refusal(where, options=Options(former=former)).startswith("has 2 entries, the last time 1000")
    report = read_source(where, options=Options(former=former, force=True))
    assert report.notes == ["it has 2 entries, the last time 1000; taken all the same"]
    assert read_source(list_file(FORMS["plain"]), options=Options(former={where: 2000})).taken == 200  # a tenth is left
