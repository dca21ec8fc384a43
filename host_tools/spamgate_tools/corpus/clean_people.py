"""What people carry and sit before: phones, laptops with mail clients, and what stands about without mailing."""

from dataclasses import replace

from spamgate_tools.corpus.clean_life import Life
from spamgate_tools.corpus.clean_routes import BY_HAND, OUTBOX, Route, by_relay, by_submission, letter, send, unasked
from spamgate_tools.corpus.facts import (
    DAY_S,
    KNOWN,
    MX,
    NXDOMAIN,
    OPEN,
    REFUSED,
    SERVFAIL,
    SILENT,
    UNKNOWN,
    A,
    Call,
    Errand,
    Host,
    Letter,
    Question,
)
from spamgate_tools.corpus.internet import no_such_name
from spamgate_tools.corpus.parameters import parameter

_ASKS = parameter(
    "people.lookups", (14, 40), "a day", "assumed: thin on purpose; real ones ask hundreds, of no bearing"
)
_THING_ASKS = parameter(
    "things.lookups", (6, 20), "a day", "assumed: thin on purpose; BlueCat 2020: few names, steadily"
)
_BROWSER_STARTS = parameter("browser.starts", (1, 5), "a day", "assumed: waking up and changing networks count too")
_LETTERS = parameter(
    "people.letters", (0.3, 8), "a day", "vamp.hauken.us: 30.9 a workday is a professional's average; at home fewer"
)
_PHONE_LETTERS = parameter("phone.letters", (0.1, 3), "a day", "assumed: most is read on the phone, little written")
_PHONE_ASKS_MAIL = parameter("phone.mail_lookups", (4, 12), "a day", "assumed: thinned; imap., smtp. of each account")
_ACCOUNTS = parameter("people.accounts", (1, 3), "mail accounts", "assumed: one of one's own, one of work, an old one")
_TV_SITES = parameter("tv.sites", 12, "web hosts", "assumed: services and their advertising")
_CONSOLE_SITES = parameter("console.sites", 6, "web hosts", "assumed: a shop and its games")
_TV_MISSES = parameter("tv.misses", (2, 12), "a day", "assumed: names of services that are gone or blocked")
_RECEIVER_MISS_S = parameter(
    "receiver.miss_period", 600.0, "s", "BlueCat 2020: a receiver asks for a name that does not exist every 10 min"
)
_NEWSLETTER = parameter("legacy.newsletters", 0.06, "a day", "assumed: some keep a club's list of members")
_MEMBERS = parameter("legacy.members", (25, 90), "recipients", "assumed: a club")
_STALE = parameter(
    "legacy.unknown_members", 0.05, "of recipients", "assumed: people move; the relay knows its own only"
)
_WRONG_S = parameter("password.poll", (120.0, 900.0), "s", "assumed: clients try again with every look for new mail")
_WRONG_DAYS = parameter("password.wrong_for", (0.2, 3.0), "days", "assumed: until somebody is told")
_TUNNEL_UP = parameter("vpn.up", 0.85, "of the working time", "assumed: it is switched off to print, and forgotten")
_SECOND_LEGACY = parameter(
    "legacy.second_account", 0.2, "of such laptops", "assumed: an old account at each former provider"
)
_IMPLICIT_TLS = parameter("submission.port_465", 0.4, "of accounts", "assumed: RFC 8314 prefers it since 2018")
_BY_FIRST = parameter("people.first_account", 0.7, "of letters", "assumed: people have one account that they use")
_REMEMBERED = parameter("people.cached_lookups", 0.5, "of letters", "assumed: the system still remembers the address")
_COPIES = parameter("people.recipients", 1.4, "recipients a letter", "assumed: most letters go to one person")
_OWN_RELAY = parameter("legacy.at_provider", 0.6, "of such laptops", "assumed: the provider of the line, no password")
_OWN_LOGIN = parameter(
    "legacy.provider_login",
    0.3,
    "of these",
    "assumed: providers have asked their own lines for it since about 2015, not all",
)
_LEGACY_TLS = parameter("legacy.starttls", 0.5, "of such laptops", "assumed: where available, was the old default")
_LITERAL_CHANGES = parameter(
    "legacy.changing_literal",
    0.25,
    "of such laptops",
    "RFC 8981: temporary addresses, which EHLO [IPv6:...] shows; share assumed",
)
_IN_COPY = parameter("legacy.one_letter", 0.6, "of newsletters", "assumed: in copy to all; the others one letter each")
_LOCAL_MISSES = parameter("people.local_misses", 1.0, "a day", "assumed: wpad, isatap, the printer's old name")
_TWO_WRONG = parameter("password.two_accounts", 0.3, "of tries", "assumed: some use one password for two accounts")
_WRONG_FROM = parameter("password.from", (0.05, 0.6), "of its time here", "assumed: any day but the first and the last")
_SET_UP = parameter(
    "setup.accounts",
    (2, 3),
    "accounts",
    "assumed: all on the first evening; looks up MX as Thunderbird (wiki.mozilla.org, Autoconfiguration)",
)
_SET_UP_S = parameter("setup.after", (600.0, 7200.0), "s after joining", "assumed: somebody has just unpacked it")
_NO_SUCH_HOST = parameter(
    "setup.nxdomain",
    0.8,
    "of guessed names",
    "Thunderbird GuessConfig.sys.mjs: tries imap., pop., mail., smtp.; share assumed",
)
_NEXT_S = parameter("setup.next", (120.0, 1500.0), "s", "assumed: the next account's password must be found")
_RECEIVERS = parameter(
    "receiver.share", 0.15, "of things", "assumed: one in seven things is of the kind that was observed"
)
_PROBED = ("mail", "imap", "pop")

_PROVIDERS = ("webpost", "officemail", "homeprovider", "schoolmail", "clubhost")


def _accounts(life: Life, helo: str) -> list[Route]:
    count = life.whole(_ACCOUNTS)
    first = life.dice.whole(0, len(_PROVIDERS) - 1)
    routes = []
    for number in range(count):
        route = by_submission(life, _PROVIDERS[(first + number) % len(_PROVIDERS)], helo)
        if life.dice.chance(_IMPLICIT_TLS):
            route = replace(route, calls=tuple(replace(call, port=465, starts_tls=False) for call in route.calls))
        routes.append(route)
    return routes


def _write(life: Life, routes: list[Route], per_day: float) -> None:
    """Letters to people, by the first account mostly."""
    for at_s in life.awake(per_day):
        route = routes[0] if life.dice.chance(_BY_FIRST) else life.dice.pick(routes)
        if life.dice.chance(_REMEMBERED):
            route = unasked(route)
        send(life, at_s, route, (_to_friends(life),), BY_HAND)


def _to_friends(life: Life) -> Letter:
    names = [f"friend{life.dice.whole(1, 40)}@mail.example" for _ in range(life.count(_COPIES) or 1)]
    return letter(f"owner@{life.name}.example", *names)


def _ask_for_mail(life: Life, per_day: float, labels: tuple[str, ...] = ("imap", "smtp")) -> None:
    for at_s in life.awake(per_day):
        provider = life.dice.pick(_PROVIDERS)
        for label in labels:
            life.ask(at_s, life.internet.ask_site(f"{label}.{provider}.example"))


def phone(life: Life) -> None:
    """Apps; two or three mail accounts, read often and written from seldom, on 465 and 587."""
    life.browse(life.between(_ASKS))
    _ask_for_mail(life, life.between(_PHONE_ASKS_MAIL))
    _write(life, _accounts(life, "[192.168.77.41]"), life.between(_PHONE_LETTERS))


def laptop(life: Life) -> None:
    """A browser with its random names, and a mail client on 465 and 587."""
    _sit_before(life)
    _write(life, _accounts(life, "[192.168.77.42]"), life.between(_LETTERS))


def _sit_before(life: Life) -> None:
    life.browse(life.between(_ASKS))
    life.start_browser(life.between(_BROWSER_STARTS))
    for at_s in life.awake(_LOCAL_MISSES):
        life.miss(at_s, life.dice.pick(("wpad", "isatap", "printer", "nas")))


def legacy_laptop(life: Life) -> None:
    """Old accounts, set up years ago: port 25 of the provider's relay; now and then a club's newsletter."""
    _sit_before(life)
    dice = life.dice
    first = life.place.provider_relay if dice.chance(_OWN_RELAY) else life.internet.relay("oldprovider")
    routes = [_legacy(life, first)]
    if dice.chance(_SECOND_LEGACY):
        routes.append(_legacy(life, life.internet.relay("olderprovider")))
    changes = dice.chance(_LITERAL_CHANGES)
    for at_s in life.awake(life.between(_LETTERS)):
        route = routes[0] if dice.chance(_BY_FIRST) else dice.pick(routes)
        used = _calling_itself(route, _literal(at_s)) if changes else route
        send(life, at_s, used, (_to_friends(life),), BY_HAND)
    for at_s in life.awake(_NEWSLETTER):
        send(life, at_s, routes[0], _newsletter(life, first.name.partition(".")[2]), BY_HAND)


def _legacy(life: Life, relay: Host) -> Route:
    is_own = relay == life.place.provider_relay
    login = True if not is_own or life.dice.chance(_OWN_LOGIN) else None
    return by_relay(life, relay, _literal(0.0), login=login, starts_tls=life.dice.chance(_LEGACY_TLS))


def _literal(at_s: float) -> str:
    """Return what mail clients say in EHLO: the own address in brackets."""
    return f"[IPv6:2001:db8:77::{int(at_s // DAY_S) * 7919 + 4096:x}]" if at_s else "[192.168.77.43]"


def _calling_itself(route: Route, helo: str) -> Route:
    return replace(route, calls=tuple(replace(call, helo=helo) for call in route.calls))


def _newsletter(life: Life, domain: str) -> tuple[Letter, ...]:
    """One letter to all members in copy, or one to each; the relay refuses those of its own it does not know."""
    sender = "club@oldprovider.example"
    count = life.whole(_MEMBERS)
    members = [
        (f"member{number}@{domain}", UNKNOWN) if life.dice.chance(_STALE) else (f"m{number}@mail.example", KNOWN)
        for number in range(count)
    ]
    if life.dice.chance(_IN_COPY):
        return (Letter(sender, tuple(members)),)
    return tuple(Letter(sender, (member,)) for member in members)


def vpn_laptop(life: Life) -> None:
    """Works through a tunnel: no look-ups are seen, and its mail goes inside; but the tunnel is not always up."""
    route = by_submission(life, "officemail", "[10.8.0.6]")
    for at_s in life.awake(life.between(_LETTERS)):
        if not life.dice.chance(_TUNNEL_UP):
            names = f"colleague{life.dice.whole(1, 20)}@officemail.example"
            send(life, at_s, unasked(route), (letter("owner@officemail.example", names),), OUTBOX)


def vpn_laptop_25(life: Life) -> None:
    """The same with an office that still takes mail on port 25; its relay's address was learned inside the tunnel."""
    route = unasked(
        by_relay(life, life.internet.relay("oldoffice"), "lt-0423.corp.example", login=True, starts_tls=True)
    )
    for at_s in life.awake(life.between(_LETTERS)):
        if not life.dice.chance(_TUNNEL_UP):
            name = f"colleague{life.dice.whole(1, 20)}@oldoffice.example"
            send(life, at_s, route, (letter("owner@oldoffice.example", name),), OUTBOX)


def forgotten_password(life: Life) -> None:
    """The password was changed on another device: this one goes on with the old one, then somebody types it in."""
    _sit_before(life)
    routes = _accounts(life, "[192.168.77.44]")
    dice = life.dice
    start_s = life.joins_s + life.between(_WRONG_FROM) * life.days * DAY_S
    end_s = start_s + life.between(_WRONG_DAYS) * DAY_S
    at_s = start_s
    while at_s < min(end_s, life.place.seconds):
        for route in routes[: 1 + dice.chance(_TWO_WRONG)]:
            calls = tuple(replace(call, login=False) for call in route.calls)
            life.run(at_s, Errand(route.questions, (calls,)))
        at_s += life.between(_WRONG_S)
    _write(life, routes, life.between(_LETTERS))


def account_setup(life: Life) -> None:
    """A new laptop, two or three accounts on one evening: the client asks MX and guesses names and ports of each."""
    _sit_before(life)
    dice = life.dice
    at_s = life.joins_s + life.between(_SET_UP_S)
    for _ in range(life.whole(_SET_UP)):
        domain = life.internet.correspondent(dice)
        life.ask(at_s, no_such_name(f"autoconfig.{domain.name}"), Question(domain.name, MX, hosts=domain.exchanges))
        guessed = life.internet.relay(domain.name.removesuffix(".example"))
        for label in _PROBED:
            life.ask(
                at_s + 1, Question(f"{label}.{domain.name}", A, NXDOMAIN if dice.chance(_NO_SUCH_HOST) else SERVFAIL)
            )
        questions = life.internet.ask_host(guessed)
        probes = ((587, OPEN), (465, OPEN), (25, dice.pick((REFUSED, SILENT, OPEN))))
        for number, (port, outcome) in enumerate(probes):
            call = Call(guessed, port, outcome, helo="[192.168.77.45]", starts_tls=port != 465)
            life.run(at_s + 2 + number * 0.2, Errand(questions, ((call,),)))
        at_s += life.between(_NEXT_S)
    _write(life, _accounts(life, "[192.168.77.45]"), life.between(_LETTERS))


def television(life: Life) -> None:
    """Films and advertising; asks for services that are gone."""
    life.browse(life.between(_THING_ASKS), _TV_SITES)
    life.call_home(life.between(_THING_ASKS))
    for at_s in life.awake(life.between(_TV_MISSES)):
        life.miss(at_s, f"metrics{life.dice.whole(1, 9)}.oldservice.example")


def console(life: Life) -> None:
    """Games and updates."""
    life.browse(life.between(_THING_ASKS), _CONSOLE_SITES)
    life.call_home(life.between(_THING_ASKS))


def thing(life: Life) -> None:
    """A bulb, a speaker, a thermostat; a receiver that asks for a name that does not exist every ten minutes."""
    life.call_home(life.between(_THING_ASKS))
    if life.dice.chance(_RECEIVERS):
        for at_s in life.steadily(_RECEIVER_MISS_S):
            life.miss(at_s, "channel.status.request.url")
