"""The event log is put aside when it is large, outlives a full disk, and every event stays a line of its own."""

import json
import unittest

from fakes.storage import FakeStorage, PowerCut

from spamgate.store.event_log import EventLog

_EIO = 5


def event(number):
    return '{"type":"error","t":1000000%03d.000000,"text":"%d"}\n' % (number, number)


class Log(unittest.TestCase):
    def setUp(self):
        self.storage = FakeStorage()
        self.log = self.begin()

    def begin(self, most_bytes=100000):
        return EventLog(self.storage, "events", most_bytes)

    def text(self, name="events"):
        return bytes(self.storage.files.get(name, b"")).decode()

    def test_lines_follow_each_other_over_restarts(self):
        self.assertTrue(self.log.write(event(1)))
        self.log.write(event(2))
        self.begin().write(event(3))
        self.assertEqual(self.text(), event(1) + event(2) + event(3))

    def test_it_is_put_aside_before_it_grows_too_large(self):
        log = self.begin(3 * len(event(1)))
        for number in range(1, 8):
            log.write(event(number))
            self.assertTrue(len(self.text()) <= 3 * len(event(1)))
        self.assertEqual(self.text(), event(7))
        self.assertEqual(self.text("events.1"), event(4) + event(5) + event(6))
        self.assertEqual(sorted(self.storage.files), ["events", "events.1"])

    def test_a_line_larger_than_the_log_is_written_all_the_same(self):
        log = self.begin(10)
        for number in (1, 2):
            self.assertTrue(log.write(event(number)))
        self.assertEqual((self.text("events.1"), self.text()), (event(1), event(2)))

    def test_a_full_disk_loses_lines_and_says_how_many(self):
        self.log.write(event(1))
        self.storage.room_bytes = len(event(1))
        for number in range(2, 5):
            self.assertFalse(self.log.write(event(number)))
        self.assertEqual(self.log.lost, 3)
        self.storage.room_bytes = None
        self.assertTrue(self.log.write(event(5)))
        lines = [json.loads(line) for line in self.text().split("\n")[:-1]]
        self.assertEqual([line["text"] for line in lines], ["1", "3 events before this one are lost: no room", "5"])
        self.assertIn('\n{"type":"error","t":1000000005.000000,"text":"3 events', self.text())
        self.log.write(event(6))
        self.assertEqual(self.log.lost, 0)
        self.assertTrue(self.text().endswith(event(5) + event(6)))

    def test_room_for_the_line_alone_waits_for_room_for_both(self):
        self.storage.room_bytes = 0
        self.log.write(event(1))
        self.storage.room_bytes = len(event(2))
        self.assertFalse(self.log.write(event(2)))
        self.assertEqual((self.text(), self.log.lost), ("", 2))

    def test_a_line_cut_in_the_middle_is_ended(self):
        """By a disk that took half of it, or by the power, a restart ago."""
        for kept in (1, 20, len(event(1)) - 1):
            self.setUp()
            self.log.write(event(1))
            self.storage.cut_after_bytes = kept
            with self.assertRaises(PowerCut):
                self.log.write(event(2))
            log = self.begin()
            for number in (3, 4):
                log.write(event(number))
            self.assertEqual(self.text(), event(1) + event(2)[:kept] + "\n" + event(3) + event(4))

    def test_a_cut_between_lines_leaves_no_empty_one(self):
        self.log.write(event(1))
        self.storage.cut_after_bytes = 0
        with self.assertRaises(PowerCut):
            self.log.write(event(2))
        self.begin().write(event(3))
        self.assertEqual(self.text(), event(1) + event(3))

    def test_a_torn_log_that_is_put_aside_does_not_begin_the_next(self):
        self.storage.files["events"] = bytearray(b"torn")
        self.begin(20).write(event(1))
        self.assertEqual((self.text("events.1"), self.text()), ("torn", event(1)))

    def test_a_disk_that_fails_is_as_one_that_is_full(self):
        def fails(name, data):
            raise OSError(_EIO)

        append = self.storage.append
        self.storage.append = fails
        self.assertFalse(self.log.write(event(1)))
        self.storage.append = append
        self.assertTrue(self.log.write("no time in it\n"))
        self.assertEqual(json.loads(self.text().split("\n")[0])["type"], "error")


if __name__ == "__main__":
    unittest.main()
