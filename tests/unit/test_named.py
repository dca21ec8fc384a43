"""What the settings say of devices by MAC, also of those that were never seen."""

import unittest

from fakes.home import Home

from spamgate.app.named import merge_grants, name_devices
from spamgate.core import states
from spamgate.core.devices import CROWD, GRANT_MAIL_SERVER, GRANT_SUBMISSION
from spamgate.core.identity import Identity

_NAS, _NEW = "02:00:00:00:00:02", "02:00:00:00:00:09"


class Named(unittest.TestCase):
    def setUp(self):
        self.home = Home()
        self.engine = self.home.engine
        self.nas = self.home.device(2)
        self.engine.devices.set_mac(self.nas, bytes((2, 0, 0, 0, 0, 2)), 0)

    def device(self, number):
        who = Identity()
        who.from_mac(bytes((2, 0, 0, 0, 0, number)), 0)
        return self.engine.devices.find(who)

    def test_settings_grant_by_mac_also_to_who_was_never_seen(self):
        merge_grants(self.engine, {_NAS: "mail-server", _NEW: "submission"})
        self.assertEqual(self.engine.devices.grant[self.nas], GRANT_MAIL_SERVER)
        new = self.device(9)
        self.assertEqual(self.engine.devices.grant[new], GRANT_SUBMISSION)
        self.assertEqual(self.engine.devices.mac(new), bytes((2, 0, 0, 0, 0, 9)))

    def test_what_is_granted_already_is_not_released_again(self):
        merge_grants(self.engine, {_NAS: "mail-server"})
        self.engine.devices.state[self.nas] = states.THROTTLED
        merge_grants(self.engine, {_NAS: "mail-server"})
        self.assertEqual(self.home.state(self.nas), "throttled")

    def test_a_device_keeps_the_name_that_it_tells(self):
        names = self.engine.devices.names
        told = self.home.device(3)
        self.engine.devices.set_mac(told, bytes((2, 0, 0, 0, 0, 3)), 0)
        names[told] = "printer"
        name_devices(self.engine, {_NAS: "attic", "02:00:00:00:00:03": "cellar"})
        self.assertEqual((names[self.nas], names[told], names[CROWD]), ("attic", "printer", ""))
        name_devices(self.engine, {})
        self.assertEqual(names[self.nas], "attic")


if __name__ == "__main__":
    unittest.main()
