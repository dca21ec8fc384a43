"""The table of evidence: weights follow from the probabilities, and every kind is fit to be shown."""

import sys
import unittest

from spamgate.core import evidence
from spamgate.core.evidence import (
    ALWAYS,
    FAMILIES,
    FAMILY_AUTH,
    FAMILY_CONNECT,
    FAMILY_ENVELOPE,
    FAMILY_HELO,
    FAMILY_LOOKUP,
    FAMILY_REPLY,
    FLAGS,
    KINDS,
    PROOF,
    TABLE,
    WEIGHTS,
)
from spamgate.core.score import H1, H2, H3
from spamgate.core.sentences import SENTENCES

_FAMILIES = (FAMILY_LOOKUP, FAMILY_CONNECT, FAMILY_REPLY, FAMILY_HELO, FAMILY_ENVELOPE, FAMILY_AUTH)


class Evidence(unittest.TestCase):
    @unittest.skipUnless(sys.implementation.name == "cpython", "floats of a board are too coarse for this")
    def test_every_weight_is_the_log_likelihood_ratio(self):
        from math import log

        for kind in range(KINDS):
            seen, clean = evidence.probabilities(kind)
            with self.subTest(kind=evidence.kind_name(kind)):
                self.assertEqual(WEIGHTS[kind], round(256 * log(seen / clean)))

    @unittest.skipUnless(sys.implementation.name == "cpython", "floats of a board are too coarse for this")
    def test_thresholds_are_walds(self):
        """ln((1 - beta) / alpha), beta = 0.01; H1 by its number of nats."""
        from math import log

        self.assertEqual(H1, round(256 * 3.7))
        self.assertEqual(H2, int(256 * log(0.99 / 1e-4)))
        self.assertEqual(H3, int(256 * log(0.99 / 1e-6)))

    def test_every_number_names_its_row(self):
        self.assertEqual(len(TABLE), KINDS)
        for kind in range(KINDS):
            name = evidence.kind_name(kind)
            self.assertEqual(getattr(evidence, name.upper()), kind)
            self.assertTrue(len(SENTENCES[name]) > 20)
        self.assertEqual(len(set(row[0] for row in TABLE)), KINDS)
        self.assertEqual((len(SENTENCES), len(set(SENTENCES.values()))), (KINDS, KINDS))

    def test_every_weight_speaks_against_the_device(self):
        for kind in range(KINDS):
            self.assertTrue(0 < WEIGHTS[kind] < 1 << 20)
            self.assertIn(FAMILIES[kind], _FAMILIES)

    def test_proof_lies_outside_the_volume_of_mail(self):
        """Unknown users, HELO and sender fan-out; whom it connects to and how much it sends prove nothing."""
        proofs = [evidence.kind_name(kind) for kind in range(KINDS) if FLAGS[kind] & PROOF]
        self.assertEqual(proofs, ["many_unknown_users", "helo_changes", "helo_impersonates", "many_senders"])

    def test_a_granted_mail_server_is_never_judged_by_whom_it_mails_or_asks(self):
        always = [evidence.kind_name(kind) for kind in range(KINDS) if FLAGS[kind] & ALWAYS]
        for kind in ("mx_query", "mx_connect", "fan_out", "wide_fan_out", "many_senders", "many_recipients"):
            self.assertFalse(kind in always, kind)
        self.assertIn("unknown_user", always)

    def test_no_kind_alone_throttles(self):
        """But for three: three devices act together, one writes to 200 people, a mail server to many more than ever."""
        alone = [evidence.kind_name(kind) for kind in range(KINDS) if WEIGHTS[kind] >= H2]
        self.assertEqual(alone, ["house_fan_out", "mass_at_known", "surge"])


if __name__ == "__main__":
    unittest.main()
