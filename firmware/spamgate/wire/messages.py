"""What may be asked of a running gateway: one table of messages, for the control socket and any other link.

A request is one JSON object on a line, `{"type":"explain","device":"02:00:5e:10:00:01"}`.  It is answered by the lines
that belong to it (`message_help.py`) and at the end by `{"type":"done"}` or `{"type":"error","text":...,"hint":...}`.
"""

import json

from spamgate import VERSION
from spamgate.core.compat import const
from spamgate.wire.answers import LINE_BYTES, PROTOCOL, MessageError
from spamgate.wire.fields import ADDRESS, LABEL, Choice, Refused, Whole

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Any

GRANTS = ("none", "submission", "mail-server")
NEEDED = "needed"  # in the place of a default

_NESTED = 16  # opening brackets in a request: none of ours has more than one, a device's name may
_TIME = Whole(0, 0xFFFFFFFF)
_DEVICE = ("device", LABEL, NEEDED)

# Each row has a name and its fields (name, kind, default); `message_help.py` says what each is for.
REQUESTS = (
    ("hello", (("protocol", Whole(0, 65535), PROTOCOL),)),
    ("status", ()),
    ("devices", ()),
    ("explain", (_DEVICE,)),
    ("release", (_DEVICE,)),
    ("grant", (_DEVICE, ("grant", Choice(GRANTS), NEEDED))),
    ("confirm", (_DEVICE,)),
    ("monitor", ()),
    (
        "trace",
        (("time", _TIME, NEEDED), ("port", Whole(0, 65535), 0), ("ip", ADDRESS, ""), ("skew", Whole(0, 3600), 60)),
    ),
    ("lists", ()),
    ("list_apply", (("name", LABEL, NEEDED),)),
)


def parse_request(line: "bytes | bytearray", requests: "tuple[Any, ...]" = REQUESTS) -> "tuple[str, dict[str, Any]]":
    """Return the name of the request and all its fields, checked and with defaults for those left out."""
    given = _parse(line)
    name = given.pop("type", None)
    for row in requests:
        if row[0] == name:
            fields = _fields(row[0], row[1], given)
            if fields.get("protocol", PROTOCOL) != PROTOCOL:
                raise _other_protocol(fields["protocol"])
            return row[0], fields
    names = [row[0] for row in requests]
    from spamgate.wire.nearest import nearest  # only where somebody errs

    meant = nearest(name, names) if isinstance(name, str) else ""
    hint = "did you mean %s?" % meant if meant else "known are " + ", ".join(names)
    raise MessageError("type: %s" % Refused(name, "a request"), hint)


def _parse(line: "bytes | bytearray") -> "dict[Any, Any]":
    if len(line) > LINE_BYTES:
        raise MessageError("a request of more than %d bytes" % LINE_BYTES)
    try:
        text = bytes(line).decode()
        given = json.loads(text) if text.count("{") + text.count("[") <= _NESTED else None
    except (ValueError, TypeError):
        given = None
    if not isinstance(given, dict):
        raise MessageError("a request that is no JSON object", 'write {"type":"status"}')
    return given


def _fields(name: str, rows: "tuple[Any, ...]", given: "dict[Any, Any]") -> "dict[str, Any]":
    fields: "dict[str, Any]" = {}
    for field, kind, default in rows:
        value = given.pop(field, None)
        if value is None and default is NEEDED:
            raise MessageError("%s: %s is missing" % (name, field), "give %s" % kind.allowed)
        try:
            fields[field] = default if value is None else kind.read(value)
        except Refused as refused:
            raise MessageError("%s: %s: %s" % (name, field, refused)) from None
    if given:
        known = ", ".join([row[0] for row in rows]) or "none"
        raise MessageError("%s: %s" % (name, Refused(next(iter(given)), "a field of it")), "its fields: " + known)
    return fields


def _other_protocol(protocol: int) -> MessageError:
    hint = "this is Spamgate %s: use its own `spamgate` command" % VERSION
    return MessageError("protocol %d is not spoken here, protocol %d is" % (protocol, PROTOCOL), hint)
