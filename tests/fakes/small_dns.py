"""A home whose devices ask a board's guard, with a policy that does what the test says."""

from fakes.dns import GATEWAY, PORT, RESOLVER, START_MS, Observer, Scene, Settings
from fakes.net import FakeLoop, FakeNet
from spamgate.service.small_guard import PASS, SmallGuard

OWN_ADDRESS = b"\xc0\xa8\x01\x09"


class Policy(Observer):
    """Says `verdict` of every question, and remembers what it is told."""

    def __init__(self):
        super().__init__()
        self.verdict = PASS
        self.questions = []
        self.listings = []

    def question(self, wire, end, address, port):
        self.questions.append((bytes(wire), end, address, port))
        return self.verdict

    def listed(self, address):
        self.listings.append(address)


class SmallScene(Scene):
    """As `Scene`, with a board's guard."""

    def __init__(self, **settings):
        self.net, self.loop = FakeNet(), FakeLoop()
        self.observer = self.policy = Policy()
        self.logged = []
        settings = Settings(**settings)
        self.guard = SmallGuard(self.net, self.loop, settings, self.policy, self.logged.append)
        self.guard.own_address = OWN_ADDRESS
        self.guard.use_upstreams(settings.guard_upstreams)
        self.guard.serve([GATEWAY], PORT)
        self.loop.each_tick(self.guard.tick)
        self.resolver = self.net.udp(RESOLVER, 53)
        self.now_ms = START_MS
        self.loop.tick(self.now_ms)
