"""How mail leaves a device: by whose server, with which look-ups, and what happens when that fails."""

from dataclasses import dataclass, replace

from spamgate_tools.corpus.clean_life import Life
from spamgate_tools.corpus.facts import GREYLISTED, KNOWN, TAKEN, Call, Errand, Host, Letter, Question, Reply
from spamgate_tools.corpus.internet import MailDomain
from spamgate_tools.corpus.parameters import parameter

NO_QUEUE: tuple[float, ...] = ()
THREE_TRIES = parameter("queue.three_tries", (60.0, 60.0), "s", "assumed: firmware of cameras and panels tries thrice")
_POSTFIX = parameter(
    "queue.postfix",
    (300.0, 4000.0, 432000.0),
    "s",
    "Postfix postconf(5): minimal_backoff_time, maximal_backoff_time, maximal_queue_lifetime",
)
_EXIM = parameter(
    "queue.exim",
    (900.0, 7200.0, 3600.0, 1.5, 57600.0, 21600.0, 345600.0),
    "s",
    "Exim default configuration: F,2h,15m; G,16h,1h,1.5; F,4d,6h",
)
_NULLMAILER = parameter(
    "queue.nullmailer",
    (60.0, 86400.0, 604800.0),
    "s",
    "nullmailer-send(8): pausetime, doubled; maxpause; queuelifetime",
)
BY_HAND = parameter(
    "queue.by_hand", (45.0, 600.0, 5400.0, 39600.0), "s", "assumed: a person presses send again, later, tomorrow"
)
OUTBOX = parameter(
    "queue.outbox", (300.0,) * 288, "s", "assumed: an outbox is tried with every look for new mail, 5 min, for a day"
)
FIXED_10_MIN = parameter("queue.fixed", (600.0,) * 432, "s", "assumed: a small queue tries every 10 min for three days")


def _doubling(first_s: float, longest_s: float, life_s: float) -> tuple[float, ...]:
    waits: list[float] = []
    while sum(waits) < life_s:
        waits.append(min(first_s * 2 ** len(waits), longest_s))
    return tuple(waits)


def _exim() -> tuple[float, ...]:
    every_s, first_s, then_s, factor, second_s, last_s, end_s = _EXIM
    waits: list[float] = []
    while (age_s := sum(waits)) < end_s:
        if age_s < first_s:
            waits.append(every_s)
        elif age_s < second_s:
            waits.append(then_s)
            then_s *= factor
        else:
            waits.append(last_s)
    return tuple(waits)


POSTFIX, EXIM, NULLMAILER = _doubling(*_POSTFIX), _exim(), _doubling(*_NULLMAILER)

_GREYLISTS = parameter("greylisting.share", 0.12, "of small mail domains", "assumed: spamd, postgrey, some hosters")
_GREY_TRIES = parameter("greylisting.contacts", (1, 3), "put off", "postgrey: 300 s, OpenBSD spamd: 25 min (spamd(8))")
_TLS_AT_MX = parameter(
    "tls.at_mx", 0.9, "of servers of others", "assumed: Google transparency report, some 90 % outbound"
)
_MX_ADDRESSES = parameter("mailer.addresses_tried", 5, "addresses", "Postfix postconf(5): smtp_mx_address_limit")
_V6_FIRST = parameter("mailer.ipv6_first", 0.5, "of mailers", "Postfix postconf(5): smtp_address_preference = any")
_LETTER_S = parameter(
    "letter.seconds", 0.4, "s", "assumed: some kilobytes at a home's upstream, and a server's thought"
)


@dataclass(frozen=True)
class Route:
    """One way out: what is asked first, the servers to try in turn, and how often strangers are put off there."""

    questions: tuple[Question, ...]
    calls: tuple[Call, ...]
    put_off: int = 0


def by_relay(
    life: Life, relay: Host, helo: str, *, port: int = 25, login: bool | None = None, starts_tls: bool = False
) -> Route:
    """Hand in mail at a server that serves the sender, looked up by its name."""
    call = Call(relay, port, helo=helo, login=login, starts_tls=starts_tls)
    return Route(life.internet.ask_host(relay), (call,))


def by_submission(life: Life, provider: str, helo: str) -> Route:
    """Hand in mail with a password: 587 and STARTTLS."""
    return by_relay(life, life.internet.relay(provider), helo, port=587, login=True, starts_tls=True)


def by_mx(life: Life, domain: MailDomain, helo: str, *, knows_tls: bool = True, may_greylist: bool = True) -> Route:
    """Go straight to a domain's mail servers."""
    dice = life.dice
    starts_tls = knows_tls and dice.chance(_TLS_AT_MX)
    put_off = 0
    if may_greylist and not life.internet.is_large(domain) and dice.chance(_GREYLISTS):
        put_off = life.whole(_GREY_TRIES)
    hosts = _in_order(life, domain)
    seen = MailDomain(domain.name, hosts)
    questions = (life.internet.ask_mx(domain)[0], *life.internet.ask_host(hosts[0], seen))
    return Route(questions, tuple(Call(host, helo=helo, starts_tls=starts_tls) for host in hosts), put_off)


def _in_order(life: Life, domain: MailDomain) -> tuple[Host, ...]:
    """Return the addresses a mailer tries, in turn: those of IPv6 only where the home has it, first or second."""
    size_first = 16 if life.place.has_ipv6 and life.dice.chance(_V6_FIRST) else 4
    hosts = [host for host in domain.exchanges if life.place.has_ipv6 or len(host.address) == 4]
    names = [host.name for host in hosts]
    hosts.sort(key=lambda host: (names.index(host.name), len(host.address) != size_first))
    return tuple(hosts[: int(_MX_ADDRESSES)])


def unasked(route: Route) -> Route:
    """The same without look-ups: the address was typed in, or is remembered."""
    return replace(route, questions=())


def letter(sender: str, *recipients: str, reply: Reply = TAKEN) -> Letter:
    """Return a letter to people who exist."""
    return Letter(sender, tuple((recipient, KNOWN) for recipient in recipients), reply)


def send(
    life: Life,
    at_s: float,
    route: Route,
    letters: tuple[Letter, ...],
    retry_s: tuple[float, ...] = NO_QUEUE,
    letter_s: float = _LETTER_S,
) -> Route:
    """Mail letters by a route; return the route as it is for the next time: who was put off once is known."""
    calls = tuple(replace(call, letters=letters, letter_s=letter_s) for call in route.calls)
    tries: tuple[tuple[Call, ...], ...] = (calls,)
    if route.put_off:
        late = tuple(_put_off(one) for one in letters)
        tries = (tuple(replace(call, letters=late) for call in calls),) * route.put_off + tries
    life.run(at_s, Errand(route.questions, tries, retry_s))
    return replace(route, put_off=0) if route.put_off else route


def _put_off(one: Letter) -> Letter:
    return replace(one, recipients=tuple((name, GREYLISTED) for name, _ in one.recipients))
