"""A serial line in a time of its own: paced, with a way to go and a ring that drops, and with damage from a seed."""


class Dice:
    """The same numbers in both interpreters."""

    def __init__(self, seed):
        self._state = seed * 2654435761 % 4294967296 or 1

    def below(self, limit):
        self._state ^= self._state << 13 & 0xFFFFFFFF
        self._state ^= self._state >> 17
        self._state ^= self._state << 5 & 0xFFFFFFFF
        return self._state % limit


class FakeLine:
    """One direction; `bytes_per_ms` leave the sender, arrive `delay_ms` later and wait in a ring of `ring` bytes."""

    def __init__(self, bytes_per_ms, delay_ms=0, ring=1 << 20, damage=0, seed=1):
        self.bytes_per_ms = bytes_per_ms
        self.delay_ms = delay_ms
        self.ring = ring
        self.damage = damage  # one byte of so many; 0: none
        self.dropped = 0
        self.carried = 0
        self.is_cut = False
        self.most_waiting = 0
        self._dice = Dice(seed)
        self._sending = bytearray()
        self._travelling = []
        self._arrived = bytearray()

    def write(self, data):
        """Take what the sender's kernel would."""
        count = min(len(data), 4096 - len(self._sending))
        self._sending.extend(bytes(data[:count]))
        return count

    def step(self, now_ms):
        """A millisecond goes by."""
        going = bytes(self._sending[: self.bytes_per_ms])
        self._sending = self._sending[self.bytes_per_ms :]
        self.carried += len(going)
        if going and not self.is_cut:
            self._travelling.append((now_ms + self.delay_ms, self._damaged(going)))
        while self._travelling and self._travelling[0][0] <= now_ms:
            data = self._travelling.pop(0)[1]
            room = self.ring - len(self._arrived)
            self.dropped += max(0, len(data) - room)
            self._arrived.extend(data[:room])
            self.most_waiting = max(self.most_waiting, len(self._arrived))

    def read_into(self, buf):
        """Give what arrived."""
        count = min(len(buf), len(self._arrived))
        buf[:count] = self._arrived[:count]
        self._arrived = self._arrived[count:]
        return count

    def _damaged(self, data):
        if not self.damage:
            return data
        out = bytearray()
        for byte in data:
            if self._dice.below(self.damage):
                out.append(byte)
                continue
            kind = self._dice.below(3)
            if kind == 1:
                out.extend(bytes((byte, byte)))
            elif kind == 2:
                out.append(byte ^ 1 << self._dice.below(8))
        return bytes(out)
