"""A thousand devices: the same rules as in a home, and no event that looks at all of them."""

import unittest

from fakes.home import TYPE_A, Home

from spamgate.core.devices import ASKED_DNS, CROWD, MAILED, DeviceTable
from spamgate.core.identity import Identity
from spamgate.core.many_devices import IndexedAddressBook, ManyDevices
from spamgate.core.many_engine import ManyEngine, ManyLimits

_NOW_S = 1000000
_DAY_S = 86400
_DEVICES = 301


def _mac(number):
    who = Identity()
    who.from_mac(bytes((2, 0, number * 5 & 255, 0, number >> 8, number & 255)), 0)
    return who


def _address(number):
    return bytes((10, 0, number >> 8 & 255, number & 255))


class Chance:
    """Numbers that are the same in each run, on each interpreter."""

    def __init__(self, seed):
        self._seed = seed

    def below(self, limit):
        self._seed = (self._seed * 8121 + 28411) % 134456
        return self._seed * limit // 134456


class Table(unittest.TestCase):
    def test_everyone_of_a_thousand_is_found_and_who_left_is_not(self):
        table = ManyDevices(1024)
        numbers = [table.enrol(_mac(number * 7), _NOW_S) for number in range(1023)]
        self.assertEqual(numbers, list(range(1, 1024)))
        self.assertEqual([table.find(_mac(number * 7)) for number in range(1023)], numbers)
        self.assertEqual((table.find(_mac(3)), table.enrol(_mac(3), _NOW_S)), (-1, -1))
        for number in range(0, 1023, 3):
            table.remove(numbers[number])
        for number in range(1023):
            self.assertEqual(table.find(_mac(number * 7)), numbers[number] if number % 3 else -1)
        self.assertEqual(table.enrol(_mac(3), _NOW_S), 1)
        self.assertEqual(table.find(_mac(3)), 1)

    def test_it_does_as_the_small_table_does(self):
        """Newcomers without end, addresses that move, who is given up: step by step the same."""
        small, many = DeviceTable(40), ManyDevices(40)
        chance = Chance(17)
        for step in range(1500):
            now_s = _NOW_S + step // 3
            number = chance.below(70)
            found = [self.arrive(table, number, now_s) for table in (small, many)]
            self.assertEqual(found[0], found[1])
            if found[0] > 0:
                self.live(small, many, found[0], chance.below(100), now_s)
            address = _address(chance.below(70))
            self.assertEqual(small.at_address(address, 0, 4), many.at_address(address, 0, 4))
        self.assertEqual(small.everyone(), many.everyone())

    def arrive(self, table, number, now_s):
        device = table.find(_mac(number))
        if device >= 0:
            return device
        leaver = table.victim(now_s)
        if leaver > 0:
            table.remove(leaver)
        device = table.enrol(_mac(number), now_s) if leaver >= 0 else CROWD
        if device != CROWD:
            table.seen(device, now_s, _address(number), 0, 4)
        return device

    def live(self, small, many, device, what, now_s):
        for table in (small, many):
            if what < 8:
                table.flags[device] |= MAILED
            elif what < 30:
                table.flags[device] |= ASKED_DNS
            elif what < 34:
                table.state[device] = what & 3
            else:
                table.seen(device, now_s, _address(1000 + device * 8 + what % 9), 0, 4)

    def test_nobody_to_give_up_is_asked_once_a_second(self):
        table = ManyDevices(300)
        for number in range(299):
            table.flags[table.enrol(_mac(number), _NOW_S)] = MAILED
        self.assertEqual(table.victim(_NOW_S), -1)
        table.flags[7] = 0
        self.assertEqual((table.victim(_NOW_S), table.victim(_NOW_S + 1)), (-1, 7))
        table.flags[7] = MAILED
        self.assertEqual((table.victim(_NOW_S + 2), table.victim(_NOW_S + 9 * _DAY_S)), (-1, 1))
        table.remove(9)
        self.assertEqual(table.victim(_NOW_S + 2), 0)

    def test_who_is_at_an_address(self):
        table = ManyDevices(1024)
        numbers = [table.enrol(_mac(number), _NOW_S) for number in range(1000)]
        for number in range(1000):
            table.seen(numbers[number], _NOW_S + number, _address(number), 0, 4)
            table.seen(numbers[number], _NOW_S + number, b"\xfd" + bytes(13) + _address(number)[2:], 0, 16)
        for number in range(1000):
            self.assertEqual(table.at_address(b"x" + _address(number), 1, 4), numbers[number])
            self.assertEqual(table.at_address(b"\xfd" + bytes(13) + _address(number)[2:], 0, 16), numbers[number])
        self.assertEqual(table.at_address(_address(2000), 0, 4), -1)
        table.seen(numbers[5], _NOW_S + 5000, _address(900), 0, 4)
        self.assertEqual(table.at_address(_address(900), 0, 4), numbers[5], "the last one heard of there")
        table.remove(numbers[5])
        self.assertEqual(table.at_address(_address(900), 0, 4), numbers[900])
        table.seen(CROWD, _NOW_S + 6000, _address(2000), 0, 4)
        self.assertEqual(table.at_address(_address(2000), 0, 4), -1, "the crowd is at no address")


class Addresses(unittest.TestCase):
    def test_addresses_that_made_room_are_nobodys(self):
        book = IndexedAddressBook(40, 6)
        chance = Chance(5)
        for _ in range(1000):
            book.note(chance.below(40), _address(chance.below(120)), 0, 4, _NOW_S)
            if not chance.below(9):
                book.clear(chance.below(40))
        for number in range(120):
            holders, place = [], book.chained(_address(number), 0, 4)
            while place:
                holders.append(book.holder(place, _address(number), 0, 4))
                place = book.after(place)
            expected = [device for device in range(40) if book.has(device, _address(number), 0, 4)]
            self.assertEqual(sorted(holder for holder in holders if holder >= 0), expected)


class FewerLimits(ManyLimits):
    """More devices than a byte has numbers, in the heap that tests have."""

    def __init__(self):
        super().__init__()
        self.devices = 320
        self.suspects = 40
        self.connections = 128
        self.hosts = 256
        self.distinct = 1024
        self.reply_codes = 128


class Engine(unittest.TestCase):
    def setUp(self):
        self.home = Home(FewerLimits(), make_engine=ManyEngine)
        self.home.open_line()

    def test_the_bot_among_many_is_found_and_nobody_else(self):
        devices = [self.home.settled(number) for number in range(_DEVICES)]
        bot = devices[-1]
        self.assertTrue(bot > 255)
        for number in range(6):
            for device in devices[::50]:
                self.home.ask(device, "host%d.example" % number, TYPE_A)
            self.home.spam_once(bot, number)
        self.assertEqual([devices.index(change[0]) for change in self.home.changes if change[2] == 2], [_DEVICES - 1])
        self.assertEqual({change[0] for change in self.home.changes}, {bot})

    def test_many_with_quiet_evidence_are_calmed_within_a_day_and_a_minute(self):
        devices = [self.home.settled(number) for number in range(_DEVICES)]
        for device in devices[::10]:
            self.home.ask(device, "list.example")
        self.assertEqual(len(self.home.changes), 31)
        for _ in range(32):
            self.home.wait(2)
        self.assertEqual(len(self.home.changes), 31)
        self.home.wait(_DAY_S + 120)
        self.assertEqual([self.home.state(device) for device in devices[::10]], ["normal"] * 31)

    def test_sparse_words_of_the_time_still_see_to_everyone(self):
        device = [self.home.settled(number) for number in range(_DEVICES)][-1]
        self.home.ask(device, "list.example")
        self.assertEqual(self.home.state(device), "watched")
        for _ in range(3):
            self.home.now_s += _DAY_S
            self.home.engine.at(self.home.now_s, 0)
        self.assertEqual(self.home.state(device), "normal")

    def test_more_suspects_than_rows_keep_their_scores(self):
        devices = [self.home.settled(number) for number in range(300)]
        board = self.home.engine.board
        for _ in range(2):
            for device in devices:
                self.home.ask(device, "list.example")
        self.assertEqual({board.score(device) for device in devices}, {board.score(devices[0])})
        self.assertEqual(sum(len(board.seen(device)) > 0 for device in devices), 40)

    def test_connections_of_who_left_are_the_crowds(self):
        engine = self.home.engine
        engine.mail.joined(5, 300, 1, 77, False)
        self.assertEqual((engine.mail.device(5), engine.mail.device(6)), (300, -1))
        engine.mail.clear(300, True)
        self.assertEqual(engine.mail.device(5), CROWD)


if __name__ == "__main__":
    unittest.main()
