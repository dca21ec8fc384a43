"""What mails by itself: NAS, printers, cameras, alarm panels, UPS, routers, inverters; with or without a queue."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from spamgate_tools.corpus.clean_life import Life, behind_others, owner_of
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
from spamgate_tools.corpus.facts import DAY_S, UNKNOWN, Host, Letter, ProxyOpened, Reply
from spamgate_tools.corpus.internet import MailDomain
from spamgate_tools.corpus.parameters import parameter

Span = tuple[float, ...]
Spoilt = tuple[float, float, Reply]
NEVER_SPOILT: Spoilt = (0.0, 0.0, UNKNOWN)

_ASKS_ONCE = parameter(
    "reporters.ask_at_start_only", 0.15, "of devices", "assumed: embedded mail clients keep the first address for weeks"
)
_TYPED_IN = parameter(
    "reporters.address_typed_in", 0.06, "of devices", "assumed: owners enter what works, here numbers"
)
_HELO_IS_OWNERS = parameter(
    "reporters.helo_is_owner_domain", 0.08, "of devices", "assumed: a field named domain gets the owner's mail domain"
)
_ROUND_ROBIN = parameter(
    "relay.round_robin", 0.4, "of foreign relays", "assumed: one name, several addresses in several networks"
)
_ROUND_ROBIN_ADDRESSES = parameter(
    "relay.addresses", (2, 5), "addresses", "assumed: as the outgoing servers of web hosts have"
)
_OPENED = parameter(
    "exposed.share", 0.15, "of NAS and cameras", "assumed: a web page on 8080 is forwarded, by hand or UPnP"
)
_OPENED_A_DAY = parameter(
    "exposed.visits",
    (2.0, 40.0),
    "a day",
    "Weber 2016: 1,018 scanners at a home line in a day, 1,167 ports; share of 8080 assumed",
)
_AT_PROVIDER = parameter(
    "reporters.provider_relay", 0.55, "of those on port 25", "assumed: the others use a web host's"
)
_NO_LOGIN = parameter(
    "reporters.no_login", 0.2, "of those at a web host", "assumed: the home's address is entered there"
)
_RELAY_TLS = parameter(
    "reporters.starttls", 0.7, "of those with a password", "assumed: a box that is ticked by default"
)
_OWN_DOMAIN = parameter(
    "reporters.own_domain", 0.65, "of those straight to MX", "assumed: the others to a large provider"
)
_MX_TLS = parameter("reporters.mx_starttls", 0.5, "of those straight to MX", "assumed: old firmware does not")
_BACK = parameter("reporters.report_power", 0.6, "of reporters", "assumed: powered on again, they say so")
_BOTH_WAYS = parameter(
    "inverter.owner_too", 0.5, "of inverters", "assumed: a copy to the owner, by the provider's relay"
)
_NIGHT_SWAY_S = parameter("reporters.night_sway", 120.0, "s", "assumed: timers drift, jobs take their time")
_SPOILT = parameter("reporters.spoilt", 0.1, "of those straight to MX", "assumed: an address was given up, or is full")
_SPOILT_FROM = parameter("reporters.spoilt_from", (0.0, 0.8), "of its time here", "assumed: any day")
_SPOILT_DAYS = parameter("reporters.spoilt_for", (1.0, 12.0), "days", "assumed: nobody misses the mail of a device")
_FULL = (Reply(452, "4.2.2 The email account is over quota"), Reply(552, "5.2.2 Mailbox full"))
_LOOKUPS = parameter("reporters.lookups", (4, 14), "a day", "assumed: the maker's names, thin on purpose")
_BOTH = parameter("reporters.second_recipient", 0.4, "of devices", "assumed: two people want to know")


@dataclass(frozen=True)
class Habits:
    """One kind of reporter.  Rates are drawn for each device; `nightly_hour` < 0: no nightly report."""

    helos: tuple[str, ...]
    per_day: Span = (0.0, 0.5)
    nightly_hour: float = -1.0
    bursts_per_day: float = 0.0
    burst: Span = (1, 1)
    burst_gap_s: Span = (1.0, 20.0)
    letter_s: Span = (0.2, 0.8)
    queues: tuple[tuple[float, ...], ...] = (NO_QUEUE,)
    may_be_exposed: bool = False


_NAS = Habits(
    ("nas", "DiskStation", "localhost", "nas.home.example", "TS-453"),
    per_day=parameter("nas.events", (0.05, 0.8), "a day", "assumed: updates, logins, disks"),
    nightly_hour=parameter("nas.report_hour", 3.2, "h", "assumed: backup reports at night"),
    bursts_per_day=parameter("nas.bursts", 0.03, "a day", "assumed: a disk fails, a backup job loops"),
    burst=parameter("nas.burst", (5, 40), "letters", "assumed: one a warning"),
    queues=(NO_QUEUE, THREE_TRIES, POSTFIX),
    may_be_exposed=True,
)
_PRINTER = Habits(
    ("BRN30055C1A2B3C", "printer", "192.168.77.60", "MFP-Flur.home.example"),
    per_day=parameter("printer.scans", (0.1, 3.0), "a day", "assumed: a household's paper"),
    bursts_per_day=parameter("printer.bursts", 0.08, "a day", "assumed: somebody files the year's papers"),
    burst=parameter("printer.burst", (4, 30), "letters", "assumed: one a document"),
    burst_gap_s=parameter("printer.burst_gap", (15.0, 90.0), "s", "assumed: a document is put in"),
    letter_s=parameter("printer.seconds", (1.0, 6.0), "s a letter", "assumed: megabytes"),
)
_CAMERA = Habits(
    ("localhost", "IPCamera", "camera.home.example", "IPC"),
    per_day=parameter("camera.motion", (0.5, 20.0), "a day", "assumed: people come and go"),
    bursts_per_day=parameter("camera.bursts", 0.2, "a day", "assumed: wind, spiders, headlights"),
    burst=parameter("camera.burst", (15, 150), "letters", "assumed: one a minute at most models, some one in 5 s"),
    burst_gap_s=parameter("camera.burst_gap", (5.0, 70.0), "s", "assumed: the shortest pause that can be set"),
    letter_s=parameter("camera.seconds", (0.6, 5.0), "s a letter", "assumed: a picture or ten"),
    queues=(NO_QUEUE, NO_QUEUE, THREE_TRIES),
    may_be_exposed=True,
)
_PANEL = Habits(
    ("alarm-panel", "localhost", "ALARM", "panel.home.example"),
    per_day=parameter("panel.events", (0.3, 6.0), "a day", "assumed: armed and disarmed"),
    bursts_per_day=parameter("panel.bursts", 0.06, "a day", "assumed: a cellar floods, the mains fail, a test"),
    burst=parameter("panel.burst", (20, 250), "letters", "assumed: each sensor, again and again"),
    burst_gap_s=parameter("panel.burst_gap", (0.2, 4.0), "s", "assumed: up to 300 a minute"),
)
_UPS = Habits(
    ("ups", "apcups.home.example", "UPS-4711"),
    per_day=parameter("ups.events", (0.0, 0.3), "a day", "assumed: self-tests"),
    bursts_per_day=parameter("ups.bursts", 0.12, "a day", "assumed: the mains flicker"),
    burst=parameter("ups.burst", (3, 16), "letters", "assumed: on battery, on line, on battery"),
    burst_gap_s=parameter("ups.burst_gap", (2.0, 60.0), "s", "assumed: transfers follow each other as the mains do"),
    queues=(NO_QUEUE, THREE_TRIES),
)
_ROUTER = Habits(
    ("fritz.box", "router", "openwrt.home.example"),
    per_day=parameter("router.events", (0.1, 1.5), "a day", "assumed: calls on the answering machine, new devices"),
    nightly_hour=parameter("router.report_hour", 0.1, "h", "assumed: the day's push mail"),
    queues=(THREE_TRIES, FIXED_10_MIN),
)
_INVERTER = Habits(
    ("SB5000TL", "webbox", "inverter"),
    per_day=parameter("inverter.events", (0.0, 0.1), "a day", "assumed: the device is dull"),
    nightly_hour=parameter("inverter.report_hour", 21.5, "h", "assumed: the day's yield, after sunset"),
    bursts_per_day=parameter("inverter.bursts", 0.03, "a day", "assumed: the grid's voltage is too high"),
    burst=parameter("inverter.burst", (3, 20), "letters", "assumed: the voltage hovers at the limit"),
    queues=(NO_QUEUE, FIXED_10_MIN),
)
_CRON = Habits(
    ("raspberrypi", "pi.home.example", "debian", "localhost.localdomain", "truenas.local"),
    per_day=parameter("cron.events", (0.1, 2.0), "a day", "assumed: updates to install, disks, failed units"),
    nightly_hour=parameter("cron.report_hour", 6.42, "h", "Debian /etc/crontab: 06:25 daily"),
    bursts_per_day=parameter("cron.bursts", 0.05, "a day", "assumed: a job a minute that complains each time"),
    burst=parameter("cron.burst", (20, 180), "letters", "assumed: until somebody looks, one a minute"),
    burst_gap_s=parameter("cron.burst_gap", (59.0, 61.0), "s", "crontab(5): a job a minute"),
    queues=(POSTFIX, EXIM, NULLMAILER),
)


def _route(life: Life, relay: Host, helo: str, login: bool | None) -> list[Route]:
    """Return the ways to a relay: one, or one for each of its addresses."""
    route = by_relay(life, relay, helo, login=login, starts_tls=bool(login) and life.dice.chance(_RELAY_TLS))
    if relay == life.place.provider_relay or not life.dice.chance(_ROUND_ROBIN):
        return [route]
    count = life.whole(_ROUND_ROBIN_ADDRESSES)
    hosts = tuple(Host(relay.name, life.internet.domain().first.address) for _ in range(count))
    questions = tuple(replace(question, hosts=hosts) for question in route.questions)
    return [Route(questions, (replace(route.calls[0], host=host),)) for host in hosts]


def _name(life: Life, habits: Habits) -> str:
    if life.dice.chance(_HELO_IS_OWNERS):
        return life.place.family.name
    return life.dice.pick(habits.helos)


def _as_asked(life: Life, routes: list[Route]) -> list[Route]:
    """Some devices ask DNS once, some never."""
    if life.dice.chance(_TYPED_IN):
        return [unasked(routes[0])]
    if life.dice.chance(_ASKS_ONCE):
        life.ask(life.joins_s + 5, *routes[0].questions)
        return [unasked(routes[0])]
    return routes


def _live(
    life: Life, habits: Habits, routes: list[Route], recipients: tuple[str, ...], spoilt: Spoilt = NEVER_SPOILT
) -> None:
    """Nightly reports, single events, and bursts."""
    dice = life.dice
    life.call_home(life.between(_LOOKUPS))
    queue = dice.pick(habits.queues)
    letters = (letter(f"{life.name}@{life.place.family.name}", *recipients),)
    letter_s = life.between(habits.letter_s)
    for at_s, is_late in _times(life, habits):
        at = dice.whole(0, len(routes) - 1)
        waits = behind_others(queue) if is_late else queue
        start_s, end_s, reply = spoilt
        said = _refused(letters, reply) if start_s <= at_s < end_s else letters
        routes[at] = send(life, at_s, routes[at], said, waits, letter_s)
    if habits.may_be_exposed and dice.chance(_OPENED):
        for at_s in life.seldom(life.between(_OPENED_A_DAY)):
            life.act(at_s, ProxyOpened(8080))


def _times(life: Life, habits: Habits) -> list[tuple[float, bool]]:
    """Return when it reports, and whether that is one more letter of a burst."""
    times = [(at_s, False) for at_s in life.seldom(life.between(habits.per_day))]
    if habits.nightly_hour >= 0:
        times += [(at_s, False) for at_s in life.nights(habits.nightly_hour, _NIGHT_SWAY_S)]
    if life.dice.chance(_BACK):
        times += [(at_s, False) for at_s in life.reboots()]
    for start_s in life.seldom(habits.bursts_per_day):
        gap_s = life.between(habits.burst_gap_s)
        times += [(start_s + number * gap_s, number > 0) for number in range(life.whole(habits.burst))]
    return sorted(times)


def _spoil(life: Life) -> Spoilt:
    """Return from when to when the owner's address is gone or full, as its servers say."""
    if not life.dice.chance(_SPOILT):
        return NEVER_SPOILT
    start_s = life.joins_s + life.between(_SPOILT_FROM) * life.days * DAY_S
    return start_s, start_s + life.between(_SPOILT_DAYS) * DAY_S, life.dice.pick((UNKNOWN, *_FULL))


def _refused(letters: tuple[Letter, ...], reply: Reply) -> tuple[Letter, ...]:
    return tuple(replace(one, recipients=tuple((name, reply) for name, _ in one.recipients)) for one in letters)


def _recipients(life: Life) -> tuple[str, ...]:
    place = life.place
    if life.dice.chance(_BOTH):
        return (owner_of(place.family), owner_of(place.mailbox))
    return (owner_of(life.dice.pick((place.family, place.mailbox))),)


def _by_587(habits: Habits) -> Callable[[Life], None]:
    def live(life: Life) -> None:
        provider = life.dice.pick(("webpost", "homeprovider", "officemail"))
        route = by_submission(life, provider, _name(life, habits))
        _live(life, habits, _as_asked(life, [route]), _recipients(life))

    return live


def _by_25(habits: Habits) -> Callable[[Life], None]:
    """The provider's relay without a password, or another's with one."""

    def live(life: Life) -> None:
        is_own = life.dice.chance(_AT_PROVIDER)
        relay = life.place.provider_relay if is_own else life.internet.relay(life.dice.pick(("webhost", "oldprovider")))
        login = None if is_own or life.dice.chance(_NO_LOGIN) else True
        routes = _route(life, relay, _name(life, habits), login)
        _live(life, habits, _as_asked(life, routes), _recipients(life))

    return live


def _by_mx(habits: Habits) -> Callable[[Life], None]:
    """Straight to the mail servers of the owner's own domain, or of the mailbox at a large provider."""

    def live(life: Life) -> None:
        domain = life.place.family if life.dice.chance(_OWN_DOMAIN) else life.place.mailbox
        route = by_mx(life, domain, _name(life, habits), knows_tls=life.dice.chance(_MX_TLS))
        _live(life, habits, [route], (owner_of(domain),), _spoil(life))

    return live


def inverter(life: Life) -> None:
    """The day's yield to its maker's portal, straight to the maker's server, and to the owner by a relay."""
    maker = life.internet.domain()
    helo = life.dice.pick(_INVERTER.helos)
    _live(life, _INVERTER, [by_mx(life, maker, helo, knows_tls=False)], (f"yield@{maker.name}",))
    if life.dice.chance(_BOTH_WAYS):
        queue = life.dice.pick(_INVERTER.queues)
        route = by_relay(life, life.place.provider_relay, helo)
        for at_s in life.nights(_INVERTER.nightly_hour, _NIGHT_SWAY_S):
            send(life, at_s, route, (letter(f"{helo}@{life.place.family.name}", *_recipients(life)),), queue)


def cron_mx(life: Life) -> None:
    """A small Linux box whose mail program was never told of a relay: root's mail goes to the owner's address."""
    _report_to(life, (life.dice.pick((life.place.family, life.place.mailbox)),))


def cron_mx_two(life: Life) -> None:
    """The same, with two owners at unrelated providers: a mail server that nobody granted, though a small one."""
    _report_to(life, (life.place.family, life.place.mailbox))


def _report_to(life: Life, domains: tuple[MailDomain, ...]) -> None:
    helo = _name(life, _CRON)
    for domain in domains:
        _live(life, _CRON, [by_mx(life, domain, helo)], (owner_of(domain),), _spoil(life))


nas_587, nas_25, nas_mx = _by_587(_NAS), _by_25(_NAS), _by_mx(_NAS)
printer_587, printer_25 = _by_587(_PRINTER), _by_25(_PRINTER)
camera_587, camera_25, camera_mx = _by_587(_CAMERA), _by_25(_CAMERA), _by_mx(_CAMERA)
panel_25, ups_25, ups_mx = _by_25(_PANEL), _by_25(_UPS), _by_mx(_UPS)
router_587, router_25 = _by_587(_ROUTER), _by_25(_ROUTER)
cron_25 = _by_25(_CRON)
