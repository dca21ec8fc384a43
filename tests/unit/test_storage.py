"""Files as the stores want them: the same of a real folder and of the fake one that other tests use."""

import os
import unittest

from fakes.storage import FakeStorage

from spamgate.hal.storage import Storage

_ENOENT = 2
_ENOTDIR = 20


def fresh_path():
    return "/tmp/spamgate-test-" + "".join(["%02x" % byte for byte in os.urandom(8)])


def remove(path):
    """Remove a folder with all that is in it."""
    for name in os.listdir(path):
        try:
            os.unlink(path + "/" + name)
        except OSError:
            remove(path + "/" + name)
    os.rmdir(path)


class Contract:
    """What holds for every storage."""

    def test_what_is_not_there_is_nothing(self):
        self.assertIsNone(self.storage.read("x"))
        self.assertEqual((self.storage.read_at("x", 0, 9), self.storage.size("x")), (b"", 0))
        self.assertFalse(self.storage.exists("x"))
        with self.assertRaises(OSError) as caught:
            self.storage.rename("x", "y")
        self.assertEqual(caught.exception.errno, _ENOENT)

    def test_a_whole_file_takes_the_place_of_another(self):
        for parts in ([b"first", b" ", b"time"], (), iter([b"x"])):
            self.storage.write("x", parts)
        self.assertEqual((self.storage.read("x"), self.storage.size("x")), (b"x", 1))
        self.storage.write("x", [])
        self.assertEqual((self.storage.read("x"), self.storage.exists("x")), (b"", True))

    def test_what_is_appended_follows(self):
        for part in (b"a", b"", b"bc\n"):
            self.storage.append("x", part)
        self.assertEqual(self.storage.read("x"), b"abc\n")

    def test_the_middle_is_written_and_read(self):
        self.storage.write_at("x", 4, b"efg")
        self.assertEqual(self.storage.read("x"), b"\0\0\0\0efg")
        self.storage.write_at("x", 0, b"abcd")
        self.storage.write_at("x", 6, b"GH")
        self.assertEqual(self.storage.read("x"), b"abcdefGH")
        cases = ((0, 3, b"abc"), (5, 2, b"fG"), (6, 99, b"GH"), (8, 1, b""), (99, 9, b""))
        for offset, size, found in cases:
            self.assertEqual(bytes(self.storage.read_at("x", offset, size)), found)

    def test_a_name_that_is_taken_over_is_gone(self):
        self.storage.write("x", [b"new"])
        self.storage.write("y", [b"old"])
        self.storage.rename("x", "y")
        self.assertEqual((self.storage.read("x"), self.storage.read("y")), (None, b"new"))


class InMemory(Contract, unittest.TestCase):
    def setUp(self):
        self.storage = FakeStorage()


class OnDisk(Contract, unittest.TestCase):
    def setUp(self):
        self.path = fresh_path()
        self.storage = Storage(self.path + "/state/deep")

    def tearDown(self):
        remove(self.path)

    def test_folders_are_made_and_taken_as_they_are(self):
        self.storage.write("x", [b"kept"])
        for folder in ("/state/deep", "/state/deep/", "/state//deep"):
            self.assertEqual(Storage(self.path + folder).read("x"), b"kept")

    def test_a_folder_that_cannot_be_made_says_so(self):
        self.storage.write("x", [b""])
        with self.assertRaises(OSError) as caught:
            Storage(self.path + "/state/deep/x/y")
        self.assertEqual(caught.exception.errno, _ENOTDIR)
        with self.assertRaises(OSError) as caught:
            Storage("/proc/spamgate/y")
        self.assertEqual(caught.exception.errno, _ENOENT)

    def test_a_write_that_fails_leaves_what_was_there(self):
        self.storage.write("x", [b"old"])

        def parts():
            yield b"half of the new"
            raise OSError(_ENOENT)

        with self.assertRaises(OSError):
            self.storage.write("x", parts())
        self.assertEqual(self.storage.read("x"), b"old")
        self.storage.write("x", [b"new"])
        self.assertEqual(self.storage.read("x"), b"new")

    def test_a_folder_in_the_place_of_a_file_is_an_error(self):
        os.mkdir(self.storage.folder + "/x")
        for call in (
            lambda: self.storage.read("x"),
            lambda: self.storage.write("x", [b"a"]),
            lambda: self.storage.append("x", b"a"),
            lambda: self.storage.read_at("x", 0, 1),
            lambda: self.storage.write_at("x", 0, b"a"),
        ):
            with self.assertRaises(OSError):
                call()


if __name__ == "__main__":
    unittest.main()
