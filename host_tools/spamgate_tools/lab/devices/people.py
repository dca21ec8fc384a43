"""Who writes to whom, and letters that can be followed from the device to the server's log.

Each letter has an id that no other letter of the run has, in `X-Lab-Message` and as its `Message-ID` (which
mail servers log).  Devices of one run have different names, so ids need nothing else to differ.
"""

import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from email.utils import formatdate

HEADER = "X-Lab-Message"

_FIRST = ("anna", "ben", "carla", "david", "emma", "felix", "greta", "henry", "ida", "jonas", "klara", "leo")
_LAST = ("arnold", "becker", "cole", "dietz", "evans", "fuchs", "gray", "hill", "ivers", "jansen", "kern", "lang")
_TRADES = ("bakery", "clinic", "design", "garage", "hotel", "logistics", "museum", "optics", "school", "travel")
_OFFERS = (
    "Dear {name}, a sample offer number {number} is waiting for you.",
    "{name}! This is line {number} of a sample message.",
    "Hello {name}, sample watches at a sample price, offer {number}.",
)


@dataclass
class Letter:
    """One message and how often it was tried."""

    id: str
    sender: str
    recipients: tuple[str, ...]
    text: str
    attempts: int = field(default=0, compare=False)


class Writer:
    """Makes the letters of one device."""

    def __init__(self, device: str, seed: int) -> None:
        self._prefix = f"{device}.{seed}"
        self._count = 0

    def letter(self, sender: str, recipients: Iterable[str], subject: str, lines: Iterable[str]) -> Letter:
        """Write one."""
        self._count += 1
        name = f"{self._prefix}.{self._count}"
        recipients = tuple(recipients)
        head = (
            f"From: <{sender}>",
            f"To: {', '.join(f'<{recipient}>' for recipient in recipients[:3])}",
            f"Subject: {subject}",
            f"Date: {formatdate()}",
            f"Message-ID: <{name}@lab.example>",
            f"{HEADER}: {name}",
            "MIME-Version: 1.0",
            "",
        )
        return Letter(name, sender, recipients, "".join(f"{line}\r\n" for line in (*head, *lines)))


def mailbox(dice: random.Random) -> str:
    """Return the part of an address before the @."""
    return f"{dice.choice(_FIRST)}.{dice.choice(_LAST)}{dice.randint(1, 9999)}"


def stranger(dice: random.Random) -> str:
    """Return a domain that nobody has: as a forged sender."""
    return f"{dice.choice(_LAST)}-{dice.choice(_TRADES)}{dice.randint(1, 9999)}.example"


def template(dice: random.Random, recipient: str) -> list[str]:
    """Return the lines of a template message: the same offer with other names and numbers."""
    name = recipient.partition(".")[0].capitalize()
    offer = dice.choice(_OFFERS)
    return [offer.format(name=name, number=number) for number in range(1, dice.randint(4, 40))]
