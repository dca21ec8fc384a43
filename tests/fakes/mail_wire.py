"""TCP segments made by hand, and listeners that write down what the stream table and the SMTP observer tell."""

from spamgate.wire.smtp import BANNER, DATA, EHLO, MAIL, QUIT, RCPT, SmtpObserver

FIN = 1
SYN = 2
RST = 4
ACK = 16

CLIENT = 0
SERVER = 1

# A dialogue in parts, as (side, bytes), and what is told of it.
BODY = b"From: a\r\n\r\n..\r\n.\rtext.\r\n.x\r\n\r.\n\n.\nMAIL FROM:<x>\r\n"
GREETING = [(SERVER, b"220 mx\r\n"), (CLIENT, b"EHLO me\r\n"), (SERVER, b"250-mx\r\n250 OK\r\n")]
ENVELOPE = [
    (CLIENT, b"MAIL FROM:<a@b>\r\n"),
    (SERVER, b"250 ok\r\n"),
    (CLIENT, b"RCPT TO:<c@d>\r\n"),
    (SERVER, b"250 ok\r\n"),
]
MESSAGE = [(CLIENT, b"DATA\r\n"), (SERVER, b"354 go\r\n"), (CLIENT, BODY + b".\r\n"), (SERVER, b"250 taken\r\n")]
FAREWELL = [(CLIENT, b"QUIT\r\n"), (SERVER, b"221 bye\r\n")]
DIALOGUE = GREETING + ENVELOPE + MESSAGE + FAREWELL

TOLD = [
    (220, BANNER, b"mx"),
    (EHLO, b"EHLO me"),
    (250, EHLO, b"OK"),
    (MAIL, b"MAIL FROM:<a@b>"),
    (250, MAIL, b"ok"),
    (RCPT, b"RCPT TO:<c@d>"),
    (250, RCPT, b"ok"),
    (DATA, b"DATA"),
    (354, DATA, b"go"),
    (250, DATA, b"taken"),
    "accepted",
    (QUIT, b"QUIT"),
    (221, QUIT, b"bye"),
]

_MASK = 0xFFFFFFF
_PADDING = b"\xa5" * 3  # around the payload, so that no offset is right by chance


class Segment:
    """What `Packet` shows of a TCP segment."""

    def __init__(self, ends, seq, flags, ack=0, payload=b"", missing=0):
        source, destination, self.src_port, self.dst_port = ends
        self.version = 4 if len(source) == 4 else 6
        self.address_bytes = len(source)
        self.buf = b"\xee" + source + destination
        self.src_at = 1
        self.dst_at = 1 + len(source)
        self.mac_at = self.to_mac_at = -1
        self.vlan = 0
        self.seq = seq & _MASK
        self.ack = ack & _MASK
        self.flags = flags
        self.data = _PADDING + payload + _PADDING
        self.payload_at = len(_PADDING)
        self.payload_end = self.payload_at + len(payload)
        self.missing = missing


class Wire:
    """One connection as its packets; offsets count from the first byte each side says."""

    def __init__(self, client=b"\x0a\x00\x00\x02", server=b"\xc0\x00\x02\x19", port=50000, isn=(1000, 7000), to=25):
        self.isn = isn
        self._ends = ((client, server, port, to), (server, client, to, port))

    def syn(self):
        return Segment(self._ends[0], self.isn[0], SYN)

    def syn_ack(self):
        return Segment(self._ends[1], self.isn[1], SYN | ACK, self.isn[0] + 1)

    def open(self):
        return [self.syn(), self.syn_ack(), self.send(CLIENT, 0, b"")]

    def send(self, side, offset, payload, flags=ACK, acked=0, missing=0):
        """Return a segment; `acked` is the offset of the other side's stream that it confirms."""
        return Segment(
            self._ends[side],
            self.isn[side] + 1 + offset,
            flags,
            self.isn[1 - side] + 1 + acked if flags & ACK else 0,
            payload,
            missing,
        )

    def refuse(self):
        return Segment(self._ends[1], 0, RST | ACK, self.isn[0] + 1)


class StreamLog:
    """Writes down what a StreamTable tells: adjoining bytes of one direction are one entry."""

    def __init__(self):
        self.events = []

    def opened(self, slot, packet):
        self.events.append(("opened", slot))

    def midstream(self, slot, packet):
        self.events.append(("midstream", slot))

    def established(self, slot):
        self.events.append(("established", slot))

    def refused(self, slot):
        self.events.append(("refused", slot))

    def data(self, slot, side, buf, start, end):
        assert start < end <= len(buf)
        piece = bytes(buf[start:end])
        if self.events and self.events[-1][:3] == ("data", slot, side):
            piece = self.events.pop()[3] + piece
        self.events.append(("data", slot, side, piece))

    def gap(self, slot, side, size):
        self.events.append(("gap", slot, side, size))

    def closed(self, slot):
        self.events.append(("closed", slot))

    def heard(self, side, slot=0):
        """Return all that a side said, a gap as a question mark."""
        said = b""
        for event in self.events:
            if event[1:3] == (slot, side):
                said += event[3] if event[0] == "data" else b"?"
        return said

    def names(self):
        """Return the events without data and gaps, slot and all."""
        return [event for event in self.events if event[0] not in ("data", "gap")]


class SmtpLog:
    """Writes down what an SmtpObserver tells, as (verb, line), (code, verb, text) and words."""

    def __init__(self):
        self.events = []

    def command(self, slot, verb, buf, start, end):
        self.events.append((verb, bytes(buf[start:end])))

    def reply(self, slot, code, verb, buf, start, end):
        self.events.append((code, verb, bytes(buf[start:end])))

    def accepted(self, slot):
        self.events.append("accepted")

    def encrypted(self, slot):
        self.events.append("encrypted")

    def lines(self):
        return [event for event in self.events if isinstance(event, tuple) and len(event) == 2]

    def commands(self):
        return [verb for verb, _ in self.lines()]

    def replies(self):
        return [event[:2] for event in self.events if isinstance(event, tuple) and len(event) == 3]

    def count(self, word):
        return sum(1 for event in self.events if event == word)


def feed(observer, side, said, slot=0):
    """Feed bytes with others around them."""
    observer.feed(slot, side, _PADDING + said + _PADDING, len(_PADDING), len(_PADDING) + len(said))


def observe(script, size=0, midstream=False, implicit_tls=False, **limits):
    """Play (side, bytes) pairs, each in pieces of `size` bytes (0: whole); a number for bytes is a gap."""
    log = SmtpLog()
    observer = SmtpObserver(log, 2, **limits)
    observer.begin(0, midstream, implicit_tls)
    for side, said in script:
        if isinstance(said, int):
            observer.gap(0, side, said)
            continue
        step = size or max(len(said), 1)
        for at in range(0, len(said), step):
            feed(observer, side, said[at : at + step])
    observer.end(0)
    return log
