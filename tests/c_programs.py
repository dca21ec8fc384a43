"""Programs in C around firmware/mailgate: compiled for a test, kept in build/mailgate-tests while nothing changes.

A part is compiled again when its text, any header or the flags are others.  What cannot be compiled here is not run.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[1]
GATE = ROOT / "firmware" / "mailgate"
PORT = GATE / "port_unix"
SOURCES = ROOT / "tests" / "mailgate" / "c"
LWIP = ROOT / "build" / "lwip-source"
OUT = ROOT / "build" / "mailgate-tests"

CORE = tuple(GATE / f"gate_{part}.c" for part in ("read", "judge", "table", "flow", "ring", "answer"))
HOOKS = (*CORE, GATE / "gate_lwip.c")
WARNINGS = ("-Wall", "-Wextra", "-Werror")


class Build(NamedTuple):
    """How parts are compiled: `flags` for ours and lwIP's, and what is added for each."""

    compiler: str
    flags: tuple[str, ...]
    ours: tuple[str, ...] = ()
    lwips: tuple[str, ...] = ()


_ADDRESS = ("-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
SANITIZED = Build("gcc", _ADDRESS, ours=WARNINGS)
PLAIN = Build("gcc", ("-O2", "-g"), ours=WARNINGS)


def tool(name: str, package: str = "") -> str:
    """Return the path of a program; the test is not run where it is missing."""
    found = shutil.which(name)
    if not found:
        pytest.skip(f"not run: no {name} here (package {package or name})")
    return found


def lwip() -> Path:
    """Return lwIP's source; the test is not run where it is missing."""
    if not (LWIP / "src" / "core" / "pbuf.c").exists():
        pytest.skip("not run: no build/lwip-source (ci/micropython.sh mailgate makes it)")
    return LWIP


def includes(with_lwip: bool = True) -> list[str]:
    """Return the options for our headers and, where asked, for lwIP's."""
    ours = [f"-I{SOURCES}", f"-I{GATE}", f"-I{PORT}"]
    if not with_lwip:
        return ours
    lwips = (lwip() / "src" / "include", lwip() / "contrib" / "ports" / "unix" / "port" / "include")
    return [*ours, *(f"-isystem{path}" for path in lwips)]


def compiled(build: Build, sources: Sequence[Path], with_lwip: bool = True) -> list[Path]:
    """Compile each source and return the objects.  A failure is the test's."""
    options = [*build.flags, *build.ours, *includes(with_lwip)]
    return _compile(tool(build.compiler), options, sources)


def lwip_objects(build: Build) -> list[Path]:
    """Compile lwIP's core, without warnings: it is not ours."""
    core = lwip() / "src" / "core"
    sources = sorted([*core.glob("*.c"), *core.glob("ipv4/*.c"), *core.glob("ipv6/*.c"), core / "../netif/ethernet.c"])
    return _compile(tool(build.compiler), [*build.flags, *build.lwips, "-w", *includes()], sources)


def linked(build: Build, name: str, objects: Sequence[Path], *libraries: str) -> Path:
    """Link a program and return its path."""
    mark = digest(" ".join([build.compiler, *build.flags, *libraries]), *(path.name for path in objects))
    command: list[str | Path] = [tool(build.compiler), *build.flags, *objects, *libraries, "-o"]
    return kept(OUT / f"{name}-{mark}", lambda path: run([*command, path]))


def run(command: Sequence[str | Path], timeout: float = 300) -> str:
    """Run a program and return what it prints; the test fails with that where it ends otherwise than with 0."""
    words = list(map(str, command))
    done = subprocess.run(words, capture_output=True, text=True, errors="replace", timeout=timeout, check=False)
    said = done.stdout + done.stderr
    assert done.returncode == 0, f"{Path(words[0]).name} ended with {done.returncode}:\n{said[-6000:]}"
    return said


def checked(program: Path, *arguments: str) -> int:
    """Run a program of tests/mailgate/c and return how many tests it has run."""
    last = run([program, *arguments]).strip().splitlines()[-1]
    count, failed = last.split(" tests, ")[0], last.split()[-2]
    assert int(count) > 0 and failed == "0", last
    return int(count)


# --- keeping what is compiled -------------------------------------------------------------------


def _compile(compiler: str, options: list[str], sources: Sequence[Path]) -> list[Path]:
    common = digest(compiler, " ".join(options), *_headers())
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(lambda source: _object(compiler, options, source, common), sources))


def _object(compiler: str, options: list[str], source: Path, common: str) -> Path:
    text = source.read_text(encoding="utf-8", errors="replace")
    return kept(
        OUT / f"{source.stem}-{digest(common, text)}.o",
        lambda path: run([compiler, *options, "-c", source, "-o", path]),
    )


def _headers() -> list[str]:
    folders = (GATE, PORT, SOURCES)
    return [path.read_text(encoding="utf-8") for folder in folders for path in sorted(folder.glob("*.h"))]


def digest(*texts: str) -> str:
    """Return what tells these texts from others."""
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:16]


def kept(path: Path, make: Callable[[Path], object]) -> Path:
    """Have a file made where it is not there yet; several workers may want the same."""
    OUT.mkdir(parents=True, exist_ok=True)
    with open(OUT / f".{path.name}.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            scratch = path.with_name(f"{path.name}.tmp")
            make(scratch)
            scratch.rename(path)
    return path
