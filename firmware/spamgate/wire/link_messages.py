"""What may be asked over a link beside the requests of `messages.py`: what makes a board ready and keeps it well.

Apart from those because a gateway's control socket does not take them: whoever may use that has the machine.
"""

from spamgate.core.compat import const
from spamgate.wire.fields import LABEL, Text, Whole, is_printable
from spamgate.wire.messages import NEEDED, REQUESTS

MOST_FILE_BYTES = 1 << 28
CANCEL = "\x18"  # in a stream of text: the line that was begun is taken back

_VALUE_CHARACTERS = const(900)
_NAME_CHARACTERS = const(32)
_NAME = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"
_HEX = "0123456789abcdef"


def _value(text: str) -> str:
    if not is_printable(text, _VALUE_CHARACTERS):
        raise ValueError
    return text


def _file_name(text: str) -> str:
    if not 0 < len(text) <= _NAME_CHARACTERS or text.startswith(".") or text.endswith((".part", ".sum")):
        raise ValueError
    return _only(text, _NAME)


def _digest(text: str) -> str:
    if len(text) != 64:
        raise ValueError
    return _only(text, _HEX)


def _only(text: str, letters: str) -> str:
    for letter in text:
        if letter not in letters:
            raise ValueError
    return text


_EPOCH = Whole(0, 0xFFFFFFFF)

LINK_REQUESTS = REQUESTS + (
    ("settings", ()),
    ("set", (("name", LABEL, NEEDED), ("value", Text(_value, "JSON of up to 900 characters"), NEEDED))),
    ("journal", (("since", _EPOCH, 0),)),
    ("clock", (("time", _EPOCH, NEEDED),)),
    ("metrics", ()),
    ("reset", ()),
    (
        "put",
        (
            ("name", Text(_file_name, "a file name of up to 32 letters, digits, dots, _ or -"), NEEDED),
            ("size", Whole(0, MOST_FILE_BYTES), NEEDED),
            ("sha256", Text(_digest, "64 hexadecimal digits, small letters"), NEEDED),
        ),
    ),
)
