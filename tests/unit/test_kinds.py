"""Kinds of evidence from look-ups and connections: each is observed as its row states, and not below that."""

import unittest

from fakes.home import REFUSES, SILENT, TYPE_A, Home

from spamgate.core import evidence
from spamgate.core.devices import GRANT_MAIL_SERVER
from spamgate.core.listed import Listed
from spamgate.core.lookups import LIST_NAME, MAIL_NAME

_DAY_S = 86400
_HERE = evidence.FAMILY_LOOKUP | evidence.FAMILY_CONNECT


def _server(number):
    """Return the address of a server in a network of its own."""
    return "203.0.%d.1" % number


class Case(unittest.TestCase):
    def setUp(self):
        self.home = Home()
        self.device = self.home.settled(1)

    def has(self, kind):
        return kind in self.home.evidence(self.device)

    def connect(self, *numbers):
        for number in numbers:
            slot = self.home.connect(self.device, _server(number))
        return slot

    def ask_names(self, *names):
        for name in names:
            self.home.ask(self.device, name, TYPE_A, MAIL_NAME)


class Completeness(unittest.TestCase):
    def test_every_kind_has_its_test(self):
        tests = dir(LookupKinds) + dir(ConnectKinds)
        for kind in range(evidence.KINDS):
            if evidence.FAMILIES[kind] & _HERE:
                self.assertIn("test_" + evidence.kind_name(kind), tests)


class LookupKinds(Case):
    def test_mx_query(self):
        self.home.ask(self.device, "a.example", TYPE_A)
        self.assertFalse(self.has("mx_query"))
        self.home.ask(self.device, "a.example")
        self.assertTrue(self.has("mx_query"))

    def test_mail_name_query(self):
        self.ask_names("mail.a.example", "smtp.a.example", "mx.a.example", "mail.b.example")
        self.assertFalse(self.has("mail_name_query"), "two domains")
        self.home.wait(3601)
        self.ask_names("mail.c.example", "mail.d.example")
        self.assertFalse(self.has("mail_name_query"), "two more in another hour")
        self.ask_names("mail.a.example")
        self.assertTrue(self.has("mail_name_query"))

    def test_nxdomain_burst(self):
        for number in range(9):
            self.home.ask(self.device, "n%d.example" % number, TYPE_A, rcode=3)
        self.home.ask(self.device, "refused.example", TYPE_A, rcode=5)
        self.home.wait(601)
        for number in range(9):
            self.home.ask(self.device, "n%d.example" % number, TYPE_A, rcode=3)
        self.assertFalse(self.has("nxdomain_burst"))
        self.home.ask(self.device, "n9.example", TYPE_A, rcode=3)
        self.assertTrue(self.has("nxdomain_burst"))

    def test_dnsbl_query(self):
        self.home.ask(self.device, "a.example", TYPE_A)
        self.assertFalse(self.has("dnsbl_query"))
        self.home.ask(self.device, "1.113.0.203.list.example", TYPE_A, LIST_NAME)
        self.assertTrue(self.has("dnsbl_query"))

    def test_listed_name(self):
        listed = Listed(self.home.engine)
        listed.asked(self.device)
        self.home.wait(601)
        self.connect(1)
        self.assertFalse(self.has("listed_name"), "longer ago")
        listed.asked(self.home.settled(2))
        self.connect(2)
        self.assertFalse(self.has("listed_name"), "another device")
        listed.asked(self.device)
        self.assertFalse(self.has("listed_name"), "it has not mailed since")
        self.connect(2)
        self.assertFalse(self.has("listed_name"), "it mails where it did before")
        self.connect(3)
        self.assertTrue(self.has("listed_name"))

    def test_listed_name_by_its_address(self):
        Listed(self.home.engine).called(self.device)
        self.home.wait(600)
        self.connect(1)
        self.assertTrue(self.has("listed_name"))


class ConnectKinds(Case):
    def test_mx_connect(self):
        self.home.ask_host(self.device, "relay.a.example", _server(1))
        self.connect(1)
        self.assertFalse(self.has("mx_connect"), "a relay by its name")
        self.home.ask_mx(self.device, "b.example", ("mx.b.example", _server(2)))
        self.assertFalse(self.has("mx_connect"))
        self.connect(2)
        self.assertTrue(self.has("mx_connect"))

    def test_mx_many_domains(self):
        for number in range(4):
            self.home.ask_mx(self.device, "d%d.example" % number, ("mx.a.example", _server(1)))
        self.connect(1)
        self.assertFalse(self.has("mx_many_domains"), "four domains")
        self.home.ask_mx(self.device, "d4.example", ("mx.a.example", _server(1)))
        self.assertFalse(self.has("mx_many_domains"), "look-ups alone")
        self.connect(1)
        self.assertFalse(self.has("mx_many_domains"), "two calls, as by hand")
        self.connect(1)
        self.assertTrue(self.has("mx_many_domains"))

    def test_second_provider(self):
        self.home.ask_mx(self.device, "a.example", ("m1.a.example", _server(1)), ("m2.a.example", _server(2)))
        self.connect(1, 2, 1)
        self.assertFalse(self.has("second_provider"), "two hosts of one")
        self.home.wait(_DAY_S + 60)
        self.connect(3)
        self.assertFalse(self.has("second_provider"), "the other one was yesterday's")
        self.connect(4)
        self.assertTrue(self.has("second_provider"))

    def test_fan_out(self):
        self.connect(1, 2)
        self.home.wait(601)
        self.connect(3)
        self.assertFalse(self.has("fan_out"), "three, but not in ten minutes")
        self.connect(4)
        self.assertTrue(self.has("fan_out"), "four in a day")

    def test_fan_out_in_ten_minutes(self):
        self.connect(1, 2)
        self.home.wait(599)
        self.assertFalse(self.has("fan_out"))
        self.connect(3)
        self.assertTrue(self.has("fan_out"))

    def test_wide_fan_out(self):
        self.connect(1, 2, 3, 4)
        self.assertFalse(self.has("wide_fan_out"))
        self.connect(5)
        self.assertTrue(self.has("wide_fan_out"))

    def test_no_dns_connect(self):
        self.connect(1)
        self.assertFalse(self.has("no_dns_connect"), "its DNS does not pass by us")
        other = self.home.settled(2)
        self.home.ask_host(other, "relay.a.example", _server(2))
        self.home.ask(self.device, "time.example", TYPE_A)
        self.connect(2)
        self.assertFalse(self.has("no_dns_connect"), "somebody in the home looked it up")
        self.connect(3)
        self.assertTrue(self.has("no_dns_connect"))

    def test_connect_failed(self):
        self.home.open_line()
        self.home.connect(self.device, _server(1), SILENT)
        self.home.connect(self.device, _server(1), REFUSES)
        self.home.connect(self.device, _server(2), SILENT)
        self.home.wait(30)
        self.assertFalse(self.has("connect_failed"), "one refusal, and silence of 30 s at another")
        self.home.wait(60)
        self.assertTrue(self.has("connect_failed"))

    def test_proxied(self):
        self.home.engine.mail.proxied(self.device)
        self.home.wait(61)
        self.connect(1)
        self.assertFalse(self.has("proxied"))
        self.home.engine.mail.proxied(self.device)
        self.home.wait(60)
        self.connect(2)
        self.assertTrue(self.has("proxied"))

    def test_house_fan_out(self):
        young = [self.home.device(number) for number in (11, 12, 13)]
        for number, device in enumerate((young[0], young[1], young[0], young[1], young[0])):
            self.device = device
            self.connect(number)
        self.device = self.home.settled(20)
        self.connect(6)
        self.assertEqual([self.home.evidence(device).get("house_fan_out") for device in young], [None] * 3)
        self.device = young[2]
        self.connect(7)
        self.assertTrue(self.has("house_fan_out"))

    def test_surge(self):
        """Twice the largest day, of which a quarter wears off each day, and twenty more; after three days of mail."""
        self.home.engine.grant(self.device, GRANT_MAIL_SERVER)
        for day in range(3):
            self.connect(*range(5))
            self.connect(5 + day)
            self.home.wait(_DAY_S)
        self.connect(*range(5), *range(20, 46))
        self.assertFalse(self.has("surge"), "six on the first of three days allow 26")
        self.connect(*range(20, 46))
        self.assertFalse(self.has("surge"), "the same again are no more")
        self.connect(60)
        self.assertTrue(self.has("surge"))
        self.assertEqual(self.home.state(self.device), "throttled")


if __name__ == "__main__":
    unittest.main()
