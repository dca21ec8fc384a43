"""What all boards have in common: who they are, how often they started in vain, how much heap is free."""

import gc
import json

from spamgate.core.compat import const
from spamgate.hal.console_line import ConsoleLine
from spamgate.hal.storage import Storage

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Any, Callable

_MOST_IDENTITY_BYTES = const(1024)
_MARK = b"SGs"  # before the count of starts, in memory that others use too
_MOST_STARTS = const(99)
_CTRL_C = const(3)


class Board:
    """The part of a `Hardware` (hal/contract.py) that does not depend on the machine."""

    def __init__(self, folder: str) -> None:
        self.storage = Storage(folder)
        self.line = ConsoleLine()
        self.address = b""
        self.resolvers: "list[str]" = []
        self.trouble = ""
        self.reset_cause = "unknown"
        self.report: "Callable[[str], None]" = print

    def identity(self, key: str) -> str:
        """Return what provisioning wrote into identity.json, or an empty text."""
        try:
            data = self.storage.read_at("identity.json", 0, _MOST_IDENTITY_BYTES)
            return str(json.loads(data).get(key, ""))
        except (OSError, ValueError, AttributeError):
            return ""

    def read_settings(self, text: str) -> "Any":
        """Return the settings that the text asks for."""
        from spamgate.store.board_settings import read_board_settings

        return read_board_settings(text)

    def starts(self) -> int:
        """Count this start; return how many in a row, with this one, did not live.  Call it once."""
        kept = self._recall()
        count = 0
        if self.reset_cause != "power" and len(kept) == len(_MARK) + 1 and kept[: len(_MARK)] == _MARK:
            count = kept[len(_MARK)]
        if self.reset_cause != "soft" or not count:
            count = min(count + 1, _MOST_STARTS)
        self._remember(_MARK + bytes((count,)))
        return count

    def lived(self) -> None:
        """Say that this start is a good one: the next counts from 1."""
        self._remember(_MARK + b"\0")

    def let_break_in(self, may: bool) -> None:
        """Does Ctrl-C on the line interrupt the program?"""
        import micropython

        micropython.kbd_intr(_CTRL_C if may else -1)

    def free_bytes(self) -> int:
        """Return the heap that is free, after a collection."""
        gc.collect()
        mem_free = getattr(gc, "mem_free", None)  # MicroPython
        return mem_free() if mem_free else 0

    def _recall(self) -> bytes:
        """Return what survives a reset, but no power cut."""
        raise NotImplementedError

    def _remember(self, data: bytes) -> None:
        raise NotImplementedError
