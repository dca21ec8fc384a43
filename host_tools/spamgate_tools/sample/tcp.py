"""One TCP connection as the router's LAN side sees it: what is lost beyond it never comes by, what is lost on the
Wi-Fi comes by twice.
"""

from spamgate_tools.sample import packets
from spamgate_tools.sample.packets import ACK, FIN, PSH, RST, SYN, Segment, Station
from spamgate_tools.sample.world import Dice, Task, World

CLIENT = 0
SERVER = 1

_LOST = 0.004  # of all data segments; home Wi-Fi and a good line
_WINDOW_SEGMENTS = 10  # RFC 6928
_DELAYED_ACK_S = 0.04
_RESEND_S = 0.2  # the least time-out of Linux, above the round trip
_SYN_RESENDS_S = (1.0, 2.0, 4.0)  # Linux; a program that gives a server ten seconds sees three
_PATIENCE_S = 3.0
_WIFI_S = 0.002


class Connection:
    """Between a device and a server; what it sends is timed as it passes the router."""

    def __init__(self, world: World, client: Station, server: Station, ports: tuple[int, int], dice: Dice) -> None:
        self.client = client
        self.server = server
        self.port = ports[SERVER]
        self.dice = dice
        self.round_trip_s = dice.between(0.012, 0.19)
        self._world = world
        self._ends = (client, server)
        self._ports = ports
        self._next = [dice.whole(0, 0xFFFFFFFF), dice.whole(0, 0xFFFFFFFF)]
        self._got = [0, 0]  # by each side: the next byte it expects of the other
        self._owes = [False, False]  # an acknowledgement
        self._mss = 1440 if len(client.address) == 16 else 1460
        self._heading = SERVER  # the side that the latest packet is on its way to

    def connect(self) -> Task[None]:
        """Shake hands."""
        self._syn()
        yield self.round_trip_s
        self._got[SERVER] = self._next[CLIENT] + 1
        self._send(SERVER, SYN | ACK, self._next[SERVER])
        yield self._wifi_s()
        self._next = [self._next[CLIENT] + 1, self._next[SERVER] + 1]
        self._got[CLIENT] = self._next[SERVER]
        self._send(CLIENT, ACK, self._next[CLIENT])

    def meet_silence(self) -> Task[None]:
        """Nobody answers: resend the SYN, then give up."""
        self._syn()
        for wait_s in _SYN_RESENDS_S:
            yield wait_s
            self._syn()
        yield _PATIENCE_S

    def meet_refusal(self) -> Task[None]:
        """The server's machine says that nothing listens there."""
        self._syn()
        yield self.round_trip_s
        self._got[SERVER] = self._next[CLIENT] + 1
        self._next[SERVER] = 0
        self._send(SERVER, RST | ACK, 0)

    def meet_unreachable(self, router: Station) -> Task[None]:
        """A router outside says that it cannot get there."""
        self._syn()
        quoted = self._world.records[-1][1][14:]
        yield self.round_trip_s
        self._world.send_ip(router, self.client, packets.ICMP, packets.host_unreachable(quoted))

    def say(self, side: int, data: bytes, think_s: float = 0.0) -> Task[None]:
        """One side sends data after it has received and thought; the other takes it."""
        yield from self._think(side, think_s)
        pieces = [data[at : at + self._mss] for at in range(0, len(data), self._mss)]
        for first in range(0, len(pieces), _WINDOW_SEGMENTS):
            if first and side == SERVER:
                yield self.round_trip_s
            yield from self._burst(side, pieces[first : first + _WINDOW_SEGMENTS])

    def finish(self, side: int, think_s: float = 0.0) -> Task[None]:
        """One side closes, the other follows."""
        yield from self._think(side, think_s)
        other = 1 - side
        self._fin(side)
        yield self._trip_s(other)
        self._fin(other)
        yield self._trip_s(side)
        self._send(side, ACK, self._next[side])

    def abort(self, side: int) -> Task[None]:
        """One side gives the connection up with a reset."""
        yield from self._think(side, 0.0)
        self._send(side, RST | ACK, self._next[side])

    def wait_quietly(self, side: int, wait_s: float) -> Task[None]:
        """One side waits; what it has received is acknowledged meanwhile."""
        yield _DELAYED_ACK_S
        if self._owes[side]:
            self._send(side, ACK, self._next[side])
        yield max(0.0, wait_s - _DELAYED_ACK_S)

    def _think(self, side: int, think_s: float) -> Task[None]:
        """What the other side sent reaches this one, which thinks; slow thinkers acknowledge first."""
        if self._heading == side:
            yield self._trip_s(side)
        if think_s > _DELAYED_ACK_S:
            yield from self.wait_quietly(side, think_s)
        else:
            yield think_s

    def _burst(self, side: int, pieces: list[bytes]) -> Task[None]:
        """Send what fits one window; at most one segment of it is lost, and sent again."""
        start = self._next[side]
        places = [start + sum(map(len, pieces[:at])) for at in range(len(pieces))]
        lost = self.dice.whole(0, len(pieces) - 1) if self.dice.chance(_LOST * len(pieces)) else -1
        lost_outside = side == SERVER and 0 <= lost < len(pieces) - 1
        for at, piece in enumerate(pieces):
            if at != lost or not lost_outside:
                self._send(side, ACK | (PSH if at == len(pieces) - 1 else 0), places[at], piece)
                yield self.dice.between(0.0001, 0.0006)
            if at % 2 and lost < 0 and side == SERVER and at < len(pieces) - 1:
                self._acknowledge(CLIENT, places[at] + len(piece))
        self._next[side] = start + sum(map(len, pieces))
        if lost >= 0:
            yield from self._resend(side, places[lost], pieces[lost], len(pieces) - 1 - lost)
        self._got[1 - side] = self._next[side]
        self._owes[1 - side] = True
        if len(pieces) > 2:
            yield self._trip_s(1 - side)
            for place in places[2::2] if side == CLIENT and lost < 0 else ():
                self._acknowledge(SERVER, place)
            self._acknowledge(1 - side, self._next[side])

    def _resend(self, side: int, place: int, piece: bytes, behind: int) -> Task[None]:
        """Three segments behind the lost one ask for it at once (RFC 5681); else a time-out does."""
        other = 1 - side
        self._got[other] = place
        yield self._wifi_s() if other == CLIENT else self.round_trip_s
        for _ in range(behind):
            self._send(other, ACK, self._next[other])
        yield self.round_trip_s + (0.0 if behind >= 3 else _RESEND_S)
        self._send(side, ACK | PSH, place, piece)
        yield 0.0002

    def _acknowledge(self, side: int, upto: int) -> None:
        """This side has received all that comes before `upto`."""
        self._got[side] = upto
        self._send(side, ACK, self._next[side])

    def _fin(self, side: int) -> None:
        self._send(side, FIN | ACK, self._next[side])
        self._next[side] += 1
        self._got[1 - side] = self._next[side]

    def _syn(self) -> None:
        self._send(CLIENT, SYN, self._next[CLIENT])

    def _send(self, side: int, flags: int, sequence: int, payload: bytes = b"") -> None:
        segment = Segment(sequence, self._got[side] if flags & ACK else 0, flags, payload)
        if flags & SYN:
            segment.options = packets.syn_options(self._mss, 7)
        elif flags & RST:
            segment.window = 0
        else:
            segment.window = 501 if side == SERVER else 1026
        self._owes[side] = False
        other = self._heading = 1 - side
        self._world.send_tcp(self._ends[side], self._ports[side], self._ends[other], self._ports[other], segment)

    def _trip_s(self, side: int) -> float:
        """From the router to this side and back to the router."""
        return self.round_trip_s if side == SERVER else self._wifi_s()

    def _wifi_s(self) -> float:
        return self.dice.between(_WIFI_S * 0.4, _WIFI_S * 2)
