"""Every command in a README works, and output pasted below it is what it prints.

A command is a line that starts with `$ ` in a `console` or `sh` block; it runs from the top of the
project and must exit 0. The lines below it, up to the next command, are its output (stdout and stderr
together), compared line by line without trailing blanks; a line `...` stands for any lines. Terminal
width, time zone and colour are fixed.
"""

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[2]
_READMES = ("README.md", "firmware/README.md", "host_tools/README.md", "boards/README.md", "tests/README.md")
_BLOCK = re.compile(r"^```(?:console|sh)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_TIMEOUT_S = 300

# Not run from here: fetching the project, and the targets that would run this test again.
_FETCH = ("git clone",)
_WHOLE_RUN = ("make test", "make check", "make check-full", "make house", ".ci/run")
_ENVIRONMENT = {"COLUMNS": "100", "TZ": "UTC", "NO_COLOR": "1", "TERM": "dumb", "LC_ALL": "C.UTF-8"}
_ENVIRONMENT["SPAMGATE_LAB_SECONDS"] = "20"  # a third of the minute that people are shown


@dataclass
class Command:
    readme: str
    line: str
    expected: list[str]

    def __str__(self) -> str:
        return f"{self.readme}: {self.line}"


def _commands_of(readme: str) -> list[Command]:
    path = _ROOT / readme
    found: list[Command] = []
    for block in _BLOCK.findall(path.read_text(encoding="utf-8") if path.exists() else ""):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append(Command(readme, line[2:].split("  #")[0].strip(), []))
            elif found:
                found[-1].expected.append(line.rstrip())
    return found


_COMMANDS = [command for readme in _READMES for command in _commands_of(readme)]


@pytest.mark.parametrize("command", _COMMANDS, ids=str)
def test_command_works(command):
    if command.line.startswith(_FETCH):
        return  # this checkout is what it fetches
    if command.line in _WHOLE_RUN:
        _assert_ci_runs_it(command.line)
        return
    done = _run(command.line)
    assert done.returncode == 0, done.stdout
    _assert_same(command.expected, [line.rstrip() for line in done.stdout.splitlines()])


def _run(line: str) -> subprocess.CompletedProcess:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    return subprocess.run(
        ["bash", "-c", line],
        cwd=_ROOT,
        env=environment | _ENVIRONMENT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=_TIMEOUT_S,
        check=False,
    )


def _assert_ci_runs_it(line: str) -> None:
    """The command is what CI runs, or a target of the Makefile that covers or is covered by it."""
    assert "exec make test" in (_ROOT / ".ci" / "run").read_text().splitlines()
    if line.startswith("make "):
        assert re.search(rf"^{line.split()[1]}:.*## ", (_ROOT / "Makefile").read_text(), re.MULTILINE)


def _assert_same(expected: list[str], printed: list[str]) -> None:
    while expected and not expected[-1]:
        expected = expected[:-1]
    if not expected:
        return
    pattern = "".join("(?:.*\n)*?" if line == "..." else re.escape(line) + "\n" for line in expected)
    text = "".join(line + "\n" for line in printed)
    if re.fullmatch(pattern, text) is None:
        assert printed == expected  # pytest shows the difference


def test_the_readme_shows_commands_and_their_output():
    shown = _commands_of("README.md")
    assert any(command.line.startswith("make run") for command in shown)
    assert any(command.expected for command in shown), "no real output is pasted"


@pytest.mark.parametrize(
    ("expected", "printed", "same"),
    [
        ([], ["anything"], True),
        (["a", "b"], ["a", "b"], True),
        (["a", "b"], ["a", "c"], False),
        (["a"], ["a", "b"], False),
        (["a", "...", "d"], ["a", "b", "c", "d"], True),
        (["a", "...", "d"], ["a", "d"], True),
        (["...", "d"], ["a", "b"], False),
        (["a.c"], ["abc"], False),
    ],
)
def test_the_comparison_itself(expected, printed, same):
    if same:
        _assert_same(expected, printed)
    else:
        with pytest.raises(AssertionError):
            _assert_same(expected, printed)


def test_the_first_screen_shows_what_it_is_and_how_to_see_it_work():
    first_screen = (_ROOT / "README.md").read_text(encoding="utf-8").splitlines()[:40]
    assert first_screen[0].startswith("# Spamgate")
    assert any(line.startswith("$ make run") for line in first_screen)
