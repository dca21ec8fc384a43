"""The requests about lists."""

from spamgate.app.board_lists import DELTA, FULL
from spamgate.core.compat import const
from spamgate.wire.answers import MessageError
from spamgate.wire.list_manifest import DELTA_HEAD_BYTES

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Any, Callable

    Send = Callable[[str], object]


class ListCommands:
    """Answers them for one board that takes lists."""

    def __init__(self, program: "Any") -> None:
        self._program = program
        self._lists = program.open_lists()
        self._storage = program.hardware.storage
        if self._lists is None:
            raise MessageError("no lists are taken here", "set list_key to your public key, then reset the board")

    def lists(self, fields: "dict[str, Any]", send: "Send") -> None:
        """What is in the slots, and how the last update ended."""
        from spamgate.app.list_rows import write_facts

        _, key, problem = self._program.list_facts
        write_facts(send, self._lists, self._lists, key, problem)

    def list_apply(self, fields: "dict[str, Any]", send: "Send") -> None:
        """Begin to take what was put."""
        lists = self._lists
        name = fields["name"]
        if lists.job:
            raise MessageError("a list is being taken", "wait until it is, then try again")
        if name == DELTA:
            lists.hold(None)
            lists.tidy(True)
            head = self._storage.read_at(DELTA, 0, DELTA_HEAD_BYTES)  # while there is room for it in one piece
            from spamgate.app.board_list_delta import open_delta

            update = open_delta(lists, self._storage, head)
        elif name == FULL:
            update = lists.held()
        else:
            raise MessageError("%s: not a list" % name, "put it as list.sgb, or as list.sgd")
        if not update:
            raise MessageError("list.sgb: has not come whole", "put it first")
        lists.begin(name, update)
        send('{"type":"list_apply","name":"%s"}\n' % name)
