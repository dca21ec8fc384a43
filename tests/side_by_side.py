"""How `make test` shares the levels out among several workers (pytest-xdist): by file, the long ones first.

End-to-end tests mostly wait, so they begin, beside each other; what only counts follows, and fills the gaps.
"""

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

# A board's rig is set up once a session, so one worker takes all that runs on it: test_name[rig].
_RIGS = "tests/hil/"
# The longest first, that none of them is begun last; 40 s to 2 min each
_LONG = (
    _RIGS,
    "tests/e2e/test_mail_ungranted.py",
    "tests/evaluation/test_eval_bar.py",
    "tests/e2e/test_mail_quarantine.py",
)
_LEVELS = ("e2e", "evaluation", "house", "oracle", "mailgate", "scenario", "fuzz", "unit", "alloc")


class Scheduler(LoadScopeScheduling):
    """Gives each worker a file after the other, as they come in `longest_first`."""

    def __init__(self, config: pytest.Config, log: Producer) -> None:
        config.option.loadscopereorder = False  # else by the number of tests
        super().__init__(config, log)

    def _split_scope(self, nodeid: str) -> str:
        if nodeid.startswith(_RIGS):
            return _RIGS + nodeid.partition("[")[2]
        return nodeid.split("::")[0]


def is_worker(config: pytest.Config) -> bool:
    """Is this one of several that run side by side?"""
    return hasattr(config, "workerinput")


def longest_first(items: list[pytest.Item]) -> None:
    """Sort the tests by how long their files take; those of a file stay as they are."""
    items.sort(key=lambda item: _place(item.nodeid))


def _place(nodeid: str) -> int:
    for place, path in enumerate((*_LONG, *(f"tests/{level}/" for level in _LEVELS))):
        if nodeid.startswith(path):
            return place
    return len(_LONG) + len(_LEVELS)
