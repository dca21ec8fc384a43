"""The clean devices of the home and what they do of an evening."""

from spamgate_tools.sample import mail, messages
from spamgate_tools.sample.activity import (
    HTTPS,
    announce,
    find_server,
    join,
    set_clock,
    udp_session,
    web_upload,
    web_visit,
)
from spamgate_tools.sample.mail import Dialogue, handshake, letter, sealed_turns
from spamgate_tools.sample.network import Device, Home, v4
from spamgate_tools.sample.tcp import CLIENT, SERVER
from spamgate_tools.sample.world import Task

_MINUTE_S = 60
_SITES = tuple(
    f"{part}.{name}.example"
    for name in ("daily-news", "recipes", "weather", "gardening", "football", "maps", "library", "shop")
    for part in ("www", "img", "static")
)
_APPS = tuple(f"api.{name}.test" for name in ("chat", "photos", "bus", "bank", "steps", "radio", "notes", "calendar"))
_LAPTOP_MAIL = "smtp.mailhost.example"
_PHONE_MAIL = "smtp.pocketmail.example"
_RELAY = "relay.homeprovider.example"
_OWNER_DOMAIN = "family.example"
_OWNER_HOST = "mx1.family.example"
_OWNER = "owner@family.example"


def laptop(home: Home, device: Device) -> Task[None]:
    """People read pages on it; its mail client looks for mail and sends some over port 587."""
    device.use_v6(False)
    yield from join(home, device)
    home.world.spawn(set_clock(home, device))
    home.world.spawn(_mailbox(home, device, "imap.mailhost.example", 5 * _MINUTE_S))
    for number in range(device.dice.whole(3, 5)):
        home.world.spawn(_submit_587(home, device), (3 + 6 * number + device.dice.between(0, 4)) * _MINUTE_S)
    while home.is_awake():
        site = device.dice.pick(_SITES)
        for part in range(device.dice.whole(1, 3)):
            page = _SITES[(_SITES.index(site) + part) % len(_SITES)]
            home.world.spawn(web_visit(home, device, page, device.dice.whole(1, 5), 10000), device.dice.around(0.3))
        yield device.dice.around(70)


def phone(home: Home, device: Device) -> Task[None]:
    """Many small look-ups and fetches; mail over port 465; a new IPv6 address each time it comes back."""
    home.world.spawn(_phone_mail(home, device), 2 * _MINUTE_S)
    while home.is_awake():
        device.use_v6(True)
        yield from join(home, device)
        for _ in range(device.dice.whole(25, 40)):
            if home.is_awake():
                yield from _use_an_app(home, device)


def _use_an_app(home: Home, device: Device) -> Task[None]:
    dice = device.dice
    host = dice.pick(_APPS)
    yield from home.ask(device, host, messages.HTTPS)
    if dice.chance(0.25):
        yield from udp_session(home, device, host, HTTPS, dice.whole(2, 6))
    elif dice.chance(0.5):
        yield from web_visit(home, device, host, dice.whole(1, 3), 6000)
    else:
        yield from find_server(home, device, f"push{dice.whole(1, 30)}.{host}")
    yield dice.around(12)


def nas(home: Home, device: Device) -> Task[None]:
    """Copies files to a cloud, and mails its nightly report to its owner's relay on port 25."""
    home.internet.add_host(_RELAY)
    yield from join(home, device)
    announce(home, device, "_smb._tcp")
    yield from set_clock(home, device)
    home.world.spawn(_report(home, device), device.dice.between(8, 16) * _MINUTE_S)
    while home.is_awake():
        yield device.dice.around(150)
        yield from web_upload(home, device, "backup.coldstore.example", 60000)


def ups(home: Home, device: Device) -> Task[None]:
    """New in this home: mails its owner's domain directly when it has tested its battery."""
    home.internet.add_host(_OWNER_HOST, is_mail=True)
    home.internet.add_mail_domain(_OWNER_DOMAIN, [_OWNER_HOST])
    yield from join(home, device)
    yield from set_clock(home, device)
    yield device.dice.between(4, 8) * _MINUTE_S
    subject = "Battery test passed"
    if not (yield from _mail_owner(home, device, subject, "451 4.7.1 Greylisted, please come back later")):
        yield device.dice.between(5, 7) * _MINUTE_S
        yield from _mail_owner(home, device, subject, "")


def television(home: Home, device: Device) -> Task[None]:
    """Asks a resolver of its own, reports to hosts that are long gone, plays films."""
    device.own_resolver = home.internet.far(v4("192.0.2.8"))
    yield from join(home, device)
    announce(home, device, "_googlecast._tcp")
    home.world.spawn(_play(home, device, "films.bigscreen.example", 30), 4 * _MINUTE_S)
    while home.is_awake():
        yield from home.ask(device, f"log{device.dice.whole(1, 3)}.oldscreen.invalid", messages.A)
        yield from web_visit(home, device, "epg.bigscreen.example", 1, 3000)
        yield device.dice.between(150, 300)


def console(home: Home, device: Device) -> Task[None]:
    """Looks for updates, then plays over UDP."""
    yield from join(home, device)
    yield from web_visit(home, device, "updates.playbox.example", 2, 50000)
    yield device.dice.between(5, 9) * _MINUTE_S
    for _ in range(3):
        yield from udp_session(home, device, "match.playbox.example", 3074, 100)
        yield device.dice.around(90)


def resolver(home: Home, device: Device) -> Task[None]:
    """Asks DNS for all others; by itself it only needs the time."""
    yield from join(home, device)
    yield device.dice.between(20, 40)
    yield from set_clock(home, device)


def stick(home: Home, device: Device) -> Task[None]:
    """What a streaming stick is bought for; what it does besides is told in `bot`."""
    yield from join(home, device)
    announce(home, device, "_googlecast._tcp")
    yield from set_clock(home, device)
    home.world.spawn(_play(home, device, "cdn.stickvideo.example", 25), 2 * _MINUTE_S)
    while home.is_awake():
        yield from web_visit(home, device, "metrics.stickvideo.example", 1, 1500)
        yield device.dice.between(100, 200)


def _play(home: Home, device: Device, host: str, pieces: int) -> Task[None]:
    for _ in range(pieces):
        yield from web_visit(home, device, host, 1, 24000)
        yield device.dice.between(4, 10)


def _mailbox(home: Home, device: Device, host: str, pause_s: float) -> Task[None]:
    """Look for new mail over IMAP, sealed."""
    while home.is_awake():
        server = yield from find_server(home, device, host)
        if server is not None:
            connection = home.connection(device, server, mail.IMAPS)
            yield from connection.connect()
            yield from handshake(connection, host)
            yield from sealed_turns(connection, 6, 400)
            yield from connection.finish(CLIENT)
        yield pause_s * device.dice.between(0.8, 1.2)


def _submit_587(home: Home, device: Device) -> Task[None]:
    server = yield from find_server(home, device, _LAPTOP_MAIL)
    if server is None:
        return
    connection = home.connection(device, server, mail.SUBMISSION)
    dialogue = Dialogue(connection, device.tally.submission)
    yield from dialogue.open(f"220 {_LAPTOP_MAIL} ESMTP")
    yield from dialogue.command(
        f"EHLO [{_text(device)}]", f"250 {_LAPTOP_MAIL}\nPIPELINING\nSIZE 52428800\nSTARTTLS\nENHANCEDSTATUSCODES"
    )
    yield from dialogue.start_tls(_LAPTOP_MAIL)
    yield from sealed_turns(connection, 5, 60)
    yield from connection.say(CLIENT, messages.sealed(device.dice, 600 + int(device.dice.around(9000))))
    yield from connection.say(SERVER, messages.sealed(device.dice, 70), 0.1)
    yield from connection.finish(CLIENT)


def _phone_mail(home: Home, device: Device) -> Task[None]:
    home.world.spawn(_mailbox(home, device, "imap.pocketmail.example", 7 * _MINUTE_S))
    for _ in range(3):
        yield device.dice.between(3, 8) * _MINUTE_S
        server = yield from find_server(home, device, _PHONE_MAIL)
        if server is None:
            continue
        connection = home.connection(device, server, mail.SUBMISSIONS)
        yield from connection.connect()
        yield from handshake(connection, _PHONE_MAIL)
        yield from sealed_turns(connection, 7, 120)
        yield from connection.finish(CLIENT)


def _report(home: Home, device: Device) -> Task[None]:
    found = yield from home.ask(device, _RELAY, messages.A)
    if not found.records:
        return
    connection = home.connection(device, home.internet.station(_RELAY), mail.SMTP)
    dialogue = Dialogue(connection, device.tally.smtp)
    yield from dialogue.open(f"220 {_RELAY} ESMTP")
    yield from dialogue.command("EHLO nas.home.arpa", f"250 {_RELAY}\nPIPELINING\nAUTH LOGIN PLAIN\n8BITMIME")
    yield from dialogue.log_in("owner", "not a real password")
    lines = ("MAIL FROM:<nas@family.example>", f"RCPT TO:<{_OWNER}>", "DATA")
    yield from dialogue.batch(lines, ("250 2.1.0 Ok", "250 2.1.5 Ok", "354 Go ahead"))
    text = [f"Volume {number}: healthy, {17 * number % 90} % full." for number in range(1, 60)]
    yield from dialogue.body(letter("nas@family.example", _OWNER, "Nightly report", text), "250 2.0.0 Ok: queued")
    yield from dialogue.quit()


def _mail_owner(home: Home, device: Device, subject: str, put_off: str) -> Task[bool]:
    """One message to the mail server of the owner's domain; False when the server puts it off, or DNS fails."""
    yield from home.ask(device, _OWNER_DOMAIN, messages.MX)
    found = yield from home.ask(device, _OWNER_HOST, messages.A)
    if not found.records:
        return False
    connection = home.connection(device, home.internet.station(_OWNER_HOST), mail.SMTP)
    dialogue = Dialogue(connection, device.tally.smtp)
    yield from dialogue.open(f"220 {_OWNER_HOST} ESMTP")
    yield from dialogue.command("HELO ups.home.arpa", f"250 {_OWNER_HOST}")
    yield from dialogue.command("MAIL FROM:<ups@family.example>", "250 2.1.0 Ok")
    yield from dialogue.command(f"RCPT TO:<{_OWNER}>", put_off or "250 2.1.5 Ok")
    if not put_off:
        yield from dialogue.command("DATA", "354 Go ahead")
        text = letter("ups@family.example", _OWNER, subject, ["The battery holds for 23 minutes."])
        yield from dialogue.body(text, "250 2.0.0 Ok: queued")
    yield from dialogue.quit()
    return not put_off


def _text(device: Device) -> str:
    return ".".join(str(byte) for byte in device.station.address)
