"""Time that only moves forward, in milliseconds, as small integers: they wrap every six days."""

from spamgate.core.compat import const

_WRAP = const((1 << 29) - 1)


def elapsed(now_ms: int, since_ms: int) -> int:
    """Return the milliseconds from `since_ms` to `now_ms`, both as a monotonic clock gave them; below 2**29."""
    return (now_ms - since_ms) & _WRAP
