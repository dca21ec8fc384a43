"""The one table of evidence: what counts for or against a device, how much, and why we think so.

Each kind is a fact about one device and one day.  Its weight is the log-likelihood ratio
ln(P(seen | spamming) / P(seen | clean)) in 1/256 nat, taken once a device-day however often the
fact repeats: repetitions are not independent, and a day is what the probabilities speak of.
"Clean" means a port-25-using device that is neither a spammer nor a mail server nobody granted
(such a server is meant to wait, throttled, for its owner).  A kind that can only be seen after
another one carries the conditional probability, so that weights of nested kinds add up.

Sources: [prior] our first prior, to be replaced when measured; [P paper] published;
[M capture] measured; [A] assumed by us, with the reason.
"""

from spamgate.core.compat import const

MX_QUERY = 0
MAIL_NAME_QUERY = 1
NXDOMAIN_BURST = 2
DNSBL_QUERY = 3
MX_CONNECT = 4
SECOND_PROVIDER = 5
FAN_OUT = 6
WIDE_FAN_OUT = 7
NO_DNS_CONNECT = 8
CONNECT_FAILED = 9
UNKNOWN_USER = 10
MANY_UNKNOWN_USERS = 11
BAD_HELO = 12
HELO_CHANGES = 13
HELO_IMPERSONATES = 14
MANY_SENDERS = 15
MANY_RECIPIENTS = 16
MANY_MESSAGES = 17
AUTH_FAILURES = 18
PROXIED = 19
HOUSE_FAN_OUT = 20
MASS_RECIPIENTS = 21
MX_MANY_DOMAINS = 22
LISTED_NAME = 23
MASS_AT_KNOWN = 24
SURGE = 25
KINDS = 26

FAMILY_LOOKUP = 1  # what it asked DNS
FAMILY_CONNECT = 2  # whom it connected to
FAMILY_REPLY = 4  # what servers said of its recipients
FAMILY_HELO = 8  # how it introduced itself
FAMILY_ENVELOPE = 16  # senders, recipients, messages
FAMILY_AUTH = 32  # passwords tried on submission ports

ALWAYS = 1  # counts even for a device granted as mail server
PROOF = 2  # from outside the volume of mail: may carry a device into quarantine

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    Row = tuple[str, int, int, int, int, int]

# name, family, P(seen | spamming) and P(seen | clean) per 100,000 device-days, weight, flags
TABLE: "tuple[Row, ...]" = (
    # [P Whyte 2006] a client that asks MX is a mailer; [P Musashi] not every bot does; [A] 1 clean in 100 does
    ("mx_query", FAMILY_LOOKUP, 70000, 1000, 1088, 0),
    # [P Musashi: Mytob asks mail., smtp. and mx., no MX]; [A] clean devices know one or two mail domains, not three
    ("mail_name_query", FAMILY_LOOKUP, 40000, 1000, 944, 0),
    # [prior] lists that bots are given name dead domains
    ("nxdomain_burst", FAMILY_LOOKUP, 20000, 10000, 177, 0),
    # [prior] also [P Ramachandran, SRUTI'06] bots look bots up
    ("dnsbl_query", FAMILY_LOOKUP, 15000, 300, 1001, 0),
    # [prior] MX query, then a connection to that host
    ("mx_connect", FAMILY_CONNECT, 50000, 3000, 720, 0),
    # [A] nine bots in ten reach a second provider within a day; 2 % of clean devices have two relays new on one day
    ("second_provider", FAMILY_CONNECT, 90000, 2000, 975, 0),
    # [prior] for three in ten minutes; here its ratio to second_provider, .85 to .9 over .003 to .02
    ("fan_out", FAMILY_CONNECT, 94400, 15000, 471, 0),
    # [A] five in a day .8/.00005 (a clean device that is no mail server has no use for five), given fan_out
    ("wide_fan_out", FAMILY_CONNECT, 94100, 1670, 1032, 0),
    # [prior] the address came with the orders, not from DNS
    ("no_dns_connect", FAMILY_CONNECT, 60000, 5000, 636, 0),
    # [M spambot_2010-11-18: 60 of 295 connections gave no banner]; [A] clean devices rarely fail at two providers a day
    ("connect_failed", FAMILY_CONNECT, 40000, 2000, 767, 0),
    # [prior] also [P Stringhini, B@bel 2012: up to 35 % of a botnet's recipients do not exist]
    ("unknown_user", FAMILY_REPLY, 40000, 500, 1122, ALWAYS),
    # [A] a quarter of all recipients unknown, at three or more providers; clean senders stay below 5 %
    ("many_unknown_users", FAMILY_REPLY, 60000, 2000, 871, ALWAYS | PROOF),
    # [prior] merely bad: empty, no dot, a bare address
    ("bad_helo", FAMILY_HELO, 50000, 40000, 57, 0),
    # [prior] a mailer has one name, at domains' own servers; relays hear those of containers and of whole networks
    ("helo_changes", FAMILY_HELO, 50000, 200, 1413, ALWAYS | PROOF),
    # [prior] impersonates .5/.002 together with changes; [A] alone
    ("helo_impersonates", FAMILY_HELO, 20000, 200, 1179, ALWAYS | PROOF),
    # [A] template bots forge senders; a clean device writes as one or two domains
    ("many_senders", FAMILY_ENVELOPE, 30000, 100, 1460, PROOF),
    # [A] where the server has no past with the device; what reports writes to one to four people
    ("many_recipients", FAMILY_ENVELOPE, 90000, 5000, 740, 0),
    # [A] devices that report send one message a connection
    ("many_messages", FAMILY_ENVELOPE, 30000, 1000, 871, 0),
    # [prior] at five or more hosts
    ("auth_failures", FAMILY_AUTH, 50000, 100, 1591, ALWAYS),
    # [A] a residential proxy: its port is opened from outside, then it mails; so it is with a NAS whose page is open
    ("proxied", FAMILY_CONNECT, 10000, 1000, 589, ALWAYS),
    # [A] as wide_fan_out, by several young devices together: a bot that changes its MAC
    ("house_fan_out", FAMILY_CONNECT, 80000, 5, 2478, 0),
    # [A] given many_recipients: 30.9 mails a workday is a professional's average [P], to old friends and with a login
    ("mass_recipients", FAMILY_ENVELOPE, 80000, 100, 1711, 0),
    # [A] a list of addresses names many domains, of which one provider may serve many; what reports knows one,
    # and nobody mails strangers three times by hand
    ("mx_many_domains", FAMILY_CONNECT, 80000, 300, 1430, 0),
    # [A] in ten minutes before mailing: one bot in four calls a place that lists know, two clean devices in 100 do
    ("listed_name", FAMILY_LOOKUP, 25000, 2000, 647, 0),
    # [A] 200 people in a day at servers with a past: mailings of that size are sent with a grant
    ("mass_at_known", FAMILY_ENVELOPE, 80000, 5, 2478, 0),
    # [A] of granted mail servers only, against their own past: twice the largest day and twenty more
    ("surge", FAMILY_CONNECT, 80000, 5, 2478, ALWAYS),
)  # fmt: skip

WEIGHTS = tuple(row[4] for row in TABLE)
FAMILIES = bytes(row[1] for row in TABLE)
FLAGS = bytes(row[5] for row in TABLE)


def kind_name(kind: int) -> str:
    """Return the stable id of `kind` as outputs show it."""
    return TABLE[kind][0]


def probabilities(kind: int) -> "tuple[int, int]":
    """Return P(seen | spamming) and P(seen | clean), each per 100,000 device-days."""
    return TABLE[kind][2], TABLE[kind][3]
