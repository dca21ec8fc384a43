"""The infected device: fetches orders, then mails straight to the recipients' mail servers.

Its pace and how servers treat it are those measured in one real capture of 2010, of which no byte is here: waves of
ten to thirteen seconds, eight or nine MX queries a second, connections at once and side by side, seven seconds of
rest; of 295 connections 15 unanswered, of 266 banners 31 refusals, of 230 senders 16 refused, of 212 recipients 82
unknown, 63 refused for policy, 38 put off, 27 taken. Other measurements would do as well; nothing is chosen for what
Spamgate makes of it.
"""

from spamgate_tools.sample import messages
from spamgate_tools.sample.activity import web_visit
from spamgate_tools.sample.mail import SMTP, Dialogue, letter
from spamgate_tools.sample.network import HOME_ADDRESS, Device, Home, v4
from spamgate_tools.sample.tcp import CLIENT, SERVER, Connection
from spamgate_tools.sample.world import Dice, Task

UNREACHABLE = 0
SILENT = 1  # takes the connection and says nothing
SHUT = 2  # refuses at the banner
SUSPICIOUS = 3  # refuses the sender
POLICY = 4  # refuses recipients because of who asks
GREYLISTING = 5
OPEN = 6

# Of 1,000 providers.
_TEMPERS = ((UNREACHABLE, 50), (SILENT, 50), (SHUT, 115), (SUSPICIOUS, 70), (POLICY, 250), (GREYLISTING, 130))
_UNKNOWN = 0.75  # of recipients at an open provider: 82 of 82 + 27
_NO_SUCH_DOMAIN = 0.075  # 26 of 345
_LARGE_PROVIDER = 0.2
_CONTROL = "update.stick-firmware.example"
_PATIENCE_S = 20.0
_WORDS = ("amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "hazel", "iris", "juniper", "kelp", "linden")
_TRADES = ("bakery", "clinic", "design", "garage", "hotel", "logistics", "museum", "optics", "school", "travel")
_REASONS = {
    SHUT: (
        "554 5.7.1 Service unavailable; client [{address}] is on a list of dynamic addresses",
        "554 No SMTP service here for dynamic addresses",
        "421 4.7.0 Too many connections from your network, try again later",
    ),
    SUSPICIOUS: (
        "554 5.7.1 Sender address rejected: Access denied",
        "550 5.7.23 SPF check of the sender domain failed",
    ),
    POLICY: (
        "554 5.7.1 Client host [{address}] blocked using a blocklist",
        "550 5.7.1 Mail from dynamic addresses is not accepted here",
        "550 5.7.1 Relaying denied for [{address}]",
    ),
    GREYLISTING: ("450 4.2.0 Greylisted, please try again in five minutes", "451 4.7.1 Please try again later"),
    OPEN: (
        "550 5.1.1 <{to}>: Recipient address rejected: User unknown",
        "550 No such user here",
        "550 5.1.1 The mailbox {to} does not exist",
    ),
}


class Bot:
    """One campaign after another from one device."""

    def __init__(self, home: Home, device: Device, dice: Dice) -> None:
        self._home = home
        self._device = device
        self._dice = dice
        self._tempers: dict[str, int] = {}
        self._large = [self._provider(f"bulkmail{number}.example", 4) for number in range(1, 4)]
        self._helo = ".".join(reversed(HOME_ADDRESS.split("."))) + ".dynamic.provider.example"
        home.internet.add_host(_CONTROL)

    def orders(self, waves: int, sender: str) -> Task[None]:
        """Fetch a list of recipients and mail them in waves."""
        yield from web_visit(self._home, self._device, _CONTROL, 1, 60000)
        yield self._dice.between(25.0, 60.0)
        for _ in range(waves):
            for _ in range(self._dice.whole(80, 105)):
                self._home.world.spawn(self._mail_one(self._recipient(), sender))
                yield self._dice.between(0.02, 0.22)
            yield self._dice.between(6.0, 9.0)

    def _recipient(self) -> str:
        """Return one address of the list; its domain comes to be with it, or is long dead."""
        dice = self._dice
        zone = dice.pick(("example", "example", "test"))
        domain = f"{dice.pick(_WORDS)}-{dice.pick(_TRADES)}{dice.whole(1, 9999)}.{zone}"
        if dice.chance(_NO_SUCH_DOMAIN):
            domain = domain.rpartition(".")[0] + ".invalid"
        elif domain not in self._home.internet.exchanges:
            large = dice.chance(_LARGE_PROVIDER)
            hosts = dice.pick(self._large) if large else self._provider(domain, dice.whole(1, 2))
            self._home.internet.add_mail_domain(domain, hosts)
        return f"user{dice.whole(1, 400)}@{domain}"

    def _provider(self, domain: str, servers: int) -> list[str]:
        """Set up the mail servers of a provider, which treats all alike; return their names."""
        first = self._dice.pick(("mx", "mail", "mx-in"))
        hosts = [f"{first}{number}.{domain}" for number in range(1, servers + 1)]
        # A large one that is down would be in the news.
        draw = self._dice.whole(1 if servers <= 2 else 101, 1000)
        temper = OPEN
        for name, share in _TEMPERS:
            if 0 < draw <= share:
                temper = name
            draw -= share
        for host in hosts:
            self._home.internet.add_host(host, is_mail=True)
            self._tempers[host] = temper
        return hosts

    def _mail_one(self, recipient: str, sender: str) -> Task[None]:
        """Ask for the domain's mail server, ask for its address unless it came along, and try it once."""
        home, device = self._home, self._device
        answer = yield from home.ask(device, recipient.partition("@")[2], messages.MX)
        hosts = home.internet.exchanges.get(recipient.partition("@")[2], [])
        if answer.rcode != messages.NOERROR or not hosts:
            return
        host = hosts[0] if self._dice.chance(0.7) else self._dice.pick(hosts)
        if not any(name == host for name, *_ in answer.extra):
            found = yield from home.ask(device, host, messages.A)
            if not found.records:
                return
        connection = home.connection(device, home.internet.station(host), SMTP)
        yield from self._try(connection, host, (sender, recipient))

    def _try(self, connection: Connection, host: str, envelope: tuple[str, str]) -> Task[None]:
        temper = self._tempers[host]
        if temper == UNREACHABLE:
            yield from self._fail(connection)
        elif temper == SILENT:
            yield from connection.connect()
            yield from connection.wait_quietly(CLIENT, _PATIENCE_S)
            yield from connection.finish(CLIENT)
        else:
            dialogue = Dialogue(connection, self._device.tally.smtp, 0.1)
            yield from self._talk(dialogue, host, envelope)

    def _fail(self, connection: Connection) -> Task[None]:
        draw = self._dice.whole(1, 10)
        if draw <= 7:
            yield from connection.meet_silence()
        elif draw <= 9:
            yield from connection.meet_refusal()
        else:
            yield from connection.meet_unreachable(self._home.internet.far(v4("192.0.2.254")))

    def _talk(self, dialogue: Dialogue, host: str, envelope: tuple[str, str]) -> Task[None]:
        """One message, given up at the first refusal."""
        temper = self._tempers[host]
        if temper == SHUT:
            yield from dialogue.open(self._reason(SHUT, ""))
            yield from dialogue.connection.finish(SERVER)
            return
        yield from dialogue.open(f"220 {host} ESMTP")
        yield from dialogue.command(f"HELO {self._helo}", f"250 {host} Hello {self._helo} [{HOME_ADDRESS}]")
        if temper == SUSPICIOUS:
            yield from self._refused(dialogue, f"MAIL FROM: <{envelope[0]}>", self._reason(SUSPICIOUS, ""))
            return
        yield from dialogue.command(f"MAIL FROM: <{envelope[0]}>", "250 2.1.0 Ok")
        recipient = f"RCPT TO: <{envelope[1]}>"
        if temper != OPEN or self._dice.chance(_UNKNOWN):
            yield from self._refused(dialogue, recipient, self._reason(temper, envelope[1]))
            return
        yield from dialogue.command(recipient, "250 2.1.5 Ok")
        yield from self._deliver(dialogue, envelope)

    def _deliver(self, dialogue: Dialogue, envelope: tuple[str, str]) -> Task[None]:
        """Some servers refuse the message once they have seen it: 15 of 37 did."""
        yield from dialogue.command("DATA", "354 End data with <CR><LF>.<CR><LF>")
        lines = [f"This is line {number} of a sample message." for number in range(1, self._dice.whole(4, 40))]
        text = letter(*envelope, "A sample", lines)
        taken = self._dice.chance(0.6)
        yield from dialogue.body(text, "250 2.0.0 Ok: queued" if taken else "554 5.7.1 Message refused as spam")
        yield from self._leave(dialogue)

    def _refused(self, dialogue: Dialogue, line: str, reply: str) -> Task[None]:
        """A server that refuses may say goodbye at once."""
        if self._dice.chance(0.1):
            yield from dialogue.command(line, reply, "421 4.7.0 Error: too many errors")
            yield from dialogue.connection.finish(SERVER)
        else:
            yield from dialogue.command(line, reply)
            yield from self._leave(dialogue)

    def _leave(self, dialogue: Dialogue) -> Task[None]:
        """Bots have bad manners."""
        draw = self._dice.whole(1, 10)
        if draw <= 3:
            yield from dialogue.quit()
        elif draw <= 8:
            yield from dialogue.connection.finish(CLIENT)
        else:
            yield from dialogue.connection.abort(CLIENT)

    def _reason(self, temper: int, recipient: str) -> str:
        return self._dice.pick(_REASONS[temper]).format(address=HOME_ADDRESS, to=recipient)
