"""Fuzz the mail gate for long, and keep the books: executions by code and compiler in campaign.json.

`python ci/mailgate_campaign.py --executions 100000000` goes on until so many are in the books for the code as it is;
rounds alternate between short inputs and such with whole frames, each from a seed of its own.  What reaches new edges
joins the corpus, which stays small.  A finding is noted too, ends it with 1, and is in build/mailgate-tests/findings.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from c_programs import GATE, HOOKS, ROOT, digest, run  # noqa: E402  (tests/ is not installed)
from fuzz_program import CORPUS, Outcome, fuzz, fuzzer  # noqa: E402

LEDGER = ROOT / "tests" / "mailgate" / "campaign.json"
GOAL = 100_000_000
CORPUS_FILES = 300

_ROUND = 2_000_000
_LENGTHS = (256, 512, 256, 1700)  # bytes of an input, at the most


def code() -> str:
    """Return what tells this state of the C code from others."""
    headers = sorted(GATE.glob("gate*.h"))
    return digest(*(path.read_text(encoding="utf-8") for path in (*HOOKS, *headers)))


def entries() -> list[dict]:
    """Return the ledger: one entry for each state of the code that was fuzzed."""
    return json.loads(LEDGER.read_text(encoding="utf-8")) if LEDGER.exists() else []


def total(book: list[dict]) -> int:
    """Return all executions in the ledger."""
    return sum(entry["executions"] for entry in book)


def _commit() -> str:
    command = ["git", "-c", "safe.directory=*", "log", "-1", "--format=%h", "--", *map(str, HOOKS)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()


def _entry(book: list[dict], mark: str, commit: str) -> dict:
    for entry in book:
        if entry["code"] == mark:
            return entry
    compiler = run(["clang", "--version"]).splitlines()[0]
    counts = {"executions": 0, "seconds": 0, "edges": 0, "findings": 0}
    book.append({"code": mark, "commit": commit, "compiler": compiler, **counts})
    return book[-1]


def _note(what: tuple[str, str], seconds: float, outcome: Outcome | None) -> dict:
    """Add a round to the ledger, or a finding, and return the entry.  Another run may have changed it meanwhile."""
    book = entries()
    entry = _entry(book, *what)
    entry["seconds"] += round(seconds)
    entry["last"] = datetime.now(UTC).strftime("%Y-%m-%d %H:%M")
    if outcome:
        entry["executions"] += outcome.executions
        entry["edges"] = max(outcome.edges, entry["edges"])
    else:
        entry["findings"] += 1
    LEDGER.write_text(json.dumps(book, indent=2) + "\n", encoding="utf-8")
    return entry


def _keep_small(program: Path, found: Path) -> None:
    """Make the corpus anew of what reaches an edge that nothing shorter does."""
    with tempfile.TemporaryDirectory() as scratch:
        run([program, "-merge=1", "-use_counters=0", "-verbosity=0", scratch, CORPUS, found])
        kept = sorted(Path(scratch).iterdir(), key=lambda path: path.stat().st_size)[:CORPUS_FILES]
        shutil.rmtree(CORPUS)
        CORPUS.mkdir()
        for path in kept:
            shutil.copy(path, CORPUS)


def _round(program: Path, what: tuple[str, str], number: int, most: int, found: Path) -> dict:
    """Fuzz once and return the entry of the ledger."""
    began = time.monotonic()
    length = _LENGTHS[number % len(_LENGTHS)]
    options = (f"-runs={min(_ROUND, most)}", f"-max_len={length}", f"-seed={int(time.time())}")
    try:
        outcome = fuzz(program, *options, folders=(found, CORPUS))
    except AssertionError:
        _note(what, time.monotonic() - began, None)
        raise
    return _note(what, time.monotonic() - began, outcome)


def campaign(goal: int) -> None:
    """Fuzz until the ledger has `goal` executions for the code as it is."""
    what, program, number = (code(), _commit()), fuzzer(), 0
    done = _entry(entries(), *what)["executions"]
    with tempfile.TemporaryDirectory() as found:
        while done < goal:
            entry = _round(program, what, number, goal - done, Path(found))
            done, number = entry["executions"], number + 1
            print(f"{done:,} executions, {entry['edges']} edges", flush=True)
        _keep_small(program, Path(found))


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--executions", type=int, default=GOAL, help="how many for the code as it is")
    try:
        campaign(parser.parse_args().executions)
    except AssertionError as finding:
        print(finding, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
