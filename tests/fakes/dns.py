"""A home whose devices ask the guard, and resolvers that answer it, in memory."""

from fakes.net import FakeLoop, FakeNet, pack_address
from spamgate.service.dns_guard import DnsGuard

PORT = 8053
GATEWAY = b"\xc0\xa8\x01\x01"
DEVICE = b"\xc0\xa8\x01\x07"
OTHER = b"\xc0\xa8\x01\x08"
RESOLVER = b"\xc6\x33\x64\x35"
SPARE = b"\xc6\x33\x64\x36"
A = 1
TXT = 16
AAAA = 28
HTTPS = 65
RD = b"\1\0"
START_MS = (1 << 29) - 2000  # the clock wraps within every longer test


def name(text):
    """Return the name as it lies in a question, in the case given."""
    return b"".join([bytes([len(label)]) + label for label in text.encode().split(b".")]) + b"\0"


def opt(size=1232, flags=0, options=b""):
    """Return an OPT record; `flags` 0x80 is DO."""
    return b"\0\0\x29" + bytes([size >> 8, size & 255, 0, 0, flags, 0, 0, len(options)]) + options


def query(text, qtype=A, ident=0x1234, flags=RD, additional=b"", qclass=1):
    """Return a query; `additional` is one record or none."""
    counts = b"\0\1\0\0\0\0\0" + (b"\1" if additional else b"\0")
    return bytes([ident >> 8, ident & 255]) + flags + counts + name(text) + bytes([0, qtype, 0, qclass]) + additional


def answer(asked, ttl_s=300, flags=b"\x81\x80", address=b"\xc0\0\2\1", records=1):
    """Return an answer with `records` A records to a query as `query` makes them; an OPT record comes back."""
    end = asked.find(b"\0", 12) + 5
    record = b"\xc0\x0c\0\1\0\1" + bytes([0, 0, ttl_s >> 8, ttl_s & 255]) + b"\0\4" + address
    counts = b"\0\1" + bytes([records >> 8, records & 255]) + b"\0\0" + asked[10:12]
    return asked[:2] + flags + counts + asked[12:end] + record * records + asked[end:]


class Settings:
    """What the guard wants of the settings."""

    def __init__(self, **given):
        self.guard_port = PORT
        self.guard_upstreams = ["198.51.100.53"]
        self.guard_block = ["bad.example"]
        self.guard_allow = []
        self.guard_answer = "nxdomain"
        self.guard_canary = False
        self.monitor_only = False
        for key in given:
            setattr(self, key, given[key])


class Observer:
    """Remembers what it is told."""

    def __init__(self):
        self.answers = []
        self.blocks = []

    def answered(self, buf, start, end, address, port):
        self.answers.append((bytes(buf[start:end]), address, port))

    def blocked(self, address, count):
        self.blocks.append((address, count))


class Scene:
    """A guard at GATEWAY, a resolver at RESOLVER, and a clock moved by hand."""

    def __init__(self, **settings):
        self.net, self.loop = FakeNet(), FakeLoop()
        self.observer = Observer()
        self.logged = []
        self.guard = DnsGuard(self.net, self.loop, Settings(**settings), self.observer, self.logged.append)
        self.guard.serve([GATEWAY])
        self.loop.each_tick(self.guard.tick)
        self.resolver = self.net.udp(RESOLVER, 53)
        self.now_ms = START_MS
        self.loop.tick(self.now_ms)

    def device(self, address=DEVICE, port=0):
        """Return a socket of a device."""
        return self.net.udp(address, port)

    def send(self, device, message):
        """Send to the guard, and let it work."""
        device.sendto(message, pack_address(GATEWAY, PORT))
        self.loop.spin()

    def ask(self, device, message):
        """Send to the guard and return its answer, None when there is none at once."""
        self.send(device, message)
        return device.queue.pop(0)[0] if device.queue else None

    def passed(self, server=None):
        """Return the oldest query that came to the resolver, with its sender."""
        return (server or self.resolver).queue.pop(0)

    def resolve(self, server=None, make=answer):
        """Let the resolver answer the oldest query, and return what it answered."""
        asked, sender = self.passed(server)
        reply = make(asked)
        (server or self.resolver).sendto(reply, sender)
        self.loop.spin()
        return reply

    def wait(self, ms):
        """Let time pass."""
        for _ in range(ms // 100):
            self.now_ms = (self.now_ms + 100) & ((1 << 29) - 1)
            self.loop.tick(self.now_ms)


