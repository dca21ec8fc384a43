"""What leads from the list in force to another: a file on the board's flash, taken block by block."""

from spamgate.app.board_lists import DELTA
from spamgate.core.compat import const
from spamgate.store.list_update import DeltaUpdate
from spamgate.wire.answers import MessageError
from spamgate.wire.list_manifest import DELTA_HEAD_BYTES

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Any

    from spamgate.app.board_lists import BoardLists


def open_delta(lists: "BoardLists", storage: "Any", head: bytes) -> DeltaUpdate:
    """Return the update that the file on flash with this head makes; RefusedError, or MessageError for none."""
    if not head:
        raise MessageError("list.sgd: is not there", "put it first")

    def read(offset: int, buf: "bytearray | memoryview") -> int:
        data = storage.read_at(DELTA, DELTA_HEAD_BYTES + offset, len(buf))
        buf[: len(data)] = data
        return len(data)

    opened = lists.opened()
    lists.tidy(True)
    try:
        return DeltaUpdate(opened, head, lists.now_s(), read)
    finally:
        lists.tidy(False)
