"""How pytest runs our levels of test.

Unit files run in both interpreters, fuzz tests from a stated seed; a summary by level ends the run.
"""

import os
import random
import sys
from pathlib import Path

import pytest
import side_by_side
from unit_runner import HEAP, Outcome, run_file

from spamgate_tools.errors import UserError
from spamgate_tools.runtime import find_micropython

_TESTS = Path(__file__).resolve().parent
_LEVELS = ("unit", "alloc", "fuzz", "mailgate", "scenario", "oracle", "evaluation", "e2e", "hil", "house")
_INTERPRETERS = {"unit": ("micropython", "cpython"), "alloc": ("micropython",)}
_NOT_RUN = "not run: "
_LONG_FUZZ = os.environ.get("SPAMGATE_FUZZ") == "full"
_SEED = int(os.environ.get("SPAMGATE_SEED") or (random.SystemRandom().getrandbits(32) if _LONG_FUZZ else 1))


# --- unit and alloc: one test a file and interpreter -------------------------------------------


def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Take unit and alloc files out of pytest's hands: they run in interpreters of their own."""
    if _level(module_path) in _INTERPRETERS:
        return UnitFile.from_parent(parent, path=module_path)
    return None


class UnitFile(pytest.File):
    """A file of unittest tests that knows nothing of pytest."""

    def collect(self):
        for interpreter in _INTERPRETERS[_level(self.path)]:
            yield UnitRun.from_parent(self, name=interpreter)


class UnitRun(pytest.Item):
    """One unit test file in one interpreter."""

    funcargs: dict = {}  # pytest-embedded takes every item for a function's

    def runtest(self) -> None:
        outcome = run_file(_command(self.name), self.path)
        self.user_properties.append(("tests", outcome.ran - outcome.skipped))
        if outcome.problem:
            raise UnitFailure(outcome)

    def repr_failure(self, excinfo, style=None):
        if isinstance(excinfo.value, UnitFailure):
            outcome = excinfo.value.outcome
            return f"{self.path.name} under {self.name}: {outcome.problem}\n{outcome.output}"
        return super().repr_failure(excinfo, style)

    def reportinfo(self):
        return self.path, None, f"{self.path.relative_to(_TESTS)} [{self.name}]"


class UnitFailure(Exception):
    """A unit test file did not pass."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.problem)
        self.outcome = outcome


def _command(interpreter: str) -> list[str]:
    if interpreter == "cpython":
        return [sys.executable]
    try:
        return [*find_micropython(), "-X", "heapsize=" + HEAP]
    except UserError as missing:
        pytest.skip(f"{_NOT_RUN}{missing}")


def _level(path: Path) -> str:
    """Return the folder right below tests/ that `path` lies in, or an empty string."""
    inside = path.relative_to(_TESTS).parts if path.is_relative_to(_TESTS) else ()
    return inside[0] if len(inside) > 1 else ""


# --- fuzz: the same examples every time, or a long campaign from a new seed -----------------------


def pytest_configure(config: pytest.Config) -> None:
    from hypothesis import HealthCheck, settings

    slow_is_fine = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow], "print_blob": True}
    settings.register_profile("quick", max_examples=100, database=None, **slow_is_fine)
    settings.register_profile("full", max_examples=5_000, **slow_is_fine)
    settings.load_profile("full" if _LONG_FUZZ else "quick")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    from hypothesis import is_hypothesis_test, seed

    for item in items:
        function = getattr(item, "obj", None)
        if function is not None and is_hypothesis_test(function):
            seed(_seed(config))(getattr(function, "__func__", function))
    if side_by_side.is_worker(config):
        side_by_side.longest_first(items)


def pytest_configure_node(node) -> None:
    """Give a worker the seed that the header tells."""
    node.workerinput["seed"] = _SEED


def _seed(config: pytest.Config) -> int:
    return config.workerinput["seed"] if side_by_side.is_worker(config) else _SEED


def pytest_xdist_make_scheduler(config: pytest.Config, log) -> side_by_side.Scheduler:
    return side_by_side.Scheduler(config, log)


def pytest_report_header() -> str:
    length = "long campaign" if _LONG_FUZZ else "short, SPAMGATE_FUZZ=full for a long campaign"
    return f"fuzz: {length}; seed {_SEED} (SPAMGATE_SEED={_SEED} repeats it)"


# --- the summary by level ---------------------------------------------------------------------


def pytest_terminal_summary(terminalreporter) -> None:
    """Say for each level what passed, failed and was not run; not run never counts as passed."""
    tally = {level: _Tally() for level in _LEVELS}
    for outcome in ("passed", "failed", "error", "xfailed", "xpassed", "skipped"):
        for report in terminalreporter.stats.get(outcome, ()):
            _tally_of(report, tally).add(outcome, report)
    terminalreporter.write_sep("=", "levels")
    for level, counts in tally.items():
        if counts.any() or level in _asked_for(terminalreporter.config):
            terminalreporter.write_line(f"{level:12}{counts}")
    if _LONG_FUZZ or tally["fuzz"].failed:
        terminalreporter.write_line(f"fuzz seed: {_SEED}")


class _Tally:
    def __init__(self) -> None:
        self.passed = self.failed = self.not_run = self.inside = 0
        self.reasons: dict[str, int] = {}

    def any(self) -> int:
        return self.passed + self.failed + self.not_run

    def add(self, outcome: str, report) -> None:
        if outcome == "skipped":
            reason = _reason(report)
            self.not_run += 1
            self.reasons[reason] = self.reasons.get(reason, 0) + 1
        elif outcome == "passed":
            self.passed += 1
            self.inside += dict(report.user_properties).get("tests", 0)
        else:
            self.failed += 1

    def __str__(self) -> str:
        if not self.any():
            return "not run: no test of this level is here"
        within = f" ({self.inside} tests inside)" if self.inside else ""
        why = "".join(f"\n              not run, {count}: {reason}" for reason, count in self.reasons.items())
        return f"passed {self.passed}{within}, failed {self.failed}, not run {self.not_run}{why}"


def _tally_of(report, tally: dict[str, _Tally]) -> _Tally:
    level = _level(_TESTS.parent / report.nodeid.split("::")[0])
    return tally.setdefault(level or "other", _Tally())


def _reason(report) -> str:
    text = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return text.removeprefix("Skipped: ").removeprefix(_NOT_RUN)


def _asked_for(config: pytest.Config) -> tuple[str, ...]:
    """A level that was asked for and has no test must not go unmentioned."""
    asked = {Path(argument.split("::")[0]).resolve() for argument in config.args}
    everything = _TESTS in asked or _TESTS.parent in asked
    return tuple(level for level in _LEVELS if everything or _TESTS / level in asked)
