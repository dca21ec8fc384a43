"""What the gateway needs from the system before and beside its work: its settings, its log, its memory."""

import sys

from spamgate.app import forget_module
from spamgate.core.compat import const
from spamgate.hal.storage import Storage
from spamgate.store.event_log import EventLog

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from spamgate.store.settings import Settings

_USAGE = "usage: gateway --config FILE"
_MOST_SETTINGS_BYTES = 16384


def print_trace(error: Exception) -> None:
    """Write where an exception came from to standard error."""
    sys.print_exception(error, sys.stderr)  # type: ignore[attr-defined]  # MicroPython's


class Output:
    """Standard output in the place of an event log."""

    def write(self, line: str) -> bool:
        """Write the line."""
        sys.stdout.write(line)
        return True


def open_event_log(settings: "Settings", storage: Storage) -> "EventLog | Output":
    """Return what events are written to."""
    if settings.event_log == "-":
        return Output()
    most_bytes = settings.event_log_kb * 1024
    if not settings.event_log:
        return EventLog(storage, "events.jsonl", most_bytes)
    folder, _, name = settings.event_log.rpartition("/")
    return EventLog(Storage(folder or "/"), name, most_bytes)


def read_config(words: "list[str]") -> "Settings":
    """Return the settings of the file that the command line names; what reads them is needed once, and given back."""
    from spamgate.store.settings import SettingsError, read_settings

    if len(words) != 2 or words[0] != "--config":
        raise SettingsError(_USAGE)
    try:
        with open(words[1]) as file:
            text = file.read(_MOST_SETTINGS_BYTES + 1)
    except OSError as error:
        raise SettingsError("%s: cannot be read: error %s" % (words[1], error.errno)) from None
    settings = read_settings(text)
    forget_module("spamgate.store.settings")
    forget_module("spamgate.store.settings_table")
    forget_module("spamgate.store.kinds")
    return settings
