"""What every sender of spam has: a list of victims, orders in campaigns, a way to find servers, a way to speak to them.

Servers accept everything unless a manner says otherwise, so that what leaks is not hidden by what is refused.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from spamgate_tools.corpus.clean_life import Life
from spamgate_tools.corpus.facts import GREYLISTED, KNOWN, TAKEN, UNKNOWN, Call, Errand, Host, Letter, Question, Reply
from spamgate_tools.corpus.internet import MailDomain
from spamgate_tools.corpus.parameters import parameter

_LETTERS = parameter(
    "campaign.letters", 600, "connections a home at most", "assumed: what counts is decided early; keeps runs small"
)
_CAMPAIGNS = parameter(
    "campaign.count", 4, "in two days", "assumed: bots mail while orders last, then wait for the next (Kreibich 2009)"
)
SPAN_S = parameter("campaign.span", 47 * 3600.0, "s", "assumed: two days show everything but the patient ones")
_ALWAYS_ON = parameter("campaign.always_on", 0.6, "of the span", "assumed: who would mail for longer never rests")
_JITTER = parameter("campaign.jitter", (0.4, 1.6), "of the mean wait", "assumed: threads wait for servers, not clocks")
_AT_LARGE = parameter(
    "victims.at_large",
    (0.0, 0.6),
    "of recipients, one of the two a bot",
    "capture spambot_2010-11-18: 212 domains of 212 recipients; else as people's addresses are spread",
)
_HELOS = parameter(
    "bot.helos",
    (0.35, 0.3, 0.15, 0.1, 0.1),
    "shares",
    "assumed: line's name (capture), computer, host, literal, localhost",
)
_ONE_SENDER = parameter(
    "bot.one_sender",
    0.5,
    "of bots",
    "capture spambot_2010-11-18: one sender in 230 letters; templates change it (assumed)",
)
_LETTER_S = parameter("bot.letter", (0.3, 0.8), "s", "capture spambot_2010-11-18: median conversation 0.53 s")
_CACHED_S = parameter("bot.cache", 300.0, "s", "assumed: as resolvers of systems keep answers")
_RESOLVE_STEPS = parameter("own_resolver.steps", 3, "queries a name", "RFC 1034 5.3.3: root, top level, domain")
_LINE_NAMES = ("dynamic", "dsl", "cable", "pool")
_GUESSES = ("mx", "mail", "smtp", "mx1", "mxs", "relay", "ns", "gate")

Find = Callable[["Bot", MailDomain, float], tuple[tuple[Question, ...], tuple[Host, ...]]]


@dataclass(frozen=True)
class Manner:
    """How a bot goes about one letter."""

    find: Find
    at_large: float | None = None  # share of victims at large providers; None: drawn for each bot
    wants_v6: bool = False
    unknown: float = 0.0  # share of recipients that do not exist
    recipients: int = 1  # a letter
    letters: int = 1  # a connection
    helo: Callable[[str], str] | None = None  # what it calls itself before a recipient's domain; None: drawn
    sender: str = ""  # "": drawn
    starts_tls: bool = False
    greylisted: float = 0.0  # share of servers that put it off once
    retry_s: tuple[float, ...] = ()


class Bot:
    """One infected device, or one more name of it; begins at `start_s` and makes `per_hour` connections."""

    def __init__(self, life: Life, start_s: float, per_hour: float) -> None:
        self.per_hour = per_hour
        self.life = life
        self.dice = life.dice
        self.start_s = start_s
        self.at_large = self.dice.pick(_AT_LARGE)
        self.helo = _draw_helo(life)
        self.sender = f"no-reply@watches{self.dice.whole(1, 99)}.example" if self.dice.chance(_ONE_SENDER) else ""
        self._asked_s: dict[str, float] = {}
        self._victims = 0

    def victim(self, manner: Manner) -> MailDomain:
        """Return the next recipients' domain on the list."""
        at_large = self.at_large if manner.at_large is None else manner.at_large
        internet = self.life.internet
        if self.dice.chance(at_large):
            provider = internet.large(self.dice)
            if not manner.wants_v6 or _of_family(provider, 16):
                return provider
        return internet.domain(v6=manner.wants_v6)

    def is_cached(self, name: str, at_s: float) -> bool:
        """Did it ask for the name in the last minutes?  From now on it did."""
        asked_s = self._asked_s.get(name)
        if asked_s is not None and 0 <= at_s - asked_s < _CACHED_S:
            return True
        self._asked_s[name] = at_s
        return False

    def mail(self, at_s: float, manner: Manner, domain: MailDomain | None = None) -> None:
        """Set out to mail the next victim."""
        domain = domain or self.victim(manner)
        questions, hosts = manner.find(self, domain, at_s)
        if not hosts:
            self.life.ask(at_s, *questions)
            return
        call = self.call(hosts[0], domain, manner)
        tries: tuple[tuple[Call, ...], ...] = ((call,),)
        if self.dice.chance(manner.greylisted):
            late = tuple(_answered(letter, GREYLISTED) for letter in call.letters)
            tries = ((replace(call, letters=late),), (call,))
        self.life.run(at_s, Errand(questions, tries, manner.retry_s))

    def call(self, host: Host, domain: MailDomain, manner: Manner) -> Call:
        """Return the connection to a victim's server."""
        letters = tuple(self.letter(domain.name, manner) for _ in range(manner.letters))
        helo = manner.helo(domain.name) if manner.helo else self.helo
        return Call(
            host, helo=helo, starts_tls=manner.starts_tls, letters=letters, letter_s=self.life.between(_LETTER_S)
        )

    def letter(self, domain: str, manner: Manner) -> Letter:
        """Return a letter to the next few recipients there."""
        sender = manner.sender or self.sender or f"info@shop{self.dice.whole(1, 9999)}.example"
        recipients = []
        for _ in range(manner.recipients):
            self._victims += 1
            reply = UNKNOWN if self.dice.chance(manner.unknown) else KNOWN
            recipients.append((f"user{self._victims}.{self.life.name}@{domain}", reply))
        return Letter(sender, tuple(recipients), TAKEN, is_spam=True)

    @property
    def wait_s(self) -> float:
        """The mean time between two connections."""
        return 3600 / self.per_hour

    def campaigns(self, share: float = 1.0) -> Iterator[float]:
        """Yield when it mails: at its rate while a campaign lasts, a few campaigns over two days.

        `share`: of the home's letters; several devices have theirs together.  Slow ones mail all the time.
        """
        wait_s = self.wait_s
        letters = min(_LETTERS * share, SPAN_S / wait_s)
        count = 1 if letters * wait_s > _ALWAYS_ON * SPAN_S else _CAMPAIGNS
        for number in range(count):
            at_s = self.start_s + SPAN_S * number / count
            end_s = self.start_s + SPAN_S * (number + 1) / count
            if number:
                at_s += self.dice.between(0, 0.9) * (end_s - at_s - letters / count * wait_s)
            for _ in range(int(letters / count)):
                if at_s < end_s:
                    yield at_s
                at_s += wait_s * self.life.between(_JITTER)

    def spam(self, manner: Manner, share: float = 1.0) -> None:
        """Mail through all campaigns in one manner."""
        for at_s in self.campaigns(share):
            self.mail(at_s, manner)


# --- finding servers --------------------------------------------------------------------------------


def by_mx(bot: Bot, domain: MailDomain, at_s: float) -> tuple[tuple[Question, ...], tuple[Host, ...]]:
    """Ask for MX, then for the first server's address."""
    questions = () if bot.is_cached(domain.name, at_s) else bot.life.internet.ask_mx(domain)
    return questions, _of_family(domain, 4)


def by_mx_v6(bot: Bot, domain: MailDomain, at_s: float) -> tuple[tuple[Question, ...], tuple[Host, ...]]:
    """The same for servers with IPv6."""
    return by_mx(bot, domain, at_s)[0], _of_family(domain, 16)


def by_guess(bot: Bot, domain: MailDomain, at_s: float) -> tuple[tuple[Question, ...], tuple[Host, ...]]:
    """Try mx, mail, smtp and so on before the domain: nobody is asked for MX (Musashi et al. on Mytob)."""
    label = domain.first.name.partition(".")[0]
    missed: list[Question] = []
    for guess in _GUESSES:
        if guess == label:
            found = bot.life.internet.ask_host(domain.first)
            return (*missed, *found), _of_family(domain, 4)
        missed.append(Question(f"{guess}.{domain.name}", 1, 3))
    return tuple(missed), ()


def by_host_name(bot: Bot, domain: MailDomain, at_s: float) -> tuple[tuple[Question, ...], tuple[Host, ...]]:
    """Ask for the server's address by a name it has known all along."""
    first = _of_family(domain, 4)[0]
    return () if bot.is_cached(first.name, at_s) else (Question(first.name, 1, hosts=(first,)),), (first,)


def by_orders(bot: Bot, domain: MailDomain, at_s: float) -> tuple[tuple[Question, ...], tuple[Host, ...]]:
    """The address came with the orders."""
    return (), _of_family(domain, 4)


def by_own_resolver(bot: Bot, domain: MailDomain, at_s: float) -> tuple[tuple[Question, ...], tuple[Host, ...]]:
    """Resolve from the root on: each question several times, answered by referrals until the last."""
    questions: list[Question] = []
    for question in by_mx(bot, domain, at_s)[0]:
        referral = replace(question, hosts=())
        questions += [referral] * (_RESOLVE_STEPS - 1) + [question]
    return tuple(questions), _of_family(domain, 4)


def _of_family(domain: MailDomain, size: int) -> tuple[Host, ...]:
    return tuple(host for host in domain.exchanges if len(host.address) == size)


# --- habits drawn for a bot -------------------------------------------------------------------------


def _draw_helo(life: Life) -> str:
    dice = life.dice
    sought = dice.between(0, sum(_HELOS))
    names = (
        f"77.113.0.203.{dice.pick(_LINE_NAMES)}.homeprovider.example",
        f"DESKTOP-{dice.whole(4096, 65535):X}",
        f"mail.host{dice.whole(1, 999)}.example",
        "[203.0.113.77]",
        "localhost",
    )
    for name, share in zip(names, _HELOS, strict=True):
        sought -= share
        if sought < 0:
            return name
    return names[0]


def _answered(letter: Letter, reply: Reply) -> Letter:
    return replace(letter, recipients=tuple((name, reply) for name, _ in letter.recipients))
