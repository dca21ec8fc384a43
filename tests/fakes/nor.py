"""NOR flash whose power may fail: erasing sets every bit of a sector, writing clears bits and sets none.

Every erase and every write is an operation.  At the operation the test names the power fails: before it (`tear` None),
or in its midst, when a part that a random generator chose is done.
"""

SECTOR = 4096
_ERASED = b"\xff" * SECTOR


class PowerCut(BaseException):
    """The machine stops here; the test goes on with what is in the flash."""


class Nor:
    """The flash of one board: its slots share its power."""

    def __init__(self, slot_bytes, count=2):
        self.sectors = [bytearray(_ERASED) for _ in range(slot_bytes * count // SECTOR)]
        self.operations = 0
        self.cut_at = None  # the operation at which the power fails
        self.tear = None  # a random generator: that operation is torn
        self.slots = [NorSlot(self, number * slot_bytes, slot_bytes) for number in range(count)]

    def power_on(self):
        """Start again, with power that does not fail."""
        self.cut_at = None
        self.operations = 0

    def snapshot(self):
        """Return what is in the flash."""
        return [bytes(sector) for sector in self.sectors]

    def restore(self, snapshot):
        """Have it in the flash again."""
        for sector, kept in zip(self.sectors, snapshot):
            sector[:] = kept

    def flip(self, at, bits=1):
        """Change some bits, as worn-out flash does."""
        self.sectors[at // SECTOR][at % SECTOR] ^= bits

    def read(self, at):
        """Return what is at `at` in one sector."""
        return memoryview(self.sectors[at // SECTOR])[at % SECTOR :]

    def erase(self, at):
        self._change(self.sectors[at // SECTOR], 0, _ERASED)

    def write(self, at, data):
        """Write within one sector."""
        sector = self.sectors[at // SECTOR]
        at %= SECTOR
        new = bytes(data)
        bits = int.from_bytes(new, "big")
        if int.from_bytes(sector[at : at + len(new)], "big") & bits != bits:
            raise ValueError("written where it was not erased")
        self._change(sector, at, new)

    def _change(self, sector, at, wanted):
        """Do an operation; or a part of it, then a part of the next byte's bits, and stop."""
        self.operations += 1
        if self.cut_at is not None and self.operations >= self.cut_at:
            if self.tear is None or self.operations > self.cut_at:
                raise PowerCut
            count = self.tear.randrange(len(wanted))
            bits = self.tear.getrandbits(8)
            sector[at : at + count] = wanted[:count]
            sector[at + count] = sector[at + count] & (~bits & 0xFF) | wanted[count] & bits
            raise PowerCut
        sector[at : at + len(wanted)] = wanted


class NorSlot:
    """See store/list_slots.py."""

    def __init__(self, nor, at, size):
        self._nor = nor
        self._at = at
        self.size = size

    def read_into(self, offset, buf):
        count = max(0, min(len(buf), self.size - offset))
        done = 0
        while done < count:
            piece = self._nor.read(self._at + offset + done)[: count - done]
            buf[done : done + len(piece)] = piece
            done += len(piece)
        return count

    def erase(self, sector):
        self._inside(sector * SECTOR, SECTOR)
        self._nor.erase(self._at + sector * SECTOR)

    def write(self, offset, data):
        """What crosses a sector's end is two operations."""
        self._inside(offset, len(data))
        done = 0
        while done < len(data):
            room = SECTOR - (offset + done) % SECTOR
            self._nor.write(self._at + offset + done, data[done : done + room])
            done += room

    def renew(self):
        """Nobody else writes here."""

    def _inside(self, offset, count):
        if not 0 <= offset <= self.size - count:
            raise ValueError("outside the slot")
