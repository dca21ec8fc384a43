"""A device that a board remembers from before it was on the bench: throttled, with evidence, in its state file.

Boards on the bench serve no home; so what they say of devices is tried with one that they once knew.
"""

import time

from fakes.storage import FakeStorage

from spamgate.app.persistence import Persistence
from spamgate.core import evidence
from spamgate.core.board_limits import BoardLimits
from spamgate.core.engine import Engine
from spamgate.plane.dns import DnsPlane
from spamgate.store.state import StateFile

ADDRESS = "192.168.1.66"
TICKET = "4F2A91"
KINDS = (evidence.MX_QUERY, evidence.MX_CONNECT, evidence.SECOND_PROVIDER)

_LATER_S = 1 << 30


def state_files() -> dict[str, bytes]:
    """Return the state as the firmware itself writes it, by file name."""
    limits = BoardLimits()
    engine = Engine(limits, lambda device, old, new: None)
    engine.at(int(time.time()) - _LATER_S, 0)
    device = DnsPlane(engine, limits.connections).resident(bytes(map(int, ADDRESS.split("."))))
    for kind in KINDS:
        engine.observe(device, kind)
    tickets = [""] * limits.devices
    tickets[device] = TICKET
    storage = FakeStorage()
    complaints: list[str] = []
    Persistence(engine, StateFile(storage), tickets, complaints.append).save()
    assert not complaints, complaints
    return {name: bytes(data) for name, data in storage.files.items()}
