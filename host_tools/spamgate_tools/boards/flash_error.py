"""Say what went wrong on the way to a board's flash: the cause in one line, and what to do about it."""

import errno

from serial import SerialException

from spamgate_tools.errors import UserError

NO_PORT = "no port"
DENIED = "no permission"
BUSY = "busy"
NO_ANSWER = "no answer"
CUT = "cut"
SILENT = "silent"
NOISE = "noise"
WRONG_CHIP = "wrong chip"
WRONG_IMAGE = "wrong image"
NO_FIT = "does not fit"
DIFFERENT = "verify"
LOCKED = "locked"

OPEN, CONNECT = "open", "connect"  # the stages before anything of the board is touched


class FlashError(UserError):
    """A board was not flashed.  `kind` is a word for programs; the board can always be flashed again."""

    def __init__(self, cause: str, hint: str, kind: str) -> None:
        super().__init__(cause, hint)
        self.cause = cause
        self.kind = kind


_WORDS = {
    NO_PORT: ("there is no such serial port", "look at the cable; `spamgate boards --ports` lists those there are"),
    DENIED: ("you may not use this port", "join the group that owns it (dialout or uucp), then log in again"),
    BUSY: ("another program uses this port", "end that program (a terminal, mpremote, another flash)"),
    NO_ANSWER: ("no bootloader answers", "hold BOOT, press RESET, let BOOT go, and try again; some cables only charge"),
    CUT: ("the board went away", "connect it again and repeat the command"),
    SILENT: ("the board stopped answering", "press RESET and repeat the command; a weak USB socket can be the cause"),
    NOISE: ("bytes were damaged on the line", "repeat the command with a shorter cable, or with --baud 115200"),
    WRONG_IMAGE: ("what should be written is for another chip", "take what was made or read for this one"),
    LOCKED: ("its chip takes only firmware that its maker has signed or encrypted", "this board cannot be used"),
}
_LOCKED = ("Secure Boot", "encryption", "ecurity features", "ecure download", "Secure Download")
_NOISY = ("hecksum", "Invalid head", "SLIP escape", "match request", "nflate", "eflate", "Digest mismatch", "Corrupt")
_OPENING = {
    errno.EACCES: DENIED,
    errno.EPERM: DENIED,
    errno.EBUSY: BUSY,
    errno.EAGAIN: BUSY,
}


def explain(port: str, stage: str, error: Exception) -> FlashError:
    """Turn what esptool or the operating system said into a cause and a hint."""
    kind = _kind(stage, error)
    cause, hint = _WORDS[kind]
    during = "" if stage in (OPEN, CONNECT) else f" (while it should {stage})"
    return FlashError(f"{port}: {cause}{during}", hint, kind)


def _kind(stage: str, error: Exception) -> str:
    text = str(error)
    if stage == OPEN:
        return _OPENING.get(getattr(error, "errno", None) or 0, NO_PORT)
    if isinstance(error, (SerialException, OSError)):
        return CUT
    if "Failed to connect" in text:
        return NO_ANSWER
    if "Use --force to flash anyway" in text:
        return WRONG_IMAGE
    if any(word in text for word in _LOCKED):
        return LOCKED
    if any(word in text for word in _NOISY):
        return NOISE
    return SILENT
