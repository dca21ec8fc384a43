"""Devices whose mail does not go: dead servers, broken DNS, half an IPv6, a wrong relay; and what owners do then."""

from dataclasses import replace

from spamgate_tools.corpus.clean_life import Life, contacts_within, owner_of
from spamgate_tools.corpus.clean_routes import (
    EXIM,
    FIXED_10_MIN,
    NO_QUEUE,
    NULLMAILER,
    POSTFIX,
    THREE_TRIES,
    Route,
    by_mx,
    by_relay,
    by_submission,
    letter,
    send,
    unasked,
)
from spamgate_tools.corpus.facts import (
    DAY_S,
    REFUSED,
    SERVFAIL,
    SILENT,
    A,
    Errand,
    Host,
    Letter,
    Question,
    Reply,
)
from spamgate_tools.corpus.internet import MailDomain, no_such_name
from spamgate_tools.corpus.parameters import parameter

_REPORTS = parameter("troubled.letters", (0.8, 4.0), "a day", "assumed: as of reporters whose mail goes")
_DEAD_FROM = parameter("dead.from", (0.0, 0.5), "of its time here", "assumed: from the start, or some day")
_DEAD_DAYS = parameter("dead.days", (1.0, 9.0), "days", "assumed: nobody misses a report for a week")
_RETRY_S = parameter("broken_dns.retry", (60.0, 900.0), "s", "assumed: firmware asks again every few minutes, for ever")
_BROKEN_DAYS = parameter("broken_dns.days", (0.3, 5.0), "days", "assumed: until the router is started anew")
_GUESSES = parameter(
    "new.relays_tried", (2, 4), "relays", "assumed: an owner tries the provider's, the mailbox's, another"
)
_TESTS = parameter("new.tests", (2, 6), "test letters a relay", "assumed: the button is pressed again and again")
_TEST_GAP_S = parameter("new.test_gap", (15.0, 240.0), "s", "assumed: until the screen says that it failed")
_REPORT_HOUR = parameter("troubled.report_hour", 2.5, "h", "assumed: at night")
_REPORT_SWAY_S = parameter("troubled.report_sway", 300.0, "s", "assumed: jobs take their time")
_DEAD_HOSTS = parameter("dead.hosts", (2, 3), "MX hosts", "assumed: one and its backup, or two")
_BROKEN_FROM = parameter("broken_dns.from", (0.0, 0.7), "of its time here", "assumed: any day")
_SAYS_NO = parameter("broken_dns.nxdomain", 0.5, "of devices", "assumed: half say no such name, half that they failed")
_PUT_OFF = parameter(
    "greylisted.contacts", (1, 4), "put off", "assumed: as greylisting.contacts, or several servers to be learned"
)
_FORGETS = parameter("greylisted.forgets", 0.2, "of letters", "assumed: another server of the pool, or too long ago")
_FIRST_TEST_S = parameter("new.first_test", (300.0, 7200.0), "s after joining", "assumed: it is being set up")
_NOBODY = parameter("new.nobody_listens", 0.3, "of wrong relays", "assumed: the wrong name or port")
_WRONG_PASSWORD = parameter("new.wrong_password", 0.28, "of wrong relays", "assumed: the others refuse to relay")
_TO_587 = parameter("new.ends_on_587", 0.33, "of owners", "assumed: those of old firmware cannot")
_MOVES = parameter("moved.when", (0.2, 0.8), "of its time here", "assumed: any day but the first and the last")
_NOTICES = parameter("moved.noticed_after", (0.05, 4.0), "days", "assumed: until somebody misses a report")
_UNSEEN_TLS = parameter("unseen.starttls", 0.5, "of devices", "assumed: half use the relay as found on port 25")

RELAYING_DENIED = Reply(554, "5.7.1 Relay access denied")
LOGIN_FIRST = Reply(530, "5.7.0 Authentication required")
NOT_YOURS = Reply(550, "5.7.60 Client does not have permissions to send as this sender")
_REFUSALS = (RELAYING_DENIED, LOGIN_FIRST, NOT_YOURS)


def _reports(life: Life) -> list[float]:
    return sorted([*life.nights(_REPORT_HOUR, _REPORT_SWAY_S), *life.seldom(life.between(_REPORTS))])


def _report(life: Life) -> tuple[Letter, ...]:
    return (letter(f"{life.name}@{life.place.family.name}", owner_of(life.place.mailbox)),)


def _trouble(life: Life) -> tuple[float, float]:
    """Return from when to when it is broken."""
    start_s = life.joins_s + life.between(_DEAD_FROM) * life.days * DAY_S
    return start_s, start_s + life.between(_DEAD_DAYS) * DAY_S


def _ended(route: Route, outcome: str) -> Route:
    return replace(route, calls=tuple(replace(call, outcome=outcome) for call in route.calls))


def dead_relay(life: Life) -> None:
    """The relay is switched off for days: every report waits in a queue that tries again, and again."""
    dice = life.dice
    queue = dice.pick((FIXED_10_MIN, POSTFIX, EXIM, NULLMAILER, THREE_TRIES))
    route = by_relay(life, life.internet.relay("closeddown"), dice.pick(("nas", "localhost", "pi.home.example")))
    _break_down(life, route, queue)


def dead_mx(life: Life) -> None:
    """The same with the two or three servers of the owner's own domain, tried in turn."""
    queue = life.dice.pick((POSTFIX, EXIM, NULLMAILER))
    domain = life.internet.domain(hosts=life.whole(_DEAD_HOSTS))
    _break_down(life, by_mx(life, domain, "pi.home.example", may_greylist=False), queue)


def _break_down(life: Life, route: Route, queue: tuple[float, ...]) -> None:
    start_s, end_s = _trouble(life)
    dead = _ended(route, life.dice.pick((REFUSED, SILENT)))
    for at_s in _reports(life):
        if not start_s <= at_s < end_s:
            send(life, at_s, route, _report(life), queue)
            continue
        calls = tuple(replace(call, letters=_report(life)) for call in route.calls)
        failing = tuple(replace(call, letters=_report(life)) for call in dead.calls)
        contacts = contacts_within(queue, end_s - at_s)
        life.run(at_s, Errand(route.questions, (failing,) * contacts + (calls,), queue))


def broken_dns(life: Life) -> None:
    """The resolver it was told of is gone: it asks for its relay every few minutes, with search domains, for days."""
    dice = life.dice
    relay = life.internet.relay("webhost")
    start_s = life.joins_s + life.between(_BROKEN_FROM) * life.days * DAY_S
    end_s = start_s + life.between(_BROKEN_DAYS) * DAY_S
    says_no = dice.chance(_SAYS_NO)
    at_s, wait_s = start_s, life.between(_RETRY_S)
    while at_s < min(end_s, life.place.seconds):
        for name in (relay.name, f"{relay.name}.home.example"):
            life.ask(at_s, no_such_name(name) if says_no else Question(name, A, SERVFAIL))
        at_s += wait_s
    route = by_relay(life, relay, "heating", login=True)
    for report_s in _reports(life):
        if not start_s <= report_s < end_s:
            send(life, report_s, route, _report(life), THREE_TRIES)


def half_ipv6(life: Life) -> None:
    """Its relay has both addresses and the home's IPv6 leads nowhere: each letter fails over IPv6 first."""
    dice = life.dice
    domain = life.internet.domain(dual=True)
    fourth, sixth = domain.exchanges
    relay = MailDomain(
        domain.name, (Host(f"smtp.{domain.name}", sixth.address), Host(f"smtp.{domain.name}", fourth.address))
    )
    route = by_relay(life, relay.exchanges[1], "nas.home.example", login=True)
    dead = replace(route.calls[0], host=relay.first, outcome=dice.pick((SILENT, REFUSED)))
    both = Route(life.internet.ask_host(relay.first, relay), (dead, route.calls[0]))
    for at_s in _reports(life):
        send(life, at_s, both, _report(life), dice.pick((NO_QUEUE, POSTFIX)))


def greylisted(life: Life) -> None:
    """A NAS that mails straight to a small domain whose server puts every new pair of addresses off."""
    dice = life.dice
    domain = life.internet.domain(hosts=2)
    queue = dice.pick((POSTFIX, EXIM, FIXED_10_MIN, THREE_TRIES))
    helo = dice.pick(("nas", "nas.home.example", "localhost"))
    route = replace(by_mx(life, domain, helo, may_greylist=False), put_off=life.whole(_PUT_OFF))
    first = route.put_off
    for at_s in _reports(life):
        route = send(life, at_s, route, _report(life), queue)
        if dice.chance(_FORGETS):
            route = replace(route, put_off=first)


def first_relays(life: Life) -> None:
    """Installed today: the owner tries relays until one takes the mail, pressing the test button each time."""
    dice = life.dice
    at_s = life.joins_s + life.between(_FIRST_TEST_S)
    helo = dice.pick(("printer", "nas", "localhost", "192.168.77.80", "IPCamera"))
    tried = life.whole(_GUESSES)
    names = ["homeprovider", "webpost", "oldprovider", "officemail", "webhost"]
    first = dice.whole(0, len(names) - 1)
    route = by_relay(life, life.internet.relay(names[first]), helo)
    for number in range(tried):
        relay = life.internet.relay(names[(first + number) % len(names)])
        route = _unlucky(life, by_relay(life, relay, helo)) if number < tried - 1 else _settled(life, relay, helo)
        for _ in range(life.whole(_TESTS)):
            send(life, at_s, route, _test_letter(life, route), NO_QUEUE)
            at_s += life.between(_TEST_GAP_S)
    for report_s in _reports(life):
        if report_s > at_s:
            send(life, report_s, route, _report(life), NO_QUEUE)


def _unlucky(life: Life, route: Route) -> Route:
    """Return a relay that does not want the device's mail: a wrong password, no relaying, or nobody listens."""
    dice = life.dice
    if dice.chance(_NOBODY):
        return _ended(route, dice.pick((REFUSED, SILENT)))
    if dice.chance(_WRONG_PASSWORD / (1 - _NOBODY)):
        port = dice.pick((25, 587, 587))
        return replace(route, calls=tuple(replace(call, port=port, login=False) for call in route.calls))
    return route


def _test_letter(life: Life, route: Route) -> tuple[Letter, ...]:
    """Relays that know neither the sender nor a password refuse each recipient."""
    fine = _report(life)
    call = route.calls[0]
    if call.login is not None or call.host == life.place.provider_relay:
        return fine
    refusal = life.dice.pick(_REFUSALS)
    return (replace(fine[0], recipients=tuple((name, refusal) for name, _ in fine[0].recipients)),)


def _settled(life: Life, relay: Host, helo: str) -> Route:
    """Return what works in the end: port 25 or 587 of the last relay, with a password unless it is the provider's."""
    if relay == life.place.provider_relay:
        return by_relay(life, relay, helo)
    port = 587 if life.dice.chance(_TO_587) else 25
    return by_relay(life, relay, helo, port=port, login=True, starts_tls=port == 587)


def moved_provider(life: Life) -> None:
    """The owner changes providers: on one day the old relay stops taking its mail, some days later a new one is set."""
    dice = life.dice
    helo = dice.pick(("nas.home.example", "printer", "localhost"))
    old = by_relay(life, life.place.provider_relay, helo)
    new = _settled(life, life.internet.relay("newprovider"), helo)
    change_s = life.joins_s + life.between(_MOVES) * life.days * DAY_S
    set_s = change_s + life.between(_NOTICES) * DAY_S
    for at_s in _reports(life):
        if at_s < change_s:
            send(life, at_s, old, _report(life), THREE_TRIES)
        elif at_s < set_s:
            refused = (replace(_report(life)[0], recipients=((owner_of(life.place.mailbox), RELAYING_DENIED),)),)
            send(life, at_s, old, refused, THREE_TRIES)
        else:
            send(life, at_s, new, _report(life), THREE_TRIES)


def unseen_relay(life: Life) -> None:
    """A reporter that asks for its relay by DNS over HTTPS: on port 25, to an address nobody has seen."""
    relay = life.internet.relay(life.dice.pick(("webhost", "oldprovider")))
    route = unasked(by_relay(life, relay, "hub.home.example", login=True, starts_tls=life.dice.chance(_UNSEEN_TLS)))
    for at_s in _reports(life):
        send(life, at_s, route, _report(life), THREE_TRIES)


def dead_587(life: Life) -> None:
    """Its submission server on 587 is down for a day: it tries again every ten minutes."""
    route = by_submission(life, "webhost", "nas")
    _break_down(life, route, FIXED_10_MIN)
