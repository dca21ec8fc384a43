"""Work at many ports at once: a thread for each, and one that shows how far they are; no port stops another."""

import json
import queue
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Generic, TypeVar

from spamgate_tools.errors import UserError

WAITING = "waiting"
DONE = "done"
DONE_BEFORE = "done before"
FAILED = "failed"
ENDED = (DONE, DONE_BEFORE, FAILED)

_LOOK_S = 0.25
_BAR = 10
_SHOWN_LAST = ("cause", "hint", "seconds")


@dataclass(eq=False)
class Place:
    """One port and how far the board at it is; only the thread of that port changes it."""

    port: str
    step: str = WAITING
    share: float = 0.0
    cause: str = ""
    hint: str = ""
    seconds: float = 0.0

    @property
    def has_ended(self) -> bool:
        """Is there nothing more to do here?"""
        return self.step in ENDED


AnyPlace = TypeVar("AnyPlace", bound=Place)


def begin(place: AnyPlace, work: Callable[[AnyPlace], str], ended: Callable[[AnyPlace, str], None]) -> AnyPlace:
    """Begin to work at a port, in a thread that dies with the program.

    `work` returns how it ended, or raises; `ended`, in that thread too, is told.
    """
    threading.Thread(target=_run, args=(place, work, ended), name=place.port, daemon=True).start()
    return place


def _run(place: AnyPlace, work: Callable[[AnyPlace], str], ended: Callable[[AnyPlace, str], None]) -> None:
    began = time.monotonic()
    end = FAILED
    try:
        end = work(place)
    except UserError as error:
        place.cause, place.hint = error.text.removeprefix(f"{place.port}: "), error.hint
    except (Exception, SystemExit) as error:  # a mistake of ours at one port stops no other
        place.cause = f"{type(error).__name__}: {error}"
        place.hint = "a mistake in spamgate: please report it"
    place.seconds = round(time.monotonic() - began, 1)
    ended(place, end)


class Steps(Generic[AnyPlace]):
    """Steps of ports, told by their threads and taken by the one that shows them."""

    def __init__(self) -> None:
        self._told: queue.SimpleQueue[tuple[AnyPlace, str]] = queue.SimpleQueue()

    def changed(self, place: AnyPlace, step: str) -> None:
        """Take a step of a port, from any thread."""
        self._told.put((place, step))

    def of_a_moment(self) -> Iterator[tuple[AnyPlace, str]]:
        """Yield what is told within the next moment."""
        until = time.monotonic() + _LOOK_S
        while True:
            try:
                yield self._told.get(timeout=max(until - time.monotonic(), 0.001))
            except queue.Empty:
                return


def bar(share: float) -> str:
    """Return how much is done, as people see it at a glance."""
    full = round(share * _BAR)
    return f"{'#' * full}{'.' * (_BAR - full)} {share:4.0%}"


def counts(places: Sequence[Place], order: Sequence[str]) -> str:
    """Return how many are at each step."""
    counted = Counter(place.step for place in places)
    return ", ".join(f"{counted[step]} {step}" for step in order if counted[step])


def print_step(place: Place, step: str) -> None:
    """Tell programs of a step of a port."""
    fields = asdict(place)
    last = {name: fields.pop(name) for name in _SHOWN_LAST}
    _print({"type": "port", **fields, "step": step, **last})


def print_summary(places: Sequence[Place], seconds: float) -> None:
    """Tell programs how it all ended."""
    counted = Counter(place.step for place in places)
    numbers = {"done": counted[DONE], "done_before": counted[DONE_BEFORE], "failed": counted[FAILED]}
    _print({"type": "summary", "ports": len(places), **numbers, "seconds": seconds})


def _print(fields: dict) -> None:
    sys.stdout.write(json.dumps(fields) + "\n")
    sys.stdout.flush()
