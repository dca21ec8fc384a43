"""Mail servers at home: of a family, of a mailing list, and what fetches and filters mail."""

from dataclasses import replace

from spamgate_tools.corpus.clean_life import Life, owner_of
from spamgate_tools.corpus.clean_routes import EXIM, POSTFIX, Route, by_mx, by_relay, letter, send
from spamgate_tools.corpus.facts import KNOWN, UNKNOWN, Letter, ProxyOpened, Question, Reply
from spamgate_tools.corpus.internet import MailDomain, no_such_name
from spamgate_tools.corpus.parameters import parameter

_LETTERS = parameter(
    "server.letters", (3, 40), "a day", "vamp.hauken.us: 30.9 a workday and professional; a family sends less"
)
_FRIENDS = parameter("server.friends", (15, 60), "mail domains", "assumed: those that a family writes to in a year")
_NEW_FRIEND = parameter("server.new_domains", 0.15, "of letters", "assumed: shops, offices, never again")
_STALE = parameter("server.unknown_users", 0.02, "of recipients", "assumed: typing errors and old addresses")
_FULL = parameter("server.full_mailboxes", 0.01, "of recipients", "assumed: people who no longer look")
_BOUNCES = parameter("server.bounces", (0.2, 6.0), "a day", "assumed: back-scatter to senders that do not exist")
_BOUNCE_FAILS = parameter("server.bounces_refused", 0.5, "of bounces", "assumed: forged senders")
_CHECKS = parameter(
    "server.dnsbl_lookups", (10, 80), "a day", "assumed: each incoming connection is looked up in 2 lists"
)
_CHECK_LISTED = parameter("server.dnsbl_hits", 0.6, "of look-ups", "assumed: most that call a small server are listed")
_POSTINGS = parameter("list.postings", (0.3, 4.0), "a day", "assumed: a club's discussion list")
_SUBSCRIBERS = parameter("list.subscribers", (40, 220), "recipients", "assumed: a club's discussion list")
_LIST_STALE = parameter("list.unknown_users", 0.015, "of subscribers", "assumed: removed after some bounces")
_FETCHED = parameter("fetcher.letters", (10, 90), "letters a day", "assumed: one household's incoming mail")
_LISTS_ASKED = parameter("fetcher.lists", 4, "look-ups a letter", "assumed: SpamAssassin asks more; most not cached")
_FETCHER_SENDS = parameter("fetcher.sends", (0.5, 8.0), "a day", "assumed: a family's mail, through a relay on port 25")

_FETCHER_LOGIN = parameter("fetcher.login", 0.5, "of fetchers", "assumed: the provider's relay often needs none")
_POSTING_GAP_S = parameter("list.gap", (0.1, 2.0), "s", "assumed: a queue with a few deliveries at a time")
_VISITS = parameter("server.proxy_visits", (4.0, 40.0), "a day", "assumed: as of exposed NAS; a web page on 8080")
_HANDED_IN = parameter("smarthost.letters", (4, 50), "a day", "assumed: a family or a small office behind one relay")
_FORWARDS = parameter("smarthost.forwards", 0.35, "of such servers", "assumed: hands on mail for people who moved away")
_FORWARDED = parameter(
    "smarthost.forwarded", (2, 25), "letters a day", "assumed: the envelope keeps the stranger's name"
)
_EXIMS = parameter("server.exim", 0.33, "of servers", "assumed: Postfix two, Exim one")

_ZONES = ("zen.list.example", "bl.check.example", "multi.uri.example", "dnswl.check.example")
_FULL_REPLY = Reply(452, "4.2.2 The email account is over quota")
_HELO = "mail.family.example"


def _friends(life: Life) -> list[Route]:
    count = life.whole(_FRIENDS)
    return [by_mx(life, life.internet.correspondent(life.dice), _HELO) for _ in range(count)]


def _domain(route: Route) -> str:
    return route.questions[0].name


def _recipient(life: Life, domain: str, stale: float) -> Letter:
    name = f"person{life.dice.whole(1, 60)}@{domain}"
    sender = f"owner@{life.place.family.name}"
    if life.dice.chance(stale):
        return Letter(sender, ((name, UNKNOWN),))
    return letter(sender, name)


def family_server(life: Life) -> None:
    """Postfix or Exim for a family: straight to everybody's MX, with a queue, greylisted now and then."""
    dice = life.dice
    queue = EXIM if dice.chance(_EXIMS) else POSTFIX
    friends = _friends(life)
    for at_s in life.awake(life.between(_LETTERS)):
        if dice.chance(_NEW_FRIEND):
            route = by_mx(life, life.internet.correspondent(dice), _HELO)
            send(life, at_s, route, (_recipient(life, _domain(route), _STALE),), queue)
            continue
        # People write to few, and to some of them often.
        at = dice.whole(0, dice.whole(0, len(friends) - 1))
        one = _recipient(life, _domain(friends[at]), _STALE)
        if dice.chance(_FULL):
            _over_quota(life, at_s, friends[at], one, queue)
        else:
            friends[at] = send(life, at_s, friends[at], (one,), queue)
    _bounce(life, queue)
    _filter(life, life.count(life.between(_CHECKS)), 2)


def _over_quota(life: Life, at_s: float, route: Route, one: Letter, queue: tuple[float, ...]) -> None:
    """A full mailbox is told of at the end of the text, until the sender gives up."""
    send(life, at_s, route, (replace(one, reply=_FULL_REPLY),), queue)


def _bounce(life: Life, queue: tuple[float, ...]) -> None:
    for at_s in life.seldom(life.between(_BOUNCES)):
        route = by_mx(life, life.internet.correspondent(life.dice), _HELO)
        stale = life.dice.chance(_BOUNCE_FAILS)
        send(life, at_s, route, (replace(_recipient(life, _domain(route), stale), sender=""),), queue)


def _filter(life: Life, per_day: int, lists: int) -> None:
    """Look up who calls in lists: a list that does not know the address says that the name does not exist."""
    for at_s in life.seldom(per_day):
        address = ".".join(str(life.dice.whole(1, 254)) for _ in range(4))
        for zone in _ZONES[:lists]:
            name = f"{address}.{zone}"
            if life.dice.chance(_CHECK_LISTED):
                life.ask(at_s, Question(name, 1, hosts=(life.internet.site("listed.check.example"),)))
            else:
                life.ask(at_s, no_such_name(name))


def list_host(life: Life) -> None:
    """A mailing list's server: a posting goes to all subscribers within minutes, one letter a domain."""
    dice = life.dice
    subscribers: dict[MailDomain, int] = {}
    for _ in range(life.whole(_SUBSCRIBERS)):
        domain = life.internet.correspondent(dice)
        subscribers[domain] = subscribers.get(domain, 0) + 1
    routes = {domain: by_mx(life, domain, "lists.family.example") for domain in subscribers}
    for start_s in life.awake(life.between(_POSTINGS)):
        at_s = start_s
        for domain, count in subscribers.items():
            people = tuple((f"member{number}@{domain.name}", _known(life)) for number in range(count))
            one = Letter(f"list-bounces@{life.place.family.name}", people)
            routes[domain] = send(life, at_s, routes[domain], (one,), POSTFIX)
            at_s += life.between(_POSTING_GAP_S)
    _filter(life, life.count(life.between(_CHECKS)), 2)


def _known(life: Life) -> Reply:
    return UNKNOWN if life.dice.chance(_LIST_STALE) else KNOWN


def mail_fetcher(life: Life) -> None:
    """Fetches mail by IMAP and filters it: hundreds of look-ups in lists; sends through a relay on port 25."""
    dice = life.dice
    _filter(life, life.count(life.between(_FETCHED)), int(_LISTS_ASKED))
    route = by_relay(
        life, life.place.provider_relay, _HELO, login=True if dice.chance(_FETCHER_LOGIN) else None, starts_tls=True
    )
    for at_s in life.awake(life.between(_FETCHER_SENDS)):
        names = (f"friend{dice.whole(1, 40)}@mail.example",)
        send(life, at_s, route, (letter(owner_of(life.place.family), *names),), POSTFIX)


def exposed_server(life: Life) -> None:
    """The family's server with a web page on 8080 that all the world's scanners visit."""
    family_server(life)
    for at_s in life.seldom(life.between(_VISITS)):
        life.act(at_s, ProxyOpened(8080))


def smarthost_user(life: Life) -> None:
    """A mail server that hands everything in at one relay on port 25, forwarded strangers' mail too."""
    dice = life.dice
    login = True if dice.chance(_FETCHER_LOGIN) else None
    route = by_relay(life, life.place.provider_relay, _HELO, login=login, starts_tls=bool(login))
    for at_s in life.awake(life.between(_HANDED_IN)):
        one = _recipient(life, f"domain{dice.whole(1, 30)}.example", _STALE)
        send(life, at_s, route, (one,), POSTFIX)
    if dice.chance(_FORWARDS):
        for at_s in life.seldom(life.between(_FORWARDED)):
            stranger = f"someone@sender{dice.whole(1, 400)}.example"
            send(life, at_s, route, (letter(stranger, owner_of(life.place.mailbox)),), POSTFIX)
