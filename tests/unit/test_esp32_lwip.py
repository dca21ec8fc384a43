"""A whole router on an ESP32, all but the chip: its program over its own hardware, in the air of tests/fakes/esp32.py.

What lwIP and the module would do is done by tests/fakes/net.py and tests/fakes/mailgate.py.
"""

import json
import sys
import unittest

from fakes.dns import query
from fakes.esp32 import FakeAccessPoint, World
from fakes.mailgate import FakeGate, record_of
from fakes.net import FakeLoop, FakeNet
from fakes.router import SYN, ip
from fakes.storage import FakeStorage

_DEVICE = b"\x02\x00\x5e\x10\x00\x01"
_CLIENT, _SERVER = b"\xc0\xa8\x04\x07", b"\xcb\x00\x71\x09"
_RESOLVER = b"\xc0\xa8\x01\x01"
_SETTINGS = {
    "wifi_name": "Home",
    "wifi_password": "secret-of-home",
    "ap_name": "Inside",
    "ap_password": "secret-of-inside",
    "time_server": "",
}


class Line:
    """A serial line at which nobody is."""

    def has_input(self):
        return False


class WholeRouter(unittest.TestCase):
    def setUp(self):
        self.kept = {name: sys.modules.get(name) for name in ("mailgate", "esp32")}
        self.world = World()
        self.gate = self.world.gate = FakeGate()
        self.world.install_router()
        self.now_ms = 0

    def tearDown(self):
        for name, module in self.kept.items():
            if module is None:
                sys.modules.pop(name, None)
            else:
                sys.modules[name] = module

    def begin(self, **changes):
        from spamgate.app.board_lwip import BoardLwip, LwipProgram
        from spamgate.hal.esp32_router import Hardware

        self.hardware = hardware = Hardware("/tmp")
        hardware.storage, hardware.net, hardware.line = FakeStorage(), FakeNet(), Line()
        hardware.storage.write("settings.json", [json.dumps(dict(_SETTINGS, **changes)).encode()])
        self.program = LwipProgram(hardware, BoardLwip)
        self.program.loop = FakeLoop()
        self.program.loop.starved = 0
        self.known = self.program.begin()

    def pass_s(self, seconds):
        for _ in range(seconds):
            self.now_ms += 1000
            self.program._every_second(self.now_ms)
            self.world.station.settle()

    def serves(self, address):
        return self.hardware.net._find(address, 53, "udp") is not None

    def device(self):
        from spamgate.core.identity import Identity

        who = Identity()
        who.from_mac(_DEVICE, 0)
        return self.program.engine.devices.find(who)

    def test_it_serves_and_names_its_own_address_inside_and_asks_the_resolver_outside(self):
        self.begin()
        self.assertEqual((self.known, self.gate.is_on), (0, True))
        self.pass_s(4)
        self.assertEqual(self.gate.started, ())
        self.assertTrue(self.serves(b"\xc0\xa8\x04\x01"))
        self.assertTrue(b"see http://192.168.4.1/\r\n" in self.gate.texts[FakeGate.LATER])
        net = self.hardware.net
        upstream = net.udp(_RESOLVER, 53)
        net.udp(_CLIENT, 40000).sendto(query("www.example"), net.join(b"\xc0\xa8\x04\x01", 53))
        self.program.loop.spin()
        self.assertTrue(upstream.recvfrom(512)[0].endswith(query("www.example")[2:]))

    def test_a_device_is_who_its_mac_says_whatever_its_address(self):
        self.begin(aliases={"02:00:5e:10:00:01": "camera"})
        self.pass_s(4)
        known = self.program.engine.devices.everyone()
        for source in (_CLIENT, b"\xc0\xa8\x04\x08"):
            syn = ip(source, _SERVER, 6, b"\xc3\x50\0\x19" + bytes(8) + bytes((80, SYN)) + bytes(6))
            self.gate._ring.append(record_of(FakeAccessPoint.MAC + _DEVICE + b"\x08\0" + syn, 0, FakeGate.NORMAL))
            self.program.plane.ready(None)
        self.pass_s(1)
        self.assertEqual(len(self.program.engine.devices.everyone()), max(len(known), 1))
        self.assertEqual(self.program.engine.devices.names[self.device()], "camera")

    def test_an_uplink_in_its_network_moves_all_of_it(self):
        self.begin()
        self.world.given = ("192.168.4.20", "255.255.255.0", "192.168.4.1", "192.168.4.1")
        self.pass_s(5)
        self.assertTrue(self.serves(b"\x0a\x4d\x04\x01") and not self.serves(b"\xc0\xa8\x04\x01"))
        self.assertTrue(b"see http://10.77.4.1/\r\n" in self.gate.texts[FakeGate.LATER])
        self.assertTrue(self.program.plane.home.contains(b"\x0a\x4d\x04\x07", 0, 4))
        self.assertFalse(self.program.plane.home.contains(b"\xc0\xa8\x04\x1e", 0, 4))

    def test_what_is_wrong_is_told_by_the_plane(self):
        self.begin(ap_name="")
        self.pass_s(4)
        self.assertEqual(self.program.plane.degraded, "no Wi-Fi for the home is named: set ap_name")
        self.begin(wifi_name="Away")
        self.pass_s(30)
        self.assertEqual(self.program.plane.degraded, "no Wi-Fi Away in reach")
        self.assertTrue(self.serves(b"\xc0\xa8\x04\x01"))


if __name__ == "__main__":
    unittest.main()
