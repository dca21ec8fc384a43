"""Times as small integers: milliseconds that only move forward and wrap every six days, and seconds since 2004."""

from spamgate.core.compat import const

LATER_S = 1 << 30  # taken from every UNIX time, so that it is a small integer until 2038

_WRAP = const((1 << 29) - 1)


def elapsed(now_ms: int, since_ms: int) -> int:
    """Return the milliseconds from `since_ms` to `now_ms`, both as a monotonic clock gave them; below 2**29."""
    return (now_ms - since_ms) & _WRAP
