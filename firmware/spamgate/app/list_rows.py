"""What is told of a device's lists: a line about all, and one about each slot.  The same on boards and routers."""

import json

from spamgate.core.compat import const
from spamgate.wire.json_text import quote

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Any, Callable

    Send = Callable[[str], object]

_LIST = b"SGB1"  # as in wire/list_manifest.py, for which there may be no memory
_MARK_BYTES = const(16)
_PENDING_AT = const(2032)
_TOLD = ("id", "version", "created", "expires", "names", "class", "board_class", "sha256", "size")


def write_lists(send: "Send", lists: "Any", news: "Any") -> None:
    """Write the lines; `lists` as a ListSlots.

    `news` says in `job`, `done` and `of` what an update does, in `ok` and `said` how it ended.
    """
    write_facts(send, lists, news, lists.trust.fingerprint(), lists.problem or lists.trust.problem)


def write_facts(send: "Send", lists: "Any", news: "Any", key: str, problem: str) -> None:
    """As `write_lists`, where nobody looks at the slots anew."""
    send('{"type":"lists","list_id":%s,"board_class":"%s",' % (quote(lists.list_id), lists.board_class))
    send('"capacity":%d,"key":"%s",' % (lists.room(), key))
    send('"checked":%s,"problem":%s,' % ("true" if lists.is_checked() else "false", quote(problem)))
    send('"job":"%s","done":%d,"of":%d,' % (news.job, news.done, news.of))
    ok = "null" if news.ok is None else ("true" if news.ok else "false")
    send('"ok":%s,"said":%s}\n' % (ok, quote(news.said)))
    for number in range(len(lists.slots)):
        _write_slot(send, lists, number)


def _write_slot(send: "Send", lists: "Any", number: int) -> None:
    slot = lists.slots[number]
    state = "in force" if number == lists.active else "former"
    manifest = _manifest(slot, 0)
    if not manifest:
        manifest = _manifest(slot, _PENDING_AT)
        state = "unfinished" if manifest else "empty"
    send('{"type":"list","slot":"%s","state":"%s"' % ("ab"[number], state))
    for key in _TOLD if manifest else ():
        value = manifest.get(key)
        send(',"%s":%s' % (key, quote(value) if isinstance(value, str) else json.dumps(value)))
    send("}\n")


def _manifest(slot: "Any", mark_at: int) -> "dict[str, Any]":
    """Return what a slot says whose mark is there, nothing where it is none; believed by nobody."""
    try:
        mark = bytearray(_MARK_BYTES)
        slot.read_into(mark_at, mark)
        size = mark[4] | mark[5] << 8
        if mark[:4] != _LIST or size > _PENDING_AT:
            return {}
        text = bytearray(size)
        slot.read_into(_MARK_BYTES, text)
        manifest = json.loads(bytes(text))
    except (OSError, ValueError):
        return {}
    return manifest if isinstance(manifest, dict) else {}
