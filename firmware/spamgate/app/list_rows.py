"""What is told of a device's lists: a line about all, and one about each slot.  The same on boards and routers."""

from spamgate.core.compat import const
from spamgate.wire.cursor import FormError
from spamgate.wire.json_text import quote
from spamgate.wire.list_manifest import LIST, PENDING_AT, parse_manifest, split_head

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Any, Callable

    from spamgate.store.list_slots import ListSlots

    Send = Callable[[str], object]

_TOLD = ("id", "version", "created", "expires", "names", "class", "board_class", "sha256", "size")


def write_lists(send: "Send", lists: "ListSlots", news: "Any") -> None:
    """Write the lines; `news` says in `job`, `done` and `of` what an update does, in `ok` and `said` how it ended."""
    send('{"type":"lists","list_id":%s,"board_class":"%s",' % (quote(lists.list_id), lists.board_class))
    send('"capacity":%d,"key":"%s",' % (lists.room(), lists.trust.fingerprint()))
    problem = lists.problem or lists.trust.problem
    send('"checked":%s,"problem":%s,' % ("true" if lists.is_checked() else "false", quote(problem)))
    send('"job":"%s","done":%d,"of":%d,' % (news.job, news.done, news.of))
    ok = "null" if news.ok is None else ("true" if news.ok else "false")
    send('"ok":%s,"said":%s}\n' % (ok, quote(news.said)))
    for number in range(len(lists.slots)):
        _write_slot(send, lists, number)


def _write_slot(send: "Send", lists: "ListSlots", number: int) -> None:
    state = "in force" if number == lists.active else "former"
    head = lists.head_of(number)
    manifest = _manifest(head, 0)
    if not manifest:
        manifest = _manifest(head, PENDING_AT)
        state = "unfinished" if manifest else "empty"
    send('{"type":"list","slot":"%s","state":"%s"' % ("ab"[number], state))
    for key in _TOLD if manifest else ():
        value = manifest[key]
        send(',"%s":%s' % (key, quote(value) if isinstance(value, str) else "%d" % value))
    send("}\n")


def _manifest(head: bytes, mark_at: int) -> "dict[str, Any]":
    """Return what a head says whose mark is there, nothing where it is none."""
    try:
        parts = split_head(head, mark_at)
        return parse_manifest(parts.manifest) if parts.magic == LIST else {}
    except FormError:
        return {}
