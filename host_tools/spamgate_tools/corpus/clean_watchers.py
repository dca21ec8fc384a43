"""What looks at mail servers rather than sending mail, and the resolver that asks for everybody."""

from spamgate_tools.corpus.clean_life import Life, owner_of
from spamgate_tools.corpus.clean_routes import by_submission, letter, send
from spamgate_tools.corpus.facts import MX, OPEN, REFUSED, SILENT, TXT, Call, Errand, Host, Question
from spamgate_tools.corpus.internet import no_such_name
from spamgate_tools.corpus.parameters import parameter

_WATCHED = parameter("monitor.servers", (1, 4), "own mail servers", "assumed: one's own, a club's, an office's")
_CHECK_S = parameter(
    "monitor.period", (60.0, 900.0), "s", "Nagios: check_interval 5 min by default; others 1 to 15 min"
)
_DOWN = parameter("monitor.down", 0.15, "a day", "assumed: it is there for that")
_DOWN_S = parameter("monitor.down_for", (300.0, 14400.0), "s", "assumed: from a restart to a bad night")
_MONITOR_TLS = parameter("monitor.starttls", 0.4, "of monitors", "assumed: those that check certificates")
_MONITOR_ASKS = parameter("monitor.lookups", 0.3, "of probes", "assumed: otherwise the system remembers")
_SCAN_GAP_S = parameter("scanner.gap", 0.3, "s", "assumed: nmap would be faster, a careful owner is not")
_SCAN_NETWORKS = parameter("scanner.networks", 3, "networks", "assumed: a small company's")
_OWNER_ASKS = parameter("watchers.lookups", 15.0, "a day", "assumed: thin on purpose")
_DIG_GAP_S = parameter("tinkerer.gap", (2.0, 40.0), "s", "assumed: typed, or a script with pauses")
_SCANS = parameter("scanner.scans", 0.4, "a day", "assumed: of an owner who tries tools, or works in the field")
_SCANNED = parameter("scanner.addresses", (40, 250), "addresses", "assumed: a company's few networks")
_DIGS = parameter("tinkerer.sessions", 0.3, "a day", "assumed: somebody looks after a few domains' mail")
_DUG = parameter("tinkerer.domains", (3, 25), "domains", "assumed: a few customers' or clubs'")
_TALKS = parameter("tinkerer.by_hand", 0.4, "of sessions", "assumed: then talks to one of these servers by hand")
_RESOLVED = parameter("resolver.lookups", (120, 300), "a day", "assumed: thin, as those it asks for")
_RESOLVED_MX = parameter("resolver.mx", 0.04, "of look-ups", "assumed: of mail servers and filters behind it")
_RESOLVED_MISSES = parameter("resolver.misses", 0.12, "of look-ups", "BlueCat 2020: 16 % at one device, none at others")


def monitor(life: Life) -> None:
    """Opens port 25 of a few own servers every few minutes, says HELO and leaves; writes when one is down."""
    dice = life.dice
    place = life.place
    domains = [life.internet.domain() for _ in range(life.whole(_WATCHED))]
    period_s = max(life.between(_CHECK_S), _CHECK_S[0] * len(domains))
    route = by_submission(life, "webpost", "monitor.home.example")
    for number, domain in enumerate(domains):
        outages = [(at_s, at_s + life.between(_DOWN_S)) for at_s in life.seldom(_DOWN)]
        host = Host(f"mail.{domain.name}", domain.first.address)
        starts_tls = dice.chance(_MONITOR_TLS)
        for at_s in life.steadily(period_s):
            outcome = dice.pick((REFUSED, SILENT)) if any(a <= at_s < b for a, b in outages) else OPEN
            call = Call(host, 25, outcome, helo="monitor.home.example", starts_tls=starts_tls)
            questions = life.internet.ask_host(host) if dice.chance(_MONITOR_ASKS) else ()
            life.run(at_s + number, Errand(questions, ((call,),)))
        for start_s, _ in outages:
            send(life, start_s + 60, route, (letter("monitor@family.example", owner_of(place.mailbox)),))


def scanner(life: Life) -> None:
    """The owner runs a port scanner at port 25 of a company's networks: that is what a worm does, and says so."""
    dice = life.dice
    life.browse(_OWNER_ASKS)
    for start_s in life.awake(_SCANS):
        hosts = [life.internet.domain().first for _ in range(int(_SCAN_NETWORKS))]
        for number in range(life.whole(_SCANNED)):
            near = dice.pick(hosts).address
            host = Host("", near[:3] + bytes((number % 254 + 1,)))
            outcome = dice.pick((OPEN, REFUSED, SILENT, SILENT))
            life.run(start_s + number * _SCAN_GAP_S, Errand((), ((Call(host, 25, outcome, helo="scanner.invalid"),),)))


def tinkerer(life: Life) -> None:
    """Asks for the MX and TXT of many domains and for the home's address in lists; talks to a server by hand."""
    dice = life.dice
    life.browse(_OWNER_ASKS)
    for start_s in life.awake(_DIGS):
        at_s = start_s
        domains = [life.internet.correspondent(dice) for _ in range(life.whole(_DUG))]
        for domain in domains:
            life.ask(at_s, Question(domain.name, MX, hosts=domain.exchanges), Question(domain.name, TXT))
            at_s += life.between(_DIG_GAP_S)
        for zone in ("zen.list.example", "bl.check.example", "multi.uri.example"):
            life.ask(at_s, no_such_name(f"77.113.0.203.{zone}"))
        if dice.chance(_TALKS):
            host = life.place.family.first
            call = Call(
                host, 25, helo="test", letters=(letter(owner_of(life.place.mailbox), owner_of(life.place.family)),)
            )
            life.run(at_s + 60, Errand(life.internet.ask_mx(life.place.family), ((call,),)))


def resolver(life: Life) -> None:
    """A filtering resolver: what everybody asks for goes out under its name, MX of mailers and gone names included."""
    dice = life.dice
    for at_s in life.awake(life.between(_RESOLVED)):
        if dice.chance(_RESOLVED_MX):
            domain = life.internet.correspondent(dice)
            life.ask(at_s, *life.internet.ask_mx(domain))
        elif dice.chance(_RESOLVED_MISSES):
            life.miss(at_s, "".join(chr(97 + dice.whole(0, 25)) for _ in range(life.letters())))
        else:
            life.ask(at_s, dice.pick(life.place.sites))
