"""The gateway with a mistake in it: it raises once the file FAIL_WHEN_THERE is there.  For MicroPython."""

import os
import sys

from spamgate.app import gateway

_sign = os.getenv("FAIL_WHEN_THERE")
_tick = gateway.Gateway._tick


def _failing_tick(self, now_ms):
    _tick(self, now_ms)
    try:
        os.stat(_sign)
    except OSError:
        return
    raise RuntimeError("as told")


gateway.Gateway._tick = _failing_tick
sys.exit(gateway.main(sys.argv[1:]))
