"""How long the kernel takes to treat a device otherwise: `micropython bench_sets.py CONFIG ROUNDS`, in a namespace.

The table and what changes it are those of the gateway.  A device goes from `normal` to `throttled`, to `quarantined`,
and back to `normal`, in each round; a line of JSON has the microseconds of each change.
"""

import json
import sys

from spamgate.app import collect_early
from spamgate.app.environment import read_config
from spamgate.app.gateway import Gateway
from spamgate.core import states
from spamgate.core.identity import Identity
from spamgate.hal.clock import elapsed_us, ticks_us
from spamgate.hal.steady_clock import ticks_ms

_MAC = b"\x02\0\0\0\x77\x0a"
_WAY = (states.THROTTLED, states.QUARANTINED, states.NORMAL)


def main(config, rounds):
    gateway = Gateway(read_config(["--config", config]))
    collect_early(False)  # as it is once the gateway runs
    plane = gateway.plane
    plane.start(ticks_ms())
    who = Identity()
    who.from_mac(_MAC, 0)
    device = gateway.engine.device(who)
    gateway.engine.devices.set_mac(device, _MAC, 0)
    taken_us = []
    for _ in range(rounds):
        for state in _WAY:
            gateway.engine.devices.state[device] = state
            began_us = ticks_us()
            plane.sets.show(device)
            taken_us.append(elapsed_us(began_us))
    failures = plane.sets.failures
    plane.stop()
    print(json.dumps({"taken_us": taken_us, "failures": failures}))


main(sys.argv[1], int(sys.argv[2]))
