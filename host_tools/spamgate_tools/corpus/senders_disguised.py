"""Senders that hide: behind a device's good record, another's address, stolen passwords, working hours, a new MAC."""

from dataclasses import replace
from functools import partial

from spamgate_tools.corpus import clean_people, clean_servers
from spamgate_tools.corpus.clean_life import MIDNIGHT_S
from spamgate_tools.corpus.facts import DAY_S, Call, Errand, ProxyOpened
from spamgate_tools.corpus.parameters import parameter
from spamgate_tools.corpus.senders_bot import Bot, Manner, by_mx, by_orders

_GUISE_CALLS = parameter("rotator.calls", 3, "connections a MAC", "assumed: a new one before any budget is spent")
_CUSTOMERS = parameter("proxy.customers", 4, "at a time", "assumed: open proxies are shared; each says its own HELO")
_OPENED_S = parameter("proxy.opened_before", (0.2, 3.0), "s", "assumed: the proxy connects as soon as it is told")
_STUFFED = parameter("stuffing.hosts", 40, "submission hosts", "assumed: lists are by account, and so by host")
_STUFFING_HITS = parameter("stuffing.hits", 0.01, "of passwords", "assumed: passwords used twice are few")
_STUFFING_TRIES = parameter("stuffing.tries", 400, "a home", "assumed: keeps runs small")
_ACCOUNTS = parameter("stolen.accounts", (6, 25), "submission hosts", "assumed: so many as one order brings")
_HOURS = parameter("mimic.hours", (9.0, 17.0), "o'clock", "assumed: office hours")
_WORKDAYS = 2
_MIMIC_TLS = parameter("mimic.tls", 0.9, "of servers", "assumed: as clean mailers, clean_routes.py")
_GRANTED_UNKNOWN = parameter(
    "granted_bot.unknown", (0.02, 0.35), "of recipients", "between rejected.low and B@bel 2012, drawn for each home"
)
GRANTED_HELO = "mail.family.example"


def after_long_life(bot: Bot) -> None:
    """Two months of mail by 587 and by a relay on port 25; then an infection, beside both."""
    clean_people.laptop(bot.life)
    clean_people.legacy_laptop(bot.life)
    bot.spam(Manner(by_mx))


def beside_client(bot: Bot) -> None:
    """A laptop whose mail client works on while the bot does."""
    clean_people.laptop(bot.life)
    bot.spam(Manner(by_mx))


def mimic(bot: Bot) -> None:
    """Says EHLO with one good name, TLS where it can, one sender, one recipient, in office hours."""
    helo = f"mail.office{bot.dice.whole(1, 999)}.example"
    manner = Manner(by_mx, helo=partial(_calling_itself, helo), sender=f"sales@{helo.partition('.')[2]}")
    midnight_s = bot.start_s - (bot.start_s - MIDNIGHT_S) % DAY_S
    for day in range(_WORKDAYS + 1):
        at_s = midnight_s + day * DAY_S + _HOURS[0] * 3600 + bot.dice.between(0, bot.wait_s)
        while at_s < midnight_s + day * DAY_S + _HOURS[1] * 3600:
            if at_s >= bot.start_s:
                bot.mail(at_s, replace(manner, starts_tls=bot.dice.chance(_MIMIC_TLS)))
            at_s += bot.wait_s * bot.dice.between(0.4, 1.6)


def open_proxy(bot: Bot) -> None:
    """Others connect to its proxy port and mail through it, each under a name of its own, to addresses they know."""
    names = [f"host{bot.dice.whole(1, 999)}.customer{number}.example" for number in range(_CUSTOMERS)]
    manners = [Manner(by_orders, helo=partial(_calling_itself, name)) for name in names]
    for at_s in bot.campaigns():
        bot.life.act(at_s - bot.life.between(_OPENED_S), ProxyOpened())
        bot.mail(at_s, bot.dice.pick(manners))


def _calling_itself(name: str, _domain: str) -> str:
    return name


def credential_stuffing(bot: Bot) -> None:
    """Tries passwords of others at submission hosts, and mails where one fits: no port 25 at all."""
    hosts = [bot.life.internet.relay(f"service{number}") for number in range(_STUFFED)]
    at_s = bot.start_s
    for _ in range(_STUFFING_TRIES):
        host = bot.dice.pick(hosts)
        fits = bot.dice.chance(_STUFFING_HITS)
        letters = (bot.letter("gross.example", Manner(by_mx)),) if fits else ()
        call = Call(host, 587, helo=bot.helo, starts_tls=True, login=fits, letters=letters)
        bot.life.run(at_s, Errand(bot.life.internet.ask_host(host), ((call,),)))
        at_s += bot.wait_s * bot.dice.between(0.4, 1.6)


def stolen_accounts(bot: Bot) -> None:
    """Mails with stolen passwords that fit, by each provider's own submission host: nothing is on port 25."""
    hosts = [bot.life.internet.relay(f"service{number}") for number in range(bot.life.whole(_ACCOUNTS))]
    for at_s in bot.campaigns():
        host = bot.dice.pick(hosts)
        letter = bot.letter(bot.life.internet.correspondent(bot.dice).name, Manner(by_mx))
        call = Call(host, 587, helo=bot.helo, starts_tls=True, login=True, letters=(letter,))
        bot.life.run(at_s, Errand(bot.life.internet.ask_host(host), ((call,),)))


def rotator(*bots: Bot) -> None:
    """A new MAC every few connections."""
    for bot in bots:
        at_s = bot.start_s
        for _ in range(_GUISE_CALLS):
            bot.mail(at_s, Manner(by_mx))
            at_s += bot.wait_s * bot.dice.between(0.4, 1.2)


def granted_server(bot: Bot) -> None:
    """The family's mail server, granted and used as such, is broken into."""
    clean_servers.family_server(bot.life)
    unknown = bot.life.between(_GRANTED_UNKNOWN)
    bot.spam(Manner(by_mx, helo=partial(_calling_itself, GRANTED_HELO), unknown=unknown))
