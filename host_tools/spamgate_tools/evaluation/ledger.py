"""What came of a home's plan under one detector: the facts that all figures are made of."""

from dataclasses import dataclass, field

_DAY_US = 86400 * 1000000


@dataclass(slots=True)
class Ending:
    """What became of one errand of a clean device: when its mail was taken (None: given up)."""

    done_us: int | None
    has_queue: bool


@dataclass(slots=True)
class DeviceRecord:
    """One device, in what is counted of the home.  Times are microseconds from the home's beginning."""

    first_call_us: int | None = None  # its first connection to port 25
    calls: int = 0  # connections to port 25 that it tried
    calls_before: int = 0  # of these, until the detector acted, the one it acted on included
    accepted_us: list[int] = field(default_factory=list)  # messages that servers outside took on port 25
    accepted_before: int = 0
    endings: dict[int, Ending] = field(default_factory=dict)  # by the number of the errand in the home's plan
    acted_us: int | None = None  # when the detector first acted against it

    def most_in_a_day(self) -> int:
        """Return the most messages accepted within any 24 hours."""
        most = first = 0
        for last, at_us in enumerate(self.accepted_us):
            while at_us - self.accepted_us[first] >= _DAY_US:
                first += 1
            most = max(most, last - first + 1)
        return most


@dataclass(slots=True)
class HomeRecord:
    """One home under one detector; `devices` by the number of the resident."""

    kind: str
    seed: int
    method: str
    devices: list[DeviceRecord]
