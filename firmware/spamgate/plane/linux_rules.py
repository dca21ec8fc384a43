"""The nftables table of a Linux router: loaded once, afterwards only elements of its sets change.

What each chain is for is said in the text itself, so that `nft list table inet spamgate` explains it too.  Ports and
limits come from the settings, interface names are quoted; nothing else is put into the text.
"""

from spamgate.core.compat import const
from spamgate.plane.linux_sets import GUARD_LEASE_S, TABLE

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Callable

_DAY_S = const(86400)
_MAIL_PORTS = (25, 465, 587)

_SETS = """
 set lan { type ifname; elements = { %(lan)s }; }
 set drained { type ether_addr; flags dynamic,timeout; timeout %(refill_s)ds; size 2048; }
 set pace { type ether_addr; flags dynamic,timeout; timeout 10m; size 2048; }
 set strict { type ifname; flags timeout; }
 set settled { type ether_addr; flags timeout; size 1024; }
 map states { type ether_addr : verdict; flags timeout; size 1024; }
 map states4 { type ether_addr . ipv4_addr : verdict; flags timeout; size 1024; }
 map states6 { type ether_addr . ipv6_addr : verdict; flags timeout; size 1024; }
 set stopped { type ether_addr; flags timeout; size 1024; }
 set stopped4 { type ether_addr . ipv4_addr; flags timeout; size 1024; }
 set stopped6 { type ether_addr . ipv6_addr; flags timeout; size 1024; }
 set past4 { type ether_addr . ipv4_addr; flags timeout; size 4096; }
 set past6 { type ether_addr . ipv6_addr; flags timeout; size 4096; }
 set ended4 { type ipv4_addr . inet_service . ipv4_addr; flags timeout; size 1024; }
 set ended6 { type ipv6_addr . inet_service . ipv6_addr; flags timeout; size 1024; }
 set guarded { type ether_addr; flags timeout; size 1024; }
 set guarded4 { type ether_addr . ipv4_addr; flags timeout; size 1024; }
 set guarded6 { type ether_addr . ipv6_addr; flags timeout; size 1024; }
 set guarded_lan { type ifname; flags timeout; %(guarded)s }
"""

# DNS on its way to the guard is tracked in a zone of its own.  A conntrack entry outlives the element that made it, and
# each query of a client that keeps its port renews it; but without the element no packet looks for it in this zone.
_APART = """
 chain asked_apart {
  iifname @guarded_lan ct original zone set 53
  ether saddr @guarded ct original zone set 53
  ether saddr . ip saddr @guarded4 ct original zone set 53
  ether saddr . ip6 saddr @guarded6 ct original zone set 53
 }
"""
_GO_APART = "meta l4proto { tcp, udp } th dport 53 goto asked_apart"

# Every packet that is forwarded meets `asked` and `passed_on`: each rule there costs one in a hundred packets.  So
# these only tell by one comparison what may be of interest (see _sieve), and the chains behind look closely.
_WATCHED = """
 chain asked {
  type filter hook prerouting priority raw; policy accept;
  %(sieve_asked)s goto asking
 }
 chain asking {
  comment "seen: what devices ask DNS, and what they call themselves when they ask for an address"
  iifname != @lan accept
  udp dport { 53, 67 } log group %(group)d snaplen 640 queue-threshold 8
  tcp dport 53 log group %(group)d snaplen 1500 queue-threshold 8
  %(apart)s
 }
 chain answered {
  comment "seen: what this router's own resolver answers"
  type filter hook output priority filter; policy accept;
  oifname @lan udp sport 53 log group %(group)d snaplen 1500 queue-threshold 8
  oifname @lan tcp sport 53 log group %(group)d snaplen 1500 queue-threshold 8
  oifname != @lan tcp dport { 25, 465, 587 } log group %(group)d snaplen 600 queue-threshold 1
 }
 chain own_mail {
  comment "seen: answers to mail that this router itself sends"
  type filter hook input priority filter; policy accept;
  iifname != @lan tcp sport { 25, 465, 587 } log group %(group)d snaplen 600 queue-threshold 1
 }
 chain called {
  comment "seen: who wants something of a proxy at home; the first packet of a connection comes here"
  type nat hook postrouting priority srcnat - 5; policy accept;
  iifname != @lan oifname @lan tcp dport { 1080, 3128, 4145, 8080, 8118 } tcp flags & (syn | ack) == syn %(proxied)s
 }
"""

_FORWARD = """
 chain passed_on {
  type filter hook forward priority filter - 5; policy accept;
  %(sieve_sent)s jump sent
  %(sieve_returned)s jump returned
  th sport 53 jump resolved
 }
 chain sent {
  iifname @lan tcp dport 25 goto mail_out
  iifname @lan tcp dport { 465, 587 } ct original packets < 30 log group %(group)d snaplen 600 queue-threshold 8
 }
 chain returned {
  oifname @lan tcp sport 25 log group %(group)d snaplen 600 queue-threshold 1 accept
  oifname @lan tcp sport { 465, 587 } ct reply packets < 30 log group %(group)d snaplen 600 queue-threshold 8
 }
 chain resolved {
  oifname @lan meta l4proto { tcp, udp } th sport 53 log group %(group)d snaplen 1500 queue-threshold 8
 }
 chain mail_out {
  comment "ended: mail flows of stopped devices, in the direction of the server only: a reply on its way arrives"
  %(stops)s
  tcp flags & (psh | syn | fin | rst) != 0 log group %(group)d snaplen 1500 queue-threshold 1 accept
  meta length > 500 log group %(group)d snaplen 120 queue-threshold 8 accept
  log group %(group)d snaplen 1500 queue-threshold 1 accept
 }
 chain cut {
  comment "bare acknowledgements pass, so that a reply already given is not taken back"
  tcp flags & psh != 0 reject with tcp reset
  meta length > 120 reject with tcp reset
 }
"""

_STOPS = """fib saddr . iif oif missing drop
  ether saddr @stopped jump cut
  ether saddr . ip saddr @stopped4 jump cut
  ether saddr . ip6 saddr @stopped6 jump cut
  ip saddr . tcp sport . ip daddr @ended4 jump cut
  ip6 saddr . tcp sport . ip6 daddr @ended6 jump cut"""

_DECIDED = """
 chain decided {
  comment "port 25: each device by its state"
  type nat hook prerouting priority dstnat - 5; policy accept;
  iifname @lan tcp dport 25 goto mail
  iifname @guarded_lan meta l4proto { tcp, udp } th dport 53 redirect to :%(guard_port)d
  iifname @lan meta l4proto { tcp, udp } th dport 53 ether saddr @guarded redirect to :%(guard_port)d
  iifname @lan meta l4proto { tcp, udp } th dport 53 ether saddr . ip saddr @guarded4 redirect to :%(guard_port)d
  iifname @lan meta l4proto { tcp, udp } th dport 53 ether saddr . ip6 saddr @guarded6 redirect to :%(guard_port)d
 }
 chain mail {
  fib daddr type { local, broadcast, multicast } accept
  fib daddr oifname { %(lan)s } accept
  ether saddr . ip saddr vmap @states4
  ether saddr . ip6 saddr vmap @states6
  ether saddr vmap @states
  iifname @strict ether saddr != @settled goto newcomer
  goto normal
 }
 chain normal {
  ether saddr . ip daddr @past4 accept
  ether saddr . ip6 daddr @past6 accept
  update @pace { ether saddr limit rate over %(normal_per_minute)d/minute burst %(normal_burst)d packets } goto later
 }
 chain newcomer {
  comment "joined while a swarm of newcomers mails: no budget of their own"
  ether saddr . ip daddr @past4 accept
  ether saddr . ip6 daddr @past6 accept
  goto later
 }
 chain throttled {
  comment "destinations with a past pass; new ones share a budget that starts empty"
  ether saddr . ip daddr @past4 accept
  ether saddr . ip6 daddr @past6 accept
  %(budget)s
  goto later
 }
 chain quarantined { goto later; }
 chain confirmed { meta l4proto tcp redirect to :%(never_port)d; }
 chain granted { accept; }
 chain later { meta l4proto tcp redirect to :%(later_port)d; }
"""

_BUDGET = "ether saddr != @drained add @drained { ether saddr } accept"


def write_table(write: "Callable[[str], object]", settings, with_zone: bool) -> None:
    """Write the table for `nft -f`, chain by chain; it takes the place of an older one in one transaction.

    `with_zone`: track redirected DNS apart (needs NF_CONNTRACK_ZONES in the kernel).
    """
    group = settings.log_group
    is_apart = with_zone and not settings.monitor_only
    values = {
        "lan": ", ".join(['"%s"' % name for name in settings.lan]),
        "group": group,
        "refill_s": _DAY_S // max(settings.budget_per_day, 1),
        "budget": _BUDGET if settings.budget_per_day else "",
        "normal_per_minute": settings.normal_per_minute,
        "normal_burst": settings.normal_burst,
        "later_port": settings.later_port,
        "never_port": settings.never_port,
        "guard_port": settings.guard_port,
        "proxied": "log group %d snaplen 80 queue-threshold 8" % group,
        "guarded": _guarded(settings),
        "stops": "" if settings.monitor_only else _STOPS,
        "apart": _GO_APART if is_apart else "",
        "sieve_asked": _sieve((53, 67), 0),
        "sieve_sent": _sieve(_MAIL_PORTS, 0),
        "sieve_returned": _sieve(_MAIL_PORTS, 16),
    }
    parts = [_SETS, _WATCHED, _FORWARD]
    if not settings.monitor_only:
        parts.append(_DECIDED)
    if is_apart:
        parts.append(_APART)
    write("table inet %s\ndelete table inet %s\ntable inet %s {" % (TABLE, TABLE, TABLE))
    for part in parts:
        write(part % values)
    write("}\n")


def _guarded(settings) -> str:
    """Return who is sent to the guard from the first moment on, for as long as a lease."""
    if settings.guard != "all" or settings.monitor_only:
        return ""
    lasting = "" if settings.fail == "closed" else " timeout %ds" % GUARD_LEASE_S
    return "elements = { %s };" % ", ".join(['"%s"%s' % (name, lasting) for name in settings.lan])


def _sieve(ports: "tuple[int, ...]", shift: int) -> str:
    """Return a comparison that no packet to these ports (`shift` 0) or from them (16) fails, and most others do.

    It looks at the bits that the ports have in common.  Four bytes at once are what the kernel compares fastest.
    """
    common = 0xFFFF
    for port in ports:
        common &= ~(port ^ ports[0])
    return "@th,0,32 & 0x%08x == 0x%08x" % (common << shift, (ports[0] & common) << shift)
