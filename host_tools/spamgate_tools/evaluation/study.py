"""One evaluation from beginning to end: which homes, which methods, run, reported."""

import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from spamgate_tools.corpus import catalogue
from spamgate_tools.corpus.catalogue import FULL, JUDGE, LEARN, QUICK, SIZES, is_learned
from spamgate_tools.evaluation import campaign, report
from spamgate_tools.evaluation.campaign import Progressed
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


def evaluate(wanted: Wanted, progressed: Progressed | None = None) -> Json:
    """Run the homes and return the report."""
    began = time.monotonic()
    size = SIZES[wanted.size]
    names = [name for name in METHODS if not wanted.methods or name in wanted.methods]
    ids = catalogue.homes(size, wanted.half, wanted.seed, wanted.kinds)
    swept_ids = catalogue.every(ids, size.sweep_every)
    jobs = campaign.jobs_of(ids, swept_ids, names)
    runs = campaign.run(jobs, wanted.processes, progressed)
    if wanted.half == LEARN:
        runs = [[_learned(outcome) for outcome in run] for run in runs]
    plain = [outcome for run in runs for outcome in run if METHODS[outcome.method].published == outcome.setting]
    chosen = set(swept_ids)
    swept = [outcome for job, run in zip(jobs, runs, strict=True) if job.home in chosen for outcome in run]
    found = report.build(plain, swept, names, wanted.size == FULL)
    return {
        **_about(wanted, len(ids), len(swept_ids)),
        "run_s": round(time.monotonic() - began, 1),
        **found,
        "corpus": report.corpus(),
    }


def _about(wanted: Wanted, homes: int, swept: int) -> Json:
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "size": wanted.size,
        "half": wanted.half,
        "seed": wanted.seed,
        "kinds": list(wanted.kinds),
        "homes_run": homes,
        "homes_swept": swept,
    }


def _learned(outcome: Outcome) -> Outcome:
    """Leave out the devices of kinds that nothing may be learned from."""
    return replace(outcome, livings=tuple(living for living in outcome.livings if is_learned(living.kind)))
