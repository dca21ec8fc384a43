"""Ten mail servers in two minutes: the plain threshold that intrusion detectors and administrators use.

PEERS.md has 10 in 120 s for Emerging Threats' rule 2000328; that rule itself counts mails (many_mails.py).
"""

from collections import deque
from functools import partial

from spamgate_tools.corpus.facts import Home
from spamgate_tools.corpus.parameters import Parameter
from spamgate_tools.evaluation.method import PASS, Flow
from spamgate_tools.evaluation.methods.cutting import Cutting
from spamgate_tools.evaluation.methods.entry import MethodEntry, Setting

_US = 1000000
_SERVERS = 10
_WINDOW_S = 120.0


class ManyServers(Cutting):
    """Cuts off a device that opens port 25 to `servers` different addresses within `window_s`."""

    name = "many_servers"

    def __init__(self, servers: int = _SERVERS, window_s: float = _WINDOW_S) -> None:
        super().__init__()
        self._servers, self._window_us = servers, int(window_s * _US)

    def begin(self, home: Home) -> None:
        """Nobody has opened anything yet."""
        super().begin(home)
        self._opened: list[deque[tuple[int, bytes]]] = [deque() for _ in home.residents]

    def attempted(self, now_us: int, flow: Flow) -> float:
        """Count the servers of the window that ends now; the one that is too many is not reached any more."""
        opened = self._opened[flow.device]
        opened.append((now_us, flow.call.host.address))
        while opened[0][0] <= now_us - self._window_us:
            opened.popleft()
        if len(opened) >= self._servers and len({address for _, address in opened}) >= self._servers:
            self.alarm(flow.device, now_us)
        return PASS


def _label(servers: int, window_s: float) -> str:
    return f"{servers} servers in {window_s:g} s"


_PUBLISHED = _label(_SERVERS, _WINDOW_S)


def sweep() -> list[Setting]:
    """Return fewer servers, and longer windows."""
    settings: list[Setting] = [(_PUBLISHED, ManyServers)]
    for window_s, counts in ((120.0, (2, 3, 5, 20)), (3600.0, (2, 3, 5, 10)), (86400.0, (2, 3, 5, 10, 20))):
        settings += [(_label(count, window_s), partial(ManyServers, count, window_s)) for count in counts]
    return settings


ENTRY = MethodEntry(
    name=ManyServers.name,
    title="10 servers in 120 s",
    citation="plain threshold; 10 in 120 s as in Emerging Threats' rule 2000328",
    factory=ManyServers,
    sweep=sweep,
    published=_PUBLISHED,
    reading=(
        "Sees SYNs to port 25 and counts different addresses in a window that slides (the detectors' own windows are "
        "fixed, and find less). The tenth server is not reached any more."
    ),
    parameters=(
        Parameter("servers", _SERVERS, "addresses", "Emerging Threats 2000328, as commonly cited"),
        Parameter("window", _WINDOW_S, "s", "Emerging Threats 2000328, as commonly cited"),
    ),
)
