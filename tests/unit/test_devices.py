"""Who is a device, and who is given up when the table is full."""

import unittest

from spamgate.core import states
from spamgate.core.devices import (
    ASKED_DNS,
    ASKED_MX,
    CROWD,
    GRANT_MAIL_SERVER,
    MAILED,
    RELAY,
    RESOLVER,
    DeviceTable,
)
from spamgate.core.identity import BEHIND_RELAY, BY_ADDRESS, BY_MAC, Identity, identity_kind, is_station

_DAY_S = 86400
_NOW_S = 1000000


def _mac(number):
    who = Identity()
    who.from_mac(bytes((2, 0, number * 5 & 255, 0, number >> 8, number & 255)), 0)
    return who


class Identities(unittest.TestCase):
    def test_a_mac_is_itself_in_two_numbers(self):
        who = Identity()
        who.from_mac(b"xx\x02\x5e\xff\x10\x00\x01yy", 2)
        self.assertEqual((who.high, who.low, identity_kind(who.high)), (0x025EFF, 0x100001, BY_MAC))

    def test_the_kinds_never_meet(self):
        """A MAC, an address and an address behind a MAC are different devices, whatever the bytes."""
        who = Identity()
        seen = set()
        for mac in (b"\x02\0\0\0\0\1", b"\x02\0\0\0\0\2", b"\xfe\xff\xff\xff\xff\xff"):
            who.from_mac(mac, 0)
            seen.add((who.high, who.low))
            for address in (bytes((10, 0, 0, 1)), bytes((10, 0, 0, 2)), bytes(15) + b"\1"):
                who.from_mac(mac, 0)
                who.behind_relay(address, 0, len(address))
                self.assertEqual(identity_kind(who.high), BEHIND_RELAY)
                seen.add((who.high, who.low))
        for address in (bytes((10, 0, 0, 1)), bytes((10, 0, 0, 2)), bytes(15) + b"\1", bytes(16)):
            who.from_address(address, 0, len(address))
            self.assertEqual(identity_kind(who.high), BY_ADDRESS)
            seen.add((who.high, who.low))
        self.assertEqual(len(seen), 3 + 9 + 4)
        for maker in (1, 2):
            who.from_mac(bytes((2, 0, maker, 0, 0, 1)), 0)
            who.behind_relay(bytes((10, 0, 0, 1)), 0, 4)
            seen.add((who.high, who.low))
        self.assertEqual(len(seen), 18, "relays that differ by their maker only")
        self.assertTrue(max(max(pair) for pair in seen) < 1 << 30)

    def test_neighbours_by_address_are_apart(self):
        who = Identity()
        seen = set()
        for number in range(2048):
            who.from_address(bytes((192, 168, number >> 8, number & 255)), 0, 4)
            seen.add(who.low)
        self.assertEqual(len(seen), 2048)

    def test_group_addresses_and_nothing_are_no_station(self):
        self.assertTrue(is_station(b"..\x02\0\0\0\0\0", 2))
        self.assertTrue(is_station(b"\0\0\0\0\0\1", 0))
        for mac in (bytes(6), b"\xff" * 6, b"\x01\0\x5e\0\0\1", b"\x33\x33\0\0\0\1"):
            self.assertFalse(is_station(mac, 0))


class Finding(unittest.TestCase):
    def test_everyone_in_a_full_table_is_found(self):
        table = DeviceTable(255)
        numbers = [table.enrol(_mac(number * 7), _NOW_S) for number in range(254)]
        self.assertEqual(sorted(numbers), list(range(1, 255)))
        self.assertEqual([table.find(_mac(number * 7)) for number in range(254)], numbers)
        self.assertEqual(table.find(_mac(3)), -1)
        self.assertEqual(table.enrol(_mac(3), _NOW_S), -1)

    def test_who_left_is_not_found_and_the_others_are(self):
        table = DeviceTable(40)
        numbers = [table.enrol(_mac(number * 256), _NOW_S) for number in range(39)]
        table.find(_mac(5 * 256))
        table.remove(numbers[5])
        self.assertEqual(table.find(_mac(5 * 256)), -1)
        for number in range(39):
            if number != 5:
                self.assertEqual(table.find(_mac(number * 256)), numbers[number])
        self.assertEqual(table.enrol(_mac(99), _NOW_S), numbers[5])
        self.assertEqual(table.find(_mac(99)), numbers[5])

    def test_an_identity_of_zeros_is_not_the_crowd(self):
        table = DeviceTable(4)
        self.assertEqual(table.find(Identity()), -1)
        self.assertTrue(table.enrol(Identity(), _NOW_S) != CROWD)

    def test_who_takes_a_number_takes_nothing_else(self):
        table = DeviceTable(3)
        device = table.enrol(_mac(1), _NOW_S)
        table.seen(device, _NOW_S, bytes((10, 0, 0, 1)), 0, 4)
        table.names[device] = "camera"
        table.flags[device] = MAILED
        table.state[device] = states.WATCHED
        table.grant[device] = GRANT_MAIL_SERVER
        table.remove(device)
        self.assertEqual(table.enrol(_mac(2), _NOW_S + 9), device)
        left = (table.names[device], table.flags[device], table.state[device], table.grant[device])
        self.assertEqual(left, ("", 0, states.NORMAL, 0))
        self.assertFalse(table.addresses.has_any(device))
        self.assertEqual(table.first_s[device], _NOW_S + 9)

    def test_reports_list_those_with_an_address_by_first_sight(self):
        table = DeviceTable(8)
        late, early, silent = (table.enrol(_mac(number), _NOW_S - number) for number in (1, 2, 3))
        for device in (late, early):
            table.seen(device, _NOW_S, bytes((10, 0, 0, device)), 0, 4)
        self.assertEqual(table.everyone(), [early, late])

    def test_a_device_is_young_for_a_day(self):
        table = DeviceTable(3)
        device = table.enrol(_mac(1), _NOW_S)
        self.assertTrue(table.is_young(device, _NOW_S + _DAY_S - 1))
        self.assertFalse(table.is_young(device, _NOW_S + _DAY_S))

    def test_a_mac_that_takes_turns_between_addresses_is_a_relay(self):
        table = DeviceTable(3)
        device = table.enrol(_mac(1), _NOW_S)
        for turn in range(20):
            table.seen(device, _NOW_S + turn, bytes((10, 0, 0, turn % 2)), 0, 4)
            table.seen(CROWD, _NOW_S + turn, bytes((10, 0, 0, turn % 2)), 0, 4)
        self.assertEqual(table.flags[device], RELAY)
        self.assertEqual(table.flags[CROWD], 0, "the crowd has every address")


class Young(unittest.TestCase):
    def test_the_crowd_is_young_whatever_the_clock_says(self):
        table = DeviceTable(8)
        for now_s in (-(1 << 30) + 5, 0, 700000000, (1 << 30) - 5):
            self.assertTrue(table.is_young(CROWD, now_s))


class ByAddress(unittest.TestCase):
    def test_a_device_is_found_by_any_address_it_uses(self):
        table = DeviceTable(8)
        who = Identity()
        numbers = []
        for last in (1, 2):
            who.from_mac(bytes((2, 0, 0, 0, 0, last)), 0)
            numbers.append(table.enrol(who, 0))
            table.seen(numbers[-1], 0, bytes((10, 0, 0, last)), 0, 4)
        table.seen(numbers[0], 0, bytes(15) + b"\x01", 0, 16)
        self.assertEqual(table.at_address(bytes((10, 0, 0, 2)), 0, 4), numbers[1])
        self.assertEqual(table.at_address(bytes(15) + b"\x01", 0, 16), numbers[0])
        self.assertEqual(table.at_address(bytes((10, 0, 0, 3)), 0, 4), -1)
        table.remove(numbers[1])
        self.assertEqual(table.at_address(bytes((10, 0, 0, 2)), 0, 4), -1)

    def test_of_several_it_is_the_last_one_heard_of(self):
        """A lease that passed on, or an address of which only the answers had been seen at first."""
        table = DeviceTable(8)
        who = Identity()
        address = bytes((10, 0, 0, 9))
        who.from_address(address, 0, 4)
        table.seen(table.enrol(who, 0), 100, address, 0, 4)
        first, second = (table.enrol(_mac(number), 0) for number in (1, 2))
        table.seen(first, 200, address, 0, 4)
        table.seen(second, 300, address, 0, 4)
        self.assertEqual(table.at_address(address, 0, 4), second)
        table.seen(first, 400, address, 0, 4)
        self.assertEqual(table.at_address(address, 0, 4), first)

    def test_an_address_that_moved_is_with_its_new_device_though_the_old_one_speaks_on(self):
        table = DeviceTable(8)
        old, new = (table.enrol(_mac(number), 0) for number in (1, 2))
        for address in (bytes((10, 0, 0, 9)), b"\xfd" + bytes(14) + b"\x09"):
            size = len(address)
            table.seen(old, 100, address, 0, size)
            self.assertEqual(table.at_address(address, 0, size), old)
            table.seen(new, 200, address, 0, size)
            table.seen(old, 300, bytes((10, 0, 0, 77)), 0, 4)
            self.assertEqual(table.at_address(b"\xff" + address, 1, size), new)

    def test_addresses_that_look_alike_are_told_apart(self):
        """They share a place where the last device heard of is kept."""
        table = DeviceTable(8)
        numbers = {}
        for number, address in enumerate((bytes((10, 0, 0, 1)), bytes((10, 0, 1, 9)), b"\xfd" + bytes(14) + b"\x01")):
            numbers[address] = table.enrol(_mac(number), 0)
        for _ in range(2):
            for address, device in numbers.items():
                table.seen(device, 0, address, 0, len(address))
            for address, device in numbers.items():
                self.assertEqual(table.at_address(address, 0, len(address)), device)
        self.assertEqual(table.at_address(bytes((10, 0, 2, 17)), 0, 4), -1, "nobody's, in the same place")

    def test_whose_number_another_took_is_found_no_more(self):
        table = DeviceTable(3)
        address = bytes((10, 0, 0, 9))
        gone = table.enrol(_mac(1), 0)
        table.seen(gone, 0, address, 0, 4)
        table.remove(gone)
        self.assertEqual(table.at_address(address, 0, 4), -1)
        self.assertEqual(table.enrol(_mac(2), 0), gone)
        self.assertEqual(table.at_address(address, 0, 4), -1)

    def test_the_crowd_is_at_no_address(self):
        table = DeviceTable(3)
        table.seen(CROWD, 0, bytes((10, 0, 0, 9)), 0, 4)
        self.assertEqual(table.at_address(bytes((10, 0, 0, 9)), 0, 4), -1)

    def test_who_is_present_is_told(self):
        table = DeviceTable(4)
        device = table.enrol(_mac(1), 0)
        self.assertEqual([table.is_present(number) for number in range(4)], [True, device == 1, False, False])
        table.remove(device)
        self.assertEqual([table.is_present(number) for number in range(4)], [True, False, False, False])


class GivingUp(unittest.TestCase):
    def setUp(self):
        self.table = DeviceTable(6)
        self.devices = [self.table.enrol(_mac(number), _NOW_S + number) for number in range(5)]

    def victim(self, now_s=_NOW_S + 100):
        return self.table.victim(now_s)

    def test_nobody_while_there_is_room(self):
        self.assertEqual(DeviceTable(3).victim(_NOW_S), 0)

    def test_the_longest_silent_first(self):
        self.assertEqual(self.victim(), self.devices[0])
        self.table.last_s[self.devices[0]] = _NOW_S + 50
        self.assertEqual(self.victim(), self.devices[1])

    def test_who_never_asked_dns_before_who_did(self):
        for device in self.devices[:4]:
            self.table.flags[device] = ASKED_DNS
        self.assertEqual(self.victim(), self.devices[4])

    def test_nobody_under_suspicion_or_with_a_grant(self):
        for device, state in zip(self.devices, (states.WATCHED, states.THROTTLED, states.QUARANTINED)):
            self.table.state[device] = state
        self.table.state[self.devices[3]] = states.RELEASED
        self.table.grant[self.devices[4]] = GRANT_MAIL_SERVER
        self.assertEqual(self.victim(), -1)
        self.assertEqual(self.victim(_NOW_S + 100 * _DAY_S), -1, "however long it is silent")

    def test_who_has_mailed_is_kept_for_a_week(self):
        for device, flag in zip(self.devices, (MAILED, ASKED_MX, RELAY, RESOLVER, MAILED | ASKED_DNS)):
            self.table.flags[device] = flag
        self.assertEqual(self.victim(_NOW_S + 7 * _DAY_S), -1)
        self.assertEqual(self.victim(_NOW_S + 7 * _DAY_S + 1), self.devices[0])

    def test_a_full_table_still_finds_after_many_changes(self):
        for number in range(10, 500):
            self.table.remove(self.victim(_NOW_S + number))
            device = self.table.enrol(_mac(number), _NOW_S + number)
            self.assertEqual(self.table.find(_mac(number)), device)
        self.assertEqual(sum(self.table.find(_mac(number)) > 0 for number in range(500)), 5)


if __name__ == "__main__":
    unittest.main()
