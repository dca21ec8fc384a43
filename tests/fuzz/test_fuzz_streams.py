"""TCP streams from senseless packets and from real dialogues cut, doubled, reordered and thinned.

Nothing may be raised, no byte may come twice or at a wrong place, and the table stays in its bounds.
"""

from fakes.mail_wire import ACK, CLIENT, DIALOGUE, FIN, RST, SYN, TOLD, Segment, SmtpLog, StreamLog, Wire
from hypothesis import given
from hypothesis import strategies as st

from spamgate.wire.holes import HoldPool
from spamgate.wire.smtp import SmtpObserver
from spamgate.wire.streams import StreamTable

MASK = 0xFFFFFFF
HOSTS = (b"\x0a\x00\x00\x02", b"\xc0\x00\x02\x19", b"\x0a\x00\x00\x03")
PORTS = (25, 50000, 587, 50001, 25)

numbers = st.one_of(
    st.integers(0, 40), st.integers(MASK - 20, MASK), st.sampled_from((0x400010, 0x8000000)), st.integers(0, MASK)
)
ends = st.tuples(st.sampled_from(HOSTS), st.sampled_from(HOSTS), st.sampled_from(PORTS), st.sampled_from(PORTS))
flags = st.one_of(st.sampled_from((SYN, SYN | ACK, ACK, ACK, ACK, FIN | ACK, RST, RST | ACK)), st.integers(0, 255))
packets = st.builds(Segment, ends, numbers, flags, numbers, st.binary(max_size=12), st.sampled_from((0, 0, 0, 5)))


class Watch(StreamLog):
    """Holds every call against what may be told of a connection."""

    def __init__(self):
        super().__init__()
        self.live = set()

    def opened(self, slot, packet):
        assert slot not in self.live
        self.live.add(slot)

    midstream = opened

    def established(self, slot):
        assert slot in self.live

    refused = established

    def data(self, slot, side, buf, start, end):
        assert slot in self.live and side in (0, 1) and 0 <= start < end <= len(buf)

    def gap(self, slot, side, size):
        assert slot in self.live and side in (0, 1) and 0 < size <= MASK

    def closed(self, slot):
        self.live.remove(slot)


@given(st.lists(st.one_of(packets, st.integers(0, 40)), max_size=60), st.integers(1, 4), st.integers(1, 3))
def test_senseless_packets(stream, slots, cells):
    watch = Watch()
    pool = HoldPool(cells, 8)
    table = StreamTable(watch, slots, (25, 587), pool)
    for packet in stream:
        if isinstance(packet, int):
            table.tick(packet)
            continue
        assert -1 <= table.feed(packet) < slots
        assert 0 <= pool.held <= cells == len(pool.way)
        assert len(watch.live) <= slots
        check_rings(table)
    table.close_all()
    assert not watch.live and pool.held == 0


def check_rings(table):
    """Every slot is in the ring of its state and in one chain at most."""
    for state in (0, 1, 2, 4):
        seen = []
        at = table._after[table.slots + state]
        while at < table.slots:
            seen.append(at)
            at = table._after[at]
        assert sorted(seen) == [slot for slot in range(table.slots) if table.state[slot] == state]
    chained = []
    for at in table._chains:
        while at >= 0:
            chained.append(at)
            at = table._chain_next[at]
    assert sorted(chained) == [slot for slot in range(table.slots) if table.state[slot]]


# --- a dialogue, differently packed --------------------------------------------------------------


@st.composite
def cuttings(draw, most=6):
    """Return the packets of DIALOGUE: cut anywhere, turns reordered inside, segments sent again."""
    isn = (draw(numbers), draw(numbers))
    wire = Wire(isn=isn, port=draw(st.sampled_from((50000, 25, 20))))
    stream = wire.open()
    at = [0, 0]
    sent = list(stream)
    for side, said in DIALOGUE:
        cuts = sorted(draw(st.lists(st.integers(1, len(said)), max_size=most - 1, unique=True)) + [0, len(said)])
        turn = [
            wire.send(side, at[side] + one, said[one:other], ACK, at[1 - side])
            for one, other in zip(cuts, cuts[1:], strict=False)
            if one < other
        ]
        one, other = sorted(draw(st.tuples(st.integers(0, len(said)), st.integers(0, len(said)))))
        overlap = wire.send(side, at[side] + one, said[one:other], ACK, at[1 - side])
        turn = draw(st.permutations([*turn, overlap] if draw(st.booleans()) else turn))
        at[side] += len(said)
        stream += turn
        sent += turn
        stream += draw(st.lists(st.sampled_from(sent), max_size=2))  # resent, or captured twice
    end = wire.send(CLIENT, at[0], b"", FIN | ACK, at[1])
    return [*stream, end, end, wire.send(1, at[1], b"", FIN | ACK, at[0])]


class Observed(StreamLog):
    """Leads the streams of slot 0 into an SMTP observer."""

    def __init__(self):
        super().__init__()
        self.log = SmtpLog()
        self.smtp = SmtpObserver(self.log, 1)

    def opened(self, slot, packet):
        super().opened(slot, packet)
        self.smtp.begin(slot, False, False)

    def data(self, slot, side, buf, start, end):
        super().data(slot, side, buf, start, end)
        self.smtp.feed(slot, side, buf, start, end)


@given(cuttings())
def test_cut_reordered_and_resent_it_tells_the_same(stream):
    observed = Observed()
    table = StreamTable(observed, 1)
    for packet in stream:
        table.feed(packet)
    assert observed.names() == [("opened", 0), ("established", 0), ("closed", 0)]
    assert observed.log.events == TOLD


class Placed(StreamLog):
    """Holds every byte against what was said at its place."""

    def __init__(self):
        super().__init__()
        self.said = [b"".join(said for of, said in DIALOGUE if of == side) for side in (0, 1)]
        self.at = [0, 0]

    def data(self, slot, side, buf, start, end):
        at = self.at[side]
        assert bytes(buf[start:end]) == self.said[side][at : at + end - start]
        self.at[side] += end - start

    def gap(self, slot, side, size):
        self.at[side] += size
        assert self.at[side] <= len(self.said[side])


@given(cuttings(12), st.data())
def test_whatever_is_lost_no_byte_is_misplaced(stream, data):
    lost = data.draw(st.sets(st.integers(3, len(stream) - 1)))  # never the handshake: it says where all begins
    kept = [packet for place, packet in enumerate(stream) if place not in lost]
    placed = Placed()
    table = StreamTable(placed, 2, pool=HoldPool(3, 16))
    for packet in kept:
        table.feed(packet)
    table.close_all()
    assert [name for name, *_ in placed.names()].count("closed") == 1
