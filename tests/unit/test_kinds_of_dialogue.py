"""Kinds of evidence from what is said to mail servers: each is observed as its row states, and not below that."""

import unittest

from fakes.home import Home, domain_hash, name_hash

from spamgate.core import evidence
from spamgate.core.counters import SUBMISSION
from spamgate.core.devices import GRANT_MAIL_SERVER
from spamgate.core.dialogue import BAD_NAME, HOST_NAME, LITERAL
from spamgate.core.meanings import TEMPORARY

_DAY_S = 86400
_ELSEWHERE = evidence.FAMILY_LOOKUP | evidence.FAMILY_CONNECT


def _server(number):
    """Return the address of a server in a network of its own."""
    return "203.0.%d.1" % number


class Completeness(unittest.TestCase):
    def test_every_kind_has_its_test(self):
        for kind in range(evidence.KINDS):
            if not evidence.FAMILIES[kind] & _ELSEWHERE:
                self.assertTrue(hasattr(DialogueKinds, "test_" + evidence.kind_name(kind)), evidence.kind_name(kind))


class DialogueKinds(unittest.TestCase):
    def setUp(self):
        self.home = Home()
        self.device = self.home.settled(1)
        self.slot = self.connect(1)

    def has(self, kind):
        return kind in self.home.evidence(self.device)

    def connect(self, number):
        return self.home.connect(self.device, _server(number))

    def unknown(self, slot, *names):
        for name in names:
            self.home.mail(slot, recipients=(name,), unknown=(name,))

    def test_unknown_user(self):
        self.unknown(self.slot, "a@a.example", "b@a.example")
        self.assertFalse(self.has("unknown_user"), "one provider")
        self.home.refuse(self.connect(2), TEMPORARY)
        self.assertFalse(self.has("unknown_user"), "a delay is no unknown user")
        self.unknown(self.connect(3), "a@b.example")
        self.assertTrue(self.has("unknown_user"))

    def test_many_unknown_users(self):
        self.unknown(self.slot, "a@a.example")
        self.unknown(self.connect(2), "a@b.example")
        self.unknown(self.connect(3), "a@c.example")
        self.assertFalse(self.has("many_unknown_users"), "three are too few")
        self.home.mail(self.slot, recipients=["r%d@a.example" % number for number in range(13)])
        self.unknown(self.slot, "b@a.example")
        self.assertFalse(self.has("many_unknown_users"), "four of 17 are less than a quarter")
        self.unknown(self.slot, "c@a.example")
        self.assertTrue(self.has("many_unknown_users"))

    def test_many_unknown_users_of_a_granted_server_are_half(self):
        self.home.engine.grant(self.device, GRANT_MAIL_SERVER)
        for number in (1, 2, 3):
            slot = self.connect(number)
            self.home.mail(slot, recipients=["r%d@d%d.example" % (user, number) for user in range(2)])
            self.unknown(slot, "x@d%d.example" % number)
        self.unknown(slot, "y@a.example")
        self.assertFalse(self.has("many_unknown_users"), "four of ten")
        self.unknown(slot, "z@a.example", "w@a.example")
        self.assertTrue(self.has("many_unknown_users"), "six of twelve")

    def introduce(self, form, *names):
        for name in names:
            self.home.engine.mail.dialogue.introduced(self.device, form, name_hash(name), domain_hash(name))

    def test_bad_helo(self):
        self.introduce(HOST_NAME, "mail.a.example")
        self.introduce(LITERAL, "[10.0.0.1]")
        self.assertFalse(self.has("bad_helo"))
        self.introduce(BAD_NAME, "localhost")
        self.assertTrue(self.has("bad_helo"))

    def test_helo_changes(self):
        self.introduce(HOST_NAME, "a.example", "b.example", "a.example")
        self.introduce(LITERAL, "[10.0.0.1]", "[10.0.0.2]")
        self.home.wait(_DAY_S)
        self.introduce(HOST_NAME, "c.example", "d.example")
        self.assertFalse(self.has("helo_changes"))
        self.introduce(BAD_NAME, "localhost")
        self.assertTrue(self.has("helo_changes"))

    def test_helo_impersonates(self):
        for helo, recipient in (("mx.a.example", "u@a.example"), ("mx.b.example", "u@a.example")):
            self.introduce(HOST_NAME, helo)
            self.home.mail(self.slot, recipients=(recipient, recipient))
        self.assertFalse(self.has("helo_impersonates"), "once its own domain, once not")
        self.home.mail(self.slot, recipients=("u@b.example",))
        self.assertTrue(self.has("helo_impersonates"))

    def test_many_senders(self):
        for number in (1, 2, 3, 4, 4):
            self.home.mail(self.slot, sender="s@d%d.example" % number)
        self.home.engine.mail.dialogue.wrote_as(self.device, 0)
        self.assertFalse(self.has("many_senders"), "four, and the null sender")
        self.home.mail(self.slot, sender="s@d5.example")
        self.assertTrue(self.has("many_senders"))

    def write(self, slot, first, last):
        self.home.mail(slot, recipients=["r%d@a.example" % number for number in range(first, last)])

    def test_many_recipients(self):
        for _ in range(2):
            self.write(self.slot, 0, 4)
        self.assertFalse(self.has("many_recipients"), "four people")
        self.write(self.slot, 4, 5)
        self.assertTrue(self.has("many_recipients"))
        self.assertFalse(self.has("mass_recipients"))

    def test_mass_recipients(self):
        self.write(self.slot, 0, 19)
        self.assertFalse(self.has("mass_recipients"), "19 people")
        self.write(self.slot, 19, 20)
        self.assertTrue(self.has("mass_recipients"))

    def test_mass_at_known(self):
        self.write(self.slot, 0, 1)
        self.home.wait(2 * _DAY_S)
        for _ in range(300):
            self.write(self.slot, 0, 9)
        self.write(self.slot, 9, 120)
        self.assertFalse(self.has("mass_at_known"), "120 people, some of them often")
        self.write(self.slot, 120, 300)
        self.assertTrue(self.has("mass_at_known"))
        self.assertEqual(self.home.state(self.device), "throttled")
        self.assertFalse(self.home.engine.mail.has_past(self.slot), "the budget holds for its old friend, too")

    def test_recipients_at_a_server_with_a_past_are_no_strangers(self):
        self.write(self.slot, 0, 1)
        self.home.wait(2 * _DAY_S)
        self.write(self.slot, 0, 100)
        self.assertFalse(self.has("many_recipients"))

    def test_many_messages(self):
        for _ in range(3):
            self.home.mail(self.slot)
        self.home.mail(self.connect(1))
        self.assertFalse(self.has("many_messages"), "three on one connection, one on another")
        self.home.mail(self.slot)
        self.assertTrue(self.has("many_messages"))

    def test_auth_failures(self):
        for host in (1, 2, 3, 4, 4):
            self.login(host)
        self.assertFalse(self.has("auth_failures"), "four hosts")
        self.login(5)
        self.assertTrue(self.has("auth_failures"))

    def login(self, host):
        slot = self.home.connect(self.device, _server(host), port=SUBMISSION)
        self.home.engine.mail.login_failed(slot, host)


if __name__ == "__main__":
    unittest.main()
