"""Clean homes, at their busiest and oddest: nobody is ever above watched.

Each of these has cost some other detector a false alarm.
"""

import pytest

from scenario.people import every, is_calm, own_domain, relay_of, to_owner
from scenario.stage import (
    CALM,
    DAY_S,
    HOUR_S,
    MINUTE_S,
    Domain,
    Mailing,
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
from spamgate_tools.sample.packets import ACK, RST, Segment, Station
from spamgate_tools.sample.tcp import CLIENT, Connection


@pytest.mark.parametrize("runtime", ["cpython", "micropython"])
def test_a_ups_on_its_first_day(tmp_path, runtime):
    """It asks MX and mails one domain directly, greylisted at first."""
    stage = Stage()
    stage.everyday(24, HOUR_S)
    ups = stage.device("ups")
    domain = own_domain(stage)
    mailing = Mailing("UPS-4711", "ups@family.example")
    domain.server.recipient = "451 4.7.1 Greylisted"

    def report(turn: int):
        domain.server.recipient = "250 2.1.5 Ok"
        yield from mail(stage, ups, domain, mailing)

    stage.spawn(mail(stage, ups, domain, mailing), 90)
    every(stage, 2 * HOUR_S, 12, report)
    outcome = stage.replay(tmp_path, runtime=runtime)
    is_calm(outcome)
    assert outcome.state(ups) in CALM


def test_a_nas_mails_every_night_for_two_weeks(tmp_path):
    stage = Stage()
    stage.everyday(14 * 24, 6 * HOUR_S)
    nas = stage.device("nas")
    relay = relay_of(stage)
    every(stage, DAY_S, 14, lambda turn: mail(stage, nas, relay, to_owner("nas@family.example")))
    outcome = stage.replay(tmp_path)
    is_calm(outcome)
    assert outcome.worst(nas) == "normal"


def test_an_alarm_panel_at_300_a_minute(tmp_path):
    """It has mailed its relay for a week, then the cellar floods."""
    stage = Stage()
    panel = stage.device("alarm-panel")
    relay = relay_of(stage)
    mailing = to_owner("alarm@family.example", "panel")
    every(stage, DAY_S / 2, 14, lambda turn: mail(stage, panel, relay, mailing))
    burst = to_owner("alarm@family.example", "panel")
    burst.messages = 3
    for turn in range(200):
        stage.spawn(mail(stage, panel, relay, burst), 8 * DAY_S + turn * 0.6)
    outcome = stage.replay(tmp_path)
    is_calm(outcome)
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

    every(stage, 15 * MINUTE_S, 96, look)
    is_calm(stage.replay(tmp_path))


def test_a_printer_that_scans_to_mail(tmp_path):
    """Over port 25 to the provider's relay, to whoever stands before it."""
    stage = Stage()
    printer = stage.device("printer")
    relay = relay_of(stage)
    mailing = to_owner("printer@family.example", "BRW0080")
    for turn in range(12):
        stage.spawn(mail(stage, printer, relay, mailing), 600 + turn * 1800.0)
    is_calm(stage.replay(tmp_path))


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

    every(stage, 15.0, 1000, ask)
    outcome = stage.replay(tmp_path)
    is_calm(outcome)
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

    every(stage, 60.0, 40, start)
    is_calm(stage.replay(tmp_path))


def test_a_scanner_inside_the_home(tmp_path):
    """It knocks at port 25 of every address of the LAN: that is counted and not judged."""
    stage = Stage()
    scanner = stage.device("scanner")
    for host in range(1, 255):
        target = Station(bytes((0, 0, 0x5E, 0, 0x53, host)), v4(f"192.168.77.{host}"))
        if host != 101:
            stage.spawn(_knock_at(stage, scanner, target), 60 + host * 0.05)
    outcome = stage.replay(tmp_path)
    is_calm(outcome)
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

    every(stage, 60.0, 100, incoming)
    outcome = stage.replay(tmp_path)
    is_calm(outcome)
    assert outcome.device(server)["smtp"]["connects"] == 0


def test_a_monitor_that_knocks_every_minute(tmp_path):
    """It opens port 25 of one server, reads the banner and leaves."""
    stage = Stage()
    monitor = stage.device("monitor")
    own = Domain("family.example", [stage.server("mail.family.example")])
    mailing = Mailing("monitor.family.example")
    mailing.find = ask_host
    mailing.messages = 0
    every(stage, 60.0, 300, lambda turn: mail(stage, monitor, own, mailing))
    outcome = stage.replay(tmp_path)
    is_calm(outcome)
    assert outcome.worst(monitor) == "normal"


def test_a_greylisting_server(tmp_path):
    """451 for an hour, then it accepts: 4xx weigh nothing."""
    stage = Stage()
    nas = stage.device("nas")
    own = own_domain(stage)
    mailing = Mailing("nas.family.example", "nas@family.example")

    def attempt(turn: int):
        for server in own.servers:
            server.recipient = "451 4.7.1 Greylisted" if turn < 12 else "250 2.1.5 Ok"
            yield from stage.home.ask(nas, own.name, messages.MX)
            yield from stage.home.ask(nas, server.name, messages.A)
            yield from deliver(stage, nas, own, server, mailing)

    every(stage, 5 * MINUTE_S, 14, attempt)
    is_calm(stage.replay(tmp_path))


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
    is_calm(outcome)
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
        relay = relay_of(stage, f"smtp.service{number}.example")
        task = mail(stage, device, relay, to_owner(f"{name}@family.example", name))
        stage.spawn(task, 100 + 20.0 * number)
    ups = stage.device("ups")
    stage.spawn(mail(stage, ups, own_domain(stage), Mailing("ups", "ups@family.example")), 200)
    is_calm(stage.replay(tmp_path))


def test_relays_given_by_address(tmp_path):
    """A camera and a panel whose owners typed in addresses: one provider each, never looked up."""
    stage = Stage()
    for number, name in enumerate(("camera", "panel")):
        device = stage.device(name)
        stage.spawn(browse(stage, device, HOUR_S, 300.0), 20)
        relay = Domain("relay.example", [Server("relay", stage.internet.far(bytes((198, 18, number, 25))))])
        mailing = to_owner(f"{name}@family.example", name)
        mailing.find = ask_nothing
        for turn in range(10):
            stage.spawn(mail(stage, device, relay, mailing), 200 + turn * 600.0 + number)
    is_calm(stage.replay(tmp_path))
