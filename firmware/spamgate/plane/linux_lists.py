"""The blocklist's addresses in the kernel: sets of intervals, filled by `nft` beside the work of the gateway.

There are two pairs of sets.  The idle pair is filled in portions, each a file that `nft -f` reads in the background, so
that neither the gateway's heap nor nft's memory holds the whole list; then one transaction leads the rules there.  The
other pair keeps its elements until the next list comes: so there is no moment at which nothing is barred, and none at
which half a list is in force.

They are in a table of their own, which holds while the gateway is started anew; no packet pays for it until a list with
addresses is taken.  An empty chain, leads_to_a or leads_to_b, says where the rules lead.

For some minutes after a new list every packet is looked at, so that connections which were there before are cut; later
only what begins one (`LinuxPlane.ease_lists`): looking at all costs a sixth of what forwarding costs, that a fortieth.
"""

import os

from spamgate.core.compat import const
from spamgate.plane.linux_sets import LISTS_TABLE
from spamgate.wire.address import address_text

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Any, Iterator

_STEP = const(250)  # pieces of text in one step: some 5 ms
_PORTION = const(4000)  # prefixes in a file: nft takes 2 KB for each while it reads
_DONE = ".done"
_ERROR = ".error"
_MOST_LETTERS = 160
_HAND_OVER = ""  # a piece that ends a file

_SETS = """add table inet %(table)s
add set inet %(table)s listed4_%(pair)s { type ipv4_addr; flags interval; }
add set inet %(table)s listed6_%(pair)s { type ipv6_addr; flags interval; }
flush set inet %(table)s listed4_%(pair)s
flush set inet %(table)s listed6_%(pair)s
"""

# What may or may not be there is added before it is flushed.
_FRAME = """add set inet %(table)s lans { type ifname; }
add set inet %(table)s barring { type ifname; flags timeout; }
add set inet %(table)s grantees { type ether_addr; flags timeout; }
add set inet %(table)s told4 { type ether_addr . ipv4_addr; flags dynamic,timeout; timeout 1m; size 8192; }
add set inet %(table)s told6 { type ether_addr . ipv6_addr; flags dynamic,timeout; timeout 1m; size 8192; }
add chain inet %(table)s barred { type filter hook forward priority filter - 6; policy accept; }
add chain inet %(table)s to_listed4
add chain inet %(table)s to_listed6
add chain inet %(table)s turned_away
add chain inet %(table)s leads_to_a
add chain inet %(table)s leads_to_b
flush set inet %(table)s lans
flush set inet %(table)s grantees
flush chain inet %(table)s barred
flush chain inet %(table)s to_listed4
flush chain inet %(table)s to_listed6
flush chain inet %(table)s turned_away
"""

# What is listed is told and refused before port 25 is looked at: our refusals are no evidence of failed connections.
_RULES = """add element inet %(table)s lans { %(lans)s }
delete chain inet %(table)s leads_to_%(other)s
table inet %(table)s {
 chain barred {
  comment "destinations that the blocklist names"
  ip daddr @listed4_%(pair)s goto to_listed4
  ip6 daddr @listed6_%(pair)s goto to_listed6
 }
 chain to_listed4 {
  comment "the owner's exceptions and granted mail pass; of the rest one packet a minute is told for each pair of ends"
  iifname != @barring accept
  oifname @lans accept
  %(spared4)s
  tcp dport 25 ether saddr @grantees accept
  ether saddr . ip daddr != @told4 add @told4 { ether saddr . ip daddr } %(log)s
  goto turned_away
 }
 chain to_listed6 {
  iifname != @barring accept
  oifname @lans accept
  %(spared6)s
  tcp dport 25 ether saddr @grantees accept
  ether saddr . ip6 daddr != @told6 add @told6 { ether saddr . ip6 daddr } %(log)s
  goto turned_away
 }
 chain turned_away {
  %(reject)s
 }
}
"""
_LOG = 'log prefix "L" group %d snaplen 80 queue-threshold 1'
_REJECT = "meta l4proto tcp reject with tcp reset\n  reject with icmpx admin-prohibited"


class AddressSets:
    """Puts the addresses of one list after another in force.

    `folder` is where its file may lie, `pair` that of the object before this one.  `begin` what is to be in force, then
    call `step` until it says that it is done.
    """

    def __init__(self, folder: str, settings, pair: str) -> None:
        self._path = folder + "/listed.nft"
        self._settings = settings
        self.pair = pair  # where the rules lead to: a or b
        self._pieces: "Iterator[str] | None" = None
        self._file: "Any" = None
        self._is_waiting = False  # for nft
        self._is_last = False
        self._total = 0
        self.count = 0  # prefixes in force
        self.problem = ""  # why what was begun last is not in force

    def begin(self, blocklist: "Any", granted: "list[str]") -> None:
        """Put the prefixes of a list (`wire/list_file.py`), which has some, in force; `granted` are MACs as text."""
        if self._file:
            self._file.close()
        self._file = None
        self._is_last = self._is_waiting = False
        self.problem = ""
        self._total = blocklist.v4 + blocklist.v6
        self._pieces = self._text(blocklist, granted)

    @property
    def is_waiting(self) -> bool:
        """Does nft read a file?  Then nothing else may be begun."""
        return self._is_waiting

    def step(self) -> bool:
        """Go on a little; True once, when it is done.  FormError and OSError of reading the list come through."""
        if self._is_waiting:
            return self._look_at_nft()
        if self._pieces is None:
            return False
        for _ in range(_STEP):
            piece = next(self._pieces, None)
            if piece is None and not self._is_last:
                return self._end("the heap was full; what was under way is lost")
            if not piece:
                self._hand_over()
                return False
            self._write(piece)
        return False

    # --- the text ---

    def _text(self, blocklist: "Any", granted: "list[str]") -> "Iterator[str]":
        values = self._values(self._idle())
        yield _SETS % values
        for size in (4, 16):
            count = 0
            for address, bits in blocklist.prefixes(size):
                if count % _PORTION:
                    yield ",\n%s/%d" % (address_text(address), bits)
                else:
                    if count:
                        yield "}\n"
                        yield _HAND_OVER
                    name = "listed%d_%s" % (4 if size == 4 else 6, values["pair"])
                    yield "add element inet %s %s { %s/%d" % (LISTS_TABLE, name, address_text(address), bits)
                count += 1
            if count:
                yield "}\n"
                yield _HAND_OVER
        yield _FRAME % values
        if granted:
            yield "add element inet %s %s { %s }\n" % (LISTS_TABLE, "grantees", ", ".join(granted))
        yield _RULES % values
        self._is_last = True  # said here: where memory is short the text may end anywhere

    def _idle(self) -> str:
        return "a" if self.pair == "b" else "b"

    def _values(self, pair: str) -> "dict[str, str]":
        settings = self._settings
        v4 = [one for one in settings.list_allow if ":" not in one]
        v6 = [one for one in settings.list_allow if ":" in one]
        return {
            "table": LISTS_TABLE,
            "pair": pair,
            "other": self.pair,
            "lans": ", ".join(['"%s"' % name for name in settings.lan]),
            "spared4": "ip daddr { %s } accept" % ", ".join(v4) if v4 else "",
            "spared6": "ip6 daddr { %s } accept" % ", ".join(v6) if v6 else "",
            "log": _LOG % settings.log_group,
            "reject": "" if settings.monitor_only else _REJECT,
        }

    # --- files, and nft ---

    def _write(self, piece: str) -> None:
        if not self._file:
            try:
                os.unlink(self._path + _DONE)
            except OSError:
                pass
            self._file = open(self._path, "w")  # noqa: SIM115  closed when it is handed over
        self._file.write(piece)

    def _hand_over(self) -> None:
        """Let nft read the file while we go on."""
        self._file.close()
        self._file = None
        self._is_waiting = True
        path = self._path
        os.system("(nft -f %s 2>%s%s; echo $? >%s%s) &" % (path, path, _ERROR, path, _DONE))

    def _look_at_nft(self) -> bool:
        """Has nft read the file, and was that the last one?"""
        status = _first_line(self._path + _DONE)
        if not status:
            return False
        self._is_waiting = False
        if status != "0":
            return self._end("nft refuses the addresses: " + (_first_line(self._path + _ERROR) or "status " + status))
        if not self._is_last:
            return False
        self.pair = self._idle()
        self.count = self._total
        return self._end("")

    def _end(self, problem: str) -> bool:
        self.problem = problem
        self._pieces = None
        return True


def _first_line(path: str) -> str:
    try:
        with open(path) as file:
            return file.readline().strip()[:_MOST_LETTERS]
    except OSError:
        return ""
