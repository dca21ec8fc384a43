"""What may be asked over a link beside the requests of `messages.py`: what makes a board ready and keeps it well.

Apart from those because a gateway's control socket does not take them: whoever may use that has the machine.
"""

from spamgate.wire.fields import LABEL, Text, Whole, is_printable
from spamgate.wire.messages import NEEDED, REQUESTS


def _json(text: str) -> str:
    if not is_printable(text, 900):
        raise ValueError
    return text


_COUNT = Whole(0, 0xFFFFFFFF)

LINK_REQUESTS = REQUESTS + (
    ("settings", ()),
    ("set", (("name", LABEL, NEEDED), ("value", Text(_json, "JSON of up to 900 characters"), NEEDED))),
    ("journal", (("since", _COUNT, 0),)),
    ("clock", (("time", _COUNT, NEEDED),)),
    ("metrics", ()),
    ("reset", ()),
    ("put", (("name", LABEL, NEEDED), ("size", _COUNT, NEEDED), ("sha256", LABEL, NEEDED))),
)
