"""The gateway with a mistake in it: it raises after FAIL_AFTER_TICKS ticks, about ten a second.  For MicroPython."""

import os
import sys

from spamgate.app import gateway

_left = [int(os.getenv("FAIL_AFTER_TICKS"))]
_tick = gateway.Gateway._tick


def _failing_tick(self, now_ms):
    _tick(self, now_ms)
    _left[0] -= 1
    if not _left[0]:
        raise RuntimeError("as told")


gateway.Gateway._tick = _failing_tick
sys.exit(gateway.main(sys.argv[1:]))
