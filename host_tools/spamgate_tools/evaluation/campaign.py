"""Runs homes under detectors, over all cores; what comes out does not depend on how many, nor on their order."""

import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import NamedTuple, TypeVar

from spamgate_tools.corpus.catalogue import HomeId
from spamgate_tools.evaluation.method import Method
from spamgate_tools.evaluation.methods import METHODS
from spamgate_tools.evaluation.methods.entry import Factory
from spamgate_tools.evaluation.outcomes import Outcome, outcome_of
from spamgate_tools.evaluation.runner import run_home

NONE = Method.name

Progressed = Callable[[], None]
Task = TypeVar("Task")


class Setting(NamedTuple):
    """One method, so set."""

    method: str
    label: str
    factory: Factory

    @property
    def is_published(self) -> bool:
        """Is this the setting that the method was published with?"""
        return METHODS[self.method].published == self.label


class Job(NamedTuple):
    """A home, and under what it is run."""

    home: HomeId
    settings: tuple[Setting, ...]


def published(names: Iterable[str]) -> list[Setting]:
    """Return methods as published."""
    return [Setting(name, METHODS[name].published, METHODS[name].factory) for name in names]


def swept(names: Iterable[str]) -> list[Setting]:
    """Return methods at all their settings."""
    return [Setting(name, label, factory) for name in names for label, factory in METHODS[name].sweep()]


def jobs_of(ids: list[HomeId], swept_ids: list[HomeId], names: list[str]) -> list[Job]:
    """Return what there is to run: all homes under the methods as published, some under all settings."""
    plain, wide = tuple(published(names)), tuple(swept(names))
    chosen = set(swept_ids)
    return [Job(home, wide if home in chosen else plain) for home in ids]


def run(
    work: Callable[[Task], list[Outcome]],
    tasks: Sequence[Task],
    processes: int = 0,
    progressed: Progressed | None = None,
) -> list[list[Outcome]]:
    """Do `work` for each task, and return what came of each, in order; `progressed` hears after each."""
    outcomes: list[list[Outcome]] = []
    with ProcessPoolExecutor(processes or os.cpu_count()) as pool:
        for found in pool.map(work, tasks):
            outcomes.append(found)
            if progressed:
                progressed()
    return outcomes


def run_job(job: Job) -> list[Outcome]:
    """Run one home under each setting, and once without any detector."""
    home = job.home.make()
    quiet = run_home(home, Method())
    outcomes = []
    for method, label, factory in job.settings:
        try:
            record = quiet if method == NONE else run_home(home, factory())
        except Exception as error:
            error.add_note(f"in the home {job.home} under {method} ({label})")
            raise
        outcomes.append(outcome_of(home, record, quiet, label))
    return outcomes
