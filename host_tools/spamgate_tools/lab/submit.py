"""Hand letters to the mail server of this machine: `python -m spamgate_tools.lab.submit < LETTERS`, one JSON a line."""

import json
import smtplib
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

from spamgate_tools.lab.host import Host

_LOOPBACK = "127.0.0.1"
_SMTP = 25
_TIMEOUT_S = 60


@dataclass(frozen=True)
class Letter:
    """A message with its envelope."""

    sender: str
    recipients: Sequence[str]
    message: bytes


def submit(host: Host, letters: Iterable[Letter]) -> None:
    """Hand letters to the mail server on `host` as a program there does, over one connection."""
    rows = (json.dumps({**asdict(letter), "message": letter.message.decode("latin-1")}) for letter in letters)
    host.run([sys.executable, "-m", __name__], input="\n".join(rows))


def main() -> None:
    with smtplib.SMTP(_LOOPBACK, _SMTP, "localhost", timeout=_TIMEOUT_S) as session:
        for line in sys.stdin:
            row = json.loads(line)
            refused = session.sendmail(row["sender"], row["recipients"], row["message"].encode("latin-1"))
            if refused:
                raise SystemExit(f"the mail server refused {refused}")


if __name__ == "__main__":
    main()
