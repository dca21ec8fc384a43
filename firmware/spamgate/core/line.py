"""What is the home line's fault and not a device's: a provider that blocks port 25, an address on a list."""

from spamgate.core.compat import const

# An open line answers some SYN within ten minutes of mailing; eight unanswered in a row say it is shut.
_OPEN_S = const(600)
_UNANSWERED = const(8)
# Three providers that refuse for policy, with no message accepted between them, say the address is listed.
_LISTED = const(3)
_NEVER = const(-(1 << 30))


class Line:
    """Health of the home's line as mail servers see it."""

    def __init__(self) -> None:
        self._opened_s = _NEVER
        self._unanswered = 0
        self._refusals = 0
        self._refused_by = -1

    def asked(self) -> None:
        """A SYN left for port 25."""
        self._unanswered += 1

    def answered(self, now_s: int) -> None:
        """A mail server outside accepted a connection."""
        self._opened_s = now_s
        self._unanswered = 0

    def is_open(self, now_s: int) -> bool:
        """Did port 25 work lately?  If not, what fails there says nothing about a device."""
        opened_s = self._opened_s
        return self._unanswered <= _UNANSWERED and opened_s != _NEVER and now_s - opened_s <= _OPEN_S

    @property
    def blocks_25(self) -> bool:
        """Does everything on port 25 go unanswered?"""
        return self._unanswered > _UNANSWERED

    def refused(self, provider: int) -> None:
        """A provider turned the home away for policy (5.7.x, or at the banner)."""
        if provider != self._refused_by:
            self._refused_by = provider
            self._refusals += 1

    def accepted(self) -> None:
        """A provider took a message."""
        self._refusals = 0
        self._refused_by = -1

    @property
    def listed(self) -> bool:
        """Do several providers turn the whole home away?"""
        return self._refusals >= _LISTED
