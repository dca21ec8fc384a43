"""What leads from the list in force to another: a file on the board's flash, taken block by block."""

from spamgate.app.board_lists import DELTA
from spamgate.core.compat import const
from spamgate.store.list_update import DeltaUpdate
from spamgate.wire.answers import MessageError

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Any

    from spamgate.app.board_lists import BoardLists

_HEAD_BYTES = const(2048)  # of a delta: without the marks of progress that a list has room for


def open_delta(lists: "BoardLists", storage: "Any") -> DeltaUpdate:
    """Return the update that the file on flash makes; RefusedError, or MessageError where there is none."""
    head = storage.read_at(DELTA, 0, _HEAD_BYTES)
    if not head:
        raise MessageError("list.sgd: is not there", "put it first")

    def read(offset: int, buf: "bytearray | memoryview") -> int:
        data = storage.read_at(DELTA, _HEAD_BYTES + offset, len(buf))
        buf[: len(data)] = data
        return len(data)

    opened = lists.opened()
    lists.tidy(True)
    try:
        return DeltaUpdate(opened, head, lists.now_s(), read)
    finally:
        lists.tidy(False)
