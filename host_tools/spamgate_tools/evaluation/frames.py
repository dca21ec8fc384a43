"""A home as frames: what a capture on the LAN side of its router would hold while nobody interferes.

This is a method that writes down what it is told, so that times are those of the facts; within a fact frames follow one
another by microseconds.  The builders are those of the sample home and share no code with our readers.
"""

from collections.abc import Iterator
from pathlib import Path

from spamgate_tools.corpus.facts import MX, OPEN, REFUSED, SILENT, Home, Host, Letter, Question, Reply
from spamgate_tools.evaluation.method import PASS, Flow, Method
from spamgate_tools.evaluation.methods.spamgate import mac_of
from spamgate_tools.evaluation.runner import run_home
from spamgate_tools.sample import messages, packets
from spamgate_tools.sample.ledger import MailTally
from spamgate_tools.sample.mail import SUBMISSIONS, Dialogue, handshake, letter, sealed_turns
from spamgate_tools.sample.messages import Answer, Lease
from spamgate_tools.sample.network import DNS, Device, mac
from spamgate_tools.sample.packets import Segment, Station, pcap
from spamgate_tools.sample.tcp import SERVER, Connection
from spamgate_tools.sample.world import Dice, Task, World

_ROUTER = bytes((192, 168, 77, 1))
_LAN = (10, 77)  # a home may have more residents, one after another, than a /24 has addresses
_PREFIX = bytes.fromhex("fd77007700770000")
_STRANGER = bytes((192, 0, 2, 66))
_US = 1000000
_CLOCK_US = 60 * _US
_DHCP_CLIENT = 68
_DHCP_SERVER = 67
_REFUSED = 400
_SEALED_BYTES = 40


class Frames(Method):
    """Writes a home down as frames."""

    name = "frames"

    def begin(self, home: Home) -> None:
        """Let everybody be silent."""
        dice = Dice(home.seed)
        self._dice = dice.fork()
        self.world = World(home.start_s, dice.fork())
        self._start_us = home.start_s * _US
        self._router = Station(mac(1), _ROUTER)
        self._devices = [_device(number, resident.name, dice) for number, resident in enumerate(home.residents)]
        order = [(int(resident.joins_s * _US), number) for number, resident in enumerate(home.residents)]
        self._joining = sorted(order, reverse=True)
        self._told_us = 0  # when the clock is told next
        self._talks: dict[Flow, _Talk] = {}

    def at(self, now_us: int) -> None:
        """Whoever joins asks for an address; the router asks for somebody's each minute: it tells a reader the time."""
        while self._joining and self._joining[-1][0] <= now_us:
            at_us, number = self._joining.pop()
            self._tick(at_us)
            self._join(self._devices[number])
        self._tick(now_us)

    def asked(self, now_us: int, device: int, question: Question) -> None:
        """A query and its answer."""
        asker = self._devices[device]
        port = asker.next_port()
        query = messages.dns_query(self._dice.whole(0, 65535), question.name, question.qtype, self._dice.chance(0.5))
        self.world.send_udp(asker.station, port, self._router, DNS, query)
        reply = messages.dns_reply(query, question.name, _answer(question))
        self.world.send_udp(self._router, DNS, asker.station, port, reply)

    def proxy_opened(self, now_us: int, device: int, port: int) -> None:
        """A SYN from outside."""
        syn = Segment(self._dice.whole(0, 0xFFFFFFFF), 0, packets.SYN)
        stranger = Station(self._router.mac, _STRANGER)
        self.world.send_tcp(stranger, self._dice.whole(32768, 60000), self._devices[device].station, port, syn)

    def opens(self, now_us: int, flow: Flow) -> float:
        """A SYN."""
        self._talks[flow] = talk = _Talk(self, self._devices[flow.device], flow)
        next(talk.meeting)
        return PASS

    def answered(self, now_us: int, flow: Flow) -> None:
        """What comes of the SYN."""
        _happen(self._talks[flow].meeting)

    def greeted(self, now_us: int, flow: Flow) -> None:
        """Banner, HELO, login."""
        _happen(self._talks[flow].greet())

    def wrote(self, now_us: int, flow: Flow, letter: Letter) -> None:
        """MAIL and RCPT."""
        _happen(self._talks[flow].write(letter))

    def delivered(self, now_us: int, flow: Flow, letter: Letter) -> None:
        """DATA, the text and its end."""
        _happen(self._talks[flow].deliver(letter))

    def closed(self, now_us: int, flow: Flow) -> None:
        """QUIT, and FIN."""
        if flow.call.outcome == OPEN:
            _happen(self._talks[flow].part())
        del self._talks[flow]

    def far(self, host: Host) -> Station:
        """Return a server as it is seen at home."""
        return Station(self._router.mac, host.address, 50)

    def _tick(self, now_us: int) -> None:
        """Let the clock go on to `now_us`."""
        while self._told_us <= now_us:
            self._be(self._told_us)
            self.world.send_frame(packets.arp(self._router, Station(bytes(6), _ROUTER), False))
            self._told_us += _CLOCK_US
        self._be(now_us)

    def _be(self, now_us: int) -> None:
        self.world.now_us = max(self.world.now_us, self._start_us + now_us)

    def _join(self, device: Device) -> None:
        lease = Lease(device.mac, device.name, device.station.address, _ROUTER, _ROUTER)
        request = messages.dhcp_request(lease, messages.REQUEST, self._dice.whole(1, 0xFFFFFFFF))
        nobody_yet = Station(device.mac, packets.UNSPECIFIED)
        everyone = Station(packets.BROADCAST_MAC, packets.BROADCAST)
        self.world.send_udp(nobody_yet, _DHCP_CLIENT, everyone, _DHCP_SERVER, request)


class _Talk:
    """One connection to a mail server, as it is said."""

    def __init__(self, frames: Frames, device: Device, flow: Flow) -> None:
        self._call = call = flow.call
        server = frames.far(call.host)
        own = device.station_v6 if len(server.address) == 16 else device.station
        self._connection = Connection(frames.world, own, server, (device.next_port(), call.port), device.dice)
        self._dialogue = Dialogue(self._connection, MailTally(), 0.0)
        self._is_sealed = call.port == SUBMISSIONS
        self._is_over = False
        self.meeting = self._meet()

    def _meet(self) -> Task[None]:
        if self._call.outcome == OPEN:
            return self._connection.connect()
        if self._call.outcome == REFUSED:
            return self._connection.meet_refusal()
        assert self._call.outcome == SILENT
        return self._connection.meet_silence()

    def greet(self) -> Task[None]:
        call = self._call
        host = call.host.name or "mail"
        if self._is_sealed:
            yield from handshake(self._connection, host)
            yield from sealed_turns(self._connection, 1, _SEALED_BYTES)
            return
        banner = _line(call.banner)
        yield from self._connection.say(SERVER, f"{banner}\r\n".encode("ascii"))
        self._is_over = call.banner.code >= _REFUSED
        if self._is_over:
            return
        yield from self._dialogue.command(f"EHLO {call.helo}", "250 mail.example")
        if call.starts_tls:
            yield from self._dialogue.start_tls(host)
            self._is_sealed = True
            yield from sealed_turns(self._connection, 1, _SEALED_BYTES)
        elif call.login is not None:
            reply = "235 2.7.0 Authentication successful" if call.login else "535 5.7.8 Authentication failed"
            yield from self._dialogue.command("AUTH PLAIN AGRldmljZQBzZWNyZXQ=", reply)

    def write(self, letter: Letter) -> Task[None]:
        if self._is_sealed:
            yield from sealed_turns(self._connection, 1 + len(letter.recipients), _SEALED_BYTES)
            return
        yield from self._dialogue.command(f"MAIL FROM:<{letter.sender}>", "250 2.1.0 Ok")
        for recipient, reply in letter.recipients:
            yield from self._dialogue.command(f"RCPT TO:<{recipient}>", _line(reply))
        if all(reply.code >= _REFUSED for _, reply in letter.recipients):
            yield from self._dialogue.command("RSET", "250 2.0.0 Ok")

    def deliver(self, said: Letter) -> Task[None]:
        if self._is_sealed:
            yield from sealed_turns(self._connection, 2, _SEALED_BYTES)
            return
        yield from self._dialogue.command("DATA", "354 End data with <CR><LF>.<CR><LF>")
        text = letter(said.sender, said.recipients[0][0], "as said", ["Something is written here."])
        yield from self._dialogue.body(text, _line(said.reply))

    def part(self) -> Task[None]:
        if self._is_sealed or self._is_over:
            yield from self._connection.finish(SERVER)
        else:
            yield from self._dialogue.quit()


def frames_of(home: Home) -> list[tuple[int, bytes]]:
    """Return (microseconds since 1970, Ethernet frame) of all that happens in the home while nobody interferes."""
    frames = Frames()
    run_home(home, frames)
    return frames.world.records


def write_capture(home: Home, path: Path) -> int:
    """Write the home as a capture file; return how many frames it has."""
    records = frames_of(home)
    path.write_bytes(pcap(records))
    return len(records)


def _device(number: int, name: str, dice: Dice) -> Device:
    device = Device(name, mac_of(number), 0, dice.fork())
    low = (number + 10).to_bytes(2, "big")
    device.station = Station(device.mac, bytes(_LAN) + low)
    device.station_v6 = Station(device.mac, _PREFIX + bytes(6) + low)
    return device


def _answer(question: Question) -> Answer:
    """Return what DNS answers; preferences in the order of the exchanges."""
    if question.qtype != MX:
        records = [(question.name, question.qtype, host.address) for host in question.hosts]
        return Answer(question.rcode, tuple(records))
    names = list(dict.fromkeys(host.name for host in question.hosts))
    exchanges = [(question.name, MX, messages.exchange(10 * at + 10, name)) for at, name in enumerate(names)]
    addresses = [(host.name, _type_of(host.address), host.address) for host in question.hosts]
    return Answer(question.rcode, tuple(exchanges), tuple(addresses))


def _type_of(address: bytes) -> int:
    return messages.A if len(address) == 4 else messages.AAAA


def _line(reply: Reply) -> str:
    return f"{reply.code} {reply.text}"


def _happen(task: Iterator[float]) -> None:
    """Let a task of the sample home happen at once."""
    for _ in task:
        pass
