"""The C module `mailgate` takes what its .pyi says and refuses the rest, without a network."""

import subprocess

import pytest

from spamgate_tools.errors import UserError
from spamgate_tools.lab.lwip_program import find_lwip_micropython

_MAC = "b'\\x02\\0\\0\\0\\0\\1'"
_LAN = "'lan', 'no-such-0', '192.168.77.1/24'"


@pytest.fixture(scope="module")
def program():
    try:
        return find_lwip_micropython()
    except UserError as missing:
        pytest.skip(f"not run: {missing}")


def _said(program: list[str], text: str) -> str:
    lines = ["import mailgate", "try:", *(f"    {line}" for line in text.splitlines())]
    lines += ["except (OSError, ValueError, TypeError) as error:", "    print(type(error).__name__, error.args[0])"]
    done = subprocess.run([*program, "-c", "\n".join(lines)], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize(
    "words",
    [
        "",
        "'lan'",
        "'br-lan', '192.168.77.1/24'",
        "'lan', 'br-lan', '192.168.77.1'",
        "'lan', 'br-lan', '192.168.77.1/33'",
        "'lan', 'br-lan', '192.168.77.1/'",
        "'lan', 'br-lan', '192.168.77.1/24x'",
        "'lan', 'br-lan', '192.168.77.256/24'",
        "'lan', 'br-lan', '10.0.0.1/24', '10.0.1.1/24'",
        "'lan', 'br-lan', 'fd77::1/48'",
        "'lan', 'br-lan', 'fd77:::1/64'",
        "'lan', 'br-lan', *['fd77::1/64'] * 5",
        "*['lan', 'br-lan'] * 6",
        "'wan', 'wan0', 'wan', 'wan1'",
        "'lan', 'br-lan', 'via', '10.0.0.1'",
        "'wan', 'wan0', 'via', 'home'",
        "'lan', 'br-lan', '%s/24'" % ("1" * 100),
    ],
)
def test_words_that_say_nothing_are_refused(program, words):
    assert _said(program, f"mailgate.start({words})") == "ValueError no such words"


def test_an_interface_that_is_not_there_is_told_and_may_come_later(program):
    twice = f"for _ in range(2):\n    try:\n        mailgate.start({_LAN})\n    except OSError as error:\n"
    said = _said(program, twice + "        print(error.args[0])\nmailgate.stop()\nprint('stopped')").split()
    assert said in (["19", "19", "stopped"], ["1", "1", "stopped"])  # ENODEV, or nobody may open raw sockets


@pytest.mark.parametrize(
    "call",
    [
        "put(b'', 0, True, 0, 0)",
        "put(b'12345', 0, True, 0, 0)",
        "put(b'1234567890123456', 0, True, 0, 0)",
        f"put({_MAC}, 5, True, 0, 0)",
        f"put({_MAC}, -1, True, 0, 0)",
        f"put({_MAC}, 0, True, 1 << 24, 0)",
        f"put({_MAC}, 0, True, 0, -1)",
        f"past({_MAC}, b'123456', True)",
        "past(b'1234', b'1234', True)",
        "end(b'1234', 25, bytes(16))",
        "end(b'1234', 65536, b'1234')",
        "limits(-1, 0, 0)",
        "text(4, b'no')",
        "text(0, bytes(1000))",
    ],
)
def test_what_makes_no_sense_is_a_value_error(program, call):
    assert _said(program, f"mailgate.{call}").startswith("ValueError")


def test_a_full_table_and_an_unknown_device_are_told(program):
    fill = "for number in range(33):\n    mailgate.put(bytes([2, 0, 0, 0, 0, number]), mailgate.THROTTLED, True, 0, 0)"
    assert _said(program, fill) == "OSError 12"
    assert _said(program, f"mailgate.drain({_MAC}, 60)") == "OSError 2"
    forget = f"mailgate.put({_MAC}, 1, True, 0, 0)\nprint(mailgate.remove({_MAC}), mailgate.remove({_MAC}))"
    assert _said(program, forget) == "True False"


def test_events_and_records_wait_for_nobody(program):
    text = "import select\npoll = select.poll()\npoll.register(mailgate.Events(), select.POLLIN)\n"
    assert (
        _said(program, text + "print(poll.poll(5), mailgate.read_into(bytearray(64)), len(mailgate.counts()))")
        == "[] 0 14"
    )
