"""SPOT: a sequential test on whether the messages that a device sends are spam.

Z. Duan, P. Chen, F. Sanchez, Y. Dong, M. Stephenson, J. Barker: Detecting Spam Zombies by Monitoring Outgoing Messages,
IEEE Transactions on Dependable and Secure Computing 9(2), 2012 (first at INFOCOM 2009).  alpha, beta, theta1, theta0:
as commonly cited, and as PEERS.md has them.  The filter's error rates: J. Mason, "On the effects of lowering your
SpamAssassin threshold", 2008 (taint.org), read: 0.06 % of good mail, 1.49 % of spam misjudged.
"""

from functools import partial
from zlib import crc32

from spamgate_tools.corpus.facts import Home, Letter
from spamgate_tools.corpus.parameters import Parameter
from spamgate_tools.evaluation.method import Flow
from spamgate_tools.evaluation.methods.cutting import Cutting
from spamgate_tools.evaluation.methods.entry import MethodEntry, Setting
from spamgate_tools.evaluation.methods.wald import SequentialTest
from spamgate_tools.sample.world import Dice

_ALPHA = _BETA = 0.01
_THETA_1, _THETA_0 = 0.9, 0.2
_FINDS, _MISTAKES = 0.9851, 0.0006  # of spam, of good mail


class Spot(Cutting):
    """Tests each device's messages; acquitted, it is tested anew.

    `finds` is the share of spam that the content filter calls so, `mistakes` the share of good mail.
    """

    name = "spot"

    def __init__(
        self,
        errors: tuple[float, float] = (_ALPHA, _BETA),
        finds: float = _FINDS,
        mistakes: float = _MISTAKES,
    ) -> None:
        super().__init__()
        self._test = SequentialTest(_THETA_0, _THETA_1, *errors)
        self._finds, self._mistakes = finds, mistakes

    def begin(self, home: Home) -> None:
        """Start a test of every device."""
        super().begin(home)
        self._dice = Dice(home.seed << 32 | crc32(home.kind.encode()))
        self._scores = [0.0] * len(home.residents)

    def delivered(self, now_us: int, flow: Flow, letter: Letter) -> None:
        """One more message, whatever the server says to it."""
        if not self.concerns(flow):
            return
        is_called_spam = self._dice.chance(self._finds if letter.is_spam else self._mistakes)
        score = self._test.after(self._scores[flow.device], is_called_spam)
        if self._test.convicts(score):
            self.alarm(flow.device, now_us)
        self._scores[flow.device] = 0.0 if self._test.acquits(score) else score


class SpotTheta(Spot):
    """SPOT whose filter errs as often as its thetas say."""

    name = "spot_theta"

    def __init__(self, errors: tuple[float, float] = (_ALPHA, _BETA)) -> None:
        super().__init__(errors, finds=_THETA_1, mistakes=_THETA_0)


_PUBLISHED = "alpha = beta = 0.01"
_ERRORS = ((0.2, 0.2), (0.1, 0.1), (0.05, 0.05), (0.001, 0.01), (1e-4, 0.01), (1e-5, 0.001), (1e-6, 0.001))


def sweep() -> list[Setting]:
    """Return SPOT with other error bounds."""
    others: list[Setting] = [(_label(*errors), partial(Spot, errors)) for errors in _ERRORS]
    return [(_PUBLISHED, Spot), *others]


def sweep_theta() -> list[Setting]:
    """Return the same with the worse filter."""
    others: list[Setting] = [(_label(*errors), partial(SpotTheta, errors)) for errors in _ERRORS]
    return [(_PUBLISHED, SpotTheta), *others]


def _label(alpha: float, beta: float) -> str:
    return f"alpha = {alpha:g}, beta = {beta:g}"


_CITATION = "Duan et al., Detecting Spam Zombies by Monitoring Outgoing Messages, IEEE TDSC 9(2), 2012"
_PAPER = "Duan et al., TDSC 2012, as commonly cited"
_MASON = "J. Mason 2008: SpamAssassin at its threshold of 5.0, network tests and training included"
_READING = (
    "Sees the content of every message on port 25, under TLS too, through an oracle: what a real gateway cannot. "
    "A message counts once its text is over, so the one that convicts has passed. An acquitted device is tested anew, "
    "as published. "
)
_PARAMETERS = (
    Parameter("alpha", _ALPHA, "wrong alarms a test", _PAPER),
    Parameter("beta", _BETA, "misses a test", _PAPER),
    Parameter("theta1", _THETA_1, "of a zombie's messages called spam", _PAPER),
    Parameter("theta0", _THETA_0, "of a normal machine's messages called spam", _PAPER),
)

ENTRY = MethodEntry(
    name=Spot.name,
    title="SPOT, best filter (oracle)",
    citation=_CITATION,
    factory=Spot,
    sweep=sweep,
    published=_PUBLISHED,
    reading=_READING
    + "The oracle errs as a well trained SpamAssassin on a mail server did, far less often than theta1 "
    "and theta0 allow for: to SPOT's favour.",
    parameters=(
        *_PARAMETERS,
        Parameter("filter_finds", _FINDS, "of spam", _MASON),
        Parameter("filter_mistakes", _MISTAKES, "of good mail", _MASON),
    ),
)

ENTRY_THETA = MethodEntry(
    name=SpotTheta.name,
    title="SPOT, filter as its thetas (oracle)",
    citation=_CITATION,
    factory=SpotTheta,
    sweep=sweep_theta,
    published=_PUBLISHED,
    reading=_READING + "The oracle errs just as often as theta1 and theta0 say, which is what the test is made for.",
    parameters=_PARAMETERS,
)
