"""The guard of a board in path: a resolver for the home alone, since its sockets hear the uplink's side as well.

A datagram from elsewhere is not answered, and a connection from elsewhere is closed before a word of it is read.
"""

from spamgate.core.compat import const
from spamgate.service.small_guard import SmallGuard

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Any

    from spamgate.service.small_guard import Answer


class HomeGuard(SmallGuard):
    """A SmallGuard whose `policy.home.contains(buf, at, size)` says who may ask."""

    def __init__(self, net, loop, settings, policy, log) -> None:
        SmallGuard.__init__(self, HomeNet(net, policy), loop, settings, policy, log)

    def judge(self, client: "tuple[bytes, int]") -> "Answer | None":
        """Return our own answer as any guard does; an empty one for whoever is outside."""
        if not is_inside(self.policy, client[0]):
            return b""
        return SmallGuard.judge(self, client)


class HomeNet:
    """The sockets of `net`, but for connections from outside, which are not accepted."""

    def __init__(self, net, policy) -> None:
        self.udp = net.udp
        self.udp_to = net.udp_to
        self.tcp_to = net.tcp_to
        self.tcp_listener = net.tcp_listener
        self.split = net.split
        self.join = net.join
        self.random16 = net.random16
        self._accept = net.accept
        self._policy = policy

    def accept(self, listener) -> "Any":
        """Return (socket, address, port) of the next connection; None when there is none, or it is from outside."""
        accepted = self._accept(listener)
        if accepted and not is_inside(self._policy, accepted[1]):
            accepted[0].close()
            return None
        return accepted


def is_inside(policy, address: bytes) -> bool:
    """Is the address the home's?  One that the hardware could not read is nobody's."""
    return bool(address) and policy.home.contains(address, 0, len(address))
