"""Lists of addresses: one address, network or range a line, as firewalls and Spamhaus's DROP have them.

DROP comes in two forms: text with the number of the case behind a semicolon, and one JSON object a line whose last one
describes the file.
"""

import json

from spamgate_tools.blocklist.intake import Intake

SENSE = "addresses and networks; names do not belong here"
_COMMENTS = (b"#", b";", b"//")


def read(intake: Intake) -> None:
    """Take every address, network and range."""
    for line in intake.lines():
        if line.startswith(_COMMENTS):
            continue
        if line[:1] == b"{":
            _read_object(intake, line)
            continue
        text = line.partition(b"#")[0].partition(b";")[0]
        intake.network(text.replace(b" ", b"").replace(b"\t", b""))


def _read_object(intake: Intake, line: bytes) -> None:
    try:
        item = json.loads(line)
    except (ValueError, RecursionError):
        intake.skip("not a JSON object")
        return
    cidr = item.get("cidr") if isinstance(item, dict) else None
    if isinstance(cidr, str):
        intake.network(cidr.encode("utf-8", "replace"))
    elif not isinstance(item, dict) or item.get("type") != "metadata":
        intake.skip("JSON object without a network")
