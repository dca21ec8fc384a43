"""Senders whose author has read the firmware: every weight, limit and window of spamgate.core.

What they use, as the engine stood on 2026-11-23: a server looked up by its own name is no exchange to the engine, so
neither MX query nor MX connection is seen (all carry the names of exchanges of large providers).  A provider that took
mail a day ago is an old friend: neither recipients nor messages count there any more, and it stays open to a throttled
device.  A password that fits makes a friend at once.
"""

from dataclasses import replace

from spamgate_tools.corpus.facts import DAY_S, Errand
from spamgate_tools.corpus.internet import MailDomain
from spamgate_tools.corpus.parameters import parameter
from spamgate_tools.corpus.senders_bot import Bot, Manner, by_host_name

_QUIET = parameter(
    "groomer.first_day",
    4,
    "letters",
    "core/dialogue: five strangers a day are one too many; DESIGN 5: five are contained",
)
_PAST_S = parameter("groomer.past", 25 * 3600.0, "s", "core/contacts: a past begins a day after the first contact")
_FLOOD_LETTERS = parameter("groomer.letters", 300, "a home", "assumed: keeps runs small")
_DAILY = parameter("accountant.letters", 19, "letters a day", "core/dialogue: twenty strangers are a mass mailing")
_FRIENDS = parameter("accountant.providers", 4, "providers", "core/mail: a fifth in a day is a wide fan-out")
_HELO = "mail.webshop.example"  # a steady host name


def _manner() -> Manner:
    """Nothing about HELO, sender or recipients stands out."""
    return Manner(by_host_name, helo=lambda _: _HELO, sender="orders@webshop.example")


def groomer(bot: Bot) -> None:
    """Makes one large provider an old friend with four letters, waits for a day, then mails as it likes."""
    friend = bot.life.internet.large(bot.dice)
    for number in range(_QUIET):
        bot.mail(bot.start_s + number * bot.dice.between(3000, 5000), _manner(), friend)
    at_s = bot.start_s + _PAST_S
    for _ in range(_FLOOD_LETTERS):
        bot.mail(at_s, _manner(), friend)
        at_s += bot.wait_s * bot.dice.between(0.4, 1.6)


def accountant(bot: Bot) -> None:
    """Adds up its own evidence and stops short: four providers, nineteen recipients a day, for days."""
    friends: list[MailDomain] = []
    while len(friends) < _FRIENDS:
        provider = bot.dice.pick(bot.life.internet.larges)
        if provider not in friends:
            friends.append(provider)
    for day in range(3):
        for number in range(_DAILY):
            at_s = bot.start_s + day * (DAY_S + 600) + number * 3600 * bot.dice.between(0.9, 1.1)
            bot.mail(at_s, _manner(), friends[number % _FRIENDS])


def login_on_25(bot: Bot) -> None:
    """Logs in on port 25 of one hoster with a stolen password: who is let in is trusted at once."""
    host = bot.life.internet.relay("smallhost")
    domain = MailDomain("smallhost.example", (host,))
    for at_s in bot.campaigns():
        call = replace(bot.call(host, domain, _manner()), login=True)
        bot.life.run(at_s, Errand(by_host_name(bot, domain, at_s)[0], ((call,),)))
