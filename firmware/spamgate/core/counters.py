"""What each device did, counted: the numbers of the report, kept apart from what is judged.

Port 25 and the submission ports (465, 587) have the same row of counters each.
"""

from array import array

from spamgate.core.compat import const
from spamgate.core.hashing import hash_pair
from spamgate.core.tables import CountTable, DistinctSet

PORT_25 = 0
SUBMISSION = 1
MX_NAMES = 2  # a topic of is_new(), beside the two above

CONNECTS = 0
DESTINATIONS = 1
HELO = 2
MAIL = 3
RCPT = 4
DATA = 5
AUTH = 6
STARTTLS = 7
MESSAGES_ACCEPTED = 8
SMTP_FIELDS = 9
SMTP_NAMES = (
    "connects",
    "destinations",
    "helo",
    "mail",
    "rcpt",
    "data",
    "auth",
    "starttls",
    "messages_accepted",
)

DNS_QUERIES = 18
DNS_MX = 19
DNS_MX_NAMES = 20
DNS_NXDOMAIN = 21
DNS_NAMES = ("queries", "mx", "mx_names", "nxdomain")

NOT_YET = -(1 << 30)

_FIELDS = const(22)
_OTHER_CODES = const(0)  # reply codes beyond the table's room are counted as 000
_DEVICE_SHIFT = const(11)
_PORT_SHIFT = const(10)


class Counters:
    """Counters of all devices.  Allocation-free once made, but for the reports."""

    def __init__(self, devices: int, distinct: int, reply_codes: int) -> None:
        self._counts = array("I", bytes(4 * devices * _FIELDS))
        self._replies = CountTable(reply_codes)
        self._distinct = DistinctSet(distinct)
        self._generation = bytearray(devices)
        self._has_replies = bytearray(devices)
        self.first_smtp_s = array("i", [NOT_YET] * devices)
        self.first_smtp_us = array("i", bytes(4 * devices))

    def add(self, device: int, field: int) -> None:
        """Count one more of a DNS field."""
        self._counts[device * _FIELDS + field] += 1

    def add_smtp(self, device: int, port: int, field: int) -> None:
        """Count one more of an SMTP field on PORT_25 or SUBMISSION."""
        self._counts[device * _FIELDS + port * SMTP_FIELDS + field] += 1

    def add_reply(self, device: int, port: int, code: int) -> None:
        """Count a reply the device received."""
        base = device << _DEVICE_SHIFT | port << _PORT_SHIFT
        self._replies.add(base | code, base | _OTHER_CODES)
        self._has_replies[device] = 1

    def add_destination(self, device: int, port: int, address_hash: int) -> None:
        """Count the server if the device has not been there before."""
        if self.is_new(device, port, address_hash):
            self.add_smtp(device, port, DESTINATIONS)

    def is_new(self, device: int, topic: int, value: int) -> bool:
        """True the first time `value` comes up for this device under `topic` (a number below 2**15)."""
        tag = device << 8 | self._generation[device]
        return self._distinct.add(hash_pair(hash_pair(value, topic), tag))

    def connected(self, device: int, now_s: int, now_us: int) -> None:
        """Note the time of the first connection to port 25."""
        if self.first_smtp_s[device] == NOT_YET:
            self.first_smtp_s[device] = now_s
            self.first_smtp_us[device] = now_us

    def get(self, device: int, field: int) -> int:
        """Return a DNS counter."""
        return self._counts[device * _FIELDS + field]

    def get_smtp(self, device: int, port: int, field: int) -> int:
        """Return an SMTP counter."""
        return self._counts[device * _FIELDS + port * SMTP_FIELDS + field]

    def replies(self, device: int, port: int) -> "list[tuple[int, int]]":
        """Return (code, count) in the order of codes.  Allocates: for reports."""
        base = device << _DEVICE_SHIFT | port << _PORT_SHIFT
        keys = self._replies.select(base, base | 1023)
        return [(key - base, self._replies.get(key)) for key in keys]

    def clear(self, device: int) -> None:
        """Forget the device: another one takes its number."""
        for field in range(_FIELDS):
            self._counts[device * _FIELDS + field] = 0
        self.first_smtp_s[device] = NOT_YET
        self._generation[device] = (self._generation[device] + 1) & 0xFF
        if self._has_replies[device]:
            self._replies.drop(device << _DEVICE_SHIFT, device << _DEVICE_SHIFT | 2047)
            self._has_replies[device] = 0
