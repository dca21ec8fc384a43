"""Clean: a home mail server with a queue, where no real one can run (Postfix needs several user ids).

It writes to all given domains in turn, asks MX, tries a domain's servers in order of preference over IPv6 and IPv4,
keeps what was put off and tries again with growing pauses, and bounces what was refused for good.  After a 421 it
leaves the whole domain alone until the next try (RFC 5321 3.8).  Postfix waits 300 s to 4,000 s between tries and gives
up after five days; here 3 s to 40 s and 4,320 s, a hundredth, so that an hour and a half is the five days.
"""

import asyncio

from spamgate_tools.errors import UserError
from spamgate_tools.lab.devices import people
from spamgate_tools.lab.devices.campaign import domain_of
from spamgate_tools.lab.devices.delivery import deliver
from spamgate_tools.lab.devices.device import Device
from spamgate_tools.lab.devices.mailer import Lost, Manner, Refused
from spamgate_tools.lab.devices.people import Letter

_BETWEEN_S = 3.0
_LONGEST = 13  # times the first pause, as 4,000 s to 300 s
_AT_ONCE = 5  # Postfix begins with five connections to a destination
_SERVERS = 5  # smtp_mx_address_limit
_GOODBYE = 421


class Queue:
    """What has not been delivered yet."""

    def __init__(self, device: Device) -> None:
        options = device.options
        self._device = device
        self._manner = Manner(options.hello or "mail.home.example", pipelining=True, source=options.source)
        self._gates: dict[str, asyncio.Semaphore] = {}
        self._closed_until: dict[str, float] = {}  # domains that said 421
        self.waiting = 0

    def add(self, letter: Letter) -> None:
        """Take charge of a letter."""
        self.waiting += 1
        self._device.spawn(self._carry(letter))

    async def _carry(self, letter: Letter) -> None:
        """Try until it is taken, refused for good, or too old."""
        options, report = self._device.options, self._device.report
        loop = asyncio.get_running_loop()
        expires = loop.time() + options.expire
        pause_s = options.retry
        domain = domain_of(letter)
        while not self._device.is_over and loop.time() < expires:
            await self._device.pause(max(0.0, self._closed_until.get(domain, 0.0) - loop.time()))
            async with self._gates.setdefault(domain, asyncio.Semaphore(_AT_ONCE)):
                if self._device.is_over or await self._is_settled(letter, pause_s):
                    break
            report.tell("deferred", letter.id, seconds=pause_s)
            await self._device.pause(pause_s)
            pause_s = min(pause_s * 2, options.retry * _LONGEST)
        else:
            if not self._device.is_over:
                report.tell("expired", letter.id)
        self.waiting -= 1

    async def _is_settled(self, letter: Letter, pause_s: float) -> bool:
        """Try the domain's servers once; True when it was taken or bounced."""
        now = asyncio.get_running_loop().time()
        if self._closed_until.get(domain_of(letter), 0.0) > now:
            return False
        try:
            return await self._try_servers(letter)
        except Refused as no:
            if not no.is_final:
                self._closed_until[domain_of(letter)] = asyncio.get_running_loop().time() + pause_s
                return False
            self._device.report.tell("bounced", letter.id, code=no.code, text=no.text)
            return True

    async def _try_servers(self, letter: Letter) -> bool:
        """Return whether one took it; raises what ends the attempt: 421, or a refusal for good."""
        resolver = self._device.resolver
        domain = domain_of(letter)
        tried = 0
        for host in await resolver.exchanges(domain) or [domain]:
            for address in await resolver.addresses(host, ("AAAA", "A")):
                if tried == _SERVERS:
                    return False
                tried += 1
                try:
                    await deliver(self._device, letter, address, self._manner, host)
                    return True
                except Refused as no:
                    if no.code == _GOODBYE or (no.is_final and no.stage != "banner"):
                        raise
                except Lost:
                    pass
        return False


async def live(device: Device) -> None:
    options = device.options
    if not options.domains:
        raise UserError("mail-server needs recipients", "name their domains with --domains a.example,b.example")
    queue = Queue(device)
    number = 0
    while not device.is_over and (not options.messages or number < options.messages):
        domain = options.domains[number % len(options.domains)]
        recipient = f"{people.mailbox(device.dice)}@{domain}"
        letter = device.writer.letter("owner@home.example", [recipient], "News", ["What is new at home."])
        device.report.tell("sent", letter.id, recipients=1)
        queue.add(letter)
        number += 1
        await device.pause(options.every or _BETWEEN_S)
