"""From a time and a port to a device, over restarts, power cuts and worn-out flash; never a wrong one."""

import unittest

from fakes.storage import FakeStorage, PowerCut

from spamgate.store.trace import MOST_FOUND, TraceRing

_HOME = bytes((203, 0, 113, 77))
_HOME_V6 = bytes((0x20, 1, 0xD, 0xB8)) + bytes(11) + b"\1"
_SERVER = (bytes((198, 51, 100, 10)), 25)
_T = 1763841600
_TV = "02:00:00:00:00:01"
_NAS = "02:00:00:00:00:02"
_BEHIND = "02:00:00:00:00:03/2001:0db8:ffff:ffff:ffff:ffff:ffff:ffff"
_RECORD = 108


class Trace(unittest.TestCase):
    def setUp(self):
        self.storage = FakeStorage()
        self.ring = TraceRing(self.storage, 8)

    def keep(self, port, device=_TV, time_s=_T, address=_HOME):
        self.assertTrue(self.ring.add(time_s, (address, port), _SERVER, device))

    def again(self):
        self.ring = TraceRing(self.storage, 8)

    def found(self, port, time_s=_T, address=None, skew_s=5):
        return self.ring.find(time_s, port, address, skew_s)

    def test_an_empty_ring_knows_nobody(self):
        self.assertEqual((self.found(1024), self.ring.oldest_s, self.ring.problem), ([], 0, ""))

    def test_the_port_decides_and_one_beside_it_is_unknown(self):
        self.keep(40001, _TV)
        self.keep(40003, _NAS)
        self.assertEqual(self.found(40001), [_TV])
        self.assertEqual(self.found(40003), [_NAS])
        for port in (40000, 40002, 40004, 1, 65535):
            self.assertEqual(self.found(port), [])

    def test_the_time_may_be_wrong_by_the_skew_and_no_more(self):
        self.keep(40001)
        for wrong, devices in ((5, [_TV]), (-5, [_TV]), (6, []), (-6, [])):
            self.assertEqual(self.found(40001, _T + wrong), devices, wrong)

    def test_the_address_must_be_the_one_that_was_used(self):
        self.keep(40001, _TV, address=_HOME)
        self.keep(40001, _NAS, address=_HOME_V6)
        self.assertEqual(self.found(40001, address=_HOME), [_TV])
        self.assertEqual(self.found(40001, address=_HOME_V6), [_NAS])
        self.assertEqual(self.found(40001, address=_SERVER[0]), [])

    def test_a_port_used_twice_names_both_the_newest_first(self):
        for device in (_TV, _NAS, _TV, _NAS, _TV):
            self.keep(40001, device)
        self.assertEqual(self.found(40001), [_TV, _NAS])

    def test_without_a_port_everyone_is_named_who_could_have_been(self):
        self.keep(40001, _TV)
        self.keep(40002, _NAS)
        self.keep(40003, _BEHIND, _T - 60)
        self.assertEqual(self.found(0), [_NAS, _TV])
        self.assertEqual(self.found(0, skew_s=60), [_BEHIND, _NAS, _TV])

    def test_the_newest_takes_the_place_of_the_oldest(self):
        for number in range(20):
            self.keep(40000 + number, time_s=_T + number)
            self.assertEqual(self.ring.oldest_s, _T + max(0, number - 7))
        self.assertEqual(self.found(40011, _T + 11), [])
        self.assertEqual(self.found(40012, _T + 12), [_TV])
        self.assertEqual(self.storage.size("trace.ring"), 8 * _RECORD)

    def test_it_goes_on_after_every_restart(self):
        for number in range(30):
            self.again()
            self.assertEqual(self.ring.oldest_s, _T + max(0, number - 8) if number else 0)
            self.keep(40000 + number, time_s=_T + number)
            for kept in range(max(0, number - 7), number + 1):
                self.assertEqual(self.found(40000 + kept, _T + kept), [_TV], (number, kept))

    def test_a_clock_set_back_loses_nothing(self):
        for number in range(12):
            self.keep(40000 + number, time_s=_T - 100 * number)
            self.again()
        self.assertEqual(self.ring.oldest_s, _T - 400)
        self.assertEqual(self.found(40011, _T - 1100), [_TV])

    def test_a_record_torn_by_a_power_cut_is_as_if_it_had_never_been(self):
        for number in range(10):
            self.keep(40000 + number)
        whole = bytes(self.storage.files["trace.ring"])
        for cut in range(_RECORD):
            self.storage.files["trace.ring"] = bytearray(whole)
            self.again()
            self.storage.cut_after_bytes = cut
            with self.assertRaises(PowerCut):
                self.ring.add(_T, (_HOME, 50000), _SERVER, _NAS)
            self.again()
            self.assertEqual(self.found(50000), [], cut)
            kept = [port for port in range(40000, 40010) if self.found(port) == [_TV]]
            self.assertEqual(kept[-7:], list(range(40003, 40010)), "the oldest, 40002, may have been written over")
            self.keep(50001, _NAS)
            self.assertEqual((self.found(50001), self.found(40003)), ([_NAS], [_TV]), cut)

    def test_a_flipped_bit_makes_a_record_unknown_and_never_another_device(self):
        self.keep(40001)
        self.keep(40002, _NAS)
        for at in range(_RECORD):
            for bit in (1, 16, 128):
                self.storage.flip("trace.ring", at, bit)
                self.again()
                self.assertEqual((self.found(0), self.found(40002)), ([_NAS], [_NAS]), (at, bit))
                self.storage.flip("trace.ring", at, bit)

    def test_a_full_disk_is_said_and_what_was_kept_stays(self):
        self.keep(40001)
        self.storage.room_bytes = _RECORD
        self.assertFalse(self.ring.add(_T, (_HOME, 40002), _SERVER, _NAS))
        self.assertEqual(self.ring.problem, "trace.ring: not written: error 28")
        self.assertEqual(self.found(0), [_TV])
        self.storage.room_bytes = None
        self.keep(40002)
        self.assertEqual(self.ring.problem, "")

    def test_a_disk_that_cannot_be_read_is_said_and_nobody_is_guessed(self):
        self.keep(40001)
        self.storage.is_broken = True
        self.again()
        self.assertEqual((self.found(40001), self.ring.problem), ([], "trace.ring: not read: error 5"))

    def test_a_foreign_or_shorter_file_is_written_over(self):
        for content in (b"GIF89a" * 100, bytes(_RECORD * 8), b"\1" * (_RECORD + 7), b"\xff" * 5):
            self.storage.files["trace.ring"] = bytearray(content)
            self.again()
            self.assertEqual((self.found(0), self.ring.oldest_s), ([], 0))
            for number in range(9):
                self.keep(40000 + number)
            self.again()
            self.assertEqual((self.found(40008), self.found(40000)), ([_TV], []))

    def test_the_sequence_number_may_start_anew(self):
        self.ring._sequence = 0xFFFFFFFC
        for number in range(12):
            self.keep(40000 + number, time_s=_T + number)
            self.again()
        self.assertEqual((self.ring._sequence, self.ring.oldest_s), (8, _T + 4))

    def test_an_answer_is_bounded(self):
        ring = TraceRing(self.storage, 64)
        for number in range(64):
            ring.add(_T, (_HOME, 40001), _SERVER, "02:00:00:00:01:%02x" % number)
        devices = ring.find(_T, 40001, None, 0)
        self.assertEqual((len(devices), devices[0]), (MOST_FOUND, "02:00:00:00:01:3f"))


if __name__ == "__main__":
    unittest.main()
