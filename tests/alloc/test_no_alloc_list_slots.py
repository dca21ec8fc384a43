"""Looking a name up in a slot takes nothing from the heap, be it files or a partition."""

import io
import os
import unittest

import micropython
from fakes.lists import device, names_list, push
from fakes.partition import FakeEsp32

from spamgate.hal.file_slots import file_slots
from spamgate.wire.list_file import ITSELF, NONE, ListFile
from spamgate.wire.list_writer import NameHasher

_SLOT = 0x4000


def _list():
    hasher = NameHasher()
    return names_list([hasher.full(b"\x07host%03d\x07example" % at) for at in range(300)], 5)


class Partition:
    """Reads as the ESP32's own does, from one file in memory."""

    def __init__(self, data):
        self._file = io.BytesIO(data)
        self._size = len(data)

    def info(self):
        return (1, 0x40, 0, self._size, "list_a", False)

    def readblocks(self, number, buf, offset):
        self._file.seek(number * 4096 + offset)
        self._file.readinto(buf)


class NoAllocation(unittest.TestCase):
    def check(self, reader):
        said = absent = -1
        listed, fine = b"\x07host123\x07example\0", b"\4fine\7example\0"
        reader.how(listed)
        micropython.heap_lock()
        try:
            for _ in range(5):
                said = reader.how(listed)
                absent = reader.how(fine)
        finally:
            micropython.heap_unlock()
        self.assertEqual((said, absent), (ITSELF, NONE))

    def test_files(self):
        folder = "/tmp/spamgate-test-" + "".join(["%02x" % byte for byte in os.urandom(8)])
        os.mkdir(folder)
        slots = file_slots(folder, _SLOT)
        try:
            lists = device(slots)
            push(lists, _list())
            self.check(ListFile(lists.body().read_into))
        finally:
            for slot in slots:
                slot.renew()
            for name in os.listdir(folder):
                os.unlink(folder + "/" + name)
            os.rmdir(folder)

    def test_partitions(self):
        FakeEsp32(_SLOT).install()
        from spamgate.hal.esp32_slots import PartitionSlot

        one = _list()
        data = one.head + one.body
        slot = PartitionSlot(Partition(data + b"\xff" * (_SLOT - len(data))))
        lists = device((slot, slot))
        self.check(ListFile(lists.body().read_into))


