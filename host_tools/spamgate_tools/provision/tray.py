"""The loop of a technician: boards come, are made, and go; the threads of the ports do the work, this one shows it."""

import os
import time
from collections.abc import Callable, Iterable

from spamgate_tools.boards.ports import usb_ports
from spamgate_tools.provision.plan import same_port
from spamgate_tools.provision.station import Place, Station
from spamgate_tools.side_by_side import ENDED, FAILED, Steps

_GONE_S = 3.0  # a port on the chip itself goes and comes with each restart

Ports = Callable[[], list[str]]
Show = Callable[[Place | None, str], None]  # a port and its step; without one: time has passed


class Tray(Steps[Place]):
    """The boards that a station works on, and those that come later."""

    def __init__(self) -> None:
        super().__init__()
        self.places: list[Place] = []

    def serve(self, station: Station, ports: Ports, show: Show, count: int = 0, wait: bool = False) -> None:
        """Begin with each port that is there and was not; end after `count` boards, or with the last if not to wait."""
        at: dict[str, Place] = {}
        seen_s: dict[str, float] = {}
        at_work: set[Place] = set()
        while True:
            present = ports()
            now_s = time.monotonic()
            seen_s.update(dict.fromkeys((*present, *(place.port for place in at_work)), now_s))
            for port in [port for port in at if now_s - seen_s[port] > _GONE_S]:
                del at[port]  # the next board at this port is another
            room = count - self.made() - len(at_work) if count else len(present)
            for port in _new(present, at)[: max(room, 0)]:
                at[port] = self._replace(station.start(port))
                at_work.add(at[port])
            if not at_work and (not wait or 0 < count <= self.made()):
                return
            at_work.difference_update(self._ended(show))

    def made(self) -> int:
        """Return how many boards are done."""
        return sum(place.has_ended and place.step != FAILED for place in self.places)

    def _replace(self, place: Place) -> Place:
        """Show a port once; boards that it is done with stay in the list."""
        self.places = [old for old in self.places if old.port != place.port or old.step != FAILED]
        self.places.append(place)
        return place

    def _ended(self, show: Show) -> list[Place]:
        """Show the news of the next moment; return the ports that have ended."""
        ended = []
        for place, step in self.of_a_moment():
            if step in ENDED:
                ended.append(place)
            show(place, step)
        show(None, "")
        return ended


def _new(present: list[str], known: Iterable[str]) -> list[str]:
    """Return the ports that are not known, once each, whatever names they have."""
    names = {same_port(port) for port in known}
    new = {same_port(port): port for port in reversed(present) if port not in known}
    return [port for name, port in reversed(new.items()) if name not in names]


def plugged_in() -> list[str]:
    """Return the ports with something on USB behind them."""
    return [port.path for port in usb_ports()]


def there(ports: Iterable[str]) -> list[str]:
    """Return those of the named ports that are there now; what is no path always is."""
    return [port for port in ports if not port.startswith("/") or os.path.exists(port)]
