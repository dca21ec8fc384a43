"""An ESP32 in the air of tests/fakes/esp32.py: it joins, is lost and joins again, keeps the time, is watched."""

import sys
import time
import unittest

from fakes.esp32 import HOME, Restarted, World
from fakes.storage import FakeStorage

MINUTE_MS = 60000
OLIMEX = {"phy": "LAN8720", "phy_addr": 0, "mdc": 23, "mdio": 18, "power": 12, "ref_clk": 17}


class Settings:
    def __init__(self, **changes):
        self.wifi_name = "Home"
        self.wifi_password = "secret-of-home"  # noqa: S105  of a network that does not exist
        self.hostname = "spamgate"
        self.ethernet = {}
        self.time_server = ""
        for name, value in changes.items():
            setattr(self, name, value)


class Chip(unittest.TestCase):
    def setUp(self):
        self.world = World()
        self.told = []
        self.now_ms = (1 << 29) - 500  # about to wrap
        self.hardware = self.start()

    def start(self):
        """Return the board as it is after a start."""
        self.world.install()
        from spamgate.hal.esp32 import Hardware

        hardware = Hardware("/tmp")
        hardware.storage = FakeStorage()
        return hardware

    def join(self, **changes):
        self.hardware.join(Settings(**changes), self.told.append)

    def pass_s(self, seconds, settle=True):
        """Let time go by, ten ticks a second; the radio needs a second for an attempt."""
        for count in range(seconds * 10):
            self.now_ms = (self.now_ms + 100) & ((1 << 29) - 1)
            self.hardware.tick(self.now_ms)
            if settle and count % 10 == 9:
                self.world.station.settle()


class JoiningWifi(Chip):
    def test_it_joins_and_says_where_it_is(self):
        self.join()
        self.pass_s(3)
        self.assertEqual(self.hardware.address, b"\xc0\xa8\x01\x07")
        self.assertEqual((self.hardware.resolvers, self.hardware.trouble), (["192.168.1.1"], ""))
        self.assertEqual(self.told, ["joining Wi-Fi Home", "address 192.168.1.7"])
        self.assertEqual(self.world.hostname, "spamgate")
        self.assertEqual(self.world.station.options, {"reconnects": 0, "pm": 0})

    def test_an_open_network_is_joined_without_a_password(self):
        self.world.networks["Home"] = None
        self.join(wifi_password="")
        self.pass_s(3)
        self.assertEqual(self.world.station.attempts, [("Home", None)])
        self.assertTrue(self.hardware.address)

    def test_a_resolver_that_is_us_is_not_asked(self):
        self.world.given = (HOME[0], HOME[1], HOME[2], HOME[0])
        self.join()
        self.pass_s(3)
        self.assertEqual(self.hardware.resolvers, ["192.168.1.1"])

    def test_a_wrong_password_is_named_and_tried_ever_more_seldom(self):
        self.join(wifi_password="guess")
        self.pass_s(22)
        self.assertEqual(self.hardware.trouble, "Wi-Fi Home refuses the password")
        self.pass_s(20 * 60)
        self.assertTrue(14 <= len(self.world.station.attempts) <= 20)
        self.assertEqual(self.told, ["joining Wi-Fi Home", "Wi-Fi Home refuses the password"])

    def test_a_network_out_of_reach_is_named_and_found_when_it_comes(self):
        del self.world.networks["Home"]
        self.join()
        self.pass_s(25)
        self.assertEqual(self.hardware.trouble, "no Wi-Fi Home in reach")
        self.world.networks["Home"] = "secret-of-home"
        self.pass_s(90)
        self.assertEqual(self.told[-1], "address 192.168.1.7")

    def test_an_attempt_that_hangs_is_given_up_and_made_again(self):
        self.join()
        self.pass_s(19, settle=False)
        self.assertEqual(len(self.world.station.attempts), 1)
        self.pass_s(5, settle=False)
        self.assertEqual(len(self.world.station.attempts), 2)
        self.assertEqual(self.hardware.trouble, "Wi-Fi Home gives no address")

    def test_lost_and_found(self):
        self.join()
        self.pass_s(3)
        self.world.station.fade()
        self.pass_s(1, settle=False)
        self.assertEqual((self.hardware.address, self.told[-1]), (b"", "Wi-Fi Home is lost"))
        self.pass_s(3)
        self.assertEqual(self.told[-1], "address 192.168.1.7")

    def test_after_a_success_pauses_begin_short_again(self):
        del self.world.networks["Home"]
        self.join()
        self.pass_s(10 * 60)
        self.world.networks["Home"] = "secret-of-home"
        self.pass_s(90)
        self.assertTrue(self.hardware.address)
        del self.world.networks["Home"]
        self.world.station.fade()
        tried = len(self.world.station.attempts)
        self.pass_s(44)  # 20 s, a pause of 1 s, 20 s, a pause of 2 s
        self.assertEqual(len(self.world.station.attempts), tried + 3)

    def test_another_address_is_told_within_two_seconds(self):
        self.join()
        self.pass_s(3)
        self.world.given = ("192.168.1.8",) + HOME[1:]
        self.pass_s(3)
        self.assertEqual(self.told[-1], "address 192.168.1.8")

    def test_a_soft_reset_finds_the_radio_in_the_network_it_wants(self):
        self.join()
        self.pass_s(3)
        self.world.cause = 5
        self.hardware = self.start()
        self.join()
        self.pass_s(1)
        self.assertEqual((len(self.world.station.attempts), self.told[-1]), (1, "address 192.168.1.7"))

    def test_a_soft_reset_finds_the_radio_in_another_network(self):
        self.join()
        self.pass_s(3)
        self.world.networks["Upstairs"] = "12345678"
        self.hardware = self.start()
        self.join(wifi_name="Upstairs", wifi_password="12345678")
        self.pass_s(3)
        self.assertEqual(self.world.station.config("ssid"), "Upstairs")

    def test_a_radio_that_fails_is_tried_again(self):
        self.world.radio_error = "WiFi Out of Memory"
        self.join()
        self.pass_s(1)
        self.assertEqual(self.hardware.trouble, "Wi-Fi Home: WiFi Out of Memory")
        self.world.radio_error = None
        self.pass_s(5)
        self.assertTrue(self.hardware.address)

    def test_no_address_from_the_network(self):
        self.world.has_dhcp = False
        self.join()
        self.pass_s(25)
        self.assertEqual(self.hardware.trouble, "Wi-Fi Home gives no address")
        self.world.has_dhcp = True
        self.pass_s(30)
        self.assertTrue(self.hardware.address)

    def test_without_a_name_nothing_is_tried(self):
        self.join(wifi_name="")
        self.pass_s(5)
        self.assertEqual(self.told, ["no Wi-Fi is named: set wifi_name"])

    def test_before_it_is_told_to_join_it_does_nothing(self):
        self.pass_s(1)
        self.assertEqual((self.hardware.address, self.told), (b"", []))


class OnACable(Chip):
    def test_the_olimex_board_as_its_documentation_wires_it(self):
        self.world.cable = True
        self.join(ethernet=OLIMEX)
        self.pass_s(1)
        self.assertEqual(self.told, ["address 192.168.1.7"])
        options = self.world.lan_options
        pins = {name: options[name].number for name in ("mdc", "mdio", "power", "ref_clk")}
        self.assertEqual(pins, {"mdc": 23, "mdio": 18, "power": 12, "ref_clk": 17})
        self.assertEqual((options["phy_addr"], options["phy_type"], options["ref_clk_mode"]), (0, 1, 3))

    def test_a_cable_that_is_pulled_and_put_back(self):
        self.join(ethernet=OLIMEX)
        self.pass_s(1)
        self.assertEqual(self.told, ["no cable"])
        self.world.cable, self.world.has_dhcp = True, False
        self.pass_s(1)
        self.assertEqual(self.told[-1], "the network gives us no address")
        self.world.has_dhcp = True
        self.pass_s(1)
        self.assertEqual(self.told[-1], "address 192.168.1.7")
        self.world.cable = False
        self.pass_s(1)
        self.assertEqual((self.told[-1], self.hardware.address), ("no cable", b""))

    def test_another_board_than_was_said(self):
        self.world.chip_answers = False
        self.join(ethernet=OLIMEX)
        self.pass_s(1)
        self.assertEqual(
            self.told, ["the Ethernet chip does not answer (esp_eth_driver_install failed): is it the right board?"]
        )

    def test_wiring_that_cannot_be(self):
        for wrong in ({"phy": "LAN8720"}, dict(OLIMEX, phy="NE2000"), dict(OLIMEX, mdc=99)):
            self.told.clear()
            self.join(ethernet=wrong)
            self.pass_s(1)
            self.assertTrue("does not answer" in self.told[0])


class KeepingTime(Chip):
    """With a time client in the place of hal/time_client.py: it answers what it is told to, a second later."""

    def setUp(self):
        super().setUp()
        self.answers, self.asked_s = [], []
        scene = self

        class FakeClient:
            def __init__(self, net, server):
                assert server == "time.example"
                scene.asked_s.append(scene.second)
                self.left = 10

            def tick(self, now_ms, resolvers):
                assert resolvers == ["192.168.1.1"]
                self.left -= 1
                return 0 if self.left else scene.answers.pop(0) if scene.answers else -1

        class Module:
            TimeClient = FakeClient

        self.second = 0
        self.module = Module

    def pass_minutes(self, minutes):
        """Let time go by, one tick a second and more while somebody is asked."""
        for _ in range(minutes * 60):
            self.second += 1
            sys.modules["spamgate.hal.time_client"] = self.module  # forgotten after each use
            self.pass_s(1)

    def test_at_once_and_then_every_four_hours(self):
        self.answers = [1795348800, 1795363200]
        self.join(time_server="time.example")
        self.pass_minutes(1)
        self.assertTrue(self.hardware.clock_set)
        self.assertEqual(self.world.date[:5], (2026, 11, 22, 6, 12))
        self.now_ms = (self.now_ms + 4 * 3600000 - 90000) & ((1 << 29) - 1)
        self.pass_minutes(2)
        self.assertEqual((len(self.asked_s), self.world.date[4]), (2, 16))

    def test_after_failures_ever_more_seldom(self):
        self.answers = [5, -1, 5]  # 1970 is no time
        self.join(time_server="time.example")
        self.pass_minutes(10)
        gaps = [self.asked_s[at + 1] - self.asked_s[at] for at in range(len(self.asked_s) - 1)]
        self.assertEqual(gaps, [15, 31, 61, 121, 241])
        self.assertFalse(self.hardware.clock_set)

    def test_a_full_heap_is_a_failure_like_any(self):
        class Starving:
            def __init__(self, net, server):
                raise MemoryError

        class Module:
            TimeClient = Starving

        kept, self.module = self.module, Module
        self.answers = [1795348800]
        self.join(time_server="time.example")
        self.pass_minutes(1)
        self.module = kept
        self.pass_minutes(2)
        self.assertTrue(self.hardware.clock_set)

    def test_not_without_a_network_or_a_server(self):
        del self.world.networks["Home"]
        self.join(time_server="time.example")
        self.pass_minutes(1)
        self.world.networks["Home"] = "secret-of-home"
        self.join()
        self.pass_minutes(1)
        self.assertEqual(self.asked_s, [])

    def test_what_asked_is_given_back(self):
        self.answers = [1795348800]
        self.join(time_server="time.example")
        sys.modules["spamgate.hal.time_client"] = self.module
        self.pass_s(5)
        self.assertFalse("spamgate.hal.time_client" in sys.modules)


class TheRest(Chip):
    def test_the_clock_is_set_to_times_that_can_be(self):
        self.assertTrue(self.hardware.set_clock(1795348800))  # 2026-11-22 12:00, a Sunday
        self.assertEqual(self.world.date, (2026, 11, 22, 6, 12, 0, 0, 0))
        self.assertTrue(self.hardware.clock_set)

    def test_the_clock_of_a_board_counts_from_2000(self):
        from spamgate.hal import esp32

        class BoardTime:
            def gmtime(self, seconds):
                return time.gmtime(seconds + 946684800)

        kept = esp32.time, esp32.EPOCH_S
        esp32.time, esp32.EPOCH_S = BoardTime(), 946684800
        self.assertTrue(self.hardware.set_clock(1795348800))
        esp32.time, esp32.EPOCH_S = kept
        self.assertEqual(self.world.date[:5], (2026, 11, 22, 6, 12))

    def test_times_that_cannot_be_are_refused(self):
        for wrong in (0, -1, 1735689599, 1 << 31, 1 << 40):
            self.assertFalse(self.hardware.set_clock(wrong))
        self.assertTrue(self.world.date is None and not self.hardware.clock_set)

    def test_starts_in_vain_are_counted_through_resets_of_the_watchdog(self):
        self.assertEqual(self.hardware.starts(), 1)
        counts = []
        for cause in (3, 2, 3):
            self.world.cause = cause
            counts.append(self.start().starts())
        self.assertEqual(counts, [2, 3, 4])

    def test_a_soft_reset_is_nobodys_crash(self):
        self.hardware.starts()
        self.world.cause = 5
        self.assertEqual([self.start().starts(), self.start().starts()], [1, 1])

    def test_a_good_start_and_a_power_cut_end_the_row(self):
        self.hardware.starts()
        self.hardware.lived()
        self.world.cause = 3
        self.assertEqual(self.start().starts(), 1)
        self.world.power_cut()
        self.assertEqual(self.start().starts(), 1)
        self.world.rtc_memory = b"SGs\3"  # power that sank too low does not wipe it
        self.assertEqual(self.start().starts(), 1)

    def test_what_others_keep_there_is_no_count(self):
        for kept in (b"", b"SGs", b"somebody else's", b"SGs\5\5"):
            self.world.cause, self.world.rtc_memory = 3, kept
            self.assertEqual(self.start().starts(), 1)

    def test_the_count_does_not_overflow(self):
        self.world.cause, self.world.rtc_memory = 3, b"SGs\xff"
        self.assertTrue(3 < self.start().starts() < 256)

    def test_the_watchdog_waits_a_minute_and_rests_while_somebody_is_at_the_repl(self):
        self.hardware.feed()
        self.hardware.watchdog_rest(10)
        self.assertEqual((self.world.watchdog_ms, self.world.feeds), (0, 0))
        self.hardware.watchdog_start()
        self.assertEqual((self.world.watchdog_ms, self.world.feeds), (MINUTE_MS, 1))
        self.hardware.feed()
        self.assertEqual(self.world.feeds, 2)
        self.hardware.watchdog_rest(10)
        self.assertEqual((self.world.watchdog_ms, self.world.feeds), (10 * MINUTE_MS, 3))

    def test_reset_and_why(self):
        self.assertEqual(self.hardware.reset_cause, "power")
        with self.assertRaises(Restarted):
            self.hardware.reset()
        self.assertEqual(self.start().reset_cause, "reset")
        for cause, name in ((0, "unknown"), (3, "watchdog"), (4, "power"), (5, "soft")):
            self.world.cause = cause
            self.assertEqual(self.start().reset_cause, name)

    def test_who_it_is(self):
        self.assertEqual(self.hardware.unique_id, b"\x24\x6f\x28\x01\x02\x03")
        self.hardware.storage.files["identity.json"] = b'{"serial": "SG-0001", "board": "ESP32_GENERIC"}'
        self.assertEqual(self.hardware.identity("serial"), "SG-0001")
        self.assertEqual(self.hardware.identity("link_key"), "")
