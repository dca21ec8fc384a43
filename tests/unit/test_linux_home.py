"""Where the home ends: the networks of its LAN interfaces as they are now, and the router's own addresses."""

import unittest

from fakes.kernel import FakeKernel

from spamgate.plane import linux_home
from spamgate.plane.linux_home import Home
from spamgate.wire.address import parse_address
from spamgate.wire.rtnetlink import InterfaceAddress

_REAL = (linux_home.interface_index, linux_home.interface_mac)
_MAC = b"\x02\x53\x47\0\x77\1"


class Places(unittest.TestCase):
    def setUp(self):
        self.kernel = FakeKernel()
        self.indexes = {"lo": 1, "wan0": 2, "br-lan": 5, "br-guest": 6}
        linux_home.interface_index = lambda name: self.indexes.get(name, 0)
        linux_home.interface_mac = lambda name: _MAC if name in self.indexes else bytes(6)
        self.have(1, "127.0.0.1/8", "::1/128")
        self.have(2, "203.0.113.77/24", "2001:db8:113::77/64")
        self.have(5, "192.168.77.1/24", "fd77::1/64", "fe80::5/64")
        self.have(6, "192.168.78.1/24")
        self.home = Home(self.kernel, ["br-lan", "br-guest"], ["wan0"], ["10.99.0.0/16"])

    def tearDown(self):
        linux_home.interface_index, linux_home.interface_mac = _REAL

    def have(self, interface, *networks, tentative=False):
        for network in networks:
            address, _, bits = network.partition("/")
            self.kernel.interfaces.append(InterfaceAddress(interface, parse_address(address), int(bits), tentative))

    def lose(self, name):
        index = self.indexes.pop(name)
        self.kernel.interfaces = [one for one in self.kernel.interfaces if one.interface != index]

    def inside(self, *addresses):
        packed = [parse_address(text) for text in addresses]
        return [self.home.contains(b"\xff" + one + b"\xff", 1, len(one)) for one in packed]

    def own(self, *addresses):
        packed = [parse_address(text) for text in addresses]
        return [self.home.router.contains(b"\xff" + one + b"\xff", 1, len(one)) for one in packed]


class Inside(Places):
    def test_devices_of_every_lan_and_named_networks_are_inside(self):
        self.assertTrue(self.home.refresh())
        here = ("192.168.77.200", "192.168.78.3", "fd77::77", "fe80::1234", "10.99.0.1")
        self.assertEqual(self.inside(*here), [True] * 5)

    def test_the_world_is_not_even_beside_the_uplink(self):
        self.home.refresh()
        self.assertEqual(self.inside("203.0.113.1", "198.51.100.1", "2001:db8:113::1", "10.98.0.1"), [False] * 4)

    def test_the_router_is_inside_with_all_its_addresses(self):
        self.home.refresh()
        own = ("203.0.113.77", "2001:db8:113::77", "192.168.77.1", "127.0.0.1", "::1")
        self.assertEqual((self.inside(*own), self.own(*own)), ([True] * 5, [True] * 5))
        self.assertEqual(self.own("192.168.77.2", "203.0.113.78"), [False] * 2)
        self.assertEqual(self.home.router.mac, _MAC)

    def test_lan_addresses_are_told_with_network_and_interface(self):
        self.home.refresh()
        lan = [(parse_address("192.168.77.1"), 24, 5), (parse_address("fd77::1"), 64, 5)]
        lan += [(parse_address("fe80::5"), 64, 5), (parse_address("192.168.78.1"), 24, 6)]
        self.assertEqual((self.home.lan_addresses, self.home.missing), (lan, []))

    def test_before_it_is_asked_named_networks_are_inside(self):
        self.assertEqual(self.inside("10.99.0.1", "fe80::1", "192.168.77.2"), [True, True, False])

    def test_an_address_still_looked_for_elsewhere_is_not_used(self):
        self.have(6, "fd78::1/64", tentative=True)
        self.home.refresh()
        self.assertEqual(self.inside("fd78::2"), [False])
        self.kernel.interfaces[-1].is_tentative = False
        self.assertTrue(self.home.refresh())
        self.assertEqual(self.inside("fd78::2"), [True])


class Changing(Places):
    def test_nothing_new_is_no_change(self):
        self.assertEqual([self.home.refresh() for _ in range(3)], [True, False, False])

    def test_an_interface_may_go_and_come_back_as_another(self):
        self.home.refresh()
        self.lose("br-guest")
        self.assertTrue(self.home.refresh())
        self.assertEqual((self.home.missing, self.inside("192.168.78.3")), (["br-guest"], [False]))
        self.indexes["br-guest"] = 9
        self.have(9, "192.168.78.1/24")
        self.assertTrue(self.home.refresh())
        self.assertEqual((self.home.missing, self.inside("192.168.78.3")), ([], [True]))
        self.assertEqual(self.home.lan_addresses[-1][2], 9)

    def test_the_router_stays_who_it_was_while_its_first_lan_is_gone(self):
        self.home.refresh()
        self.lose("br-lan")
        self.assertTrue(self.home.refresh())
        self.assertEqual((self.home.router.mac, self.own("192.168.77.1", "203.0.113.77")), (_MAC, [False, True]))

    def test_an_interface_without_an_address_is_there(self):
        self.kernel.interfaces = [one for one in self.kernel.interfaces if one.interface != 6]
        self.home.refresh()
        self.assertEqual(self.home.missing, [])

    def test_a_new_prefix_takes_the_place_of_the_old(self):
        """Providers change them over night."""
        self.have(5, "2001:db8:1::1/64")
        self.home.refresh()
        self.kernel.interfaces.pop()
        self.have(5, "2001:db8:2::1/64")
        self.assertTrue(self.home.refresh())
        self.assertEqual(self.inside("2001:db8:1::7", "2001:db8:2::7"), [False, True])

    def test_a_kernel_that_does_not_answer_changes_nothing(self):
        self.home.refresh()
        self.kernel.interfaces = []
        self.assertFalse(self.home.refresh())
        self.assertEqual(self.inside("192.168.77.200"), [True])


if __name__ == "__main__":
    unittest.main()
