"""An ESP32 that is the home's router, in the air of tests/fakes/esp32.py: its own Wi-Fi, the uplink, and the gate."""

import sys
import unittest

from fakes.esp32 import HOME, FakeAccessPoint, World
from fakes.storage import FakeStorage

OLIMEX = {"phy": "LAN8720", "phy_addr": 0, "mdc": 23, "mdio": 18, "power": 12, "ref_clk": 17}
WPA2 = 3
DEVICE = b"\x02\x00\x5e\x10\x00\x01"


class Settings:
    def __init__(self, **changes):
        self.wifi_name = "Home"
        self.wifi_password = "secret-of-home"  # noqa: S105  of a network that does not exist
        self.ap_name = "Inside"
        self.ap_password = "secret-of-inside"  # noqa: S105  the same
        self.hostname = "spamgate"
        self.ethernet = {}
        self.time_server = ""
        for name, value in changes.items():
            setattr(self, name, value)


class Router(unittest.TestCase):
    def setUp(self):
        self.kept = {name: sys.modules.get(name) for name in ("mailgate", "esp32")}
        self.world = World()
        self.told = []
        self.now_ms = (1 << 29) - 500  # about to wrap
        self.world.install_router()
        from spamgate.hal.esp32_router import Hardware

        self.hardware = Hardware("/tmp")
        self.hardware.storage = FakeStorage()

    def tearDown(self):
        for name, module in self.kept.items():
            if module is None:
                sys.modules.pop(name, None)
            else:
                sys.modules[name] = module

    def join(self, **changes):
        self.hardware.join(Settings(**changes), self.told.append)

    def pass_s(self, seconds):
        """Let time go by, ten ticks a second; the radio needs a second for an attempt."""
        for count in range(seconds * 10):
            self.now_ms = (self.now_ms + 100) & ((1 << 29) - 1)
            self.hardware.tick(self.now_ms)
            if count % 10 == 9:
                self.world.station.settle()


class Inside(Router):
    def test_its_wifi_is_there_before_the_uplink_is(self):
        self.join()
        self.hardware.tick(self.now_ms)
        self.assertEqual(self.hardware.lan, ["192.168.4.1/24"])
        self.assertEqual((self.hardware.lan_mac, self.hardware.wan), (FakeAccessPoint.MAC, []))
        self.assertEqual(self.world.gate.starts, 1)
        self.assertTrue(self.hardware.gate is self.world.gate)
        self.pass_s(3)
        self.assertEqual(self.hardware.wan, ["192.168.1.7/24"])
        self.assertEqual(self.told, ["own Wi-Fi at 192.168.4.1/24", "joining Wi-Fi Home", "address 192.168.1.7"])
        self.assertEqual((self.world.gate.starts, self.hardware.trouble), (1, ""))

    def test_the_dhcp_server_names_us_as_router_and_as_resolver(self):
        self.join()
        self.pass_s(1)
        self.assertEqual(
            self.world.access_point.ifconfig(), ("192.168.4.1", "255.255.255.0", "192.168.4.1", "192.168.4.1")
        )

    def test_its_wifi_is_never_open_not_for_a_moment(self):
        self.join()
        self.pass_s(3)
        self.assertEqual(self.world.access_point.on_air, [("Inside", WPA2)])
        options = self.world.access_point.options
        self.assertEqual((options["key"], options["max_clients"]), ("secret-of-inside", 10))

    def test_a_port_that_takes_options_of_what_is_on_only(self):
        self.world.access_point.needs_active = True
        self.join()
        self.pass_s(3)
        self.assertEqual(self.world.access_point.on_air[-1], ("Inside", WPA2))
        self.assertEqual(self.hardware.lan, ["192.168.4.1/24"])

    def test_without_a_name_or_a_password_there_is_none(self):
        for changes, key in (({"ap_name": ""}, "set ap_name"), ({"ap_password": ""}, "set ap_password")):
            self.told.clear()
            self.join(**changes)
            self.pass_s(3)
            self.assertEqual((self.hardware.lan, self.world.access_point.on_air, self.world.gate.starts), ([], [], 0))
            self.assertTrue(key in self.hardware.trouble and self.told[0] == self.hardware.trouble)
        self.assertEqual(self.hardware.wan, ["192.168.1.7/24"])

    def test_an_uplink_with_the_same_network_makes_it_move(self):
        self.world.given = ("192.168.4.20", "255.255.255.0", "192.168.4.1", "192.168.4.1")
        self.join()
        self.pass_s(1)
        self.world.access_point.in_reach = [DEVICE]
        self.pass_s(2)
        self.assertEqual((self.hardware.lan, self.hardware.wan), (["10.77.4.1/24"], ["192.168.4.20/24"]))
        self.assertEqual(self.world.access_point.ifconfig()[3], "10.77.4.1")
        self.assertEqual(self.hardware.stations(), [])  # sent away: who comes again asks for an address
        self.world.given = ("10.0.0.9", "255.0.0.0", "10.0.0.1", "10.0.0.1")
        self.pass_s(5)
        self.assertEqual((self.hardware.lan, self.hardware.wan), (["192.168.4.1/24"], ["10.0.0.9/8"]))

    def test_a_small_network_outside_within_ours_is_in_the_way_too(self):
        self.world.given = ("192.168.4.200", "255.255.255.240", "192.168.4.193", "192.168.4.193")
        self.join()
        self.pass_s(3)
        self.assertEqual((self.hardware.lan, self.hardware.wan), (["10.77.4.1/24"], ["192.168.4.200/28"]))

    def test_the_uplink_comes_and_goes_and_the_home_stays(self):
        self.join()
        self.pass_s(3)
        self.world.access_point.in_reach = [DEVICE]
        del self.world.networks["Home"]
        self.world.station.fade()
        self.pass_s(30)
        self.assertEqual((self.hardware.lan, self.hardware.wan), (["192.168.4.1/24"], []))
        self.assertEqual((self.hardware.trouble, self.hardware.stations()), ("no Wi-Fi Home in reach", [DEVICE]))
        self.assertEqual(len(self.world.access_point.on_air), 1)

    def test_a_radio_that_fails_is_tried_again_every_few_seconds(self):
        self.world.radio_error = "WiFi Out of Memory"
        self.join(ethernet=OLIMEX)
        self.pass_s(3)
        self.assertTrue("Wi-Fi Inside cannot be made: WiFi Out of Memory" in self.told)
        self.world.radio_error = None
        self.pass_s(6)
        self.assertEqual(self.hardware.lan, ["192.168.4.1/24"])

    def test_an_access_point_that_is_switched_off_comes_up_again(self):
        self.join()
        self.pass_s(1)
        self.world.access_point.active(False)
        self.pass_s(7)
        self.assertEqual((self.hardware.lan, self.world.access_point.active()), (["192.168.4.1/24"], True))
        self.assertEqual(self.world.gate.starts, 1)  # the C side stays with the access point

    def test_without_its_own_wifi_nobody_is_on_it(self):
        self.assertEqual(self.hardware.stations(), [])
        self.join(ap_name="")
        self.assertEqual(self.hardware.stations(), [])


class Outside(Router):
    def test_the_cable_is_the_uplink_of_a_board_that_has_one(self):
        self.world.cable = True
        self.join(ethernet=OLIMEX, wifi_name="")
        self.pass_s(1)
        self.assertEqual((self.hardware.lan, self.hardware.wan), (["192.168.4.1/24"], ["192.168.1.7/24"]))
        self.assertEqual(self.hardware.resolvers, [HOME[3]])
        self.world.cable = False
        self.pass_s(3)
        self.assertEqual((self.hardware.wan, self.hardware.trouble), ([], "no cable"))

    def test_before_it_is_told_to_join_it_does_nothing(self):
        self.pass_s(1)
        self.assertEqual((self.hardware.lan, self.hardware.wan, self.told), ([], [], []))


class TheGate(Router):
    def test_a_gate_that_does_not_start_is_told_once_and_tried_again(self):
        self.world.gate.error = 12
        self.join()
        self.pass_s(12)
        said = "nothing is forwarded: the gate does not start (error 12)"
        self.assertEqual((self.told.count(said), self.hardware.trouble), (1, said))
        self.world.gate.error = 0
        self.pass_s(6)
        self.assertEqual((self.world.gate.starts, self.hardware.trouble), (1, ""))

    def test_the_firmware_is_kept_once_it_has_lived(self):
        self.hardware.lived()
        self.assertFalse(self.world.chip.is_on_trial)
        self.hardware.lived()  # the bootloader has nothing to go back to any more

    def test_it_reads_the_settings_of_a_board_in_path(self):
        settings = self.hardware.read_settings('{"ap_name": "Inside", "budget_per_day": 3}')
        self.assertEqual((settings.ap_name, settings.budget_per_day, settings.ethernet), ("Inside", 3, {}))


if __name__ == "__main__":
    unittest.main()
