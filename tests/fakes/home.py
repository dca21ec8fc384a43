"""A home told to the engine fact by fact, with a clock moved by hand.

Names and addresses are written out here and hashed as the readers would; no packet is made.
"""

from spamgate.core import states
from spamgate.core.counters import PORT_25, SUBMISSION
from spamgate.core.devices import CROWD, GRANT_MAIL_SERVER
from spamgate.core.dialogue import BAD_NAME, HOST_NAME
from spamgate.core.engine import Engine
from spamgate.core.hashing import hash_bytes, hash_lower
from spamgate.core.identity import Identity
from spamgate.core.limits import Limits
from spamgate.core.lookups import MAIL_NAME, PLAIN_NAME, TYPE_MX
from spamgate.core.meanings import POLICY, UNKNOWN_RECIPIENT
from spamgate.wire.address import parse_address
from spamgate.wire.envelope import text_domain_hash

TYPE_A = 1
ACCEPTS = 0
SILENT = 1
REFUSES = 2


def name_hash(name):
    """Return the hash of a name in text."""
    packed = name.encode()
    return hash_lower(packed, 0, len(packed))


def domain_hash(name):
    """Return the hash of the registrable domain of a name in text."""
    packed = name.encode()
    return text_domain_hash(packed, 0, len(packed))


def large_provider(number):
    """Five mail hosts in five networks, as a large provider has them."""
    return [("mx%d.large%d.example" % (host, number), "203.%d.%d.1" % (number, host)) for host in range(5)]


def line_of(writer, *what):
    """Return as text what one of the event writers writes."""
    pieces = []
    writer(pieces.append, *what)
    return "".join(pieces)


class Home:
    """An engine and what happens around it."""

    def __init__(self, limits=None, now_s=1000000, make_engine=Engine):
        self.changes = []
        self.engine = make_engine(limits or Limits(), self._changed)
        self.slots = (limits or Limits()).connections
        self.now_s = now_s
        self._slot = 0
        self._question = 0
        self.engine.at(now_s - 2 * 86400, 0)
        self.engine.lookups.asked(CROWD, 0, TYPE_A, 0)  # somebody's: look-ups have been seen for days
        self.engine.at(now_s, 0)
        self.engine.lookups.asked(CROWD, 1, TYPE_A, 0)
        self.wait(0)

    def _changed(self, device, old, new):
        self.changes.append((device, old, new))

    def wait(self, seconds):
        """Let time pass, a minute at a time as packets would."""
        while seconds > 60:
            self.now_s += 60
            seconds -= 60
            self.engine.at(self.now_s, 0)
        self.now_s += seconds
        self.engine.at(self.now_s, 0)

    def device(self, number):
        """Return the engine's number for the device with this MAC number; it is seen now."""
        mac = bytes((2, 0, 0, number >> 16 & 255, number >> 8 & 255, number & 255))
        who = Identity()
        who.from_mac(mac, 0)
        device = self.engine.device(who)
        address = bytes((10, number >> 16 & 255, number >> 8 & 255, number & 255))
        self.engine.devices.seen(device, self.now_s, address, 0, 4)
        return device

    def settled(self, number):
        """As `device`, for one that has been here for two days."""
        device = self.device(number)
        self.engine.devices.first_s[device] = self.now_s - 2 * 86400
        return device

    def state(self, device):
        """Return the device's state by name."""
        return states.STATE_NAMES[self.engine.devices.state[device]]

    def ask(self, device, name, qtype=TYPE_MX, kind=PLAIN_NAME, rcode=0):
        """The device asks DNS and gets an answer."""
        self._question += 1
        lookups = self.engine.lookups
        self.engine.about_nobody()
        if lookups.asked(device, self._question, qtype, name_hash(name)):
            lookups.judge(device, qtype, kind, domain_hash(name))
        lookups.answered(device, self._question, rcode)

    def ask_mx(self, device, domain, *exchanges):
        """The device asks for a domain's mail servers and their addresses: (name, address) pairs."""
        self.ask(device, domain)
        provider = domain_hash(exchanges[0][0])
        for name, _ in exchanges:
            self.engine.providers.note_exchange(name_hash(name), provider, self.now_s)
        for name, address in exchanges:
            self.ask_host(device, name, address)

    def ask_host(self, device, name, address):
        """The device asks for the address of a name."""
        kind = MAIL_NAME if name.split(".")[0] in ("mail", "smtp", "mx") else PLAIN_NAME
        self.ask(device, name, TYPE_A, kind)
        packed = parse_address(address)
        value = hash_bytes(packed, 0, len(packed))
        self.engine.providers.note_host(name_hash(name), domain_hash(name), value, self.now_s)

    def connect(self, device, address, answer=ACCEPTS, port=PORT_25):
        """The device opens a connection; return its slot."""
        slot = self._slot = (self._slot + 1) % self.slots
        mail = self.engine.mail
        mail.closed(slot)
        packed = parse_address(address)
        self.engine.about(packed, 0, len(packed))
        mail.opened(slot, device, port, hash_bytes(packed, 0, len(packed)), False)
        if answer == ACCEPTS:
            mail.established(slot)
        elif answer == REFUSES:
            mail.refused(slot)
        return slot

    def helo(self, slot, name):
        """The device introduces itself."""
        form = HOST_NAME if "." in name else BAD_NAME
        self._dialogue().introduced(self._owner(slot), form, name_hash(name), domain_hash(name))

    def mail(self, slot, sender="owner@home.example", recipients=("friend@mail.example",), unknown=()):
        """The device sends a message on the connection; `unknown` recipients do not exist."""
        self.engine.mail.begun(slot)
        self.engine.mail.wrote_as(slot, domain_hash(sender.split("@")[1]))
        for recipient in recipients:
            self.engine.mail.wrote_to(slot, name_hash(recipient), domain_hash(recipient.split("@")[1]))
            if recipient in unknown:
                self.engine.mail.rejected(slot, UNKNOWN_RECIPIENT)
        if len(unknown) < len(recipients):
            self.engine.mail.accepted(slot)

    def refuse(self, slot, meaning=POLICY):
        """The server says no."""
        self.engine.mail.rejected(slot, meaning)

    def submit(self, device, address):
        """The device logs in at a submission server and sends a message."""
        slot = self.connect(device, address, ACCEPTS, SUBMISSION)
        self.engine.mail.logged_in(slot)
        self.engine.mail.accepted(slot)

    def open_line(self):
        """The mail of a granted mail server shows that port 25 works here."""
        mailer = self.settled(0xFFFFFE)
        self.engine.grant(mailer, GRANT_MAIL_SERVER)
        self.ask_mx(mailer, "owner.example", ("relay.provider.example", "198.18.0.1"))
        self.mail(self.connect(mailer, "198.18.0.1"))

    def spam_once(self, device, number):
        """One direct-to-MX message of a bot to the domain with this number; return the slot."""
        address = "198.51.%d.%d" % (number >> 8 & 255, number & 255)
        self.ask_mx(device, "d%d.example" % number, ("mx.p%d.example" % number, address))
        slot = self.connect(device, address)
        self.mail(slot, recipients=("user@d%d.example" % number,))
        return slot

    def evidence(self, device):
        """Return {kind: count} of what was observed."""
        return {row[0]: row[1] for row in self.engine.board.seen(device)}

    def _dialogue(self):
        return self.engine.mail.dialogue

    def _owner(self, slot):
        return self.engine.mail.device(slot)
