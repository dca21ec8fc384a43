"""Say what went wrong on the way to a board's flash: the cause in one line, and what to do about it."""

import errno

from serial import SerialException

from spamgate_tools.errors import UserError

NO_PORT = "no port"
BUSY = "busy"
NO_ANSWER = "no answer"
CUT = "cut"
NOISE = "noise"
WRONG_CHIP = "wrong chip"
WRONG_IMAGE = "wrong image"
NO_FIT = "does not fit"
DIFFERENT = "verify"


class FlashError(UserError):
    """A board was not flashed.  `kind` is one of a few words for programs; the board can always be flashed again."""

    def __init__(self, cause: str, hint: str, kind: str) -> None:
        super().__init__(cause, hint)
        self.cause = cause
        self.kind = kind


_HINTS = {
    NO_PORT: "look at the cable; `spamgate boards --ports` lists the ports there are",
    BUSY: "end the program that holds it (a terminal, mpremote, another flash)",
    NO_ANSWER: "hold BOOT, press RESET, let BOOT go, and try again; some cables only charge",
    CUT: "connect it again and repeat the command: nothing on the board is lost for good",
    NOISE: "try a shorter cable, another socket, or --baud 115200",
}
_CAUSES = {
    NO_PORT: "there is no such port",
    BUSY: "another program has this port",
    NO_ANSWER: "no bootloader answers",
    CUT: "the board went away",
    NOISE: "bytes were damaged on the line",
}


def explain(port: str, stage: str, error: Exception) -> FlashError:
    """Turn what esptool or the operating system said into a cause and a hint."""
    kind = _kind(stage, error)
    during = f" (while it should {stage})" if stage != "connect" else ""
    return FlashError(f"{port}: {_CAUSES[kind]}{during}", _HINTS[kind], kind)


def _kind(stage: str, error: Exception) -> str:
    text = str(error)
    number = getattr(error, "errno", None)
    if number == errno.ENOENT or "No such file" in text:
        return NO_PORT
    if number in (errno.EBUSY, errno.EAGAIN, errno.EACCES) or "exclusively lock" in text:
        return BUSY
    if isinstance(error, (SerialException, OSError)):
        return CUT
    if stage == "connect":
        return NO_ANSWER
    if any(word in text for word in _NOISY):
        return NOISE
    return CUT


_NOISY = ("hecksum", "Invalid head", "SLIP escape", "doesn't match", "Inflate", "Deflate", "Digest mismatch", "Corrupt")
