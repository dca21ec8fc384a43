"""The made Internet: mail domains without number, the few large providers, relays, web sites, and how one asks.

Names end in .example (RFC 6761).  Addresses are of RFC 2544 and RFC 5737, of 240.0.0.0/4 where more networks are needed
than these have (RFC 1112, never assigned), and of RFC 3849: nobody's.
"""

from dataclasses import dataclass

from spamgate_tools.corpus.facts import AAAA, MX, NXDOMAIN, A, Host, Question
from spamgate_tools.corpus.parameters import parameter
from spamgate_tools.sample.world import Dice

_SYLLABLES = (
    "ba",
    "do",
    "fe",
    "ga",
    "hi",
    "jo",
    "ku",
    "la",
    "me",
    "ni",
    "po",
    "ra",
    "se",
    "ti",
    "vo",
    "wi",
    "xa",
    "zu",
)
_HOST_LABELS = ("mx1", "mail", "mx", "smtp", "mx01", "in", "mailin", "a")
_BENCH = 0xC6120000  # 198.18.0.0/15
_BENCH_NETWORKS = 512
_FIXED_NETWORKS = 64  # the first ones: large providers and hosters
_RESERVED = 0xF0000000
_RESERVED_NETWORKS = 0xF0000  # of 240.0.0.0/4, without 255.0.0.0/8
_STRIDE = 7919  # a prime: neighbours in time are no neighbours in the address space
_CLOUD = (0xC6336400, 0xC0000200, 0xCB007100)  # 198.51.100.0, 192.0.2.0, 203.0.113.0
_V6 = bytes.fromhex("20010db8")


_SHARES = parameter(
    "large_provider_shares",
    (0.38, 0.25, 0.15, 0.03, 0.09, 0.03, 0.05, 0.02),
    "of recipients at large providers",
    "between D. Lange (2.3 million addresses: 39, 35, 18 %) and Mapp Global Provider Report (national ones to 40 %)",
)
_HOST_COUNTS = parameter(
    "large_provider_hosts",
    (5, 1, 3, 2, 2, 2, 4, 1),
    "MX hosts",
    "assumed: as the MX records of the largest had in 2025; the first two have IPv6",
)
_LARGE_NAMES = ("gross", "aspect", "hurra", "cumulus", "globus", "netz", "telefon", "posta")
_APART = (1, 2)  # these name their MX hosts in another domain
_WITH_V6 = 2

_LARGE_SHARE = parameter(
    "correspondents_at_large",
    0.6,
    "of people's correspondents",
    "assumed: private mail goes mostly to free mail providers",
)
_HOSTED_LARGE_SHARE = parameter(
    "domains_hosted_by_large",
    0.39,
    "of other domains",
    "Liu et al., Who's Got Your Mail?, IMC 2021: Google 28.5 % and Microsoft 10.8 % of popular domains",
)
_HOSTER_SHARE = parameter(
    "domains_at_hosters",
    0.35,
    "of other domains",
    "assumed: web hosters take most of what the two do not; the rest have a server of their own",
)
_HOSTERS = 6


@dataclass(frozen=True, slots=True)
class MailDomain:
    """A domain and its mail servers, the preferred one first; a server with IPv4 and IPv6 stands there twice."""

    name: str
    exchanges: tuple[Host, ...]

    @property
    def first(self) -> Host:
        """The server a mailer tries first."""
        return self.exchanges[0]


class Internet:
    """Names and addresses outside, given out as they are needed; what `large` and `relay` give stays the same."""

    def __init__(self, dice: Dice) -> None:
        self._start = dice.whole(0, _RESERVED_NETWORKS - 1)
        self._networks = self._fixed = 0
        self._relays: dict[str, Host] = {}
        self._sites: dict[str, Host] = {}
        self.larges = tuple(self._make_large(at) for at in range(len(_SHARES)))
        self._hosters = tuple(self._hoster(number) for number in range(_HOSTERS))

    # --- mail domains ----------------------------------------------------------------------------

    def domain(self, hosts: int = 1, v6: bool = False, dual: bool = False) -> MailDomain:
        """Return a domain nobody has heard of, in a network of its own; `v6`: IPv6 only, `dual`: both."""
        number = self._networks
        network = self._next_network()
        name = f"{_word(self._start + _STRIDE * number)}{number}.example"
        exchanges: list[Host] = []
        for at in range(hosts):
            label = _HOST_LABELS[(number + self._start) % len(_HOST_LABELS)] if hosts == 1 else f"mx{at + 1}"
            if not v6:
                exchanges.append(Host(f"{label}.{name}", _address(network, 10 + at)))
            if v6 or dual:
                exchanges.append(Host(f"{label}.{name}", _address_v6(number + _FIXED_NETWORKS, 10 + at)))
        return MailDomain(name, tuple(exchanges))

    def large(self, dice: Dice) -> MailDomain:
        """Return one of the large providers, as often as people have their mail there."""
        sought = dice.between(0, 1)
        for provider, share in zip(self.larges, _SHARES, strict=True):
            sought -= share
            if sought < 0:
                return provider
        return self.larges[0]

    def is_large(self, domain: MailDomain) -> bool:
        """Does a large provider take its mail?"""
        return any(domain.exchanges == large.exchanges for large in self.larges)

    def hosted(self, dice: Dice) -> MailDomain:
        """Return a fresh domain whose mail is at a large provider's or a web hoster's servers."""
        fresh = self.domain()
        if dice.chance(_HOSTED_LARGE_SHARE / (_HOSTED_LARGE_SHARE + _HOSTER_SHARE)):
            return MailDomain(fresh.name, self.larges[dice.chance(10.8 / 39.3)].exchanges)
        return MailDomain(fresh.name, dice.pick(self._hosters).exchanges)

    def correspondent(self, dice: Dice) -> MailDomain:
        """Return where somebody's friend, shop or office has its mail."""
        if dice.chance(_LARGE_SHARE):
            return self.large(dice)
        if dice.chance(_HOSTED_LARGE_SHARE + _HOSTER_SHARE):
            return self.hosted(dice)
        return self.domain(hosts=dice.whole(1, 2), dual=dice.chance(0.2))

    # --- other hosts ------------------------------------------------------------------------------

    def relay(self, name: str) -> Host:
        """Return the server at which customers of `name` hand in their mail: smtp.`name`.example."""
        if name not in self._relays:
            self._relays[name] = Host(f"smtp.{name}.example", _address(self._next_network(), 25))
        return self._relays[name]

    def site(self, name: str) -> Host:
        """Return a host of the web; the address is one of a few clouds."""
        if name not in self._sites:
            number = len(self._sites)
            value = _CLOUD[number % 3] + number * 7 % 254 + 1
            self._sites[name] = Host(name, value.to_bytes(4, "big"))
        return self._sites[name]

    # --- asking -----------------------------------------------------------------------------------

    def ask_mx(self, domain: MailDomain) -> tuple[Question, ...]:
        """Return how a mailer asks: MX, then the first server's addresses."""
        return (Question(domain.name, MX, hosts=domain.exchanges), *self.ask_host(domain.first, domain))

    def ask_host(self, host: Host, domain: MailDomain | None = None) -> tuple[Question, ...]:
        """Return how one asks for a server: A or AAAA, both if the domain has it under both."""
        same = [other for other in (domain.exchanges if domain else (host,)) if other.name == host.name]
        found = []
        for qtype, size in ((A, 4), (AAAA, 16)):
            hosts = tuple(other for other in same if len(other.address) == size)
            if hosts:
                found.append(Question(host.name, qtype, hosts=hosts))
        return tuple(found)

    def ask_site(self, name: str) -> Question:
        """Return the look-up of a web host."""
        return Question(name, A, hosts=(self.site(name),))

    # --- networks ---------------------------------------------------------------------------------

    def _make_large(self, at: int) -> MailDomain:
        name = f"{_LARGE_NAMES[at]}mail.example"
        zone = f"{_LARGE_NAMES[at]}-exchange.example" if at in _APART else name
        exchanges = []
        for host in range(int(_HOST_COUNTS[at])):
            network = self._next_fixed()
            exchanges.append(Host(f"in{host + 1}.{zone}", _address(network, 26)))
            if at < _WITH_V6:
                exchanges.append(Host(f"in{host + 1}.{zone}", _address_v6(self._fixed, 26)))
        return MailDomain(name, tuple(exchanges))

    def _hoster(self, number: int) -> MailDomain:
        network = self._next_fixed()
        name = f"hoster{number + 1}.example"
        return MailDomain(name, tuple(Host(f"mx0{at}.{name}", _address(network, 30 + at)) for at in range(2)))

    def _next_fixed(self) -> int:
        self._fixed += 1
        assert self._fixed < _FIXED_NETWORKS
        return _BENCH + (self._fixed << 8)

    def _next_network(self) -> int:
        number = self._networks
        self._networks += 1
        place = (self._start + _STRIDE * number) % _RESERVED_NETWORKS
        free = _BENCH_NETWORKS - _FIXED_NETWORKS
        if number < free:
            return _BENCH + ((_FIXED_NETWORKS + (self._start + 181 * number) % free) << 8)
        return _RESERVED + (place << 8)


def no_such_name(name: str, qtype: int = A) -> Question:
    """Return a look-up of what does not exist."""
    return Question(name, qtype, NXDOMAIN)


def _word(value: int) -> str:
    """Return something that can be spoken."""
    parts = []
    for _ in range(3):
        value, at = divmod(value, len(_SYLLABLES))
        parts.append(_SYLLABLES[at])
    return "".join(parts)


def _address(network: int, host: int) -> bytes:
    return (network + host).to_bytes(4, "big")


def _address_v6(network: int, host: int) -> bytes:
    """Return an address in a /48 of 2001:db8::/32, or of 3fff::/20 (RFC 9637) when these are used up."""
    prefix = _V6 + network.to_bytes(2, "big") if network < 65536 else b"\x3f\xff" + network.to_bytes(4, "big")
    return prefix + bytes(15 - len(prefix)) + bytes((host,))
