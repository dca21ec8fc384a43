"""Outcomes made by hand, to hold figures and bars to."""

from collections.abc import Sequence
from typing import Any

from spamgate_tools.evaluation.outcomes import Living, Outcome, Sending

OURS = "spamgate"


def sending(kind: str = "mx-120", leaked: int = 1, **facts: Any) -> Sending:
    """Return a sender that was found at its second connection, unless told otherwise."""
    told = {"seed": 1, "leaked_before": leaked, "calls": 9, "calls_before": 2, "seconds_before": 30.0}
    return Sending(kind=kind, leaked=leaked, **{"leaked_device": leaked, **told, **facts})


def living(kind: str = "phone", days: float = 10.0, **facts: Any) -> Living:
    """Return a clean device that nothing happened to, unless told otherwise."""
    told: dict[str, Any] = {"seed": 1, "days_new": 0.0, "mails": 10, "late": 0, "lost": 0}
    flags = ("uses_25", "speaks_smtp", "is_apart", "is_beside_sender", "is_wronged", "is_wronged_new")
    return Living(kind=kind, days=days, **{**told, **dict.fromkeys(flags, False), **facts})


def outcomes(sendings: Sequence[Sending] = (), livings: Sequence[Living] = (), method: str = OURS) -> list[Outcome]:
    """Return one home for each sender, and one with all the clean devices."""
    return [*(Outcome(method, "", one, ()) for one in sendings), Outcome(method, "", None, tuple(livings))]
