"""What the evaluation knows of a detector: its name, where it was published, how to make one, and its settings."""

from collections.abc import Callable
from typing import NamedTuple

from spamgate_tools.corpus.parameters import Parameter
from spamgate_tools.evaluation.method import Method

Factory = Callable[[], Method]
Setting = tuple[str, Factory]  # a label for plots, and what makes the detector so set


class MethodEntry(NamedTuple):
    """One detector.

    `factory` makes it as published (for a single home) and `sweep` lists it at several settings for the trade-off
    curve; `published` is the label of the one that `factory` makes.  `reading` says what it sees, what it does on
    alarm, and which freedom of the paper was used how; `parameters` are the numbers it is made with, and their sources.
    Factories can be sent to other processes.
    """

    name: str
    title: str
    citation: str
    factory: Factory
    sweep: Callable[[], list[Setting]]
    published: str = ""
    reading: str = ""
    parameters: tuple[Parameter, ...] = ()
