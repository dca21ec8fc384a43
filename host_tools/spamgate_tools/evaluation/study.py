"""One evaluation from beginning to end: which homes, which methods, run, reported."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from spamgate_tools.corpus import catalogue
from spamgate_tools.corpus.catalogue import FULL, JUDGE, LEARN, QUICK, SIZES, is_learned
from spamgate_tools.evaluation import campaign, captured, report, sensitivity
from spamgate_tools.evaluation.campaign import Progressed, Task
from spamgate_tools.evaluation.methods import METHODS
from spamgate_tools.evaluation.outcomes import Outcome
from spamgate_tools.evaluation.report import Json


@dataclass(frozen=True)
class Wanted:
    """What somebody wants to know: `methods` and `kinds` are all of them if empty."""

    size: str = QUICK
    half: str = JUDGE
    seed: int = 1
    methods: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    processes: int = 0
    captures: Path | None = None  # a folder of real ones
    sweep_every: int | None = None  # instead of what the size says (catalogue.Size)
    sensitivity_every: int | None = None


class Study:
    """What there is to run for somebody, then run."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        size = SIZES[wanted.size]
        if wanted.sweep_every is not None:
            size = size._replace(sweep_every=wanted.sweep_every)
        if wanted.sensitivity_every is not None:
            size = size._replace(sensitivity_every=wanted.sensitivity_every)
        self._names = [name for name in METHODS if not wanted.methods or name in wanted.methods]
        self._ids = catalogue.homes(size, wanted.half, wanted.seed, wanted.kinds)
        self._swept = catalogue.every(self._ids, size.sweep_every)
        has_ours = report.OURS in self._names
        self._scaled = catalogue.every(self._ids, size.sensitivity_every) if has_ours else []
        self.steps = len(self._ids) + len(self._scaled)

    def run(self, progressed: Progressed | None = None) -> Json:
        """Run all homes and return the report; `progressed` is called after each of `steps`."""
        began = time.monotonic()
        jobs = campaign.jobs_of(self._ids, self._swept, self._names)
        runs = self._run(campaign.run_job, jobs, progressed)
        plain = [outcome for run in runs for outcome in run if METHODS[outcome.method].published == outcome.setting]
        chosen = set(self._swept)
        swept = [outcome for job, run in zip(jobs, runs, strict=True) if job.home in chosen for outcome in run]
        scaled = [outcome for run in self._run(sensitivity.run_job, self._scaled, progressed) for outcome in run]
        return {
            **self._about(),
            **report.build(plain, swept, self._names, self._wanted.size == FULL),
            "sensitivity": {"scales": sensitivity.SCALES, "rows": sensitivity.rows(scaled)},
            "captures": self._captured(),
            "corpus": report.corpus(),
            "run_s": round(time.monotonic() - began, 1),
        }

    def _run(
        self, work: Callable[[Task], list[Outcome]], tasks: list[Task], progressed: Progressed | None
    ) -> list[list[Outcome]]:
        runs = campaign.run(work, tasks, self._wanted.processes, progressed)
        if self._wanted.half == LEARN:
            return [[_learned(outcome) for outcome in run] for run in runs]
        return runs

    def _captured(self) -> list[captured.Row] | None:
        folder = self._wanted.captures
        return captured.rows(captured.judge_captures(folder, self._names)) if folder else None

    def _about(self) -> Json:
        wanted = self._wanted
        return {
            "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
            "size": wanted.size,
            "half": wanted.half,
            "seed": wanted.seed,
            "kinds": list(wanted.kinds),
            "homes_run": len(self._ids),
            "homes_swept": len(self._swept),
            "homes_scaled": len(self._scaled),
        }


def _learned(outcome: Outcome) -> Outcome:
    """Leave out the devices of kinds that nothing may be learned from."""
    return replace(outcome, livings=tuple(living for living in outcome.livings if is_learned(living.kind)))
