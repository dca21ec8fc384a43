"""Senders that mail straight to their victims' servers: by pace, by how they find servers, by how they speak."""

from dataclasses import replace

from spamgate_tools.corpus.facts import POLICY, REFUSED, SILENT, Call, Errand, Question, Reply
from spamgate_tools.corpus.internet import MailDomain, no_such_name
from spamgate_tools.corpus.parameters import parameter
from spamgate_tools.corpus.senders_bot import (
    SPAN_S,
    Bot,
    Manner,
    by_guess,
    by_mx,
    by_mx_v6,
    by_orders,
    by_own_resolver,
)

_LOW = parameter("rejected.low", 0.02, "of recipients", "assumed: a well-kept list")
_HIGH = parameter("rejected.high", 0.35, "of recipients", "Stringhini et al., B@bel, USENIX Security 2012")
_BULK = parameter("many_letters.letters", 50, "a connection", "assumed: below what servers take on one connection")
_CROWD = parameter("many_recipients.recipients", 100, "a letter", "RFC 5321 4.5.3.1.8: servers take at least 100")
_BULK_CALLS = parameter("bulk.calls", 12, "connections", "assumed: keeps runs small")
_RETRY_S = parameter(
    "queue_bot.retries", (600.0, 1800.0, 3600.0), "s", "assumed: bots with a queue exist to pass greylisting"
)
_GREYLISTED = parameter("queue_bot.greylisted", 0.3, "of servers", "assumed: so that the queue is of use")
_ORDERS_S = parameter("orders.every", 3600.0, "s", "assumed: asks for new orders by name, like anything else")
_CAPTURE = "capture spambot_2010-11-18, de-duplicated: 295 connections, 345 MX names"
_CAPTURED_SHARE = parameter("captured.share", 0.5, "of a home's letters", "about as many as the capture has, 295")
_CAPTURED_SILENT = parameter("captured.silent", 30 / 295, "of connections", _CAPTURE)
_CAPTURED_BANNER = parameter("captured.banner_refuses", 30 / 295, "of connections", _CAPTURE)
_CAPTURED_UNKNOWN = parameter("captured.unknown", 76 / 295, "of connections", _CAPTURE)
_CAPTURED_POLICY = parameter("captured.policy", 97 / 295, "of connections", _CAPTURE)
_CAPTURED_LATER = parameter("captured.later", 25 / 295, "of connections", _CAPTURE)
_CAPTURED_MISSES = parameter("captured.misses", 26 / 345, "of MX queries", _CAPTURE)
_CAPTURED_NO_SERVER = parameter("captured.refused", 0.02, "of connections", "assumed: hosts that run no mail server")
_LATER = Reply(451, "4.3.0 Temporary lookup failure")


def plain(bot: Bot) -> None:
    """MX, then one letter a connection."""
    bot.spam(Manner(by_mx))


def address_only(bot: Bot) -> None:
    """Guesses names of servers; some guesses do not exist, and a victim nobody guessed is skipped."""
    bot.spam(Manner(by_guess, at_large=0.0))


def orders(bot: Bot) -> None:
    """Calls addresses that came with its orders; asks DNS only for where the orders are."""
    _ask_for_orders(bot)
    bot.spam(Manner(by_orders))


def blind(bot: Bot) -> None:
    """All its DNS goes over HTTPS: connections appear out of nothing."""
    bot.spam(Manner(by_mx))


def public_resolver(bot: Bot) -> None:
    """Asks a resolver it brought along, by plain DNS that passes the gateway all the same."""
    bot.spam(Manner(by_mx))


def own_resolver(bot: Bot) -> None:
    """Asks the root itself."""
    bot.spam(Manner(by_own_resolver))


def ipv6(bot: Bot) -> None:
    """Mails servers with IPv6 only, by IPv6."""
    bot.spam(Manner(by_mx_v6, wants_v6=True))


def snowshoe(*bots: Bot) -> None:
    """Several devices of a home share one list, each of them slow."""
    for bot in bots:
        bot.spam(Manner(by_mx), 1 / len(bots))


def rejected_low(bot: Bot) -> None:
    """A list well kept."""
    bot.spam(Manner(by_mx, unknown=_LOW))


def rejected_high(bot: Bot) -> None:
    """A list bought, a third of it dead."""
    bot.spam(Manner(by_mx, unknown=_HIGH))


def impersonator(bot: Bot) -> None:
    """Says that it is the victim's own server."""
    bot.spam(Manner(by_mx, helo=lambda domain: f"mail.{domain}"))


def sealed(bot: Bot) -> None:
    """Begins TLS wherever it can: envelopes are unseen."""
    bot.spam(Manner(by_mx, starts_tls=True))


def many_letters(bot: Bot) -> None:
    """Few connections, many letters on each."""
    _bulk(bot, Manner(by_mx, letters=_BULK))


def many_recipients(bot: Bot) -> None:
    """Few letters, many recipients of each."""
    _bulk(bot, Manner(by_mx, recipients=_CROWD))


def one_provider(bot: Bot) -> None:
    """Its list is of one large provider's customers."""
    provider = bot.life.internet.large(bot.dice)
    for at_s in bot.campaigns():
        bot.mail(at_s, Manner(by_mx), provider)


def queueing(bot: Bot) -> None:
    """Comes back to servers that put it off."""
    bot.spam(Manner(by_mx, greylisted=_GREYLISTED, retry_s=_RETRY_S))


def captured(bot: Bot) -> None:
    """The bot of the capture: 295 connections in 63 seconds, most of them turned away."""
    for at_s in bot.campaigns(_CAPTURED_SHARE):
        domain = bot.life.internet.domain()
        if bot.dice.chance(_CAPTURED_MISSES):
            bot.life.ask(at_s, no_such_name(domain.name, 15))
        else:
            call = _as_captured(bot, domain)
            bot.life.run(at_s, Errand(by_mx(bot, domain, at_s)[0], ((call,),)))


def _as_captured(bot: Bot, domain: MailDomain) -> Call:
    """Return a connection that goes as one of the capture did."""
    manner = Manner(by_mx, sender="no-reply@watches.example")
    call = bot.call(domain.first, domain, manner)
    sought = bot.dice.between(0, 1)
    if (sought := sought - _CAPTURED_SILENT) < 0:
        return replace(call, outcome=SILENT)
    if (sought := sought - _CAPTURED_NO_SERVER) < 0:
        return replace(call, outcome=REFUSED)
    if (sought := sought - _CAPTURED_BANNER) < 0:
        return replace(call, banner=POLICY)
    if (sought := sought - _CAPTURED_UNKNOWN) < 0:
        return replace(call, letters=(bot.letter(domain.name, replace(manner, unknown=1.0)),))
    for share, reply in ((_CAPTURED_POLICY, POLICY), (_CAPTURED_LATER, _LATER)):
        if (sought := sought - share) < 0:
            recipient = call.letters[0].recipients[0][0]
            return replace(call, letters=(replace(call.letters[0], recipients=((recipient, reply),)),))
    return call


def _bulk(bot: Bot, manner: Manner) -> None:
    for number in range(_BULK_CALLS):
        bot.mail(bot.start_s + number * bot.wait_s * bot.dice.between(0.8, 1.2), manner)


def _ask_for_orders(bot: Bot) -> None:
    at_s = bot.start_s - 60
    place = bot.life.internet.ask_site("orders.cdn-static.example")
    while at_s < bot.start_s + SPAN_S:
        bot.life.ask(at_s, place, Question("cfg.cdn-static.example", 16))
        at_s += _ORDERS_S * bot.dice.between(0.8, 1.2)
