"""What a board's plane makes of questions and of connections to itself: look-ups arm, connections fire."""

import unittest

from fakes.dns import AAAA, A, name, query

from spamgate.core import states
from spamgate.core.board_limits import BoardLimits
from spamgate.core.devices import GRANT_MAIL_SERVER
from spamgate.core.engine import Engine
from spamgate.plane.dns import BRIEF, OWN, PASS, DnsPlane
from spamgate.wire.cursor import FormError

MX = 15
BOT = b"\xc0\xa8\x01\x42"
NAS = b"\xc0\xa8\x01\x43"


def mx_answer(asked, exchange):
    """Return the answer that names one exchange."""
    end = asked.find(b"\0", 12) + 5
    rdata = b"\0\x0a" + name(exchange)
    record = b"\xc0\x0c\0\x0f\0\1\0\0\1\x2c" + bytes([0, len(rdata)]) + rdata
    return asked[:2] + b"\x81\x80\0\1\0\1\0\0\0\0" + asked[12:end] + record


class Scene:
    """A plane, its engine, and a clock moved by hand."""

    def __init__(self, enforces=True):
        self.changes = []
        limits = BoardLimits()
        self.engine = Engine(limits, lambda device, old, new: self.changes.append((device, old, new)))
        self.engine.enforces = enforces
        self.now_s = 1000000
        self.engine.at(self.now_s, 0)
        self.plane = DnsPlane(self.engine, limits.connections)
        self.ident = 0

    def ask(self, text, qtype, address=BOT, reply=None):
        """Return what the plane says; tell it `reply(asked)`."""
        self.ident += 1
        asked = query(text, qtype, self.ident)
        said = self.plane.question(asked, len(asked), address, 40000)
        if reply:
            answer = reply(asked)
            self.plane.answered(answer, 0, len(answer), address, 40000)
        return said

    def look_up(self, number, address=BOT):
        """Ask for the MX of a domain and the address of its exchange; return what is said to both."""
        exchange = "mx.d%d.example" % number
        first = self.ask("d%d.example" % number, MX, address, lambda asked: mx_answer(asked, exchange))
        return first, self.ask(exchange, A, address)

    def state(self, address=BOT):
        return self.engine.devices.state[self.plane.resident(address)]

    def wait(self, seconds):
        self.now_s += seconds
        self.engine.at(self.now_s, 0)


class LookUps(unittest.TestCase):
    def test_look_ups_arm_and_never_fire(self):
        scene = Scene()
        for number in range(40):
            scene.look_up(number)
        self.assertEqual(scene.state(), states.WATCHED)

    def test_a_device_that_asks_no_mx_is_left_alone(self):
        scene = Scene()
        for number in range(40):
            self.assertEqual(scene.ask("www.d%d.example" % number, A), PASS)
            self.assertEqual(scene.ask("www.d%d.example" % number, AAAA), PASS)
        self.assertEqual(scene.state(), states.NORMAL)

    def test_the_first_mail_domain_passes(self):
        """A UPS or a camera that mails its owner's provider is never told anything but the truth."""
        scene = Scene()
        for _ in range(50):
            self.assertEqual(scene.look_up(1, NAS)[1], PASS)
            scene.wait(600)

    def test_glue_is_left_out_for_a_suspect(self):
        scene = Scene()
        scene.look_up(1)
        self.assertEqual(scene.look_up(2)[0], BRIEF)
        self.assertEqual(scene.look_up(2, NAS)[0], PASS if scene.state(NAS) == states.NORMAL else BRIEF)

    def test_names_of_submission_are_never_ours(self):
        """The same name may be where a laptop hands in its mail: only what an MX answer told is taken."""
        scene = Scene()
        for number in range(9):
            scene.look_up(number)
            scene.plane.connected(BOT, 50000)
        self.assertEqual(scene.ask("smtp.provider.example", A), PASS)

    def test_garbage_passes_to_the_upstream(self):
        scene = Scene()
        asked = query("a.example", A)[:14]
        self.assertEqual(scene.plane.question(asked, len(asked), BOT, 40000), PASS)
        self.assertRaises(FormError, scene.plane._facts.asked, asked, 0, len(asked), 1, 40000)


class Connections(unittest.TestCase):
    def test_two_connections_to_providers_that_were_meant_throttle(self):
        scene = Scene()
        said = []
        for number in range(3):
            said.append(scene.look_up(number)[1])
            scene.plane.connected(BOT, 50000)
        self.assertEqual(said, [PASS, OWN, OWN])
        self.assertEqual(scene.state(), states.THROTTLED)
        self.assertEqual(scene.look_up(0)[1], OWN)
        self.assertEqual(scene.state(NAS), states.NORMAL)

    def test_parallel_look_ups_are_told_apart(self):
        scene = Scene()
        for number in range(4):
            scene.look_up(number)
        for _ in range(3):
            scene.plane.connected(BOT, 50000)
        self.assertEqual(scene.state(), states.THROTTLED)

    def test_the_same_provider_again_is_no_second_one(self):
        scene = Scene()
        scene.look_up(0)
        scene.look_up(1)
        for _ in range(20):
            scene.plane.connected(BOT, 50000)
        self.assertEqual(scene.state(), states.WATCHED)

    def test_a_stranger_and_a_device_that_asked_nothing_are_no_evidence(self):
        scene = Scene()
        scene.plane.resident(NAS)
        for _ in range(20):
            scene.plane.connected(NAS, 50000)
            scene.plane.connected(b"\xc0\xa8\x01\x99", 50000)
        self.assertEqual(scene.state(NAS), states.NORMAL)
        self.assertEqual(scene.changes, [])

    def test_a_queue_gets_through_while_it_is_only_watched(self):
        """A mail server tries again minutes later; by then its second provider is not kept from it."""
        scene = Scene()
        scene.look_up(0)
        self.assertEqual(scene.look_up(1)[1], OWN)
        scene.wait(60)
        self.assertEqual(scene.look_up(1)[1], OWN)
        scene.wait(300)
        self.assertEqual(scene.look_up(1)[1], PASS)

    def test_a_grant_opens_everything(self):
        scene = Scene()
        for number in range(4):
            scene.look_up(number)
            scene.plane.connected(BOT, 50000)
        scene.engine.grant(scene.plane.resident(BOT), GRANT_MAIL_SERVER)
        self.assertEqual(scene.look_up(2), (PASS, PASS))

    def test_the_owners_word_makes_it_final(self):
        scene = Scene()
        device = scene.plane.resident(BOT)
        self.assertFalse(scene.plane.is_final(BOT))
        scene.engine.devices.state[device] = states.QUARANTINED
        self.assertFalse(scene.plane.is_final(BOT))
        scene.engine.confirm(device)
        self.assertTrue(scene.plane.is_final(BOT))
        self.assertFalse(scene.plane.is_final(NAS))

    def test_monitor_only_decides_and_does_nothing(self):
        scene = Scene(enforces=False)
        self.assertEqual([scene.look_up(number)[1] for number in range(5)], [PASS] * 5)
        self.assertEqual(scene.state(), states.WATCHED)

    def test_an_address_that_changes_hands_starts_anew(self):
        """More addresses than places: the newest take the places of those that did nothing."""
        scene = Scene()
        for number in range(250):
            scene.look_up(1, bytes([10, 0, 0, number]))
        self.assertTrue(len(scene.engine.devices.everyone()) <= BoardLimits().devices)


if __name__ == "__main__":
    unittest.main()
