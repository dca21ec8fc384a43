"""What each request is for and which lines answer it, in words; and the whole table of messages as text to read.

Apart from the table because a gateway has no need of it.
"""

from spamgate.wire.answers import LINE_BYTES, PROTOCOL
from spamgate.wire.json_text import quote
from spamgate.wire.link_messages import LINK_REQUESTS
from spamgate.wire.messages import NEEDED

HELP = {
    "hello": (("hello",), "which version and protocol is spoken; over a link also who the board is"),
    "status": (("status",), "how the gateway is"),
    "devices": (("device",), "a line for each device of the home"),
    "explain": (("verdict", "device", "explain"), "why a device is in its state"),
    "release": (("action",), "let a device go; its score is halved"),
    "grant": (("action",), "what a device may send from now on"),
    "confirm": (("action",), "the owner confirms a quarantine: 554 instead of 421"),
    "monitor": (("device",), "the devices, and after the end of the answer every event as it happens"),
    "trace": (("trace",), "which device had an outgoing connection at a time (UNIX seconds); port 0: any"),
    "lists": (("lists", "list"), "the blocklist in force: each slot, what an update does, how the last one ended"),
    "list_apply": (("list_apply",), "take a list that was put, list.sgb or list.sgd; `lists` says how it goes"),
    "settings": (("setting",), "over a link: a line for each setting; of secrets only whether they are set"),
    "set": (("set",), "over a link: give a setting another value, as JSON, from the next start on"),
    "journal": (("verdict", "action"), "over a link: the events since a time (UNIX seconds), as in the event log"),
    "clock": (("clock",), "over a link: set the time of day (UNIX seconds)"),
    "metrics": (("metrics",), "over a link: numbers about the board"),
    "reset": (("reset",), "over a link: start anew once this answer has arrived"),
    "put": (
        ("put",),
        "over a link: put a file; `put` says behind which offset its bytes are to follow, as the link's binary content",
    ),
}


def dump() -> str:
    """Return the table as text to read."""
    lines = ["protocol %d, one JSON object a line of up to %d bytes" % (PROTOCOL, LINE_BYTES)]
    for name, fields in LINK_REQUESTS:
        answers, what = HELP[name]
        lines.append("%s: %s; answered by %s" % (name, what, ", ".join(answers)))
        for field, kind, default in fields:
            least = "needed" if default is NEEDED else "left out: %s" % (quote(default) if default == "" else default)
            lines.append("    %s: %s (%s)" % (field, kind.allowed, least))
    return "\n".join(lines) + "\n"
