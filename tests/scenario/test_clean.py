"""Clean homes, at their busiest and oddest: nobody is ever above watched.

Each of these has cost some other detector a false alarm.
"""

import pytest

from scenario.stage import (
    CALM,
    DAY_S,
    HOUR_S,
    MINUTE_S,
    Domain,
    Mailing,
    Outcome,
    Server,
    Stage,
    ask_host,
    ask_nothing,
    browse,
    deliver,
    knock,
    mac_text,
    mail,
    submit,
)
from spamgate_tools.sample import messages
from spamgate_tools.sample.mail import SMTP, Dialogue, letter
from spamgate_tools.sample.network import Device, v4
from spamgate_tools.sample.packets import ACK, RST, Segment, Station, host_unreachable
from spamgate_tools.sample.tcp import CLIENT, Connection


def _is_calm(outcome: Outcome) -> None:
    assert outcome.devices
    assert outcome.above_watched() == set(), outcome.story()


def _relay(stage: Stage, name: str = "smtp.homeprovider.example") -> Domain:
    """The owner's relay, looked up by its own name."""
    return Domain("homeprovider.example", [stage.server(name)])


def _to_owner(sender: str, helo: str = "device.home.example") -> Mailing:
    mailing = Mailing(helo, sender)
    mailing.find = ask_host
    mailing.recipients = lambda domain: ["owner@family.example"]
    return mailing


def _own_domain(stage: Stage, hosts: int = 2) -> Domain:
    """The owner's own domain, whose mail servers MX names."""
    names = [f"mx{host}.family.example" for host in range(1, hosts + 1)]
    stage.internet.add_mail_domain("family.example", names)
    return Domain("family.example", [stage.server(name) for name in names])


def _every(stage: Stage, every_s: float, times: int, task) -> None:
    for turn in range(times):
        stage.spawn(task(turn), 120 + every_s * turn)


@pytest.mark.parametrize("runtime", ["cpython", "micropython"])
def test_a_ups_on_its_first_day(tmp_path, runtime):
    """It asks MX and mails one domain directly, greylisted at first."""
    stage = Stage()
    stage.everyday(24, HOUR_S)
    ups = stage.device("ups")
    domain = _own_domain(stage)
    mailing = Mailing("UPS-4711", "ups@family.example")
    domain.server.recipient = "451 4.7.1 Greylisted"

    def report(turn: int):
        domain.server.recipient = "250 2.1.5 Ok"
        yield from mail(stage, ups, domain, mailing)

    stage.spawn(mail(stage, ups, domain, mailing), 90)
    _every(stage, 2 * HOUR_S, 12, report)
    outcome = stage.replay(tmp_path, runtime=runtime)
    _is_calm(outcome)
    assert outcome.state(ups) in CALM


def test_a_nas_mails_every_night_for_two_weeks(tmp_path):
    stage = Stage()
    stage.everyday(14 * 24, 6 * HOUR_S)
    nas = stage.device("nas")
    relay = _relay(stage)
    _every(stage, DAY_S, 14, lambda turn: mail(stage, nas, relay, _to_owner("nas@family.example")))
    outcome = stage.replay(tmp_path)
    _is_calm(outcome)
    assert outcome.worst(nas) == "normal"


def test_an_alarm_panel_at_300_a_minute(tmp_path):
    """It has mailed its relay for a week, then the cellar floods."""
    stage = Stage()
    panel = stage.device("alarm-panel")
    relay = _relay(stage)
    mailing = _to_owner("alarm@family.example", "panel")
    _every(stage, DAY_S / 2, 14, lambda turn: mail(stage, panel, relay, mailing))
    burst = _to_owner("alarm@family.example", "panel")
    burst.messages = 3
    for turn in range(200):
        stage.spawn(mail(stage, panel, relay, burst), 8 * DAY_S + turn * 0.6)
    outcome = stage.replay(tmp_path)
    _is_calm(outcome)
    assert outcome.device(panel)["smtp"]["messages_accepted"] == 614


@pytest.mark.parametrize("runtime", ["cpython", "micropython"])
def test_a_mail_server_nobody_granted(tmp_path, runtime):
    """Five large providers over IPv4 and IPv6 for two days: it may be throttled, never quarantined."""
    stage = Stage()
    stage.everyday(48, 2 * HOUR_S)
    server = stage.device("home-server")
    server.use_v6(False)
    domains = _large_providers(stage)
    mailing = Mailing("mail.family.example", "people@family.example")
    turns = 0

    def queue(turn: int):
        domain = domains[turn % 5]
        mailing.recipients = lambda domain: [f"friend{turn % 7}@{domain.name}"]
        yield from _try_hosts(stage, server, domain, mailing, is_deferred=turn % 3 == 0)

    while turns < 150:
        stage.spawn(queue(turns), 300 + turns * 1150.0)
        turns += 1
    outcome = stage.replay(tmp_path, runtime=runtime)
    assert outcome.above_watched() <= {mac_text(server)}
    assert outcome.worst(server) in ("normal", "watched", "throttled"), outcome.story()


def _large_providers(stage: Stage) -> list[Domain]:
    domains = []
    for number in range(5):
        name = f"large{number}.example"
        hosts = [f"in{host}.{name}" for host in range(5)]
        servers = [stage.server(host, wants_v6=bool(at % 2)) for at, host in enumerate(hosts)]
        stage.internet.add_mail_domain(name, hosts)
        domains.append(Domain(name, servers))
    return domains


def _try_hosts(stage: Stage, device: Device, domain: Domain, mailing: Mailing, is_deferred: bool):
    """A queueing server asks for all hosts; one that is put off goes on to the next."""
    yield from stage.home.ask(device, domain.name, messages.MX)
    for server in domain.servers:
        yield from stage.home.ask(device, server.name, messages.A)
        yield from stage.home.ask(device, server.name, messages.AAAA)
        server.recipient = "451 4.3.2 Busy" if is_deferred else "250 2.1.5 Ok"
        yield from deliver(stage, device, domain, server, mailing)
        if not is_deferred:
            return
        yield 1.0


@pytest.mark.parametrize("how", ["silent", "reset", "icmp"])
def test_the_provider_blocks_port_25(tmp_path, how):
    """For five days nothing on port 25 works, whoever tries: the line, not a device."""
    stage = Stage()
    stage.everyday(5 * 24, 12 * HOUR_S)
    server, nas = stage.device("home-server"), stage.device("nas")
    domains = stage.domains(30)
    relay = _relay(stage)
    for server_ in [domain.server for domain in domains] + [relay.server]:
        server_.absent = how
    _every(stage, HOUR_S / 2, 240, lambda turn: mail(stage, server, domains[turn % 30], Mailing("mail.family.example")))
    _every(stage, DAY_S / 4, 20, lambda turn: mail(stage, nas, relay, _to_owner("nas@family.example")))
    _is_calm(stage.replay(tmp_path))


def test_the_provider_says_that_it_blocks(tmp_path):
    """ICMP `administratively prohibited` (type 3, code 13) comes from the provider's own router."""
    stage = Stage()
    server = stage.device("home-server")
    domains = stage.domains(20)
    gate = stage.internet.far(v4("192.0.2.254"))

    def try_one(turn: int):
        domain = domains[turn % 20]
        yield from stage.home.ask(server, domain.name, messages.MX)
        yield from stage.home.ask(server, domain.server.name, messages.A)
        stage.home.connection(server, domain.server.station, 25)
        knock(stage, server.station, domain.server.station, (server.next_port(), 25))
        quoted = stage.world.records[-1][1][14:]
        yield 0.01
        stage.world.send_ip(gate, server.station, 1, _prohibited(quoted))

    _every(stage, 20 * MINUTE_S, 72, try_one)
    _is_calm(stage.replay(tmp_path))


def _prohibited(quoted: bytes) -> bytes:
    """The sample's message says code 1; the checksum differs from it by as much as the code (RFC 1624)."""
    made = host_unreachable(quoted)
    sum_ = int.from_bytes(made[2:4], "big") - 12
    return made[:1] + bytes((13,)) + sum_.to_bytes(2, "big") + made[4:]


@pytest.mark.parametrize(
    "banner, sender",
    [("554 5.7.1 Your address is on a list", ""), ("", "550 5.7.1 Client host blocked using a list")],
)
def test_a_listed_line(tmp_path, banner, sender):
    """All turn the home away: NAS and UPS go on trying, and pay nothing for it."""
    stage = Stage()
    nas, ups = stage.device("nas"), stage.device("ups")
    relay, own = _relay(stage), _own_domain(stage)
    for server in (relay.server, own.server):
        server.banner = banner or server.banner
        server.sender = sender or server.sender
    _every(stage, 30 * MINUTE_S, 48, lambda turn: mail(stage, nas, relay, _to_owner("nas@family.example")))
    _every(stage, 40 * MINUTE_S, 36, lambda turn: mail(stage, ups, own, Mailing("ups", "ups@family.example")))
    _is_calm(stage.replay(tmp_path))


def test_a_phone_with_three_mail_accounts(tmp_path):
    """It asks for mail., smtp. and imap. of each account over and over, and submits on 587."""
    stage = Stage()
    phone = stage.device("phone")
    names = [f"{label}.account{number}.example" for number in range(3) for label in ("mail", "smtp", "imap")]
    servers = [stage.server(name) for name in names]

    def look(turn: int):
        for name in names:
            yield from stage.home.ask(phone, name, messages.A)
            yield from stage.home.ask(phone, name, messages.AAAA)
        yield from submit(stage, phone, servers[turn % 9])

    _every(stage, 15 * MINUTE_S, 96, look)
    _is_calm(stage.replay(tmp_path))


def test_a_printer_that_scans_to_mail(tmp_path):
    """Over port 25 to the provider's relay, to whoever stands before it."""
    stage = Stage()
    printer = stage.device("printer")
    relay = _relay(stage)
    mailing = _to_owner("printer@family.example", "BRW0080")
    for turn in range(12):
        stage.spawn(mail(stage, printer, relay, mailing), 600 + turn * 1800.0)
    _is_calm(stage.replay(tmp_path))


def test_a_resolver_that_asks_mx_for_all(tmp_path):
    """The Pi-hole asks, the LAN's own questions are not captured: look-ups alone never fire."""
    stage = Stage()
    resolver = stage.home.resolver
    resolver.own_resolver = stage.internet.far(v4("192.0.2.53"))
    domains = stage.domains(60)

    def ask(turn: int):
        name = domains[turn % 60].name if turn % 4 else f"gone{turn}.invalid"
        yield from stage.home.ask(resolver, name, messages.MX)
        yield from stage.home.ask(resolver, domains[turn % 60].server.name, messages.A)

    _every(stage, 15.0, 1000, ask)
    outcome = stage.replay(tmp_path)
    _is_calm(outcome)
    assert outcome.device(resolver)["dns"]["mx"] == 1000


def test_a_busy_browser(tmp_path):
    """Prefetching, and the three random names Chromium asks for at every start to find captive portals."""
    stage = Stage()
    laptop = stage.device("laptop")

    def start(turn: int):
        for _ in range(3):
            letters = "".join(chr(97 + stage.dice.whole(0, 25)) for _ in range(stage.dice.whole(7, 15)))
            yield from stage.home.ask(laptop, letters, messages.A)
        for _ in range(40):
            name = f"p{stage.dice.whole(1, 300)}.ads.example"
            stage.internet.add_host(name)
            yield from stage.home.ask(laptop, name, messages.A)
            yield from stage.home.ask(laptop, name, messages.HTTPS)

    _every(stage, 60.0, 40, start)
    _is_calm(stage.replay(tmp_path))


def test_a_scanner_inside_the_home(tmp_path):
    """It knocks at port 25 of every address of the LAN: that is counted and not judged."""
    stage = Stage()
    scanner = stage.device("scanner")
    for host in range(1, 255):
        target = Station(bytes((0, 0, 0x5E, 0, 0x53, host)), v4(f"192.168.77.{host}"))
        if host != 101:
            stage.spawn(_knock_at(stage, scanner, target), 60 + host * 0.05)
    outcome = stage.replay(tmp_path)
    _is_calm(outcome)
    assert outcome.device(scanner)["smtp"]["connects"] == 253


def _knock_at(stage: Stage, scanner: Device, target: Station):
    port = scanner.next_port()
    knock(stage, scanner.station, target, (port, 25))
    sequence = int.from_bytes(stage.world.records[-1][1][38:42], "big")
    yield 0.001
    stage.world.send_tcp(target, 25, scanner.station, port, Segment(0, sequence + 1, RST | ACK))


def test_mail_comes_in(tmp_path):
    """A mail server in the home: those who connect are outside, and it is not its connections that count."""
    stage = Stage()
    server = stage.device("home-server")

    def incoming(turn: int):
        sender = stage.internet.far(bytes((198, 18, turn, 9)))
        line = Connection(stage.world, sender, server.station, (30000 + turn, SMTP), stage.dice)
        dialogue = Dialogue(line, stage.home.router.tally.smtp)
        yield from dialogue.open("220 mail.family.example ESMTP")
        yield from dialogue.command(f"EHLO out{turn}.sender{turn}.example", "250 mail.family.example")
        yield from dialogue.command(f"MAIL FROM:<x@sender{turn}.example>", "250 Ok")
        is_known = turn % 2 == 0
        yield from dialogue.command("RCPT TO:<who@family.example>", "250 Ok" if is_known else "550 5.1.1 No such user")
        if is_known:
            yield from dialogue.command("DATA", "354 Go")
            yield from dialogue.body(letter("x@y.example", "a@family.example", "Hi", ["."]), "250 Ok")
        yield from line.finish(CLIENT)

    _every(stage, 60.0, 100, incoming)
    outcome = stage.replay(tmp_path)
    _is_calm(outcome)
    assert outcome.device(server)["smtp"]["connects"] == 0


def test_a_monitor_that_knocks_every_minute(tmp_path):
    """It opens port 25 of one server, reads the banner and leaves."""
    stage = Stage()
    monitor = stage.device("monitor")
    own = Domain("family.example", [stage.server("mail.family.example")])
    mailing = Mailing("monitor.family.example")
    mailing.find = ask_host
    mailing.messages = 0
    _every(stage, 60.0, 300, lambda turn: mail(stage, monitor, own, mailing))
    outcome = stage.replay(tmp_path)
    _is_calm(outcome)
    assert outcome.worst(monitor) == "normal"


def test_a_greylisting_server(tmp_path):
    """451 for an hour, then it accepts: 4xx weigh nothing."""
    stage = Stage()
    nas = stage.device("nas")
    own = _own_domain(stage)
    mailing = Mailing("nas.family.example", "nas@family.example")

    def attempt(turn: int):
        for server in own.servers:
            server.recipient = "451 4.7.1 Greylisted" if turn < 12 else "250 2.1.5 Ok"
            yield from stage.home.ask(nas, own.name, messages.MX)
            yield from stage.home.ask(nas, server.name, messages.A)
            yield from deliver(stage, nas, own, server, mailing)

    _every(stage, 5 * MINUTE_S, 14, attempt)
    _is_calm(stage.replay(tmp_path))


def test_a_vpn_user(tmp_path):
    """One flow of datagrams, no DNS, no mail."""
    stage = Stage()
    laptop = stage.silent_device("laptop")
    peer = stage.internet.far(v4("203.0.113.9"))

    def tunnel():
        for _ in range(400):
            stage.world.send_udp(laptop.station, 51820, peer, 51820, stage.dice.blob(120))
            yield 0.5
            stage.world.send_udp(peer, 51820, laptop.station, 51820, stage.dice.blob(1200))

    stage.spawn(tunnel(), 1)
    outcome = stage.replay(tmp_path)
    _is_calm(outcome)
    assert outcome.verdicts == []


def test_two_laptops_and_a_console(tmp_path):
    """Webmail, submission over 587 and games: no state changes at all."""
    stage = Stage()
    first, second, console = stage.device("laptop-1"), stage.device("laptop-2"), stage.device("console")
    for number, laptop in enumerate((first, second)):
        service = stage.server(f"smtp.mail{number}.example")
        stage.spawn(browse(stage, laptop, HOUR_S, 60.0), 20)
        for turn in range(10):
            stage.spawn(submit(stage, laptop, service), 100 + turn * 300.0)
    stage.spawn(browse(stage, console, HOUR_S, 30.0), 20)
    outcome = stage.replay(tmp_path)
    assert outcome.verdicts == []


def test_a_full_house_on_the_day_of_installation(tmp_path):
    """Everyone is new at once: NAS, printer, panel, camera and UPS all mail, each its own service."""
    stage = Stage()
    stage.everyday(12)
    for number, name in enumerate(("nas", "printer", "panel", "camera")):
        device = stage.device(name)
        relay = _relay(stage, f"smtp.service{number}.example")
        task = mail(stage, device, relay, _to_owner(f"{name}@family.example", name))
        stage.spawn(task, 100 + 20.0 * number)
    ups = stage.device("ups")
    stage.spawn(mail(stage, ups, _own_domain(stage), Mailing("ups", "ups@family.example")), 200)
    _is_calm(stage.replay(tmp_path))


def test_relays_given_by_address(tmp_path):
    """A camera and a panel whose owners typed in addresses: one provider each, never looked up."""
    stage = Stage()
    for number, name in enumerate(("camera", "panel")):
        device = stage.device(name)
        stage.spawn(browse(stage, device, HOUR_S, 300.0), 20)
        relay = Domain("relay.example", [Server("relay", stage.internet.far(bytes((198, 18, number, 25))))])
        mailing = _to_owner(f"{name}@family.example", name)
        mailing.find = ask_nothing
        for turn in range(10):
            stage.spawn(mail(stage, device, relay, mailing), 200 + turn * 600.0 + number)
    _is_calm(stage.replay(tmp_path))
