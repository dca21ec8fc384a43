"""Slots for TCP connections: found by both ends, and given up in a stated order.

IPv4 ends are compared exactly; IPv6 addresses by a 30-bit fold each, as exact as needed to tell
the connections of a home apart.
"""

import array

from spamgate.core.compat import const

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from spamgate.wire.packet import Packet

FREE = 0
CLOSED = 1  # kept to know frames that come late or twice
OPENING = 2  # a SYN was seen, nothing that proves an answer
OPEN = 3
ENDING = 4  # one side sent RST; what the other had sent by then still counts

_FREE = const(0)
_OPEN = const(3)

_ADDRESS_BYTES = const(16)
_IPV6 = const(0x100000)  # in the third key
_LOW = const(0xFFFFFF)


class Connections:
    """A hash table of `slots` connections, and a queue of those in each state but OPEN."""

    def __init__(self, slots: int) -> None:
        self.slots = slots
        self.state = bytearray(slots)
        self.port = array.array("H", [0] * slots)  # the server's
        self.client_port = array.array("H", [0] * slots)
        self.owner = array.array("h", [-1] * slots)  # for the caller; -1 in a new connection
        self.addresses = bytearray(slots * 2 * _ADDRESS_BYTES)
        self.from_high = 0  # did the packet last found come from the higher port (equal: address)?
        self._client_is_high = bytearray(slots)
        self._now_s = 0
        self._seen_s = array.array("i", [0] * slots)
        self._key_1 = array.array("i", [0] * slots)
        self._key_2 = array.array("i", [0] * slots)
        self._key_3 = array.array("i", [0] * slots)
        self._low_port = array.array("H", [0] * slots)
        buckets = 16
        while buckets < slots:
            buckets *= 2
        self._mask = buckets - 1
        self._chains = array.array("h", [-1] * buckets)
        self._chain_next = array.array("h", [-1] * slots)
        # One ring a state, its head behind the slots; an OPEN slot is in no ring.
        self._after = array.array("h", range(slots + 5))
        self._before = array.array("h", range(slots + 5))
        self._sought = array.array("i", [0] * 5)  # keys and port of the packet last sought, its bucket
        for slot in range(slots):
            self._enqueue(slot, _FREE)

    def server_at(self, slot: int) -> int:
        """Return where in `addresses` the server's address is."""
        return slot * 2 * _ADDRESS_BYTES

    def client_at(self, slot: int) -> int:
        """Return where in `addresses` the client's address is."""
        return slot * 2 * _ADDRESS_BYTES + _ADDRESS_BYTES

    def address_bytes(self, slot: int) -> int:
        """Return the length of the slot's addresses: 4 or 16."""
        return 16 if self._key_3[slot] & _IPV6 else 4

    def find(self, packet: "Packet") -> int:
        """Return the packet's slot, or -1; note which end sent it.  Allocation-free."""
        sought = self._sought
        self.from_high = _is_from_high(packet)
        if self.from_high:
            sought[3] = packet.dst_port
            self._seek(packet, packet.dst_at, packet.src_at, packet.src_port)
        else:
            sought[3] = packet.src_port
            self._seek(packet, packet.src_at, packet.dst_at, packet.dst_port)
        slot = self._chains[sought[4]]
        while slot >= 0 and not (
            self._key_3[slot] == sought[2]
            and self._key_2[slot] == sought[1]
            and self._key_1[slot] == sought[0]
            and self._low_port[slot] == sought[3]
        ):
            slot = self._chain_next[slot]
        return slot

    def _seek(self, packet: "Packet", low: int, high: int, high_port: int) -> None:
        """Note keys and bucket of the packet's connection, which are the same whichever end sent it."""
        buf = packet.buf
        sought = self._sought
        if packet.version == 4:
            sought[0] = (buf[low] & 63) << 24 | buf[low + 1] << 16 | buf[low + 2] << 8 | buf[low + 3]
            sought[1] = (buf[high] & 63) << 24 | buf[high + 1] << 16 | buf[high + 2] << 8 | buf[high + 3]
            sought[2] = (buf[low] >> 6) << 18 | (buf[high] >> 6) << 16 | high_port
        else:
            sought[0] = _fold(buf, low)
            sought[1] = _fold(buf, high)
            sought[2] = _IPV6 | high_port
        sought[4] = _mix(sought[0], sought[1], high_port) & self._mask

    def adopt(self, slot: int) -> None:
        """Let `slot`, which is FREE or CLOSED, be found for the ends that `find` just missed."""
        if self.state[slot] != _FREE:
            self._unchain(slot)
        sought = self._sought
        self._key_1[slot] = sought[0]
        self._key_2[slot] = sought[1]
        self._key_3[slot] = sought[2]
        self._low_port[slot] = sought[3]
        self._chain_next[slot] = self._chains[sought[4]]
        self._chains[sought[4]] = slot

    def place(self, packet: "Packet", slot: int, from_client: bool, state: int) -> None:
        """Note the ends of a connection that begins with `packet`."""
        self.move(slot, state)
        self._seen_s[slot] = self._now_s
        self.owner[slot] = -1
        self._client_is_high[slot] = self.from_high if from_client else 1 - self.from_high
        self.port[slot] = packet.dst_port if from_client else packet.src_port
        self.client_port[slot] = packet.src_port if from_client else packet.dst_port
        server = packet.dst_at if from_client else packet.src_at
        client = packet.src_at if from_client else packet.dst_at
        buf = packet.buf
        to = slot * 2 * _ADDRESS_BYTES
        for place in range(packet.address_bytes):
            self.addresses[to + place] = buf[server + place]
            self.addresses[to + _ADDRESS_BYTES + place] = buf[client + place]

    def move(self, slot: int, state: int) -> None:
        """Change the slot's state; it becomes the youngest there."""
        after = self._after
        before = self._before
        after[before[slot]] = after[slot]
        before[after[slot]] = before[slot]
        after[slot] = before[slot] = slot
        if state != _OPEN:
            self._enqueue(slot, state)
        self.state[slot] = state

    def oldest(self, state: int) -> int:
        """Return the slot that has been in `state` (not OPEN) longest, or -1."""
        slot = self._after[self.slots + state]
        return slot if slot < self.slots else -1

    def idlest(self) -> int:
        """Return the open slot not heard of for longest; there is one."""
        found = -1
        for slot in range(self.slots):
            if self.state[slot] == _OPEN and (found < 0 or self._seen_s[slot] < self._seen_s[found]):
                found = slot
        return found

    def _is_from_client(self, slot: int) -> bool:
        return self.from_high == self._client_is_high[slot]

    def _enqueue(self, slot: int, state: int) -> None:
        head = self.slots + state
        last = self._before[head]
        self._after[last] = slot
        self._before[slot] = last
        self._after[slot] = head
        self._before[head] = slot

    def _unchain(self, slot: int) -> None:
        follower = self._chain_next[slot]
        bucket = _mix(self._key_1[slot], self._key_2[slot], self._key_3[slot] & 0xFFFF) & self._mask
        at = self._chains[bucket]
        if at == slot:
            self._chains[bucket] = follower
            return
        while self._chain_next[at] != slot:
            at = self._chain_next[at]
        self._chain_next[at] = follower


def _is_from_high(packet: "Packet") -> bool:
    """Does the packet come from the higher port, or of two that are equal from the higher address?"""
    if packet.src_port != packet.dst_port:
        return packet.src_port > packet.dst_port
    return _is_later(packet.buf, packet.src_at, packet.dst_at, packet.address_bytes)


def _mix(key_1: int, key_2: int, port: int) -> int:
    mixed = (key_1 & _LOW) * 5 + (key_2 & _LOW) * 7 + port * 13
    return mixed ^ mixed >> 8 ^ mixed >> 17


def _fold(buf: "bytes | bytearray", at: int) -> int:
    """Return 30 bits of an IPv6 address."""
    value = buf[at] << 16 | buf[at + 1] << 8 | buf[at + 2]
    for more in (3, 6, 9, 12):
        value = (value & _LOW) * 33 + (value >> 24)
        more += at
        value += buf[more] << 16 | buf[more + 1] << 8 | buf[more + 2]
    return (value & _LOW) * 33 + (value >> 24) + buf[at + 15]


def _is_later(buf: "bytes | bytearray", one: int, other: int, size: int) -> bool:
    """Does the address at `one` come behind that at `other`?"""
    for place in range(size):
        if buf[one + place] != buf[other + place]:
            return buf[one + place] > buf[other + place]
    return False
