"""The module `esp32` of MicroPython's ESP32 port as far as partitions go (after esp32_partition.c): NOR flash."""

import sys

from fakes.nor import SECTOR, Nor

_ESP_ERR_INVALID_SIZE = 0x104


class FakeEsp32:
    """Two partitions with the labels of lists."""

    def __init__(self, slot_bytes):
        self.labels = ("list_a", "list_b")
        self._partitions = [FakePartition(slot, label) for slot, label in zip(Nor(slot_bytes).slots, self.labels)]
        self.Partition = self
        self.TYPE_APP = 0
        self.TYPE_DATA = 1

    def install(self):
        """Be what `import esp32` finds from now on."""
        sys.modules["esp32"] = self
        sys.modules.pop("spamgate.hal.esp32_slots", None)

    def find(self, type=0, subtype=0xFF, label=None, block_size=SECTOR):  # noqa: A002  as there
        found = [one for one in self._partitions if one.label == label and label in self.labels]
        return found if type == self.TYPE_DATA else []


class FakePartition:
    """An offset makes a write one that erases nothing; without one it erases first."""

    def __init__(self, slot, label):
        self._slot = slot
        self.label = label

    def info(self):
        return (1, 0x40, 0x200000, self._slot.size, self.label, False)

    def readblocks(self, number, buf, offset=0):
        self._inside(number * SECTOR + offset, len(buf))
        self._slot.read_into(number * SECTOR + offset, buf)

    def writeblocks(self, number, buf, offset=None):
        at = number * SECTOR + (offset or 0)
        self._inside(at, len(buf))
        if offset is None:
            for sector in range(at // SECTOR, (at + len(buf)) // SECTOR):
                self._slot.erase(sector)
        self._slot.write(at, buf)

    def ioctl(self, order, number):
        if order == 6:
            self._inside(number * SECTOR, SECTOR)
            self._slot.erase(number)
            return 0
        return {4: self._slot.size // SECTOR, 5: SECTOR}.get(order)

    def _inside(self, at, count):
        if not 0 <= at <= self._slot.size - count:
            raise OSError(-_ESP_ERR_INVALID_SIZE)
