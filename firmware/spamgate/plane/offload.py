"""Flow offload: established connections that the kernel or the network card forwards past everybody's rules.

Where another program's rules offload flows, mail on port 25 is taken out of what they offload: nobody could see or
stop it any more.  It is done once, with `nft`, by replacing the rule; on stop the rule gets its old text back.  Where
that fails observation is degraded, and says so.
"""

import os

from spamgate.wire.nft import NEW_FLOW_TABLE, ask_flow_tables

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    from spamgate.plane.netfilter import Netfilter

_EXEMPTION = "th dport != 25 th sport != 25 "
_VERBS = ("flow add @", "flow offload @")
_OTHERS = "flow offload: port 25 of %s cannot be exempted, mail that is offloaded is not seen"


class OffloadRule:
    """A rule of another program that offloads: where it stands, and its text."""

    def __init__(self, place: str, handle: str, text: str) -> None:
        self.place = place  # family, table, chain
        self.handle = handle
        self.text = text

    def is_exempt(self) -> bool:
        """Does it leave port 25 alone?"""
        return _EXEMPTION in self.text

    def exempt_text(self) -> str:
        """Return the rule's text with port 25 taken out."""
        for verb in _VERBS:
            at = self.text.find(verb)
            if at >= 0:
                return self.text[:at] + _EXEMPTION + self.text[at:]
        return self.text


def find_rules(listing: str) -> "list[OffloadRule]":
    """Return the offloading rules in what `nft -a list ruleset` prints."""
    rules = []
    table = chain = ""
    for line in listing.split("\n"):
        words = line.strip().split(" ")
        if words[0] == "table" and len(words) >= 3:
            table = words[1] + " " + words[2]
        elif words[0] == "chain" and len(words) >= 2:
            chain = words[1]
        elif any([verb in line for verb in _VERBS]) and "# handle " in line:
            text, _, handle = line.strip().rpartition(" # handle ")
            rules.append(OffloadRule(table + " " + chain, handle, text))
    return rules


class Offload:
    """Looks for offloading rules and exempts port 25.  `problem` says what could not be done."""

    def __init__(self, folder: str, kernel: "Netfilter") -> None:
        self._kernel = kernel
        self._file = folder + "/ruleset.txt"
        self._replaced: "list[OffloadRule]" = []
        self.problem = ""

    def exempt(self, report: "Callable[[str], None]") -> None:
        """Take port 25 out of every rule that offloads.  Cheap where nothing does."""
        self.problem = ""
        for rule in self._rules():
            if rule.is_exempt():
                continue
            if self._replace(rule, rule.exempt_text()):
                self._replaced.append(rule)
                report("flow offload: port 25 exempted in %s" % rule.place)
            else:
                self.problem = _OTHERS % rule.place

    def restore(self) -> None:
        """Give the rules their old text back."""
        for current in self._rules():
            if current.is_exempt():
                current_text = current.text.replace(_EXEMPTION, "")
                if any([old.text == current_text for old in self._replaced]):
                    self._replace(current, current_text)
        self._replaced = []

    def _rules(self) -> "list[OffloadRule]":
        if not self._kernel.count(ask_flow_tables(self._kernel.request), NEW_FLOW_TABLE):
            return []
        if os.system("nft -a list ruleset >%s 2>/dev/null" % self._file):
            return []
        with open(self._file) as file:
            return find_rules(file.read())

    def _replace(self, rule: OffloadRule, text: str) -> bool:
        return os.system("nft replace rule %s handle %s '%s' 2>/dev/null" % (rule.place, rule.handle, text)) == 0

