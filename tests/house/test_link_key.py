"""The key of the link over TCP: made once, for its owner's eyes, and refused with what to do when it is none."""

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from spamgate.app.link import make_link
from spamgate.app.link import read_key as read_on_router
from spamgate.core.errors import SpamgateError
from spamgate_tools.errors import UserError
from spamgate_tools.link.keys import make_key_file, read_key
from spamgate_tools.link.tcp import TcpTransport, address_of

_SPAMGATE = str(Path(sys.executable).with_name("spamgate"))


def _link_key(*words: object) -> subprocess.CompletedProcess:
    command = [_SPAMGATE, "link-key", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_key_is_made_for_its_owner_and_says_what_to_do_next(tmp_path):
    path = tmp_path / "new" / "link.key"
    done = _link_key(path)
    assert (done.returncode, done.stderr) == (0, "")
    assert str(path) in done.stdout and "link_port" in done.stdout and path.read_text().strip() not in done.stdout
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(read_key(path)) == 32 and read_key(path) == read_on_router(str(path))
    assert read_on_router(path.read_text().strip()) == read_key(path)


def test_a_key_that_is_there_is_kept_unless_told_otherwise(tmp_path):
    path = tmp_path / "link.key"
    make_key_file(path)
    first = read_key(path)
    done = _link_key(path)
    assert done.returncode == 2 and "there is a key already" in done.stderr and len(done.stderr.splitlines()) == 1
    assert read_key(path) == first
    assert json.loads(_link_key(path, "--replace", "--json").stdout) == {"type": "link-key", "file": str(path)}
    assert read_key(path) != first


def test_help_has_an_example():
    assert "Example" in _link_key("--help").stdout


@pytest.mark.parametrize("text", ["", "abc", "00" * 31, "00" * 33, "zz" * 32, "\u00fc" * 64])
def test_what_is_no_key_is_refused(tmp_path, text):
    path = tmp_path / "link.key"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(UserError, match="holds no key of 64 hex digits"):
        read_key(path)
    with pytest.raises(SpamgateError, match="no key of 64 hexadecimal digits"):
        read_on_router(str(path))


def test_a_key_that_others_may_read_is_refused(tmp_path):
    path = tmp_path / "link.key"
    make_key_file(path)
    path.chmod(0o640)
    with pytest.raises(UserError, match="others may read the key; run `chmod 600"):
        read_key(path)


def test_a_micropython_without_aes_is_said_at_the_start():
    """CPython stands for one: it has no cryptolib either."""
    with pytest.raises(SpamgateError, match="settings: link_port: this MicroPython has no cryptolib"):
        make_link(SimpleNamespace(settings=SimpleNamespace(link_key="00" * 32)))


def test_no_key_says_how_to_make_one(tmp_path):
    with pytest.raises(UserError, match="make one with `spamgate link-key`"):
        read_key(tmp_path / "link.key")
    with pytest.raises(SpamgateError, match="cannot be read: error 2"):
        read_on_router(str(tmp_path / "link.key"))


@pytest.mark.parametrize(
    ("url", "address"),
    [("tcp://192.168.1.1:8425", ("192.168.1.1", 8425)), ("tcp://[fd00::1]:1", ("fd00::1", 1)), ("tcp://r:2", ("r", 2))],
)
def test_a_link_is_named_by_host_and_port(url, address):
    assert address_of(url) == address


@pytest.mark.parametrize("url", ["tcp://192.168.1.1", "tcp://:8425", "udp://r:1", "tcp://r:99999", "tcp://r:1/x", "tcp://[x:1"])
def test_what_names_no_link_is_refused(url):
    with pytest.raises(UserError, match=r"names no link over TCP; write tcp://192\.168\.1\.1:8425"):
        address_of(url)


def test_nobody_there_says_what_to_set():
    with pytest.raises(UserError, match="no link is served there .* set link_port and link_key"):
        TcpTransport("tcp://127.0.0.1:1", bytes(32))
