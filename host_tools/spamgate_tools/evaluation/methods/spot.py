"""SPOT: a sequential test on whether the messages that a device sends are spam.

Z. Duan, P. Chen, F. Sanchez, Y. Dong, M. Stephenson, J. Barker: Detecting Spam Zombies by Monitoring Outgoing Messages,
IEEE Transactions on Dependable and Secure Computing 9(2), 2012 (first at INFOCOM 2009).  alpha, beta, theta1, theta0:
as commonly cited, and as PEERS.md has them.  The filter's error rates: J. Mason, "On the effects of lowering your
SpamAssassin threshold", 2008 (taint.org), read: 0.06 % of good mail, 1.49 % of spam misjudged.
"""

from functools import partial

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
_SALT = 0x5907  # the filter's luck is not the home's


class Spot(Cutting):
    """Tests each device's messages; acquitted, it is tested anew.

    `finds` is the share of spam that the content filter calls so, `mistakes` the share of good mail.
    """

    name = "spot"

    def __init__(
        self,
        errors: tuple[float, float] = (_ALPHA, _BETA),
        thetas: tuple[float, float] = (_THETA_0, _THETA_1),
        finds: float = _FINDS,
        mistakes: float = _MISTAKES,
    ) -> None:
        super().__init__()
        self._test = SequentialTest(*thetas, *errors)
        self._finds, self._mistakes = finds, mistakes

    def begin(self, home: Home) -> None:
        """Start a test of every device."""
        super().begin(home)
        self._dice = Dice(home.seed ^ _SALT)
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


_PUBLISHED = "alpha = beta = 0.01"


def sweep() -> list[Setting]:
    """Return SPOT with other error bounds, and with filters that err as often as its thetas allow."""
    settings: list[Setting] = [(_PUBLISHED, Spot)]
    for alpha, beta in ((0.2, 0.2), (0.1, 0.1), (0.05, 0.05), (0.001, 0.01), (1e-4, 0.01), (1e-6, 0.001)):
        settings.append((f"alpha = {alpha:g}, beta = {beta:g}", partial(Spot, (alpha, beta))))
    for mistakes in (0.01, 0.05, _THETA_0):
        label = f"filter finds {_THETA_1:.0%}, errs in {mistakes:.0%}"
        settings.append((label, partial(Spot, finds=_THETA_1, mistakes=mistakes)))
    label = f"alpha = 1e-06, beta = 0.001, filter errs in {_THETA_0:.0%}"
    settings.append((label, partial(Spot, (1e-6, 0.001), finds=_THETA_1, mistakes=_THETA_0)))
    return settings


_PAPER = "Duan et al., TDSC 2012, as commonly cited"
_MASON = "J. Mason 2008: SpamAssassin 3.2 at threshold 5.0"

ENTRY = MethodEntry(
    name=Spot.name,
    title="SPOT (content filter and SPRT)",
    citation="Duan et al., Detecting Spam Zombies by Monitoring Outgoing Messages, IEEE TDSC 9(2), 2012",
    factory=Spot,
    sweep=sweep,
    published=_PUBLISHED,
    reading=(
        "Sees the content of every message on port 25, under TLS too, through an oracle: what a real gateway cannot. "
        "The oracle errs as SpamAssassin did, far less often than theta1 and theta0 allow for, to SPOT's favour; "
        "the sweep has filters that err more. A message counts once its text is over, so the one that convicts has "
        "passed. An acquitted device is tested anew, as published."
    ),
    parameters=(
        Parameter("alpha", _ALPHA, "wrong alarms a test", _PAPER),
        Parameter("beta", _BETA, "misses a test", _PAPER),
        Parameter("theta1", _THETA_1, "of a zombie's messages called spam", _PAPER),
        Parameter("theta0", _THETA_0, "of a normal machine's messages called spam", _PAPER),
        Parameter("filter_finds", _FINDS, "of spam", _MASON),
        Parameter("filter_mistakes", _MISTAKES, "of good mail", _MASON),
    ),
)
