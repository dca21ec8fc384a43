"""What makes one board this board: a serial for people, the MAC of its chip, and a key that only it and we know."""

import re
import secrets
from dataclasses import dataclass, field

from spamgate_tools.errors import UserError

KEY_BYTES = 32
SERIAL_RULE = "1 to 32 letters, digits and ._-, the first a letter or digit"

_SERIAL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}")
_MAC = re.compile(r"[0-9a-f]{12}")
_SEPARATORS = str.maketrans("", "", ":-. ")
_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # read aloud and typed off a label, none is taken for another
_DIGITS = 4


@dataclass(frozen=True)
class Identity:
    """Who a board is; the key stays out of its text form, and so out of logs."""

    serial: str
    mac: str
    board: str
    link_key: bytes = field(repr=False)

    def document(self) -> dict[str, str]:
        """Return what the board keeps as identity.json; a secret, for the key is in it."""
        return {"serial": self.serial, "board": self.board, "link_key": self.link_key.hex()}


def new_key() -> bytes:
    """Return a key that nobody can guess."""
    return secrets.token_bytes(KEY_BYTES)


def new_tag() -> str:
    """Return the letters that keep the serials of one inventory apart from those of all others."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(4))


def counted_serial(prefix: str, number: int) -> str:
    """Return the serial with this number."""
    return f"{prefix}{number:0{_DIGITS}d}"


def read_serial(text: str, where: str) -> str:
    """Return a serial as people wrote it, or say what is wrong with it."""
    if not _SERIAL.fullmatch(text):
        raise UserError(f"{where}: no serial: {text[:40]!r}", f"a serial is {SERIAL_RULE}")
    return text


def read_mac(text: str, where: str) -> str:
    """Return a MAC in small letters with colons, however it was written."""
    digits = text.lower().translate(_SEPARATORS)
    if not _MAC.fullmatch(digits):
        raise UserError(f"{where}: no MAC: {text[:40]!r}", "write it as 24:0a:c4:00:00:01")
    return ":".join(digits[at : at + 2] for at in range(0, 12, 2))
