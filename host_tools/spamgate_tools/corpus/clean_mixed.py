"""Devices that are several in one: a router with a network of its own, a host of containers; an office's scanner."""

from spamgate_tools.corpus import clean_people as people
from spamgate_tools.corpus import clean_reporters as reporters
from spamgate_tools.corpus.clean_life import Life, owner_of
from spamgate_tools.corpus.clean_routes import NO_QUEUE, THREE_TRIES, Route, by_relay, letter, send
from spamgate_tools.corpus.facts import KNOWN, UNKNOWN, Letter
from spamgate_tools.corpus.parameters import parameter

_BEHIND = parameter(
    "second_router.devices", (3, 6), "devices", "assumed: a flat let, an office, the old Wi-Fi upstairs"
)
_CONTAINERS = parameter("containers.mailing", (2, 5), "containers", "assumed: files, passwords, code, photos, a forum")
_LETTERS = parameter("containers.letters", (0.1, 2.5), "a day", "assumed: each")
_RESTARTS = parameter(
    "containers.restarts", 0.12, "a day", "assumed: about weekly updates; a container's host name is new then (Docker)"
)
_NAMED = parameter("containers.named", 0.4, "of containers", "assumed: somebody set a host name")
_FOREIGN = parameter("containers.other_relay", 0.35, "of containers", "assumed: set up on another day than the others")
_SCANS = parameter("direct_send.scans", (0.3, 8.0), "a day", "assumed: a home office")
_COLLEAGUES = parameter("direct_send.people", (1, 12), "people", "assumed: an office's address book")
_LEFT = parameter("direct_send.unknown", 0.03, "of recipients", "assumed: people who have left the office")
_HEX = "0123456789abcdef"


def second_router(life: Life) -> None:
    """A router behind the router: all that lives there has its address, several mail programs among them."""
    kinds = (
        people.phone,
        people.laptop,
        people.legacy_laptop,
        reporters.printer_25,
        reporters.nas_25,
        reporters.camera_25,
        reporters.nas_587,
    )
    people.legacy_laptop(life)
    for _ in range(life.whole(_BEHIND) - 1):
        life.dice.pick(kinds)(life)


def container_host(life: Life) -> None:
    """Programs in containers: each has a host name of its own, made anew with each update, and maybe its own relay."""
    for number in range(life.whole(_CONTAINERS)):
        _container(life, number)


def _container(life: Life, number: int) -> None:
    dice = life.dice
    relay = life.place.provider_relay
    login = None
    if dice.chance(_FOREIGN):
        relay, login = life.internet.relay(dice.pick(("webhost", "oldprovider", "webpost"))), True
    helo = f"app{number}.home.example" if dice.chance(_NAMED) else ""
    restarts = life.seldom(_RESTARTS)
    queue = dice.pick((NO_QUEUE, THREE_TRIES))
    made = by_relay(life, relay, helo or _container_name(life), login=login, starts_tls=bool(login))
    for at_s in life.seldom(life.between(_LETTERS)):
        if restarts and restarts[0] < at_s:
            restarts = [later for later in restarts if later >= at_s]
            made = made if helo else by_relay(life, relay, _container_name(life), login=login, starts_tls=bool(login))
        send(life, at_s, made, (letter(f"app{number}@family.example", owner_of(life.place.mailbox)),), queue)


def _container_name(life: Life) -> str:
    return "".join(life.dice.pick(_HEX) for _ in range(12))


def direct_send(life: Life) -> None:
    """An office's scanner at home: port 25 of the office's own MX by its name, as both large hosters of mail advise.

    Microsoft calls it direct send, Google the restricted SMTP server; neither asks for a password.
    """
    dice = life.dice
    life.call_home(1)
    office = life.internet.larges[dice.whole(0, 1)]
    helo = dice.pick(("BRN30055C1A2B3C", "scanner", "KM4F21C9"))
    host = office.first
    route = Route(life.internet.ask_host(host), by_relay(life, host, helo).calls)
    people_there = life.whole(_COLLEAGUES)
    for at_s in life.awake(life.between(_SCANS)):
        reply = UNKNOWN if dice.chance(_LEFT) else KNOWN
        names = ((f"colleague{dice.whole(1, people_there)}@office.example", reply),)
        send(life, at_s, route, (Letter("scanner@office.example", names),), NO_QUEUE)
