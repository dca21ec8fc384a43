"""Ten mails in two minutes, to whomever: the rule that intrusion detectors ship for outgoing spam.

Emerging Threats, sid 2000328, "ET POLICY Outbound Multiple Non-SMTP Server Emails": 10 in 120 s by source, as commonly
cited.  Read: its sibling for incoming mail in the Suricata User Guide, Thresholding Keywords (sid 2002087: content
"mail from|3a|", threshold by source, the tenth alerts), and the rule's title.
"""

from collections import deque
from functools import partial

from spamgate_tools.corpus.facts import Home, Letter
from spamgate_tools.corpus.parameters import Parameter
from spamgate_tools.evaluation.method import Flow
from spamgate_tools.evaluation.methods.cutting import Cutting
from spamgate_tools.evaluation.methods.entry import MethodEntry, Setting

_US = 1000000
_MAILS = 10
_WINDOW_S = 120.0


class ManyMails(Cutting):
    """Cuts off a device that says MAIL FROM `mails` times within `window_s`."""

    name = "many_mails"

    def __init__(self, mails: int = _MAILS, window_s: float = _WINDOW_S) -> None:
        super().__init__()
        self._mails, self._window_us = mails, int(window_s * _US)

    def begin(self, home: Home) -> None:
        """Nobody has said anything yet."""
        super().begin(home)
        self._said: list[deque[int]] = [deque() for _ in home.residents]

    def wrote(self, now_us: int, flow: Flow, letter: Letter) -> None:
        """Count it; the mail that is one too many does not get as far as its text."""
        if not self.concerns(flow):
            return
        said = self._said[flow.device]
        said.append(now_us)
        while said[0] <= now_us - self._window_us:
            said.popleft()
        if len(said) >= self._mails:
            self.alarm(flow.device, now_us)


def _label(mails: int, window_s: float) -> str:
    return f"{mails} mails in {window_s:g} s"


_PUBLISHED = _label(_MAILS, _WINDOW_S)


def sweep() -> list[Setting]:
    """Return fewer mails, and longer windows."""
    settings: list[Setting] = [(_PUBLISHED, ManyMails)]
    for window_s, counts in ((120.0, (2, 3, 5, 20)), (3600.0, (3, 5, 10, 20)), (86400.0, (3, 5, 10, 20, 50))):
        settings += [(_label(count, window_s), partial(ManyMails, count, window_s)) for count in counts]
    return settings


ENTRY = MethodEntry(
    name=ManyMails.name,
    title="10 mails in 120 s",
    citation="Emerging Threats, sid 2000328, ET POLICY Outbound Multiple Non-SMTP Server Emails",
    factory=ManyMails,
    sweep=sweep,
    published=_PUBLISHED,
    reading=(
        "Sees every MAIL FROM on port 25, under TLS too (the rule itself reads plain text only). Its window slides "
        "(the rule's is fixed, and finds less). The tenth mail is cut off before its text."
    ),
    parameters=(
        Parameter("mails", _MAILS, "MAIL FROM", "Emerging Threats 2000328, as commonly cited"),
        Parameter("window", _WINDOW_S, "s", "Emerging Threats 2000328, as commonly cited"),
    ),
)
