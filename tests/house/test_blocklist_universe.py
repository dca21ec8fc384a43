"""The universe: the shipped one is what its page says, and a given one is read in the forms that rankings come in."""

import gzip
import lzma
import re
import zipfile
from pathlib import Path

import pytest

from spamgate_tools.blocklist.names import wire_name
from spamgate_tools.blocklist.universe import read_universe, shipped_files
from spamgate_tools.errors import UserError

_WANTED = {wire_name(name) for name in (b"google.com", b"b\xc3\xbccher.de", b"a.example")}
_RANKING = "1,google.com\n2,bücher.de\n3,a.example\n".encode()


def test_each_shipped_file_is_as_long_as_its_page_says_and_no_name_is_there_twice():
    page = (shipped_files()[0].parent / "README.md").read_text(encoding="utf-8")
    told = dict(re.findall(r"^\| `(\S+\.txt\.xz)` \| ([\d,]+) \|", page, re.MULTILINE))
    names = {path.name: lzma.decompress(path.read_bytes()).decode().split() for path in shipped_files()}
    assert {name: f"{len(lines):,}" for name, lines in names.items()} == told
    every = [name for lines in names.values() for name in lines]
    assert len(set(every)) == len(every) > 180_000


def test_the_shipped_universe_is_read_whole():
    universe = read_universe(shipped_files())
    assert universe.unread == 0
    assert {wire_name(name) for name in (b"google.com", b"co.uk", b"smtp.gmail.com", b"mit.edu")} <= universe.names


@pytest.mark.parametrize(
    "text",
    [
        b"# mine\nGoogle.com.\nb\xc3\xbccher.de # books\r\n\r\na.example",
        _RANKING,
        b'"GlobalRank","TldRank","Domain","TLD"\n"1","1","google.com","com"\n2,1,b\xc3\xbccher.de,de\n3,1,a.example,example\n',
    ],
    ids=["plain", "ranking", "table"],
)
def test_names_are_found_in_plain_files_rankings_and_tables(tmp_path, text):
    (tmp_path / "u.csv").write_bytes(text)
    assert read_universe([tmp_path / "u.csv"]).names == _WANTED


def test_files_may_be_packed(tmp_path):
    (tmp_path / "u.txt.gz").write_bytes(gzip.compress(_RANKING, mtime=0))
    (tmp_path / "u.txt.xz").write_bytes(lzma.compress(_RANKING))
    with zipfile.ZipFile(tmp_path / "u.zip", "w") as archive:
        archive.writestr("top-1m.csv", _RANKING)
    for path in sorted(tmp_path.iterdir()):
        assert read_universe([path]).names == _WANTED


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("u.txt", b"\n# nobody\n", "has no names"),
        ("u.gz", gzip.compress(_RANKING, mtime=0)[:-9], "cannot be read"),
        ("u.xz", b"PK", "cannot be read"),
        ("u.zip", b"PK", "cannot be read"),
        ("u.zip", b"PK\5\6" + bytes(18), "cannot be read: an archive without files"),
        ("u.gz", gzip.compress(_RANKING, mtime=0)[:12] + b"noise" * 9, "cannot be read"),
        ("u.txt", None, "cannot be read"),
    ],
)
def test_what_holds_no_names_is_refused(tmp_path, name, data, words):
    path = tmp_path / name
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(UserError, match=words):
        read_universe([path])


def test_a_file_that_never_ends_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("spamgate_tools.blocklist.universe._MOST_BYTES", 1 << 20)
    path: Path = tmp_path / "u.gz"
    path.write_bytes(gzip.compress(b"a" * (4 << 20), mtime=0))
    with pytest.raises(UserError, match="has more than 1 MB"):
        read_universe([path])
