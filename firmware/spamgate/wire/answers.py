"""How every request is answered in the end, whatever it was: done, or an error with a hint.

Apart from the requests (`messages.py`) because a board reads one, forgets how to, and only then answers it.
"""

from spamgate.core.errors import SpamgateError
from spamgate.wire.json_text import quote

PROTOCOL = 1  # raised whenever the table changes in a way that the other side must know of
LINE_BYTES = 1024  # of a request, with its line end
DONE = '{"type":"done"}\n'
CANCEL = "\x18"  # in a stream of text: the line that was begun is taken back


class MessageError(SpamgateError):
    """A request that cannot be taken or answered; `hint` says what to do about it."""

    def __init__(self, text: str, hint: str = "") -> None:
        super().__init__(text)
        self.hint = hint


def error_line(text: str, hint: str) -> str:
    """Return the line that ends an answer when something is wrong."""
    return '{"type":"error","text":%s,"hint":%s}\n' % (quote(text), quote(hint))
