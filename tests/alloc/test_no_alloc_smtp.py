"""TCP streams and the SMTP observer take nothing from the heap: run with it locked, on MicroPython."""

import unittest

import micropython
from fakes.mail_wire import ACK, CLIENT, FIN, RST, SERVER, Wire

from spamgate.wire.holes import HoldPool
from spamgate.wire.smtp import SmtpObserver
from spamgate.wire.streams import StreamTable

MESSAGE = b"Subject: x\r\n\r\n" + b"text\r\n" * 100
V6 = (b"\x20\x01\x0d\xb8" + bytes(11) + b"\x02", b"\x20\x01\x0d\xb8" + bytes(11) + b"\x19")


class Listener:
    """Passes on what the table tells, and counts."""

    def __init__(self, slots):
        self.smtp = SmtpObserver(self, slots, 4, 128)
        self.streams = StreamTable(self, slots, (25,), HoldPool(4, 800))
        self.counts = [0] * 8  # opened, closed, gaps, commands, replies, accepted, encrypted, bytes

    def opened(self, slot, packet):
        self.counts[0] += 1
        self.smtp.begin(slot, False, False)

    def midstream(self, slot, packet):
        self.counts[0] += 1
        self.smtp.begin(slot, True, False)

    def established(self, slot):
        pass

    def refused(self, slot):
        pass

    def data(self, slot, side, buf, start, end):
        self.counts[7] += end - start
        self.smtp.feed(slot, side, buf, start, end)

    def gap(self, slot, side, size):
        self.counts[2] += 1
        self.smtp.gap(slot, side, size)

    def closed(self, slot):
        self.counts[1] += 1
        self.smtp.end(slot)

    def command(self, slot, verb, buf, start, end):
        self.counts[3] += 1

    def reply(self, slot, code, verb, buf, start, end):
        self.counts[4] += 1

    def accepted(self, slot):
        self.counts[5] += 1

    def encrypted(self, slot):
        self.counts[6] += 1


class Talk:
    """Packets of a dialogue, one after another in sequence."""

    def __init__(self, wire, text):
        self.wire = wire
        self.at = [0, 0]
        self.packets = wire.open()
        for side, said in text:
            self.say(side, said)

    def say(self, side, said, flags=ACK):
        self.packets.append(self.wire.send(side, self.at[side], said, flags, self.at[1 - side]))
        self.at[side] += len(said)

    def swap(self, one, other):
        self.packets[one], self.packets[other] = self.packets[other], self.packets[one]


def mail_dialogue(wire):
    talk = Talk(
        wire,
        [
            (SERVER, b"220-mx\r\n220 mx\r\n"),
            (CLIENT, b"EHLO me\r\nAUTH PLAIN\r\n"),
            (SERVER, b"250 ok\r\n334 \r\n"),
            (CLIENT, b"AGEAYg==\r\n"),
            (SERVER, b"235 ok\r\n"),
            (CLIENT, b"MAIL FROM"),
            (CLIENT, b":<a@b>\r\nRCPT TO:<c@d>\r"),
            (CLIENT, b"\nDATA\r\n"),
            (SERVER, b"250 ok\r\n25"),
            (SERVER, b"0 ok\r\n354 go\r\n"),
            (CLIENT, MESSAGE),
            (CLIENT, MESSAGE),
            (CLIENT, b"\r\n."),
            (CLIENT, b"\r\n"),
            (SERVER, b"250 taken\r\n"),
            (CLIENT, b"BDAT 4 LAST\r\nab"),
            (CLIENT, b"cdVRFY " + b"x" * 400),
            (CLIENT, b"x\r\nSTARTTLS\r\n"),
            (SERVER, b"250 taken\r\n252 x\r\n220 go\r\n"),
            (CLIENT, b"\x16\3\1"),
            (SERVER, b"\x16\3\3"),
        ],
    )
    talk.say(CLIENT, b"", FIN | ACK)
    talk.say(SERVER, b"", FIN | ACK)
    return talk


class NoAllocation(unittest.TestCase):
    def replay(self, packets, slots=3):
        """Feed the packets with the heap locked, after one round of them without."""
        listener = Listener(slots)
        feed = listener.streams.feed
        for packet in packets:
            feed(packet)
        before = list(listener.counts)
        micropython.heap_lock()
        try:
            for packet in packets:
                packet.seq = (packet.seq + 77777) & 0xFFFFFFF
                packet.ack = (packet.ack + 77777) & 0xFFFFFFF
                feed(packet)
        finally:
            micropython.heap_unlock()
        return [now - then for now, then in zip(listener.counts, before)]

    def test_a_dialogue_in_order(self):
        for ends in ((b"\x0a\x00\x00\x02", b"\xc0\x00\x02\x19"), V6):
            talk = mail_dialogue(Wire(*ends))
            told = self.replay(talk.packets)
            self.assertEqual(told[:7], [1, 1, 0, 8, 11, 2, 1])

    def test_a_dialogue_out_of_order_and_twice(self):
        talk = mail_dialogue(Wire())
        talk.swap(8, 9)
        talk.swap(13, 14)
        talk.swap(15, 16)
        talk.swap(21, 20)
        packets = talk.packets
        doubled = [packet for packet in packets for _ in range(2)]
        self.assertEqual(self.replay(packets)[:7], [1, 1, 0, 8, 11, 2, 1])
        listener = Listener(3)
        micropython.heap_lock()
        try:
            for packet in doubled:
                listener.streams.feed(packet)
        finally:
            micropython.heap_unlock()
        self.assertEqual(listener.counts[:7], [1, 1, 0, 8, 11, 2, 1])

    def test_holes_of_every_end(self):
        wire = Wire()
        other = Wire(port=50001)
        packets = wire.open() + other.open()
        packets.append(wire.send(CLIENT, 10, b"RSET\r\n"))
        packets.append(wire.send(SERVER, 0, b"220 x\r\n", ACK, 16))  # confirms what the capture lacks
        packets += [other.send(CLIENT, at, b"x") for at in range(10, 30, 2)]  # more than the pool holds
        packets.append(other.send(CLIENT, 40, bytes(900)))  # more than a cell holds
        packets.append(other.send(CLIENT, 1000, b"", RST))
        packets.append(other.send(SERVER, 0, b"", RST))
        packets.append(wire.send(CLIENT, 16, b"DATA", ACK, 7, 99))  # cut by the capture
        told = self.replay(packets)
        self.assertEqual(told[0], 2)
        self.assertTrue(told[2] >= 5)

    def test_more_connections_than_slots(self):
        packets = []
        for port in range(50000, 50012):
            packets += Wire(port=port).open()[: 1 + port % 3]
            packets.append(Wire(port=port).send(SERVER, 0, b"220 half a line"))
            packets.append(Wire(port=port).send(CLIENT, 0, b"HELO half a line"))
        told = self.replay(packets)
        self.assertTrue(told[0] >= 12)
        self.assertTrue(told[1] >= 12)

    def test_time_passes(self):
        wire = Wire()
        listener = Listener(2)
        packets = wire.open() + [wire.send(CLIENT, 5, b"RSET\r\n"), wire.send(SERVER, 0, b"", RST)]
        micropython.heap_lock()
        try:
            for packet in packets:
                listener.streams.feed(packet)
            for now_s in range(30):
                listener.streams.tick(now_s)
        finally:
            micropython.heap_unlock()
        self.assertEqual(listener.counts[:3], [1, 1, 1])


if __name__ == "__main__":
    unittest.main()
