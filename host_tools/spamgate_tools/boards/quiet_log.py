"""Keep esptool silent, and hand its progress to whoever flashes in the same thread.

esptool has one logger a process; many ports are flashed at once, each in a thread.  So there is one logger of ours,
installed when first needed, that knows by the thread where progress belongs and prints nothing, ever.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from esp_pylib.logger import EspLog, EspLogBase
from esptool.reset import ResetStrategy

Heard = Callable[[int, int], None]  # done, of how many

_here = threading.local()


class QuietLog(EspLogBase):
    """What esptool believes to be its terminal."""

    def _swallow(self, *_: object, **__: object) -> None:
        """Say nothing: what matters comes as an exception."""

    print = err = warn = note = hint = debug = warning = error = set_verbosity = _swallow

    def progress_bar(self, cur_iter: int, total_iters: int, *_: object, **__: object) -> None:
        """Pass progress on to the thread's listener, if there is one."""
        heard: Heard | None = getattr(_here, "heard", None)
        if heard is not None:
            heard(cur_iter, total_iters)


_QUIET = QuietLog()


def silence_esptool() -> None:
    """Install our logger in place of esptool's."""
    EspLog.instance = _QUIET
    ResetStrategy.print_once.print_callback = _QUIET.warn  # it holds on to the logger of its first import


@contextmanager
def progress_to(heard: Heard) -> Iterator[None]:
    """Hand this thread's progress to `heard` for a while."""
    _here.heard = heard
    try:
        yield
    finally:
        _here.heard = None
