"""Two sides meet over a link: only with the same key, never with what was recorded, and nobody takes both roles."""

import unittest

from fakes.aes import make_aes

from spamgate.wire.link_auth import ANSWER_BYTES, HELLO_BYTES, PROOF_BYTES, Client, Server
from spamgate.wire.link_seal import LENGTH_BYTES, RECORD_BYTES, AuthError

_KEY = bytes(range(32))
_OTHER_KEY = bytes(range(1, 33))
_C1, _C2, _S1, _S2 = b"c" * 32, b"d" * 32, b"s" * 32, b"t" * 32


def _met(client_nonce=_C1, server_nonce=_S1):
    """Return both sides after a meeting."""
    client, server = Client(_KEY, client_nonce), Server(_KEY, server_nonce)
    server.check(client.prove(server.answer(client.hello())))
    return client, server


def _send(text, sealing, opening):
    record = bytearray(RECORD_BYTES)
    record[LENGTH_BYTES : LENGTH_BYTES + len(text)] = text
    sealing.seal(record, len(text))
    size = opening.open(record, LENGTH_BYTES + len(text))
    return bytes(record[LENGTH_BYTES : LENGTH_BYTES + size])


class Meeting(unittest.TestCase):
    def test_sides_with_one_key_meet_and_understand_each_other(self):
        client, server = _met()
        ours, theirs = client.seals(make_aes)
        answers, asked = server.seals(make_aes)
        for number in range(5):
            self.assertEqual(_send(b"devices %d" % number, ours, asked), b"devices %d" % number)
            self.assertEqual(_send(b"done" * 100, answers, theirs), b"done" * 100)

    def test_what_is_sent_has_the_stated_length(self):
        client, server = Client(_KEY, _C1), Server(_KEY, _S1)
        answer = server.answer(client.hello())
        sizes = (len(client.hello()), len(answer), len(client.prove(answer)))
        self.assertEqual(sizes, (HELLO_BYTES, ANSWER_BYTES, PROOF_BYTES))

    def test_the_key_is_in_nothing_that_is_sent(self):
        client, server = Client(_KEY, _C1), Server(_KEY, _S1)
        answer = server.answer(client.hello())
        self.assertFalse(_KEY in client.hello() + answer + client.prove(answer))

    def test_a_server_with_another_key_is_told_nothing(self):
        client, server = Client(_KEY, _C1), Server(_OTHER_KEY, _S1)
        with self.assertRaises(AuthError):
            client.prove(server.answer(client.hello()))

    def test_a_client_with_another_key_is_refused(self):
        server, thief = Server(_KEY, _S1), Client(_OTHER_KEY, _C1)
        accomplice = Server(_OTHER_KEY, _S1)
        server.answer(thief.hello())
        with self.assertRaises(AuthError):
            server.check(thief.prove(accomplice.answer(thief.hello())))

    def test_one_wrong_bit_of_a_proof_is_enough(self):
        client, server = Client(_KEY, _C1), Server(_KEY, _S1)
        proof = client.prove(server.answer(client.hello()))
        for at in (0, 15, 31):
            changed = bytearray(proof)
            changed[at] ^= 1
            with self.assertRaises(AuthError):
                server.check(bytes(changed))
        for cut in (b"", proof[:-1], proof + b"\0"):
            with self.assertRaises(AuthError):
                server.check(cut)

    def test_no_hello_is_no_hello(self):
        hello = Client(_KEY, _C1).hello()
        for wrong in (b"", hello[:-1], hello + b"\0", b"X" + hello[1:], b"GET / HTTP/1.1\r\nHost: a\r\n\r\n00000000"):
            with self.assertRaises(AuthError):
                Server(_KEY, _S1).answer(wrong)


class Replay(unittest.TestCase):
    def test_a_recorded_client_is_refused_by_a_new_nonce(self):
        client, server = Client(_KEY, _C1), Server(_KEY, _S1)
        proof = client.prove(server.answer(client.hello()))
        later = Server(_KEY, _S2)
        later.answer(client.hello())
        with self.assertRaises(AuthError):
            later.check(proof)

    def test_a_recorded_server_is_refused_by_a_new_nonce(self):
        answer = Server(_KEY, _S1).answer(Client(_KEY, _C1).hello())
        with self.assertRaises(AuthError):
            Client(_KEY, _C2).prove(answer)

    def test_a_proof_handed_back_to_its_maker_is_refused(self):
        client, server = Client(_KEY, _C1), Server(_KEY, _S1)
        answer = server.answer(client.hello())
        with self.assertRaises(AuthError):
            server.check(answer[32:])  # its own proof
        proof = client.prove(answer)
        with self.assertRaises(AuthError):
            Client(_KEY, _C1).prove(_S1 + proof)  # the client's own

    def test_a_second_connection_helps_nobody_to_a_proof(self):
        """A thief lets the server answer the very question that it has itself been asked."""
        first, second = Server(_KEY, _S1), Server(_KEY, _S2)
        first.answer(Client(_OTHER_KEY, _C1).hello())
        answer = second.answer(Client(_OTHER_KEY, _S1).hello())
        with self.assertRaises(AuthError):
            first.check(answer[32:])

    def test_words_of_an_older_session_are_refused(self):
        client, server = _met(_C1, _S1)
        record = bytearray(RECORD_BYTES)
        end = client.seals(make_aes)[0].seal(record, 7)
        self.assertEqual(server.seals(make_aes)[1].open(record[:], end - 16), 7)
        for nonces in ((_C2, _S1), (_C1, _S2)):
            _, later = _met(*nonces)
            with self.assertRaises(AuthError):
                later.seals(make_aes)[1].open(record[:], end - 16)


if __name__ == "__main__":
    unittest.main()
