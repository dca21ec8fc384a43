"""NOR flash whose power may fail: erasing sets every bit of a sector, writing clears bits and sets none.

Every erase and every write is an operation.  At the operation the test names the power fails: before it (`tear` None),
or in its midst, when a part that a random generator chose is done.
"""

SECTOR = 4096


class PowerCut(BaseException):
    """The machine stops here; the test goes on with what is in the flash."""


class Nor:
    """The flash of one board: `slots(count)` of them share its power."""

    def __init__(self, slot_bytes, count=2):
        self.memory = bytearray(b"\xff" * (slot_bytes * count))
        self.slot_bytes = slot_bytes
        self.operations = 0
        self.cut_at = None  # the operation at which the power fails
        self.tear = None  # a random generator: the operation is torn
        self.slots = [NorSlot(self, number * slot_bytes) for number in range(count)]

    def power_on(self):
        """Start again, with power that does not fail."""
        self.cut_at = None
        self.operations = 0

    def _begin(self):
        """Count an operation; return whether it is to be torn."""
        self.operations += 1
        if self.cut_at is None or self.operations < self.cut_at:
            return False
        if self.tear is None or self.operations > self.cut_at:
            raise PowerCut
        return True

    def erase(self, at):
        if self._begin():
            self._tear(at, b"\xff" * SECTOR)
        self.memory[at : at + SECTOR] = b"\xff" * SECTOR

    def write(self, at, data):
        new = bytes(data)
        old = self.memory[at : at + len(new)]
        wanted = bytes([a & b for a, b in zip(old, new)]) if any(byte != 0xFF for byte in old) else new
        if self._begin():
            self._tear(at, wanted)
        if wanted != new:
            raise ValueError("written where it was not erased")
        self.memory[at : at + len(new)] = new

    def _tear(self, at, wanted):
        """Do the first part, then a part of the next byte's bits; nothing else of it; and stop."""
        count = self.tear.randrange(len(wanted))
        self.memory[at : at + count] = wanted[:count]
        bits = self.tear.getrandbits(8)
        self.memory[at + count] = self.memory[at + count] & ~bits & 0xFF | wanted[count] & bits
        raise PowerCut


class NorSlot:
    """See store/list_slots.py."""

    def __init__(self, nor, at):
        self._nor = nor
        self._at = at
        self.size = nor.slot_bytes

    def read_into(self, offset, buf):
        count = max(0, min(len(buf), self.size - offset))
        buf[:count] = self._nor.memory[self._at + offset : self._at + offset + count]
        return count

    def erase(self, sector):
        self._inside(sector * SECTOR, SECTOR)
        self._nor.erase(self._at + sector * SECTOR)

    def write(self, offset, data):
        self._inside(offset, len(data))
        self._nor.write(self._at + offset, data)

    def renew(self):
        """Nobody else writes here."""

    def _inside(self, offset, count):
        if not 0 <= offset <= self.size - count:
            raise ValueError("outside the slot")
