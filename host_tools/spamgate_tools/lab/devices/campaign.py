"""What the bots have in common: a list of recipients that never ends, template letters, and no idea when to stop."""

from collections import deque
from dataclasses import replace

from spamgate_tools.errors import UserError
from spamgate_tools.lab.devices import people
from spamgate_tools.lab.devices.delivery import CLOSE, QUIT, RESET, deliver
from spamgate_tools.lab.devices.device import Device
from spamgate_tools.lab.devices.mailer import Lost, Manner, Refused
from spamgate_tools.lab.devices.people import Letter

ONE = "one"
MANY = "many"

# Of what was refused, half of all attempts try again: retries are the bot's nature.
_RETRY_SHARE = 0.5
# How a connection is left, in tenths, as in the sample home: politely, by closing, by a reset.
_MANNERS = (QUIT,) * 3 + (CLOSE,) * 5 + (RESET,) * 2
_PATIENCE_S = 20.0


class Campaign:
    """The orders of one bot."""

    def __init__(self, device: Device, senders: str = ONE, dead_share: float = 0.0) -> None:
        options = device.options
        if not options.domains:
            raise UserError(f"{options.kind} needs recipients", "name their domains with --domains a.example,b.example")
        self._device = device
        self._dead_share = dead_share
        self._senders = options.senders or senders
        self._sender = self._forged()
        self._again: deque[Letter] = deque()
        # the home's own line, as providers name it: what the bot of the real capture called itself
        hello = options.hello or "77.113.0.203.dynamic.provider.example"
        self.manner = Manner(hello, "HELO", blank=" ", timeout_s=_PATIENCE_S, source=options.source)
        if options.pipelining:
            self.manner = Manner(hello, "EHLO", pipelining=True, timeout_s=_PATIENCE_S, source=options.source)

    def next_letter(self) -> Letter:
        """Return a letter that was refused before, or a new one."""
        if self._again and self._device.dice.random() < _RETRY_SHARE:
            return self._again.popleft()
        return self.new_letter(self.domain())

    def domain(self) -> str:
        """Return the domain that the next line of the list names; it may be long dead."""
        dice = self._device.dice
        if dice.random() < self._dead_share:
            return people.stranger(dice).rpartition(".")[0] + ".invalid"
        return dice.choice(self._device.options.domains)

    def new_letter(self, domain: str, recipients: int = 1) -> Letter:
        """Write the template to so many people of a domain."""
        dice = self._device.dice
        addresses = [f"{people.mailbox(dice)}@{domain}" for _ in range(recipients)]
        sender = self._forged() if self._senders == MANY else self._sender
        lines = people.template(dice, addresses[0])
        letter = self._device.writer.letter(sender, addresses, "A sample", lines)
        self._device.report.tell("sent", letter.id, recipients=recipients)
        return letter

    def speak_from(self, address: str) -> None:
        """Open connections from this address from now on."""
        self.manner = replace(self.manner, source=address)

    def again(self, letter: Letter) -> None:
        """Keep a letter for another try."""
        self._again.append(letter)

    async def attempt(self, letter: Letter, address: str) -> None:
        """Send a letter over a connection of its own; what is refused is tried again later."""
        try:
            await deliver(self._device, letter, address, self.manner, style=self._device.dice.choice(_MANNERS))
        except (Refused, Lost):
            self.again(letter)

    async def mail_by_mx(self, letter: Letter, qtypes: tuple[str, ...] = ("A",)) -> None:
        """Ask for the domain's mail servers, ask for the first one's address, and try it once."""
        resolver = self._device.resolver
        for host in (await resolver.exchanges(domain_of(letter)))[:1]:
            for address in (await resolver.addresses(host, qtypes))[:1]:
                await self.attempt(letter, address)

    def _forged(self) -> str:
        dice = self._device.dice
        return f"{people.mailbox(dice)}@{people.stranger(dice)}"


def domain_of(letter: Letter) -> str:
    """Return the domain that a letter goes to."""
    return letter.recipients[0].partition("@")[2]
