"""BIND's response policy zones: what blocks or passes a name that is asked for; all other triggers and actions are
counted.

A zone that has wildcards knows the difference between a name and what is below it, and so does its list.  One without
any is a list of names in a zone's clothing, and read as such.
"""

import re

from spamgate_tools.blocklist.entry import CHILDREN, DOMAIN, EXACT, Entries
from spamgate_tools.blocklist.formats.zone_file import Record, records
from spamgate_tools.blocklist.intake import Intake
from spamgate_tools.blocklist.longest import drop_idle_exceptions, parents
from spamgate_tools.blocklist.names import NoName, wire_name

SENSE = "a trigger of a policy zone"

_USUAL = re.compile(rb"([^\s;\"\\()@$]+)\s+(?:(?:\d+[smhdw]?|IN)\s+)*CNAME\s+([^\s;\"()]+)\s*(?:;.*)?", re.IGNORECASE)
_OTHER_TRIGGERS = frozenset((b"rpz-ip", b"rpz-client-ip", b"rpz-nsdname", b"rpz-nsip"))
_BLOCKS = frozenset((b".", b"*."))  # NXDOMAIN and NODATA
_PASSES = b"rpz-passthru."
_OTHER_ACTIONS = frozenset((b"rpz-drop.", b"rpz-tcp-only."))
_SIGNATURES = frozenset((b"RRSIG", b"NSEC", b"NSEC3", b"NSEC3PARAM", b"DNSKEY", b"CDS", b"CDNSKEY", b"ZONEMD"))


def read(intake: Intake) -> None:
    """Take the names that a policy zone blocks or passes, as exact as it means them."""
    zone = _Zone(intake)
    for record in records(intake, _USUAL):
        zone.take(record)
    zone.finish()


class _Zone:
    """The triggers of one zone, relative to its top."""

    def __init__(self, intake: Intake) -> None:
        self.intake = intake
        self.top: bytes | None = None  # b"": the file does not say; names are then relative to it
        self.has_wildcards = False
        self.others: set[bytes] = set()  # names that are in the zone for something that no list can hold

    def take(self, record: Record) -> None:
        if self.top is None:
            self.top = record.owner.rstrip(b".") if record.rtype == b"SOA" else record.origin
        trigger = self._trigger(record.owner)
        if not trigger or record.rtype in _SIGNATURES:
            return
        last_label = trigger.rpartition(b".")[2]
        if last_label in _OTHER_TRIGGERS:
            self.intake.skip(f"trigger {last_label.decode()}")
            return
        kind = EXACT
        if trigger[:1] == b"*":
            self.has_wildcards = True
            kind, trigger = CHILDREN, trigger[2:]
        if not trigger:
            self.intake.skip("rule for every name")
        else:
            self._act(trigger, kind, record)

    def _trigger(self, owner: bytes) -> bytes:
        """Return the owner's name below the zone's top, b"" for the top itself and for what is outside."""
        top = self.top or b""
        if owner[-1:] != b".":
            return owner  # the file does not say where its top is
        name = owner[:-1]
        if name == top:
            return b""
        if not top:
            self.intake.skip("full name in a zone that does not say its own ($ORIGIN)")
            return b""
        if not name.endswith(b"." + top):
            self.intake.skip("name outside the zone")
            return b""
        return name[: -len(top) - 1]

    def _act(self, name: bytes, kind: int, record: Record) -> None:
        action = record.data.lower() if record.rtype == b"CNAME" else b""
        itself = b"*." + name + b"." if kind == CHILDREN else name + b"."
        if action in _BLOCKS:
            self.intake.block(name, kind)
        elif action in (_PASSES, itself):  # a name that points to itself is how passthru was written once
            self.intake.allow(name, kind)
        else:
            is_other = action in _OTHER_ACTIONS
            self.intake.skip(f"action {action[:-1].decode()}" if is_other else "answer with data of its own")
            self._note_other(name)

    def _note_other(self, name: bytes) -> None:
        try:
            self.others.add(wire_name(name))
        except NoName:
            pass  # then it is below no wildcard that was taken either

    def finish(self) -> None:
        """Settle what plain triggers mean, and tell of what a list cannot mean."""
        intake = self.intake
        entries = intake.entries
        if intake.rpz == "domain" or (intake.rpz == "auto" and not self.has_wildcards):
            _widen(entries)
            why = "as asked for" if intake.rpz == "domain" else "since it has no wildcards"
            intake.notes.append(f"its plain triggers are taken with everything below them, {why}")
        else:
            intake.notes.append("its plain triggers are taken as the name only, its wildcards as what is below")
            self._tell_of_hidden()
        entries.fold()
        drop_idle_exceptions(intake)

    def _tell_of_hidden(self) -> None:
        """A zone applies no wildcard to or below a name that is in it (RFC 4592); a list knows no such thing."""
        blocked, allowed = self.intake.entries.blocked, self.intake.entries.allowed
        wildcards = blocked[CHILDREN]
        if not wildcards:
            return
        plain = blocked[EXACT] | allowed[EXACT] | self.others
        starred = wildcards | allowed[CHILDREN]
        hiding: set[bytes] = set()
        for names in (plain, starred):
            for name in names:
                _add_below(name, wildcards, hiding)
        hiding -= plain & starred
        if hiding:
            count = f"{len(hiding)} names are in the zone below a wildcard"
            self.intake.notes.append(f"{count}; it does not apply to what is below them there, and does so here")


def _add_below(name: bytes, wildcards: set[bytes], hiding: set[bytes]) -> None:
    """Add a name, and those above it, as far as a wildcard is above them: a name makes all above it exist."""
    path = [name]
    for parent in parents(name):
        if parent in wildcards:
            hiding.update(path)
        path.append(parent)


def _widen(entries: Entries) -> None:
    """Take plain triggers with everything below them."""
    for names in (entries.blocked, entries.allowed):
        names[DOMAIN] |= names[EXACT]
        names[EXACT].clear()
        names[CHILDREN] -= names[DOMAIN]
