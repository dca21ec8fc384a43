"""Unbound's configuration: a `local-zone` of a type that answers nothing means a name and everything below it.

`local-data` with an address that leads nowhere blocks its name only.  A zone whose data leads somewhere answers for a
name, which no list can hold.  The longest zone decides, so a zone of a type that resolves as usual is an exception.
"""

import re

from spamgate_tools.blocklist.entry import DOMAIN, EXACT
from spamgate_tools.blocklist.formats.hosts import NOWHERE
from spamgate_tools.blocklist.intake import Intake
from spamgate_tools.blocklist.longest import drop_idle_exceptions
from spamgate_tools.blocklist.names import NoName, wire_name

SENSE = "a local-zone is a name and everything below it, a lone local-data that name only"

_SETTING = re.compile(rb"([a-z0-9-]+)\s*:\s*(.*)")
_ZONE = re.compile(rb"[\"']?([^\s\"']+)[\"']?\s+[\"']?([a-z_]+)[\"']?")
_DATA = re.compile(rb"[\"']?([^\s\"']+)\s+(?:\d+\s+)?(?:IN\s+)?([A-Za-z0-9]+)\s+(.*?)[\"']?", re.IGNORECASE)
_BLOCKING = frozenset(
    b"always_nxdomain always_null always_nodata always_refuse always_deny deny refuse static redirect inform_deny "
    b"inform_redirect".split()
)
_PASSING = frozenset(b"transparent typetransparent always_transparent inform".split())
_HEADINGS = frozenset(b"server view".split())


def read(intake: Intake) -> None:
    """Take the zones and the data that block."""
    answering: set[bytes] = set()
    for line in intake.lines():
        if line[:1] == b"#":
            continue
        found = _SETTING.fullmatch(line.partition(b" #")[0].rstrip())
        setting, value = found.groups() if found else (b"", b"")
        if setting == b"local-zone":
            _read_zone(intake, value)
        elif setting == b"local-data":
            _read_data(intake, value, answering)
        elif setting not in _HEADINGS or value:
            intake.skip("setting that is about no name")
    _drop_answering(intake, answering)
    drop_idle_exceptions(intake)


def _read_zone(intake: Intake, value: bytes) -> None:
    found = _ZONE.fullmatch(value)
    name, sort = found.groups() if found else (b"", b"")
    if sort in _BLOCKING:
        intake.block(name, DOMAIN)
    elif sort in _PASSING:
        intake.allow(name, DOMAIN)
    else:
        intake.skip("zone of another type" if found else "not a zone")


def _read_data(intake: Intake, value: bytes, answering: set[bytes]) -> None:
    found = _DATA.fullmatch(value)
    if not found:
        intake.skip("not a record")
        return
    name, rtype, data = found.groups()
    if rtype.upper() in (b"A", b"AAAA") and data.strip() in NOWHERE:
        intake.block(name, EXACT)
        return
    intake.skip("answer with data of its own")
    try:
        answering.add(wire_name(name))
    except NoName:
        pass  # and no zone of that name was taken either


def _drop_answering(intake: Intake, answering: set[bytes]) -> None:
    """Leave out the zones that answer with data of their own, and data that a zone of the same name covers."""
    blocked = intake.entries.blocked
    held = blocked[DOMAIN] & answering
    blocked[DOMAIN] -= held
    blocked[EXACT] -= answering
    blocked[EXACT] -= blocked[DOMAIN]
    if held:
        intake.notes.append(f"{len(held)} zones are left out: they answer with data of their own")
