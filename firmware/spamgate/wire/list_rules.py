"""Which lists are not taken, whoever has signed them: each refusal in one line, with what to do about it.

They answer the attacks of TUF's security model: a list that was good once (rollback), or for ever (freeze), or whose
version leaves no number for the next (fast-forward); and one that was made for somebody else.
"""

from spamgate.core.compat import const
from spamgate.core.errors import SpamgateError
from spamgate.wire.list_manifest import FORMAT

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Any

VERSION_S = 60  # a version is no greater than the minutes since 1970 when it was made

_MOST_AHEAD_S = const(86400)  # how far the clock of whoever signs may be ahead
_VERSION_S = const(60)
ANY_CLASS = "any"


class RefusedError(SpamgateError):
    """A list that is not taken; `hint` says what to do."""

    def __init__(self, text: str, hint: str = "") -> None:
        super().__init__(text)
        self.text = text
        self.hint = hint


class InForceError(RefusedError):
    """This very list is in force already: nothing is to be done, and nothing is wrong."""


def check_format(manifest: "dict[str, Any]") -> None:
    """Refuse what a later firmware may understand."""
    if manifest["format"] != FORMAT:
        raise RefusedError("the list has format %d, not %d" % (manifest["format"], FORMAT), "update this firmware")


def check_owner(manifest: "dict[str, Any]", list_id: str, board_class: str) -> None:
    """Refuse what was made for somebody else."""
    if manifest["id"] != list_id:
        text = "the list is '%s', and this is for '%s'" % (manifest["id"], list_id)
        raise RefusedError(text, "push that one, or set list_id")
    if manifest["board_class"] not in (ANY_CLASS, board_class):
        text = "the list is for boards of class %s, not %s" % (manifest["board_class"], board_class)
        raise RefusedError(text, "build it with --board-class " + board_class)


def check_time(manifest: "dict[str, Any]", now_s: int) -> None:
    """Refuse what is too old or from the future; `now_s` is the UNIX time, 0 where it is not known."""
    if not now_s:
        raise RefusedError("the time of day is not known here, nor whether the list expired", "set the clock")
    created = manifest["created"]
    if created > now_s + _MOST_AHEAD_S:
        raise RefusedError("the list was made in the future", "set the clocks here and where it was signed")
    if manifest["version"] > created // _VERSION_S:
        text = "version %d is ahead of the time when it was made" % manifest["version"]
        raise RefusedError(text, "sign the list again without --version")
    if manifest["expires"] <= now_s:
        raise RefusedError("the list expired %d hours ago" % ((now_s - manifest["expires"]) // 3600), "sign it again")


def check_newer(manifest: "dict[str, Any]", active: "dict[str, Any] | None") -> None:
    """Refuse what is not newer than the list in force."""
    if active is None or manifest["version"] > active["version"]:
        return
    if manifest["sha256"] == active["sha256"]:
        raise InForceError("this list is in force already")
    text = "version %d is not newer than %d, which is in force" % (manifest["version"], active["version"])
    raise RefusedError(text, "sign the list again, with a greater version")
