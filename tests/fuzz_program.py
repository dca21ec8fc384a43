"""The fuzzer of the mail gate's hooks (libFuzzer): the program, its corpus, and a run of it."""

import re
import shutil
from pathlib import Path
from typing import NamedTuple

from c_programs import (
    HOOKS,
    OUT,
    ROOT,
    SOURCES,
    WARNINGS,
    Build,
    compiled,
    digest,
    kept,
    linked,
    lwip_objects,
    run,
    tool,
)

CORPUS = ROOT / "tests" / "mailgate" / "corpus"
FINDINGS = OUT / "findings"  # inputs that broke something

_SMALL = "-DSMALL_LWIP"
_SANITIZERS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")
# Ours is told apart by its edges; comparisons are not traced: that costs half the speed and finds nothing more
_GATE = Build(
    "clang",
    ("-g", "-O2", "-fno-omit-frame-pointer", _SMALL, *_SANITIZERS, "-fsanitize-coverage=inline-8bit-counters,pc-table"),
    ours=WARNINGS,
)
_HARNESS = Build("clang", ("-g", "-O2", _SMALL), ours=WARNINGS)
_LWIP = Build("gcc", ("-g", "-O2", "-fno-pie", _SMALL))
_LINK = Build("clang", ("-no-pie", "-fsanitize=fuzzer,address,undefined"))
_STATE = "lwip_state"


class Outcome(NamedTuple):
    """What a run of the fuzzer has done."""

    executions: int
    edges: int


def fuzzer() -> Path:
    """Build the fuzzer; the test is not run where clang or lwIP is missing."""
    harness = [SOURCES / f"{name}.c" for name in ("fuzz_hook", "fuzz_rules", "house", "frames")]
    objects = [*compiled(_GATE, HOOKS), *compiled(_HARNESS, harness), _lwip_in_one()]
    return linked(_LINK, "fuzz_hook", objects)


def _lwip_in_one() -> Path:
    """Return lwIP as one object whose variables lie in one section, so that they can be set back by a copy."""
    parts = lwip_objects(_LWIP)
    return kept(OUT / f"lwip-{digest(*(part.name for part in parts))}.o", lambda path: _put_together(parts, path))


def _put_together(parts: list[Path], whole: Path) -> None:
    scratch = whole.with_suffix(".parts")
    sections = ("--rename-section", f".data={_STATE}", "--set-section-flags", ".bss=alloc,load,contents,data")
    run([tool("ld", "binutils"), "-r", *parts, "-o", scratch])
    run([tool("objcopy", "binutils"), *sections, scratch])
    run([tool("objcopy", "binutils"), "--rename-section", f".bss={_STATE}", scratch, whole])
    scratch.unlink()


def fuzz(program: Path, *options: str, folders: tuple[Path, ...] = (), timeout: float = 1200) -> Outcome:
    """Run the fuzzer; what it finds fails the test, and the input stays in build/mailgate-tests/findings."""
    FINDINGS.mkdir(parents=True, exist_ok=True)
    fixed = ("-print_final_stats=1", f"-artifact_prefix={FINDINGS}/", "-verbosity=1", "-timeout=10")
    said = run([program, *fixed, *options, *folders], timeout)
    executions = re.search(r"number_of_executed_units: (\d+)", said)
    edges = re.findall(r"cov: (\d+)", said)
    assert executions and edges, said[-2000:]
    return Outcome(int(executions[1]), int(edges[-1]))


def scratch_corpus(folder: Path) -> Path:
    """Return a copy of the corpus that the fuzzer may add to."""
    shutil.copytree(CORPUS, folder, dirs_exist_ok=True)
    return folder
