"""Lines of the event log that are about no device's state: starts, stops, errors, actions."""

from spamgate.core.compat import const
from spamgate.wire.events import epoch

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from spamgate.core.engine import Engine
    from spamgate.wire.events import Write


def write_event(write: "Write", engine: "Engine", kind: str, fields: "list[tuple[str, str]]") -> None:
    """Write the line for anything else that happens; `fields` are keys and their values as JSON."""
    rest = "".join([',"%s":%s' % field for field in fields])
    write('{"type":"%s","t":%s%s}\n' % (kind, epoch(engine.now_s + engine.skew_s, engine.now_us), rest))
