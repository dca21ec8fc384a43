"""The stage of a scenario: a home of a few devices, an Internet of mail servers, and what the whole program said of it.

Frames come from the sample package's builders, which share no code with our readers.  Everything follows from a seed;
names and addresses outside are reserved ones.
"""

import json
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from scenario.encodings import Record
from spamgate_tools.errors import UserError
from spamgate_tools.replay import Replay
from spamgate_tools.sample import activity, messages
from spamgate_tools.sample.mail import SMTP, SUBMISSION, Dialogue, handshake, letter, sealed_turns
from spamgate_tools.sample.network import DNS, Device, Home, v4
from spamgate_tools.sample.packets import Segment, Station, pcap
from spamgate_tools.sample.tcp import CLIENT, SERVER, Connection
from spamgate_tools.sample.world import Dice, Task, World

MINUTE_S = 60
HOUR_S = 3600
DAY_S = 86400
TXT = 16
CALM = ("normal", "watched")

_START_S = 1772481600
_BOUND_S = 400 * DAY_S
_PUBLIC_RESOLVER = v4("192.0.2.9")
_UPSTREAM = v4("192.0.2.53")


class Server:
    """How a mail host behaves: its replies, or that there are none."""

    def __init__(self, name: str, station: Station) -> None:
        self.name = name
        self.station = station
        self.banner = f"220 {name} ESMTP"
        self.hello = f"250 {name}"
        self.sender = "250 2.1.0 Ok"
        self.recipient = "250 2.1.5 Ok"
        self.body = "250 2.0.0 Ok: queued"
        self.starts_tls = False
        self.absent = ""  # "silent", "reset" or "icmp" in place of a SYN-ACK


class Domain:
    """A domain and its mail hosts, the preferred one first."""

    def __init__(self, name: str, servers: list[Server]) -> None:
        self.name = name
        self.servers = servers

    @property
    def server(self) -> Server:
        """The preferred host."""
        return self.servers[0]


class Stage:
    """Builds a capture; `replay()` runs the program over it."""

    def __init__(self, seed: int = 1) -> None:
        dice = Dice(seed)
        self.dice = dice.fork()
        self.world = World(_START_S, dice.fork())
        self.home = Home(self.world, dice.fork(), _BOUND_S)
        self.internet = self.home.internet
        self.router = self.home.router
        self._number = 100

    # --- who is there --------------------------------------------------------------------------

    def device(self, name: str, mac: bytes | None = None) -> Device:
        """A device that has joined with DHCP and asks the router for names."""
        device = self.silent_device(name, mac)
        self.world.spawn(join(self, device), self.dice.between(0.1, 5))
        return device

    def silent_device(self, name: str, mac: bytes | None = None) -> Device:
        """A device whose arrival nobody saw."""
        self._number += 1
        device = self.home.add(name, self._number, mac)
        device.own_resolver = self.router.station
        return device

    def everyday(self, hours: int = 1, every_s: float = 20 * MINUTE_S) -> list[Device]:
        """Two clean devices that look names up and fetch pages: the others of the home."""
        people = [self.device("desk-laptop"), self.device("pocket-phone")]
        for person in people:
            self.world.spawn(browse(self, person, hours * HOUR_S, every_s), self.dice.between(6, 60))
        return people

    def domains(self, count: int, hosts: int = 1, first: str = "mx", label: str = "d") -> list[Domain]:
        """So many unrelated mail domains, each with hosts of its own."""
        made = []
        for number in range(count):
            name = f"{label}{number}-{self.dice.whole(10, 99)}.example"
            servers = [self.server(f"{first}{host + 1}.{name}") for host in range(hosts)]
            self.internet.add_mail_domain(name, [server.name for server in servers])
            made.append(Domain(name, servers))
        return made

    def server(self, name: str, wants_v6: bool = False) -> Server:
        """A mail host with this name; only those with IPv6 have an address of the cloud."""
        self.internet.add_host(name, is_mail=not wants_v6)
        return Server(name, self.internet.station(name, wants_v6))

    # --- what happens --------------------------------------------------------------------------

    def spawn(self, task: Task[None], at_s: float) -> None:
        """Start `task` so many seconds after the beginning."""
        self.world.spawn(task, at_s)

    def records(self) -> list[Record]:
        """Let it happen; return (microseconds since 1970, Ethernet frame)."""
        self.world.run()
        return self.world.records

    def replay(self, folder: Path, **options) -> "Outcome":
        """Let it happen, and run the program over what was captured."""
        return judge(pcap(self.records()), folder, **options)


class Outcome:
    """What the program said."""

    def __init__(self, lines: list[dict]) -> None:
        self.verdicts = [line for line in lines if line["type"] == "verdict"]
        self.devices = [line for line in lines if line["type"] == "device"]

    def verdict(self, who: Device | str, state: str = "throttled") -> dict:
        """The first verdict of that state on the device, given by itself or by its id in the output."""
        found = [line for line in self.verdicts if line["device"] == _id(who) and line["to"] == state]
        assert found, f"{_id(who)} was never {state}; {self.story()}"
        return found[0]

    def device(self, who: Device | str) -> dict:
        """The summary of one device."""
        (found,) = (line for line in self.devices if line["device"] == _id(who))
        return found

    def state(self, who: Device | str) -> str:
        """The state in which the device ends."""
        return self.device(who)["state"]

    def worst(self, who: Device | str) -> str:
        """The gravest state the device ever was in."""
        order = ("normal", "watched", "released", "throttled", "quarantined")
        seen = [line["to"] for line in self.verdicts if line["device"] == _id(who)]
        return max(seen, key=order.index, default="normal")

    def above_watched(self) -> set[str]:
        """The ids of devices that ever were above watched."""
        return {line["device"] for line in self.verdicts if line["to"] not in CALM}

    def story(self) -> str:
        """All verdicts in short: for the reader of a failed test."""
        return "; ".join(
            f"{line['device']} {line['to']} score {line['score']} connects {line['smtp_connects']} "
            f"accepted {line['messages_accepted']} {[row['kind'] for row in line['evidence']]}"
            for line in self.verdicts
        )


def judge(capture: bytes, folder: Path, **options) -> Outcome:
    """Run the program over the bytes of a capture file."""
    path = folder / "scenario.pcap"
    path.write_bytes(capture)
    options.setdefault("runtime", "cpython")
    try:
        run = Replay([str(path)], **options)
    except UserError as missing:
        pytest.skip(f"not run: {missing}")
    lines = [json.loads(line) for line in run.lines()]
    run.finish()
    return Outcome(lines)


def mac_text(device: Device) -> str:
    """The device's id in the output."""
    return ":".join(f"{byte:02x}" for byte in device.mac)


def _id(who: Device | str) -> str:
    return who if isinstance(who, str) else mac_text(who)


# --- what devices do ----------------------------------------------------------------------------


def join(stage: Stage, device: Device) -> Task[None]:
    """Come onto the network, as the sample's devices do."""
    yield from activity.join(stage.home, device)


def browse(stage: Stage, device: Device, length_s: float, every_s: float) -> Task[None]:
    """Fetch a page now and then."""
    end_us = stage.world.now_us + int(length_s * 1000000)
    while stage.world.now_us < end_us:
        yield from activity.web_visit(stage.home, device, f"www{device.dice.whole(1, 9)}.pages.example", 1, 900)
        yield device.dice.between(0.5, 1.5) * every_s


def ask_mx(stage: Stage, device: Device, domain: Domain) -> Task[None]:
    """Ask for the domain's mail servers and for the first one's address."""
    yield from stage.home.ask(device, domain.name, messages.MX)
    yield from ask_host(stage, device, domain)


def ask_host(stage: Stage, device: Device, domain: Domain) -> Task[None]:
    """Ask for the address of the mail host only: by its usual name, not by MX."""
    server = domain.server.station.address
    yield from stage.home.ask(device, domain.server.name, messages.AAAA if len(server) == 16 else messages.A)


def ask_nothing(stage: Stage, device: Device, domain: Domain) -> Task[None]:
    """Know the address already."""
    yield 0.01


def ask_elsewhere(stage: Stage, device: Device, domain: Domain) -> Task[None]:
    """The home's resolver asks outside for the device, whose own question passes where nobody sees it."""
    resolver = stage.home.resolver
    for name, qtype in ((domain.name, messages.MX), (domain.server.name, messages.A)):
        yield from _exchange(stage, resolver.station, stage.internet.far(_UPSTREAM), name, qtype)


def _exchange(stage: Stage, client: Station, server: Station, name: str, qtype: int) -> Task[None]:
    port = stage.dice.whole(20000, 60000)
    query = messages.dns_query(stage.dice.whole(0, 65535), name, qtype, True)
    stage.world.send_udp(client, port, server, DNS, query)
    yield stage.dice.between(0.005, 0.04)
    answer = messages.dns_reply(query, name, stage.internet.look_up(name, qtype))
    stage.world.send_udp(server, DNS, client, port, answer)


def ask_over_tcp(stage: Stage, device: Device, domain: Domain) -> Task[None]:
    """Ask a resolver outside over TCP (RFC 7766), both questions on one connection."""
    server = stage.internet.far(_PUBLIC_RESOLVER)
    connection = stage.home.connection(device, server, DNS)
    yield from connection.connect()
    for name, qtype in ((domain.name, messages.MX), (domain.server.name, messages.A)):
        query = messages.dns_query(stage.dice.whole(0, 65535), name, qtype, True)
        answer = messages.dns_reply(query, name, stage.internet.look_up(name, qtype))
        yield from connection.say(CLIENT, len(query).to_bytes(2, "big") + query)
        yield from connection.say(SERVER, len(answer).to_bytes(2, "big") + answer, 0.02)
    yield from connection.finish(CLIENT)


class Mailing:
    """What is mailed: by whose name, as whom, to whom, and how servers are found."""

    def __init__(self, helo: str = "host.dynamic.example", sender: str = "news@outlet.example") -> None:
        self.helo = helo
        self.sender = sender
        self.recipients: Callable[[Domain], list[str]] = lambda domain: [f"user@{domain.name}"]
        self.find = ask_mx
        self.messages = 1


def mail(stage: Stage, device: Device, domain: Domain, mailing: Mailing) -> Task[None]:
    """Find the domain's server and mail it, once."""
    yield from mailing.find(stage, device, domain)
    yield from deliver(stage, device, domain, domain.server, mailing)


def deliver(stage: Stage, device: Device, domain: Domain, server: Server, mailing: Mailing) -> Task[None]:
    """Connect and say all there is to say; give up at the first refusal."""
    connection = stage.home.connection(device, server.station, SMTP)
    if server.absent:
        yield from _meet_nobody(stage, connection, server.absent)
        return
    dialogue = Dialogue(connection, device.tally.smtp, 0.05)
    yield from dialogue.open(server.banner)
    if server.banner.startswith("220"):
        yield from _talk(dialogue, server, domain, mailing)
    yield from connection.finish(CLIENT)


def _meet_nobody(stage: Stage, connection: Connection, how: str) -> Task[None]:
    if how == "silent":
        yield from connection.meet_silence()
    elif how == "reset":
        yield from connection.meet_refusal()
    else:
        yield from connection.meet_unreachable(stage.internet.far(v4("192.0.2.254")))


def _talk(dialogue: Dialogue, server: Server, domain: Domain, mailing: Mailing) -> Task[None]:
    yield from dialogue.command(f"EHLO {mailing.helo}", server.hello)
    if server.starts_tls:
        yield from dialogue.start_tls(server.name)
        yield from sealed_turns(dialogue.connection, 5, 80)
        return
    for number in range(mailing.messages):
        yield from dialogue.command(f"MAIL FROM:<{mailing.sender}>", server.sender)
        taken = 0
        for recipient in mailing.recipients(domain) if server.sender.startswith("2") else ():
            yield from dialogue.command(f"RCPT TO:<{recipient}>", server.recipient)
            taken += server.recipient.startswith("2")
        if not taken:
            return
        yield from dialogue.command("DATA", "354 Go ahead")
        text = letter(mailing.sender, f"user@{domain.name}", f"Number {number}", ["Good day."])
        yield from dialogue.body(text, server.body)


def campaign(
    stage: Stage, device: Device, domains: Iterable[Domain], every_s: float, mailing: Mailing | None = None
) -> Task[None]:
    """Mail one domain after another at this pace; connections that take longer run side by side."""
    for domain in domains:
        stage.world.spawn(mail(stage, device, domain, mailing or Mailing()))
        yield every_s


def submit(stage: Stage, device: Device, server: Server) -> Task[None]:
    """Send a message over port 587, sealed, as mail clients do."""
    yield from stage.home.ask(device, server.name, messages.A)
    connection = stage.home.connection(device, server.station, SUBMISSION)
    dialogue = Dialogue(connection, device.tally.submission)
    yield from dialogue.open(server.banner)
    yield from dialogue.command("EHLO [192.168.77.9]", f"250 {server.name}\nSTARTTLS")
    yield from dialogue.command("STARTTLS", "220 2.0.0 Ready")
    yield from handshake(connection, server.name)
    yield from sealed_turns(connection, 6, 300)
    yield from connection.finish(CLIENT)


def knock(stage: Stage, source: Station, target: Station, ports: tuple[int, int]) -> None:
    """One SYN, no more: a scanner's."""
    stage.world.send_tcp(source, ports[0], target, ports[1], Segment(stage.dice.whole(0, 1 << 30), 0, 2))
