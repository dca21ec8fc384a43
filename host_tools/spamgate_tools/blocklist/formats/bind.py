"""BIND's configuration: a `zone` of which the server is the master, with next to nothing in it, blocks a name.

Statements may stretch over lines; what lies between them is not looked at.
"""

import re

from spamgate_tools.blocklist.intake import Intake

SENSE = "a zone of BIND's is a name and everything below it"

_BODY = rb"\{((?:[^{}]++|\{[^{}]*+\})*+)\}"  # with lists of addresses and the like in it; never tried twice
_ZONE = re.compile(rb'\bzone\s+"([^"\s]{1,300})"\s*(?:in\s*)?' + _BODY, re.IGNORECASE)
_BEGINS = re.compile(rb"^[ \t]*zone\b", re.MULTILINE | re.IGNORECASE)
_MASTER = re.compile(rb"\btype\s+(?:master|primary)\b", re.IGNORECASE)
_NOT_OURS = (b".in-addr.arpa", b".ip6.arpa")


def read(intake: Intake) -> None:
    """Take the names of the zones that BIND itself answers for."""
    at = lines = 0
    data = _without_comments(intake.data)
    for found in _ZONE.finditer(data):
        lines += data.count(b"\n", at, found.start())
        at = found.start()
        intake.number = lines + 1
        intake.raw = found[0][:200]
        name = found[1].lower()
        if not _MASTER.search(found[2]):
            intake.skip("zone of another type")
        elif name == b"localhost" or name.rstrip(b".").endswith(_NOT_OURS):
            intake.skip("the machine's own names")
        else:
            intake.block(name)
    unread = sum(1 for _ in _BEGINS.finditer(data)) - sum(1 for _ in _ZONE.finditer(data))
    if unread > 0:
        intake.raw = b"zone"
        intake.skip("zone that is not written as BIND wants it", unread)


def _without_comments(data: bytes) -> bytes:
    """Return the text without comments, with as many lines as before."""
    data = re.sub(rb"(?m)^[ \t]*(?://|#).*$", b"", data)
    pieces: list[bytes] = []
    at = 0
    while (begin := data.find(b"/*", at)) >= 0:
        end = data.find(b"*/", begin + 2)
        end = len(data) if end < 0 else end + 2
        pieces += (data[at:begin], b"\n" * data.count(b"\n", begin, end))
        at = end
    return b"".join((*pieces, data[at:]))
