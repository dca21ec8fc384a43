"""The lists of a board: which one serves, and what is done about another, a little in each turn of the loop.

Only what looks names up stays in memory.  This, and what chooses, checks and writes lists, is imported for the time it
takes: when the board starts, until the list in force was read against its digest; and while somebody talks about lists.
"""

from spamgate.app import collect_early, forget_module, forget_modules
from spamgate.app.board import Body
from spamgate.core.compat import const
from spamgate.core.errors import SpamgateError
from spamgate.hal.steady_clock import wall_s
from spamgate.wire.answers import MessageError
from spamgate.wire.json_text import quote

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Any

    from spamgate.app.board import Program
    from spamgate.store.list_slots import ListSlots

FULL = "list.sgb"  # what the host calls a whole list,
DELTA = "list.sgd"  # and what leads from the list in force to another

HEAD_BYTES = const(4096)
_STEP_BYTES = const(4096)
_GARBAGE_BYTES = const(512)  # while something is imported,
_JOB_BYTES = const(8192)  # and while something is done: to collect takes time, too
_MOST_DELTA_BYTES = const(98304)  # more than 2 percent of a million names take
_BOARD_CLASSES = ((0x2B0000, "8MiB"), (0x210000, "8MiB-ab"), (0xD0000, "4MiB"), (0, "4MiB-ab"))  # by a slot's size
_LATER_S = 1 << 30  # wall_s() counts from there
_WRITERS = (
    "spamgate.app.board_list_commands",
    "spamgate.app.list_rows",
    "spamgate.app.board_list_put",
    "spamgate.app.board_list_delta",
    "spamgate.store.list_update",
    "spamgate.store.list_slots",
    "spamgate.store.list_trust",
    "spamgate.wire.list_delta",
    "spamgate.wire.list_blocks",
    "spamgate.wire.list_rules",
    "spamgate.wire.list_manifest",
    "spamgate.wire.pss",
)


class BoardLists:
    """Two slots of the hardware, and the list in one of them."""

    def __init__(self, program: "Program") -> None:
        self.job = ""  # the name of what is being taken; empty: nothing is
        self.done = self.of = 0  # how much of how much of it
        self.ok: "bool | None" = None  # how the last one ended
        self.said = ""
        self.slots = program.slots
        self.list_id: str = program.settings.list_id
        self.board_class = next(name for size, name in _BOARD_CLASSES if self.slots[0].size >= size)
        self._program = program
        self._lists: "ListSlots | None" = None  # while there is something to do about them
        self._update: "Any" = None

    def start(self) -> None:
        """Put in force what the slots hold."""
        lists = self.opened()
        self._serve(lists)
        self._program.is_list_checked = lists.is_checked()
        self._close()

    def is_busy(self) -> bool:
        """Is there something to do in each turn?"""
        return bool(self.job) or not self._program.is_list_checked

    def opened(self) -> "ListSlots":
        """Return what chooses and checks lists, made if it is not there."""
        if self._lists is None:
            try:
                self.tidy(True)
                self._lists = self._looked()
            except MemoryError:
                self._let_go()  # what was imported
                raise
            finally:
                self.tidy(False)
        return self._lists

    def tidy(self, early: bool) -> None:
        """Collect garbage early, or not: where it lies between what stays, there is no kilobyte in one piece."""
        collect_early(early or bool(self.job) or self._program.engine is None, _GARBAGE_BYTES if early else _JOB_BYTES)

    def _looked(self) -> "ListSlots":
        from spamgate.store.list_slots import ListSlots
        from spamgate.store.list_trust import Trust

        program = self._program
        trust = Trust(program.hardware.storage, program.settings.list_key)
        lists = ListSlots(tuple(self.slots), trust, self.list_id, self.board_class)
        if program.is_list_checked:
            lists.take_over()
        else:
            lists.look()
        return lists

    def close(self) -> None:
        """Whoever has opened has done; forget it where nothing is under way."""
        if not self.is_busy() and self._update is None:
            self._let_go()

    def rest(self) -> None:
        """Nobody talks any more: what came and was not taken is put again."""
        if not self.job:
            self._update = None
            self._close()

    def now_s(self) -> int:
        """Return the UNIX time, 0 where nobody knows it."""
        return wall_s() + _LATER_S if self._program.hardware.clock_set else 0

    def hold(self, update: "Any") -> None:
        """Keep an update that has come whole, or None; `begin` takes it."""
        self._update = update

    def taker(self, fields: "dict[str, Any]") -> "Any":
        """Return what takes the whole list that is to be put; None for a delta, which is a file; MessageError."""
        if self.job:
            raise MessageError("a list is being taken", "wait until it is, then try again")
        lists = self.opened()
        if lists.active != self.active:  # memory was short when it came into force: the free slot is still looked up in
            self._serve(lists)
        if fields["name"] == FULL:
            from spamgate.app.board_list_put import ListPut

            return ListPut(self, self._program.hardware.storage, fields)
        self.close()
        if fields["size"] > _MOST_DELTA_BYTES:
            raise MessageError("%s: too large" % fields["name"], "push the whole list")
        return None

    def begin(self, name: str, update: "Any") -> None:
        """Take a list, in the turns to come."""
        self._update = update
        self.job = name
        self.tidy(False)
        self.ok = None
        self.said = ""
        self.done = 0
        self.of = update.size

    def held(self) -> "Any":
        """Return the update that has come whole, or None."""
        return None if self.job else self._update

    def step(self) -> None:
        """Do a little of what is to be done."""
        try:
            if not self._program.is_list_checked:
                self._check()
            elif self.job:
                self._take()
        except SpamgateError as error:
            hint = getattr(error, "hint", "")
            self._end(False, "%s; %s" % (error, hint) if hint else str(error))
        except (OSError, MemoryError) as error:
            self._recover("the board could not take it: %s %s; push it again" % (type(error).__name__, error))

    def _check(self) -> None:
        lists = self.opened()
        if lists.check_step():
            self._program.tell("list", '"event":"dropped","text":%s' % quote(lists.problem))
            self._serve(lists)
        if lists.is_checked():
            self._program.is_list_checked = True
            self._close()

    def _take(self) -> None:
        self.done = min(self.done + _STEP_BYTES, self.of)
        if self._update.step():
            self._serve(self.opened())
            self._end(True, "")

    def _end(self, ok: bool, said: str) -> None:
        """What was under way is over, one way or the other."""
        if not ok:
            self._program.tell("list", '"event":"refused","text":%s' % quote(said))
        self._program.is_list_checked = True
        if self.job == DELTA:
            self._program.hardware.storage.write(DELTA, ())
        self.ok, self.said, self.job = ok, said, ""
        self.tidy(False)
        self._update = None
        self._close()

    def _recover(self, said: str) -> None:
        """Serve what the slots hold now: the switch may have been made, or not."""
        former = self.active
        self._update = None
        self._let_go()
        try:
            self._serve(self.opened())
        except (OSError, MemoryError):
            pass
        is_taken = self.active != former
        self._end(is_taken, "" if is_taken else said)

    def _serve(self, lists: "ListSlots") -> None:
        """From now on the plane looks names up in the list in force."""
        reader = None
        if lists.active >= 0:
            from spamgate.wire.list_file import ListFile

            try:
                reader = ListFile(Body(self.slots[lists.active]).read_into)
            except (SpamgateError, OSError) as error:
                self._program.report("the list cannot be read: %s" % error)
        program = self._program
        program.plane.use_list(reader)
        problem = lists.problem or lists.trust.problem
        program.list_facts = (lists.active, lists.trust.fingerprint(), problem)
        if reader:
            fields = '"event":"in force","version":%d,"names":%d' % (lists.manifest["version"], reader.names)  # type: ignore[index]
            program.tell("list", fields)
        if problem:
            program.report(problem)

    # --- what is told of them (app/list_rows.py), without looking again ------------------------------------

    @property
    def active(self) -> int:
        """Which slot is in force."""
        return self._program.list_facts[0]

    def room(self) -> int:
        """How long a body may be."""
        return self.slots[0].size - HEAD_BYTES

    def is_checked(self) -> bool:
        """Was the list in force read against its digest?"""
        return self._program.is_list_checked

    def _let_go(self) -> None:
        self._lists = None
        forget_modules(_WRITERS)

    def _close(self) -> None:
        """Forget what is not needed, all of it where nobody is there to ask how it went."""
        self.close()
        if self._lists is None and self._program.link.link is None:
            self._program.lists = None
            forget_module("spamgate.app.board_lists")
