"""dnsmasq's configuration: `address=/name/`, `local=/name/` and `server=/name/`, which mean a name and all below it.

`server=/name/#` sends a name to the usual resolvers again, so it is an exception.  The longest name decides there.
"""

import re

from spamgate_tools.blocklist.entry import CHILDREN, DOMAIN
from spamgate_tools.blocklist.formats.hosts import NOWHERE
from spamgate_tools.blocklist.intake import Intake
from spamgate_tools.blocklist.longest import drop_idle_exceptions

SENSE = "dnsmasq means a name and everything below it"

_SETTING = re.compile(rb"(?:--)?(address|server|local)\s*=\s*/(.*)/([^/]*)")
_NOWHERE = NOWHERE | {b"", b"#"}


def read(intake: Intake) -> None:
    """Take the names that are answered with nothing, and those sent to the usual resolvers again."""
    for line in intake.lines():
        if line[:1] == b"#":
            continue
        found = _SETTING.fullmatch(line.partition(b" #")[0].rstrip())
        if not found:
            intake.skip("setting that is about no name")
            continue
        setting, names, answer = found.groups()
        blocks = answer in _NOWHERE if setting == b"address" else not answer
        if not blocks and setting == b"address":
            intake.skip("answer with an address of its own")
        elif not blocks and answer != b"#":
            intake.skip("name that another resolver is asked about")
        else:
            for name in names.split(b"/"):
                _read_name(intake, name, blocks)
    drop_idle_exceptions(intake)


def _read_name(intake: Intake, name: bytes, blocks: bool) -> None:
    kind = DOMAIN
    if name[:2] == b"*.":
        kind, name = CHILDREN, name[2:]
    elif name[:1] == b".":
        name = name[1:]
    if name in (b"", b"#"):
        intake.skip("setting that is about no name")
    elif b"*" in name:
        intake.skip("pattern")
    elif blocks:
        intake.block(name, kind)
    else:
        intake.allow(name, kind)
