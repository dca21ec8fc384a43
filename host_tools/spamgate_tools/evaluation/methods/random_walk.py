"""Threshold random walk: a sequential test on whether the hosts that a device calls for the first time answer.

J. Jung, V. Paxson, A. Berger, H. Balakrishnan: Fast Portscan Detection Using Sequential Hypothesis Testing, IEEE
Symposium on Security and Privacy, 2004.  theta0 = 0.8, theta1 = 0.2, false alarms 0.01, detection 0.99: as commonly
cited, and read in the source of Dshell's TRW plug-in, an independent implementation.  The reversed test and its thetas
(0.7, 0.1): S. Schechter, J. Jung, A. Berger, Fast Detection of Scanning Worm Infections, RAID 2004, as commonly cited.
"""

from functools import partial

from spamgate_tools.corpus.facts import OPEN, Home
from spamgate_tools.corpus.parameters import Parameter
from spamgate_tools.evaluation.method import Flow
from spamgate_tools.evaluation.methods.cutting import Cutting
from spamgate_tools.evaluation.methods.entry import MethodEntry, Setting
from spamgate_tools.evaluation.methods.wald import SequentialTest

_THETA_0, _THETA_1 = 0.8, 0.2
_FALSE_ALARMS, _DETECTION = 0.01, 0.99


class RandomWalk(Cutting):
    """Tests the outcome of each device's first connections to a server; acquitted, it is tested anew.

    `thetas` are how likely a first connection succeeds from an innocent and from a guilty device.  `is_reversed`: the
    past never speaks for a device, as in the successor (a score below 0 counts as 0).
    """

    name = "random_walk"

    def __init__(
        self,
        thetas: tuple[float, float] = (_THETA_0, _THETA_1),
        false_alarms: float = _FALSE_ALARMS,
        detection: float = _DETECTION,
        is_reversed: bool = False,
    ) -> None:
        super().__init__()
        self._test = SequentialTest(1 - thetas[0], 1 - thetas[1], false_alarms, 1 - detection)
        self._is_reversed = is_reversed

    def begin(self, home: Home) -> None:
        """Start a test of every device, which has called nobody yet."""
        super().begin(home)
        self._scores = [0.0] * len(home.residents)
        self._called: list[set[bytes]] = [set() for _ in home.residents]

    def answered(self, now_us: int, flow: Flow) -> None:
        """Failure is a refusal, or no answer; which host was called before does not count again."""
        called = self._called[flow.device]
        if not self.concerns(flow) or flow.call.host.address in called:
            return
        called.add(flow.call.host.address)
        score = self._test.after(self._scores[flow.device], flow.call.outcome != OPEN)
        if self._test.convicts(score):
            self.alarm(flow.device, now_us)
        if self._test.acquits(score) or (self._is_reversed and score < 0):
            score = 0.0
        self._scores[flow.device] = score


_PUBLISHED = "0.8 to 0.2, false alarms 0.01"


def sweep() -> list[Setting]:
    """Return the test with other error bounds, other success rates, and reversed."""
    settings: list[Setting] = [(_PUBLISHED, RandomWalk)]
    for false_alarms in (0.2, 0.1, 0.05, 1e-3, 1e-4, 1e-6):
        settings.append((f"false alarms {false_alarms:g}", partial(RandomWalk, false_alarms=false_alarms)))
    for thetas in ((0.9, 0.1), (0.9, 0.5), (0.95, 0.8)):
        settings.append((f"{thetas[0]:g} to {thetas[1]:g}", partial(RandomWalk, thetas)))
    settings.append(("reversed, 0.8 to 0.2", partial(RandomWalk, is_reversed=True)))
    settings.append(("reversed, 0.7 to 0.1 (RAID 2004)", partial(RandomWalk, (0.7, 0.1), is_reversed=True)))
    return settings


_PAPER = "Jung et al., S&P 2004, as commonly cited; Dshell's plug-in has the same"

ENTRY = MethodEntry(
    name=RandomWalk.name,
    title="Threshold random walk",
    citation="Jung et al., Fast Portscan Detection Using Sequential Hypothesis Testing, IEEE S&P 2004",
    factory=RandomWalk,
    sweep=sweep,
    published=_PUBLISHED,
    reading=(
        "Made for scanners, turned to devices inside as its successor does: sees whether a device's first connection "
        "to each server on port 25 succeeds. Refused and silent are failures; what is said afterwards is not seen. "
        "An acquitted device is tested anew, so that one infected later can be found. Spam to servers that are all "
        "there never fails to connect, and so is never found."
    ),
    parameters=(
        Parameter("theta0", _THETA_0, "of an innocent host's first connections succeed", _PAPER),
        Parameter("theta1", _THETA_1, "of a scanner's first connections succeed", _PAPER),
        Parameter("false_alarms", _FALSE_ALARMS, "a test", _PAPER),
        Parameter("detection", _DETECTION, "of scanners", _PAPER),
    ),
)
