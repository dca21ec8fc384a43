"""Slots of every make behave alike: simulated flash, partitions of an ESP32, two files; also files on LittleFS."""

import os
import random
import unittest

from fakes.lists import List, check, device, push, remember_verdicts
from fakes.nor import Nor, PowerCut
from fakes.partition import FakeEsp32

from spamgate.hal.file_slots import FileSlot, file_slots

try:
    from os import VfsLfs2 as LittleFS
except ImportError:
    LittleFS = None

_SLOT = 0x6000
_SIZE = 9000
_OLD = List(_SIZE, seed=1, age=10)
_NEW = List(_SIZE, seed=2, age=5)
_NEXT = List(_SIZE - 3000, seed=3, age=1)

remember_verdicts()


def fresh_folder():
    path = "/tmp/spamgate-test-" + "".join(["%02x" % byte for byte in os.urandom(8)])
    os.mkdir(path)
    return path


class Contract:
    """What holds for every slot; `self.slots` are two."""

    def read(self, slot, offset, count):
        buf = bytearray(count)
        return bytes(buf[: slot.read_into(offset, buf)])

    def test_what_was_erased_is_written_and_read(self):
        for slot in self.slots:
            for sector in range(_SLOT // 4096):
                slot.erase(sector)
            slot.write(16, b"manifest")
            for offset in range(4096, _SLOT, 1000):
                slot.write(offset, bytes((offset // 1000,)) * min(1000, _SLOT - offset))
            slot.write(2048, b"\0")
            slot.write(0, memoryview(b"xxmark")[2:])
            slot.renew()
            self.assertEqual(self.read(slot, 0, 26), b"mark" + b"\xff" * 12 + b"manifest\xff\xff")
            self.assertEqual(self.read(slot, 2047, 3), b"\xff\0\xff")
            self.assertEqual(self.read(slot, 5095, 3), bytes((4, 5, 5)))
            self.assertEqual(self.read(slot, _SLOT - 3, 9), bytes((_SLOT // 1000,)) * 3)
            self.assertEqual(self.read(slot, _SLOT, 9), b"")

    def test_a_piece_of_a_buffer_is_filled(self):
        slot = self.slots[0]
        slot.erase(0)
        slot.erase(1)
        slot.write(4096, b"abcdef")
        buf = bytearray(8)
        self.assertEqual(slot.read_into(4097, memoryview(buf)[2:5]), 3)
        self.assertEqual(bytes(buf), b"\0\0bcd\0\0\0")

    def test_nothing_is_written_outside(self):
        slot = self.slots[0]
        slot.erase(0)
        for offset in (-1, _SLOT - 3, _SLOT):
            with self.assertRaises((ValueError, OSError)):
                slot.write(offset, b"four")

    def test_lists_live_there(self):
        lists = device(self.slots)
        self.assertIsNone(lists.manifest)
        for one in (_OLD, _NEW, _NEXT):
            push(lists, one)
            self.assertTrue(one.is_in(lists))
            again = device(self.again())
            self.assertFalse(check(again))
            self.assertTrue(one.is_in(again))


class InFlash(Contract, unittest.TestCase):
    def setUp(self):
        self.slots = Nor(_SLOT).slots

    def again(self):
        return self.slots


class InPartitions(Contract, unittest.TestCase):
    def setUp(self):
        self.esp32 = FakeEsp32(_SLOT)
        self.slots = self.again()

    def again(self):
        self.esp32.install()
        from spamgate.hal.esp32_slots import esp32_slots

        return esp32_slots()

    def test_both_partitions_are_needed(self):
        for labels in ((), ("list_a",), ("list_b",)):
            self.esp32.labels = labels
            self.assertEqual(self.again(), [])

    def test_a_sector_outside_is_not_erased(self):
        for sector in (-1, _SLOT // 4096):
            with self.assertRaises(ValueError):
                self.slots[0].erase(sector)


class InFiles(Contract, unittest.TestCase):
    def setUp(self):
        self.folder = fresh_folder()
        self.slots = self.again()

    def again(self):
        return file_slots(self.folder, _SLOT)

    def tearDown(self):
        for slot in self.slots:
            slot.renew()
        for name in os.listdir(self.folder):
            os.unlink(self.folder + "/" + name)
        os.rmdir(self.folder)

    def test_there_is_nothing_before_anything_was_written(self):
        self.assertEqual(self.read(self.slots[0], 0, 9) + self.read(self.slots[0], 5000, 9), b"")
        self.assertEqual(os.listdir(self.folder), [])

    def test_who_reads_the_old_list_reads_on_while_another_program_writes(self):
        """Twice over, so that the slot that is read is the one that is written."""
        writer = device(self.slots)
        push(writer, _OLD)
        reader = device(self.again())
        body = reader.body()
        buf = bytearray(_SIZE)
        for one in (_NEW, _NEXT):
            body.read_into(0, buf)
            push(writer, one)
            body.read_into(0, buf)
            self.assertTrue(bytes(buf) == _OLD.body)
        self.assertTrue(reader.look())
        self.assertFalse(check(reader))
        self.assertTrue(_NEXT.is_in(reader))

    def test_a_full_disk_is_an_error_and_the_old_list_stays(self):
        lists = device(self.slots)
        push(lists, _OLD)
        full = FileSlot("/dev/full/x", _SLOT)
        lists.slots = (self.slots[0], full)
        with self.assertRaises(OSError):
            push(lists, _NEW)
        self.assertTrue(_OLD.is_in(device(self.again())))


@unittest.skipIf(LittleFS is None, "this interpreter has no LittleFS")
class InLittleFS(Contract, unittest.TestCase):
    """The file system that boards have, on simulated flash."""

    def setUp(self):
        self.flash = FakeFlash()
        LittleFS.mkfs(self.flash)
        self.opened = []
        self.mount()
        self.slots = self.again()

    def tearDown(self):
        self.unmount()

    def mount(self):
        os.mount(LittleFS(self.flash), _MOUNT)

    def unmount(self):
        """Nothing reaches the flash any more, not even from files that are closed only now."""
        self.flash.is_gone = True
        for slot in self.opened:
            try:
                slot.renew()
            except OSError:
                pass
        self.opened = []
        os.umount(_MOUNT)

    def again(self):
        slots = file_slots(_MOUNT, _SLOT)
        self.opened += slots
        return slots

    def restart(self, snapshot=None):
        """Start again with what is in the flash, or was."""
        self.unmount()
        nor = self.flash.nor
        if snapshot:
            nor.restore(snapshot)
        nor.power_on()
        self.flash = FakeFlash(nor)  # what is left of the file system before holds on to one that is gone
        self.mount()

    def test_the_power_fails_at_each_operation(self):
        random.seed(1)
        push(device(self.again()), _OLD, 3000)
        self.restart()
        snapshot = self.flash.nor.snapshot()
        cut_at = 0
        is_done = False
        while not is_done:
            cut_at += 1
            for tear in (None, random):
                self.restart(snapshot)
                is_done = self.update_until(cut_at, tear)
                self.restart()
                lists = device(self.again())
                self.assertFalse(check(lists), cut_at)
                self.assertTrue(_NEW.is_in(lists) or (not is_done and _OLD.is_in(lists)), cut_at)
                if not _NEW.is_in(lists):
                    push(lists, _NEW, 3000)
                push(lists, _NEXT, 3000)
                self.assertTrue(_NEXT.is_in(device(self.again())), cut_at)
        self.assertGreater(cut_at, 40)

    def update_until(self, cut_at, tear):
        lists = device(self.again())
        check(lists)
        self.flash.nor.power_on()
        self.flash.nor.cut_at = cut_at
        self.flash.nor.tear = tear
        try:
            push(lists, _NEW, 3000)
        except OSError:
            self.assertTrue(self.flash.is_gone)
            return False
        return True


_MOUNT = "/flash"
_BLOCKS = 24
_EIO = -5


class FakeFlash:
    """A block device on simulated flash (MicroPython's extended interface)."""

    def __init__(self, nor=None):
        self.nor = nor or Nor(_BLOCKS * 4096, 1)
        self.is_gone = False

    def readblocks(self, number, buf, offset=0):
        if self.is_gone:
            return _EIO
        self.nor.slots[0].read_into(number * 4096 + offset, buf)
        return 0

    def writeblocks(self, number, buf, offset=0):
        return self._change(self.nor.slots[0].write, number * 4096 + offset, buf)

    def ioctl(self, order, number):
        if order == 4:
            return _BLOCKS
        if order == 5:
            return 4096
        if order == 6:
            return self._change(self.nor.slots[0].erase, number)
        return 0

    def _change(self, change, *arguments):
        """An error, not an exception, ends it: LittleFS could not close its files after one."""
        try:
            if not self.is_gone:
                change(*arguments)
        except PowerCut:
            self.is_gone = True
        return _EIO if self.is_gone else 0
