"""Virus throttle: new destinations pass at one a second, the rest wait in line, and a long line is an alarm.

M. Williamson: Throttling Viruses: Restricting Propagation to Defeat Malicious Mobile Code, ACSAC 2002; one new host a
second, as read in The Economist's account of it (2002); a working set of five, as commonly cited.  J. Twycross,
M. Williamson: Implementing and Testing a Virus Throttle, USENIX Security 2003: a line of 100 stops the machine, as
commonly cited; HP's card driver has the same parts (manual of the NC320m, read: known hosts, delay queue, high-water
mark).
"""

from collections import OrderedDict
from functools import partial

from spamgate_tools.corpus.facts import Home
from spamgate_tools.corpus.parameters import Parameter
from spamgate_tools.evaluation.method import PASS, Flow
from spamgate_tools.evaluation.methods.cutting import Cutting
from spamgate_tools.evaluation.methods.entry import MethodEntry, Setting

_US = 1000000
_WORKING_SET = 5
_PERIOD_S = 1.0
_QUEUE = 100
_TOO_LONG_S = 30.0  # most mailers have given up a SYN by then: to them it is a refusal


class _Line:
    """One device's known hosts, and the line of those that wait to become known."""

    def __init__(self, working_set: int, period_us: int) -> None:
        self._size, self._period_us = working_set, period_us
        self._known: OrderedDict[bytes, None] = OrderedDict()  # the latest used last
        self._waiting: OrderedDict[bytes, int] = OrderedDict()  # until when, in the order of time
        self._requests: dict[bytes, int] = {}
        self._last_us = -period_us

    def request(self, now_us: int, host: bytes) -> int:
        """Return until when this connection waits."""
        self._let_pass(now_us)
        if host in self._known:
            self._know(host)
            return now_us
        if host not in self._waiting:
            if len(self._known) < self._size and not self._waiting:
                self._know(host)
                return now_us
            self._last_us = max(now_us, self._last_us + self._period_us)
            self._waiting[host] = self._last_us
            self._requests[host] = 0
            self._let_pass(now_us)
            if host in self._known:
                return now_us
        self._requests[host] += 1
        return self._waiting[host]

    def length(self) -> int:
        """Return how many connections wait."""
        return sum(self._requests.values())

    def _let_pass(self, now_us: int) -> None:
        while self._waiting:
            host = next(iter(self._waiting))
            if self._waiting[host] > now_us:
                break
            del self._waiting[host], self._requests[host]
            self._know(host)

    def _know(self, host: bytes) -> None:
        self._known[host] = None
        self._known.move_to_end(host)
        if len(self._known) > self._size:
            self._known.popitem(last=False)


class Throttle(Cutting):
    """Holds up connections to hosts that are not in the device's working set; alarm when too many wait."""

    name = "throttle"

    def __init__(self, working_set: int = _WORKING_SET, period_s: float = _PERIOD_S, queue: int = _QUEUE) -> None:
        super().__init__()
        self._working_set, self._period_us, self._queue = working_set, int(period_s * _US), queue

    def begin(self, home: Home) -> None:
        """Give every device an empty working set."""
        super().begin(home)
        self._lines = [_Line(self._working_set, self._period_us) for _ in home.residents]

    def attempted(self, now_us: int, flow: Flow) -> float:
        """Let it pass, or wait its turn."""
        line = self._lines[flow.device]
        wait_s = (line.request(now_us, flow.call.host.address) - now_us) / _US
        if line.length() >= self._queue:
            self.alarm(flow.device, now_us)
        elif wait_s > _TOO_LONG_S:
            self.acts_against(flow.device, now_us)
        return wait_s if wait_s > 0 else PASS


_PUBLISHED = "5 known, 1 s, alarm at 100"


def sweep() -> list[Setting]:
    """Return shorter lines and longer periods, down to a few new servers a day."""
    settings: list[Setting] = [(_PUBLISHED, Throttle), ("4 known, 1 s, alarm at 100", partial(Throttle, 4))]
    for period_s, queue in ((1, 20), (1, 5), (10, 20), (10, 5), (60, 10), (60, 3), (600, 3), (3600, 3), (3600, 1)):
        settings.append((f"5 known, {period_s} s, alarm at {queue}", partial(Throttle, 5, float(period_s), queue)))
    settings.append(("4 known, 1 h, alarm at 1", partial(Throttle, 4, 3600.0, 1)))
    for known in (3, 2, 1):
        settings.append((f"{known} known, 4 h, alarm at 1", partial(Throttle, known, 14400.0, 1)))
    return settings


ENTRY = MethodEntry(
    name=Throttle.name,
    title="Virus throttle",
    citation="Williamson, Throttling Viruses, ACSAC 2002; Twycross and Williamson, USENIX Security 2003",
    factory=Throttle,
    sweep=sweep,
    published=_PUBLISHED,
    reading=(
        "Sees connections to port 25 only, which spares clean devices what browsing would do to their working sets. A "
        "host that comes when none waits, and more than a period after the last new one, passes at once (the paper's "
        "clock may let it wait up to a period). It acts when a line is as long as the alarm, or when a connection is "
        "held up for more than the 30 s that most mailers wait; shorter delays are not counted as acts."
    ),
    parameters=(
        Parameter("working_set", _WORKING_SET, "hosts", "Williamson, ACSAC 2002, as commonly cited (4 to 5)"),
        Parameter("period", _PERIOD_S, "s a new host", "Williamson, ACSAC 2002, as The Economist reports it"),
        Parameter("queue", _QUEUE, "connections", "Twycross and Williamson 2003, as commonly cited"),
    ),
)
