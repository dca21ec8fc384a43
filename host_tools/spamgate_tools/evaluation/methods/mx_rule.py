"""MX-query rule: a machine that asks for mail exchangers itself, and is no mail server, carries an SMTP engine.

D. Whyte, P. van Oorschot, E. Kranakis: Addressing SMTP-based Mass-Mailing Activity Within Enterprise Networks, ACSAC
2006 (TR-05-06 of Carleton University, 2005).  Read: the abstracts (one query is enough, no state, detection and
containment within a single mailing attempt).
"""

from functools import partial

from spamgate_tools.corpus.facts import MX, Home, Question
from spamgate_tools.corpus.parameters import Parameter
from spamgate_tools.evaluation.method import PASS, Flow
from spamgate_tools.evaluation.methods.cutting import Cutting
from spamgate_tools.evaluation.methods.entry import MethodEntry, Setting

_US = 1000000
_DOMAINS = 1
_FOREVER_S = 1e9


class MxRule(Cutting):
    """Cuts off at the first connection to port 25 of a device that has asked MX for `domains` within `window_s`."""

    name = "mx_rule"

    def __init__(self, domains: int = _DOMAINS, window_s: float = _FOREVER_S) -> None:
        super().__init__()
        self._domains, self._window_us = domains, int(window_s * _US)

    def begin(self, home: Home) -> None:
        """Nobody has asked yet."""
        super().begin(home)
        self._asked: list[dict[str, int]] = [{} for _ in home.residents]
        self._caught: set[int] = set()

    def asked(self, now_us: int, device: int, question: Question) -> None:
        """Remember of whose mail servers the device asked, and when."""
        if question.qtype != MX or device in self._caught or not self.watches(device):
            return
        asked = self._asked[device]
        asked.pop(question.name, None)
        asked[question.name] = now_us
        while asked[next(iter(asked))] <= now_us - self._window_us:
            del asked[next(iter(asked))]
        if len(asked) >= self._domains:
            self._caught.add(device)

    def attempted(self, now_us: int, flow: Flow) -> float:
        """Cut off whoever has asked too often before."""
        if flow.device in self._caught:
            self.alarm(flow.device, now_us)
        return PASS


_PUBLISHED = "one query"


def sweep() -> list[Setting]:
    """Return the rule with more domains than one, within a day or an hour."""
    settings: list[Setting] = [(_PUBLISHED, MxRule)]
    for domains in (2, 3, 4, 5, 7, 10, 20, 50):
        settings.append((f"{domains} domains in 24 h", partial(MxRule, domains, 86400.0)))
    for domains in (2, 3, 5, 10):
        settings.append((f"{domains} domains in 1 h", partial(MxRule, domains, 3600.0)))
    return settings


ENTRY = MethodEntry(
    name=MxRule.name,
    title="MX-query rule",
    citation="Whyte, van Oorschot, Kranakis, Addressing SMTP-based Mass-Mailing Activity, ACSAC 2006",
    factory=MxRule,
    sweep=sweep,
    published=_PUBLISHED,
    reading=(
        "Sees all DNS that passes the gateway in the clear. The alarm is due at the query; it acts at the device's "
        "first connection to port 25 from then on, which lets nothing more pass and spares those that ask for others "
        "(a home's resolver) and never mail. What asks for A only, or where nobody sees it, is not found."
    ),
    parameters=(Parameter("domains", _DOMAINS, "MX queries", "Whyte et al., ACSAC 2006, abstract"),),
)
