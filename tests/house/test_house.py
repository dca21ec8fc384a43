"""The house stays in order: layout, file sizes, headers, help, versions, lint and types."""

import ast
import importlib.metadata
import re
import subprocess
import sys
from pathlib import Path

import pytest

import spamgate

_ROOT = Path(__file__).resolve().parents[2]
_BIN = Path(sys.executable).parent
_TOP = {"firmware", "host_tools", "boards", "tests", "ci", "Makefile", "README.md", "LICENSE"}
_TEXT = {".py", ".pyi", ".md", ".sh", ".txt", ".toml", ".ini", ".nft"}
_MAX_LINES = 400
_PIN = re.compile(r"[\w.-]+==[\w.]+(?: ; .+)?")


def _project_files() -> list[Path]:
    """Return what git tracks, and what it would if it were added."""
    git = ["git", "-c", "safe.directory=*", "ls-files", "-z"]
    command = [*git, "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=True).stdout
    return [_ROOT / name for name in names.split("\0") if name and (_ROOT / name).is_file()]


def _run(*command: str | Path) -> subprocess.CompletedProcess:
    return subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=False)


def test_the_top_level_is_what_it_should_be():
    top = {path.relative_to(_ROOT).parts[0] for path in _project_files()}
    assert {name for name in top if not name.startswith(".")} == _TOP


def test_no_file_is_long():
    def lines(path: Path) -> int:
        return path.read_text(encoding="utf-8").count("\n")

    texts = [path for path in _project_files() if path.suffix in _TEXT]
    long = [f"{path.relative_to(_ROOT)}: {lines(path)} lines" for path in texts if lines(path) > _MAX_LINES]
    assert texts and not long


def test_every_firmware_file_says_why_it_exists():
    files = [path for path in _project_files() if path.suffix == ".py" and "firmware" in path.parts]
    silent = [str(path.relative_to(_ROOT)) for path in files if not _header(path)]
    assert files and not silent


def _header(path: Path) -> str | None:
    return ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))


def test_make_alone_lists_every_target():
    listed = set(re.findall(r"^  make ([a-z0-9-]+)", _run("make").stdout, re.MULTILINE))
    makefile = (_ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z0-9-]+):", makefile, re.MULTILINE))
    assert listed == targets
    assert targets == set(re.search(r"^\.PHONY: (.+)$", makefile, re.MULTILINE)[1].split())


def test_every_requirement_is_pinned_and_installed():
    lines = (_ROOT / "ci" / "requirements.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert pins and not [pin for pin in pins if not _PIN.fullmatch(pin)]
    wanted = dict(pin.split("==") for pin in pins if ";" not in pin)
    assert {name: importlib.metadata.version(name) for name in wanted} == wanted


def test_the_product_has_one_version():
    assert importlib.metadata.version("spamgate-tools") == spamgate.VERSION


@pytest.mark.parametrize("checker", ["ruff check --quiet .", "mypy --no-error-summary"])
def test_checker_has_no_complaint(checker):
    name, *options = checker.split()
    done = _run(_BIN / name, *options)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_built_wheel_holds_both_packages(tmp_path):
    built = _run(
        *(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"),
        *("--wheel-dir", tmp_path, _ROOT / "host_tools"),
    )
    assert built.returncode == 0, built.stderr
    (wheel,) = tmp_path.glob(f"spamgate_tools-{spamgate.VERSION}-*.whl")
    held = _run(sys.executable, "-m", "zipfile", "--list", wheel).stdout
    for file in ("spamgate/__init__.py", "spamgate/wire/cursor.py", "spamgate_tools/runtime.py"):
        assert file in held
