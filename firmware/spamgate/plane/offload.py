"""Flow offload: established connections that the kernel or the network card forwards past everybody's rules.

Where another program's rules offload flows, mail on port 25 is taken out of what they offload: nobody could see or
stop it any more.  It is done once, with `nft`, by replacing the rule; on stop the rule gets its old text back.  Where
that fails observation is degraded, and says so.
"""

import os

from spamgate.core.compat import const

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Callable, Iterable

# Not `!= 25` twice: nft 1.0.6 makes one comparison of both, which port 25 on one side alone passes.  What nft lists
# may say tcp or udp for th, and may leave out `meta l4proto tcp` before it.
_OTHER_PORTS = "port { 0-24, 26-65535 } "
_EXEMPTION = "th d" + _OTHER_PORTS + "th s" + _OTHER_PORTS
_VERBS = ("flow add @", "flow offload @")
_REFUSED = "flow offload: port 25 of %s cannot be exempted, mail that is offloaded is not seen"
_UNKNOWN = "flow offload: the rules cannot be listed, mail that is offloaded is not seen"


class OffloadRule:
    """A rule of another program that offloads: where it stands, and its text up to the verb and from there on."""

    def __init__(self, place: str, handle: str, text: str, at: int) -> None:
        self.place = place  # family, table, chain
        self.handle = handle
        self.condition = text[:at]
        self.action = text[at:]

    def is_exempt(self) -> bool:
        """Does it leave port 25 alone?"""
        return self.condition.endswith("s" + _OTHER_PORTS)

    def exempt_text(self) -> str:
        """Return the rule's text with port 25 taken out."""
        return self.condition + _EXEMPTION + self.action


def find_rules(listing: "Iterable[str]") -> "list[OffloadRule]":
    """Return the offloading rules in the lines that `nft -a list ruleset` prints."""
    rules = []
    table = chain = ""
    for line in listing:
        words = line.split()
        if len(words) > 3 and words[0] == "table":
            table = words[1] + " " + words[2]
        elif len(words) > 2 and words[0] == "chain":
            chain = words[1]
        else:
            text, _, handle = line.strip().rpartition(" # handle ")
            at = max([text.find(verb) for verb in _VERBS])
            if at >= 0:
                rules.append(OffloadRule(table + " " + chain, handle, text, at))
    return rules


class Offload:
    """Looks for offloading rules and exempts port 25; `folder` is for its scratch file.

    `problem` says what could not be done.
    """

    def __init__(self, folder: str) -> None:
        self._file = folder + "/ruleset.txt"
        self._replaced: "list[OffloadRule]" = []
        self.problem = ""

    def exempt(self, report: "Callable[[str], None]") -> None:
        """Take port 25 out of every rule that offloads."""
        self.problem = ""
        for rule in self._rules():
            if rule.is_exempt():
                continue
            if self._replace(rule, rule.exempt_text()):
                self._replaced.append(rule)
                report("flow offload: port 25 exempted in %s" % rule.place)
            else:
                self.problem = _REFUSED % rule.place

    def restore(self) -> None:
        """Give the rules their old text back."""
        for rule in self._rules():
            for old in self._replaced:
                if rule.is_exempt() and (rule.place, rule.action) == (old.place, old.action):
                    self._replace(rule, old.condition + old.action)
                    self._replaced.remove(old)
                    break
        self._replaced = []

    def _rules(self) -> "list[OffloadRule]":
        try:
            if os.system("nft -a -t list ruleset >%s 2>/dev/null" % self._file) == 0:
                with open(self._file) as file:
                    return find_rules(file)
        except OSError:
            pass
        self.problem = _UNKNOWN
        return []

    def _replace(self, rule: OffloadRule, text: str) -> bool:
        """Put another text in the rule's place; False where that fails."""
        try:
            with open(self._file, "w") as file:
                file.write("replace rule %s handle %s %s\n" % (rule.place, rule.handle, text))
        except OSError:
            return False
        return os.system("nft -f %s 2>/dev/null" % self._file) == 0
