"""What lives of devices in one home are made of: hours, look-ups, mail on its way out, and the line it all goes by."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from spamgate_tools.corpus.facts import (
    DAY_S,
    OPEN,
    POLICY,
    SILENT,
    A,
    Act,
    Call,
    Errand,
    Host,
    Letter,
    Question,
    Reply,
)
from spamgate_tools.corpus.internet import Internet, MailDomain, no_such_name
from spamgate_tools.corpus.parameters import parameter
from spamgate_tools.sample.world import Dice

MIDNIGHT_S = 4 * 3600  # the first one: homes begin at 20:00

_HOUR_WEIGHTS = parameter(
    "people.hours",
    (1, 0, 0, 0, 0, 0, 2, 6, 6, 5, 5, 5, 5, 5, 5, 5, 6, 7, 9, 10, 10, 9, 6, 3),
    "relative, by hour of the day",
    "assumed: people sleep at night and are most at home in the evening",
)
_SITES = parameter("people.sites", 160, "web hosts that one home asks for", "assumed: the same few, over and over")
_CHROMIUM_NAMES = parameter(
    "chromium.names", 3, "names that do not exist, a start", "M. Thomas, APNIC blog 2020: intranet redirect detector"
)
_CHROMIUM_LETTERS = parameter("chromium.letters", (7, 15), "letters", "M. Thomas, APNIC blog 2020")
_MANY = 4  # counts of more than this sway, smaller ones are chance
_SEARCH_DOMAIN = "home.example"
_SEARCHES = parameter(
    "search_domain_share",
    0.4,
    "of devices",
    "assumed: routers hand out a domain, and stub resolvers try a single label in it too (resolv.conf(5))",
)
_LISTED_REFUSES = parameter(
    "listed.refusing_servers", 0.7, "of mail servers", "assumed: most ask a list of dynamic addresses, not all the same"
)
_IPV6 = parameter("line.ipv6", 0.45, "of homes", "Google IPv6 statistics, 2025: 45 to 50 % of users")
_POWER_CUTS = parameter(
    "home.power_cuts", 0.03, "a day", "EIA 2018: 1.4 a year; more often here, so that homes meet them"
)
_LINE_DOWNS = parameter("line.downs", 0.06, "a day", "assumed: some minutes or hours, twice a month")
_DOWN_S = parameter(
    "line.down_for", (300.0, 28800.0), "s", "assumed: a router that restarts, or a digger in the street"
)
_BOOT_S = parameter("reboot.delay", (20.0, 240.0), "s", "assumed: until the network is up and something is reported")
_JITTER = parameter("timers.jitter", 0.02, "of a period", "assumed: a timer, and how long the work takes")
_KNOWN_SITES = parameter("people.own_sites", 40, "web hosts", "assumed: of those of the home, one person's")
_SWAY = parameter("rates.sway", 0.25, "of a count", "assumed: a week is much like the next")
_SHARED = parameter(
    "queue.shared",
    24,
    "waits in one",
    "assumed: once one letter has failed, others for that server seldom try (Postfix qmgr(8), dead destinations)",
)
_RTT_S = parameter("servers.rtt", (0.012, 0.12), "s", "assumed: the same country to another continent")

BUSY = Reply(421, "4.7.0 Messages from your address are temporarily deferred")
LISTED = Reply(550, "5.7.1 Mail from dynamic addresses is not accepted, see our policy")


@dataclass(frozen=True)
class Line:
    """The home's way out: what it is known for outside, and what it lets through."""

    is_listed: bool = False
    port_25: str = ""  # how connections to foreign servers end: "" as they would, SILENT or REFUSED
    is_seen_dns: bool = True

    @property
    def name(self) -> str:
        """What is odd about it."""
        odd = [
            "listed line" if self.is_listed else "",
            "port 25 blocked" if self.port_25 else "",
            "" if self.is_seen_dns else "unseen DNS",
        ]
        return ", ".join(part for part in odd if part)


class Place:
    """One home as its devices find it: the Internet, the line, the owner's mail."""

    def __init__(self, dice: Dice, line: Line, seconds: float) -> None:
        self.internet = Internet(dice.fork())
        self.line = line
        self.seconds = seconds
        self.provider_relay = self.internet.relay("homeprovider")
        self.family = self.internet.hosted(dice)  # the owner's domain
        self.mailbox = self.internet.large(dice)  # and the owner's address at a large provider
        self.sites = tuple(self._site(number) for number in range(_SITES))
        self.has_ipv6 = dice.chance(_IPV6)
        self.power_cuts = tuple(dice.between(0, seconds) for _ in range(_count(dice, _POWER_CUTS * seconds / DAY_S)))
        self._downs = tuple(self._down(dice) for _ in range(_count(dice, _LINE_DOWNS * seconds / DAY_S)))
        self._dice = dice
        self._listing: dict[str, Reply | None] = {}
        self._rtt_s: dict[bytes, float] = {}

    def _site(self, number: int) -> Question:
        return self.internet.ask_site(f"{('www', 'api', 'cdn', 'img')[number % 4]}.site{number // 4}.example")

    def _down(self, dice: Dice) -> tuple[float, float]:
        start_s = dice.between(0, self.seconds)
        return start_s, start_s + dice.between(*_DOWN_S)

    def down_until(self, at_s: float) -> float:
        """Return when the line is up again, if it is down; else 0."""
        return max((end_s for start_s, end_s in self._downs if start_s <= at_s < end_s), default=0.0)

    def rtt_s(self, host: Host) -> float:
        """Return how far away a server is: always the same."""
        if host.address not in self._rtt_s:
            self._rtt_s[host.address] = self._dice.between(*_RTT_S)
        return self._rtt_s[host.address]

    def meet(self, call: Call) -> Call:
        """Return how a connection goes over this line."""
        call = replace(call, rtt_s=self.rtt_s(call.host))
        if call.port != 25 or call.host == self.provider_relay:
            return call
        if self.line.port_25:
            return replace(call, outcome=self.line.port_25)
        policy = self._policy(call.host) if self.line.is_listed and call.login is None else None
        if policy is None:
            return call
        if policy is not LISTED:
            return replace(call, banner=policy)
        return replace(call, letters=tuple(_turned_down(letter, policy) for letter in call.letters))

    def _policy(self, host: Host) -> Reply | None:
        """Return what a server says to a listed address: nothing, or one thing at the banner or to recipients."""
        provider = host.name.partition(".")[2]
        if provider not in self._listing:
            refuses = self._dice.chance(_LISTED_REFUSES)
            self._listing[provider] = self._dice.pick((POLICY, LISTED, LISTED, BUSY)) if refuses else None
        return self._listing[provider]


class Life:
    """What one device does: acts in any order, sorted in the end."""

    def __init__(self, place: Place, name: str, dice: Dice, joins_s: float, is_seen_dns: bool = True) -> None:
        self.place = place
        self.name = name
        self.dice = dice
        self.joins_s = joins_s
        self.is_seen_dns = is_seen_dns and place.line.is_seen_dns
        self.searches = dice.chance(_SEARCHES)
        self.acts: list[tuple[float, Act]] = []
        self._stuck: dict[bytes, float] = {}  # until when a letter waits for a server that never answers

    @property
    def internet(self) -> Internet:
        """The one of the home."""
        return self.place.internet

    @property
    def days(self) -> float:
        """How long it is there."""
        return (self.place.seconds - self.joins_s) / DAY_S

    def act(self, at_s: float, act: Act) -> None:
        """Do something, if the device is there by then."""
        if self.joins_s <= at_s < self.place.seconds:
            self.acts.append((at_s, act))

    def ask(self, at_s: float, *questions: Question) -> None:
        """Ask DNS, one after another; where nobody sees it there is nothing to tell."""
        if self.is_seen_dns:
            for number, question in enumerate(questions):
                self.act(at_s + 0.04 * number, question)

    def run(self, at_s: float, errand: Errand) -> None:
        """Set out on an errand, over the line of the home."""
        questions = errand.questions
        if not self.is_seen_dns:
            questions = tuple(replace(question, is_seen=False) for question in questions)
        tries = tuple(tuple(self.place.meet(call) for call in calls) for calls in errand.tries)
        up_s = self.place.down_until(at_s)
        if up_s and tries:
            dead = tuple(replace(call, outcome=SILENT) for call in tries[0])
            tries = (dead,) * contacts_within(errand.retry_s, up_s - at_s) + tries
        self.act(at_s, Errand(questions, tries, self._patience(at_s, tries, errand.retry_s)))

    def _patience(
        self, at_s: float, tries: tuple[tuple[Call, ...], ...], queue: tuple[float, ...]
    ) -> tuple[float, ...]:
        """Return the waits of a letter: fewer when another one waits already and nobody will ever answer."""
        if not tries or any(call.outcome == OPEN for call in tries[-1]):
            return queue
        server = tries[-1][0].host.address
        if self._stuck.get(server, -1.0) > at_s:
            return behind_others(queue)
        self._stuck[server] = at_s + sum(queue)
        return queue

    def reboots(self) -> list[float]:
        """Return when it is back after the power was cut."""
        times = [cut_s + self.between(_BOOT_S) for cut_s in self.place.power_cuts]
        return [at_s for at_s in times if self.joins_s <= at_s]

    # --- when ---------------------------------------------------------------------------------------

    def nights(self, hour: float, jitter_s: float) -> Iterator[float]:
        """Yield the same time of each day, about."""
        at_s = MIDNIGHT_S + hour * 3600 - DAY_S
        while at_s < self.place.seconds:
            if at_s >= self.joins_s:
                yield at_s + self.dice.between(0, jitter_s)
            at_s += DAY_S

    def steadily(self, period_s: float, jitter: float = _JITTER) -> Iterator[float]:
        """Yield a time every `period_s`, from some time after joining on."""
        at_s = self.joins_s + self.dice.between(0, period_s)
        while at_s < self.place.seconds:
            yield at_s
            at_s += period_s * self.dice.between(1 - jitter, 1 + jitter)

    def seldom(self, per_day: float) -> list[float]:
        """Return times at any hour, so many a day on average."""
        count = self.count(per_day * self.days)
        return sorted(self.dice.between(self.joins_s, self.place.seconds) for _ in range(count))

    def awake(self, per_day: float) -> list[float]:
        """Return times at which people are at it, so many a day on average."""
        times = []
        for at_s in self.seldom(per_day):
            midnight_s = at_s - (at_s - MIDNIGHT_S) % DAY_S
            awake_s = midnight_s + self._hour() * 3600 + self.dice.between(0, 3600)
            if self.joins_s <= awake_s < self.place.seconds:
                times.append(awake_s)
        return sorted(times)

    def count(self, mean: float) -> int:
        """Return a whole number of this mean."""
        return _count(self.dice, mean)

    def between(self, span: tuple[float, ...]) -> float:
        """Return a number from a span, all equally likely."""
        return self.dice.between(span[0], span[1])

    def whole(self, span: tuple[float, ...]) -> int:
        """Return a whole number from a span, both ends included."""
        return self.dice.whole(int(span[0]), int(span[1]))

    def _hour(self) -> int:
        sought = self.dice.between(0, sum(_HOUR_WEIGHTS))
        for hour, weight in enumerate(_HOUR_WEIGHTS):
            sought -= weight
            if sought < 0:
                return hour
        return 20

    # --- look-ups that have nothing to do with mail --------------------------------------------------

    def browse(self, per_day: float, sites: int = _KNOWN_SITES) -> None:
        """A person's look-ups: bursts of a few, some of the home's sites."""
        first = self.dice.whole(0, _SITES - 1)
        for at_s in self.awake(per_day / 3):
            for number in range(self.dice.whole(1, 5)):
                site = self.place.sites[(first + self.dice.whole(0, sites)) % _SITES]
                self.ask(at_s + number * 0.3, site)

    def call_home(self, per_day: float) -> None:
        """A thing's look-ups: its maker's two names, at all hours."""
        maker = tuple(self.internet.ask_site(f"{label}.{self.name}.example") for label in ("api", "time"))
        for at_s in (*self.seldom(per_day), *self.reboots()):
            self.ask(at_s, self.dice.pick(maker))

    def start_browser(self, per_day: float) -> None:
        """Chromium asks for random names at every start and change of network, to see whether DNS lies."""
        for at_s in (*self.awake(per_day), *self.reboots()):
            for _ in range(_CHROMIUM_NAMES):
                letters = "".join(chr(97 + self.dice.whole(0, 25)) for _ in range(self.letters()))
                self.miss(at_s, letters)

    def letters(self) -> int:
        """Return how long a random name is."""
        return self.whole(_CHROMIUM_LETTERS)

    def miss(self, at_s: float, name: str, qtype: int = A) -> None:
        """Ask for what does not exist, and with the search domain of the home again."""
        self.ask(at_s, no_such_name(name, qtype))
        if self.searches:
            self.ask(at_s + 0.02, no_such_name(f"{name}.{_SEARCH_DOMAIN}", qtype))


def behind_others(queue: tuple[float, ...]) -> tuple[float, ...]:
    """Return the waits of a letter that is one of many in a queue."""
    step = int(_SHARED)
    return tuple(sum(queue[at : at + step]) for at in range(0, len(queue), step)) if len(queue) > step else queue


def contacts_within(queue: tuple[float, ...], left_s: float) -> int:
    """Return how many contacts of a queue fall into the time left."""
    contacts, age_s = 1, 0.0
    for wait_s in queue:
        age_s += wait_s
        if age_s >= left_s:
            break
        contacts += 1
    return contacts


def owner_of(domain: MailDomain) -> str:
    """Return the address of the owner there."""
    return f"owner@{domain.name}"


def _count(dice: Dice, mean: float) -> int:
    low = dice.between(1 - _SWAY, 1 + _SWAY) * mean if mean > _MANY else dice.around(mean)
    return int(low) + dice.chance(low - int(low))


def _turned_down(letter: Letter, policy: Reply) -> Letter:
    return replace(letter, recipients=tuple((name, policy) for name, _ in letter.recipients))
