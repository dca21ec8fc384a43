"""MicroPython's prompt and the link share a line: who breaks in is let in, and the firmware resumes."""

import pytest
from hil.bench import Bench

_BREAK, _SOFT_RESET = b"\r\x03", b"\x04"
_PROMPT_S = 30


@pytest.mark.needs("application", "repl")
def test_mpremote_breaks_in_and_leaves_and_the_firmware_resumes(bench: Bench) -> None:
    assert bench.answers_within(60)
    assert bench.mpremote("exec", "print(6 * 7)").strip() == "42"
    bench.mpremote("reset")
    assert bench.answers_within(60)


@pytest.mark.needs("application", "repl")
def test_a_host_that_finds_it_at_its_prompt_wakes_it(bench: Bench) -> None:
    bench.mpremote("exec", "pass")
    assert not bench.answers_within(0.5), "it must sit at its prompt for this test to mean something"
    assert bench.ask("hello")[0]["board"] == bench.rig.board


@pytest.mark.needs("application", "repl")
def test_mpremote_copies_a_file_beside_the_firmware(bench: Bench, tmp_path) -> None:
    note = tmp_path / "note.txt"
    note.write_text("kept\n" * 100)
    bench.mpremote("fs", "cp", str(note), ":note.txt")
    assert bench.mpremote("fs", "cat", ":note.txt") == note.read_text()
    bench.mpremote("fs", "rm", ":note.txt", "+", "reset")
    assert bench.answers_within(60)


@pytest.mark.needs("application", "repl")
def test_ctrl_c_gives_a_prompt_and_ctrl_d_the_firmware(bench: Bench, dut) -> None:
    dut.write(_BREAK)
    dut.expect_exact(">>> ", timeout=_PROMPT_S)
    dut.write(b"print(6 * 7)\r")
    dut.expect_exact("42", timeout=_PROMPT_S)
    dut.write(_SOFT_RESET)
    dut.expect_exact("soft reboot", timeout=_PROMPT_S)
    dut.serial.close()
    assert bench.answers_within(60)
