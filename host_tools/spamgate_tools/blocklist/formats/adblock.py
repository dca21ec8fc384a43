"""AdBlock and AdGuard rules, as far as DNS can express them: `||name^` and its like, and their exceptions `@@`.

What a rule means for a name, by its marks (AdGuard's DNS filtering syntax): `||` begins at a label, `|` at the name's
beginning, `^` and `|` end where the name ends, `*` is any text.  A rule without them is a piece of text that may stand
anywhere in a name, hence no entry, unless it is a whole name.  Rules about pages, their elements or who asks are none.
"""

import re

from spamgate_tools.blocklist.entry import CHILDREN, DOMAIN, EXACT
from spamgate_tools.blocklist.formats.hosts import read_words
from spamgate_tools.blocklist.intake import Intake
from spamgate_tools.blocklist.names import NoName, wire_name

SENSE = "||name^ is a name and everything below it; so is a name without marks"

_USUAL = re.compile(rb"\|\|([A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*)\^")
_WHOLE_NAME = re.compile(rb"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)+")
_RULE = re.compile(rb"(\|\|?)?(.*?)(\^\|?|\|)?")
_ABOUT_ELEMENTS = re.compile(rb"#[@?$%]*#|#@?[$%?]+#|\$\$|\$@\$")
_ELEMENT = re.compile(rb"#[@?$%]*#[^#\s]")  # else a line that begins so is a comment
_KNOWN_MODIFIERS = (
    "client ctag denyallow dnsrewrite dnstype third-party 3p first-party 1p popup document doc domain script image "
    "stylesheet subdocument xmlhttprequest xhr websocket object media font ping other network app csp redirect "
    "removeparam match-case generichide elemhide badfilter"
)

Rule = tuple[int, bytes, bool]  # the kind, the name in wire form, and whether it is an exception


def read(intake: Intake) -> None:
    """Take what DNS can express, count the rest."""
    reader = _Reader(intake)
    for line in intake.lines():
        usual = _USUAL.fullmatch(line)
        if usual:
            intake.block(usual[1])
        elif line[:1] not in (b"!", b"["):
            reader.read_rule(line)
    reader.finish()


class _Reader:
    """The rules that are more than a name between two marks."""

    def __init__(self, intake: Intake) -> None:
        self.intake = intake
        self.important = 0
        self.open_ended = 0
        self.disabled: set[Rule] = set()

    def read_rule(self, line: bytes) -> None:
        intake = self.intake
        if line[:1] == b"#" and not _ELEMENT.match(line):
            return
        if _ABOUT_ELEMENTS.search(line):
            intake.skip("rule about elements of pages")
            return
        is_exception = line[:2] == b"@@"
        rule = line[2 * is_exception :]
        if rule[:1] == b"/" and (rule[-1:] == b"/" or b"/$" in rule):
            intake.skip("regular expression")
            return
        words = rule.partition(b" #")[0].split()
        if len(words) > 1:
            read_words(intake, words)
            return
        pattern, _, modifiers = rule.partition(b"$")
        is_disabled = False
        for modifier in modifiers.split(b",") if modifiers else ():
            if modifier == b"important":
                self.important += 1
            elif modifier == b"badfilter":
                is_disabled = True
            elif modifier != b"all":
                intake.skip(_modifier_reason(modifier))
                return
        self._read_pattern(pattern, is_exception, is_disabled)

    def _read_pattern(self, pattern: bytes, is_exception: bool, is_disabled: bool) -> None:
        kind, name = _meaning(pattern)
        self.open_ended += kind == DOMAIN and pattern == b"||" + name
        if kind < 0:
            self.intake.skip(name.decode())
        elif is_disabled:
            self._disable(kind, name, is_exception)
        elif is_exception:
            self.intake.allow(name, kind)
        else:
            self.intake.block(name, kind)

    def _disable(self, kind: int, name: bytes, is_exception: bool) -> None:
        try:
            self.disabled.add((kind, wire_name(name), is_exception))
        except NoName as error:
            self.intake.skip(error.reason)

    def finish(self) -> None:
        """Take back what `badfilter` disables, wherever it stood."""
        entries = self.intake.entries
        taken_back = 0
        for kind, name, is_exception in self.disabled:
            names = (entries.allowed if is_exception else entries.blocked)[kind]
            taken_back += name in names
            names.discard(name)
        if taken_back:
            self.intake.notes.append(f"{taken_back} rules are taken back by the modifier badfilter")
        if self.open_ended:
            means = "each is taken as its name and what is below, not as longer names"
            self.intake.notes.append(f"{self.open_ended} rules have no end (^): {means}")
        if self.important:
            note = f"{self.important} rules are marked important: they are taken as others are, and an exception wins"
            self.intake.notes.append(note)


def _meaning(pattern: bytes) -> tuple[int, bytes]:
    """Return the kind and the name that a pattern stands for, or -1 and why it stands for none."""
    found = _RULE.fullmatch(pattern)
    begin, name, end = found.groups() if found else (None, b"", None)
    if b"/" in name:
        return -1, b"rule about an address of a page"
    if not begin and not end:
        marked = name[:1] in (b".", b"*") or b"*" in name
        return (-1, b"pattern without marks") if marked or b"." not in name else (DOMAIN, name)
    if not end and (begin != b"||" or not _WHOLE_NAME.fullmatch(name)):
        return -1, b"pattern without an end (^)"
    if begin == b"||" and name[:1] == b"[" and name[-1:] == b"]":
        return DOMAIN, name[1:-1]
    if name[-1:] == b".":
        return -1, b"not a name"
    kind = {b"||": DOMAIN, b"|": EXACT}.get(begin or b"", -1)
    if name[:2] == b"*." and begin != b"|":
        kind, name = CHILDREN, name[2:]
    elif name[:1] == b"." and not begin:
        kind, name = CHILDREN, name[1:]
    if b"*" in name:
        return -1, b"pattern with *"
    return (kind, name) if kind >= 0 else (-1, b"pattern without a beginning (||)")


def _modifier_reason(modifier: bytes) -> str:
    name = modifier.partition(b"=")[0].lstrip(b"~").decode("ascii", "replace").lower()
    return f"modifier {name}" if name in _KNOWN_MODIFIERS.split() else "modifier that is none of DNS"
