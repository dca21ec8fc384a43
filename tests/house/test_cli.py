"""The command as its users meet it: help, exit codes, and one line for everything that is wrong."""

import json
import os
import re
import struct
import subprocess
import sys
from pathlib import Path

import pytest

_SPAMGATE = str(Path(sys.executable).with_name("spamgate"))
_PCAP_HEADER = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
_PING = bytes.fromhex("02000000000102000000000708004500001c0000000040010000c0a80007c0a800010800f7ff00000000")
_IP_HEADER = struct.pack(">BBHHHBBH", 0x45, 0, 40, 0, 0, 64, 6, 0)
_QUERY = "000001000001000000000000076578616d706c6503636f6d00000f0001"


def _run(*words: str, stdin: str = "", **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [_SPAMGATE, *words],
        input=stdin,
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": "100", **environment},
        check=False,
    )


def _fault(done: subprocess.CompletedProcess) -> str:
    assert done.returncode == 2, done
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert done.stderr.startswith("spamgate: ")
    return done.stderr


_LISTS = tuple(f"blocklist {verb}" for verb in ("", "build", "info", "query", "diff"))
_COMMANDS = ("", "replay", "lab", "decode", "decode dns", "decode smtp", "flash", "backup", "boards", *_LISTS)


@pytest.mark.parametrize("words", [it.split() for it in _COMMANDS], ids=_COMMANDS)
def test_help_has_an_example(words):
    done = _run(*words, "--help")
    assert done.returncode == 0
    assert "Example" in done.stdout


BAD_FILES = {
    "empty": (b"", "is empty"),
    "foreign": (b"GIF89a" + bytes(100), "is neither pcap nor pcapng"),
    "gzip": (b"\x1f\x8b\x08" + bytes(100), "is compressed with gzip: unpack it first"),
    "cut in its header": (_PCAP_HEADER[:20], "ends within the file header"),
    "cut in a record": (_PCAP_HEADER + struct.pack("<IIII", 1, 0, 60, 60) + bytes(10), "packet 1, at byte 24: "),
    "absurd length": (_PCAP_HEADER + struct.pack("<IIII", 1, 0, 0x7FFFFFFF, 60) + bytes(60), "packet 1, at byte 24: "),
    "unknown link type": (
        struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 147) + struct.pack("<IIII", 1, 0, 4, 4) + bytes(4),
        "link type 147",
    ),
}


@pytest.mark.parametrize("runtime", ["cpython", "micropython"])
@pytest.mark.parametrize("kind", BAD_FILES)
def test_a_bad_capture_is_one_line_and_exit_2(kind, runtime, tmp_path):
    content, says = BAD_FILES[kind]
    path = tmp_path / "bad.pcap"
    path.write_bytes(content)
    text = _fault(_run("replay", "--json", "--runtime", runtime, str(path)))
    assert str(path) in text
    assert says in text


def test_a_bad_capture_does_not_stop_the_table(tmp_path):
    path = tmp_path / "bad.pcap"
    path.write_bytes(_PCAP_HEADER + struct.pack("<IIII", 1, 0, 42, 42) + _PING + b"cut")
    done = _run("replay", str(path))
    assert "02:00:00:00:00:07" in done.stdout
    _fault(done)


def test_a_fault_before_the_first_device_is_all_there_is_to_say(tmp_path):
    path = tmp_path / "bad.pcap"
    path.write_bytes(_PCAP_HEADER + b"cut")
    done = _run("replay", str(path))
    _fault(done)
    assert done.stdout == ""


@pytest.mark.parametrize("runtime", ["cpython", "micropython"])
@pytest.mark.parametrize("networks", [(), ("--lan", "10.0.0.0/8")])
def test_a_pipe_is_refused_with_what_to_do(runtime, networks):
    text = _fault(_run("replay", "--runtime", runtime, *networks, "-", stdin="what tcpdump writes"))
    assert "save it to a file first" in text


def test_a_file_given_as_standard_input_is_read(tmp_path):
    path = tmp_path / "none.pcap"
    path.write_bytes(_PCAP_HEADER)
    with path.open("rb") as capture:
        done = subprocess.run([_SPAMGATE, "replay", "--json", "-"], stdin=capture, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


def test_spam_by_those_who_came_too_late_for_the_device_table_is_shown(tmp_path):
    path = tmp_path / "crowd.pcap"
    networks = [device * (device > 40) for device in range(60)]  # those who came in time mail one provider
    frames = [make(device, network) for device, network in enumerate(networks) for make in (_syn, _syn_ack)]
    path.write_bytes(_PCAP_HEADER + b"".join(struct.pack("<IIII", 1, 0, len(it), len(it)) + it for it in frames))
    done = _run("replay", "--heap-kb", "256", str(path))
    assert re.search(r"^crowd: throttled since", done.stdout, re.MULTILINE)
    assert re.search(r"\bcrowd sends? spam; \d+ of 31 devices\.$", done.stdout.rstrip())


def _syn(device: int, network: int) -> bytes:
    ethernet = bytes((2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 1, device, 8, 0))
    ip = _IP_HEADER + bytes((192, 168, 1, device, 198, 51, network, 7))
    return ethernet + ip + struct.pack(">HHIIBBHHH", 1024, 25, 1, 0, 0x50, 0x02, 8192, 0, 0)


def _syn_ack(device: int, network: int) -> bytes:
    ethernet = bytes((2, 0, 0, 0, 1, device, 2, 0, 0, 0, 0, 1, 8, 0))
    ip = _IP_HEADER + bytes((198, 51, network, 7, 192, 168, 1, device))
    return ethernet + ip + struct.pack(">HHIIBBHHH", 25, 1024, 1, 2, 0x50, 0x12, 8192, 0, 0)


@pytest.mark.parametrize("command", [("replay",), ("decode", "smtp"), ("decode", "dns")])
def test_a_missing_file_is_named(command, tmp_path):
    text = _fault(_run(*command, str(tmp_path / "nowhere.pcap")))
    assert "nowhere.pcap" in text and "o such file" in text


@pytest.mark.skipif(os.geteuid() == 0, reason="not run: root may read everything")
def test_a_file_without_permission_is_named(tmp_path):
    path = tmp_path / "secret.pcap"
    path.write_bytes(_PCAP_HEADER)
    path.chmod(0)
    assert "no permission" in _fault(_run("replay", str(path)))


def test_a_bad_network_is_named(tmp_path):
    path = tmp_path / "no.pcap"
    path.write_bytes(_PCAP_HEADER)
    assert "--lan '192.168.1.0/33'" in _fault(_run("replay", "--lan", "192.168.1.0/33", str(path)))


def test_a_capture_without_packets_is_no_fault(tmp_path):
    path = tmp_path / "none.pcap"
    path.write_bytes(_PCAP_HEADER)
    done = _run("replay", "--json", str(path))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_capture_whose_name_looks_like_an_option_is_read(tmp_path):
    (tmp_path / "--lan").write_bytes(_PCAP_HEADER)
    done = subprocess.run(
        [_SPAMGATE, "replay", "--json", "--", "--lan"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_no_micropython_says_how_to_get_it(tmp_path):
    path = tmp_path / "none.pcap"
    path.write_bytes(_PCAP_HEADER)
    text = _fault(_run("replay", str(path), MICROPYTHON=str(tmp_path / "nothing")))
    assert "MICROPYTHON" in text


@pytest.mark.parametrize("program", ["/bin/false", "/bin/cat", sys.executable])
def test_another_program_is_not_taken_for_micropython(program, tmp_path):
    path = tmp_path / "none.pcap"
    path.write_bytes(_PCAP_HEADER)
    assert "is no MicroPython that runs here; set MICROPYTHON" in _fault(_run("replay", str(path), MICROPYTHON=program))


def test_a_cache_that_cannot_be_written_says_what_to_do(tmp_path):
    path = tmp_path / "none.pcap"
    path.write_bytes(_PCAP_HEADER)
    assert "set XDG_CACHE_HOME" in _fault(_run("replay", str(path), XDG_CACHE_HOME="/proc/nowhere"))


def test_a_heap_that_is_too_small_says_what_to_do(tmp_path):
    path = tmp_path / "none.pcap"
    path.write_bytes(_PCAP_HEADER)
    done = _run("replay", "--heap-kb", "100", str(path))
    assert done.returncode == 2
    assert "--heap-kb" in done.stderr


def test_decode_dns_reads_one_message_a_line():
    done = _run("decode", "dns", "-", stdin=f"{_QUERY}\nnonsense\n")
    first, second = (json.loads(line) for line in done.stdout.splitlines())
    assert done.returncode == 0
    assert first == {
        "qname": "example.com.",
        "qtype": 15,
        "qclass": 1,
        "qr": False,
        "opcode": 0,
        "rcode": 0,
        "answers": 0,
        "edns": -1,
    }
    assert list(second) == ["error"]


def test_an_unknown_option_is_an_error_of_use():
    done = _run("replay", "--nonsense", "x")
    assert done.returncode == 2
    assert "--nonsense" in done.stderr
