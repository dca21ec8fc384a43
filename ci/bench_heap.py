"""What the gateway takes from the heap while packets come: `micropython bench_heap.py CONFIG COUNT TIMES`.

In a router's namespace.  The plane, the engine and the loop are those of the gateway; services, which have their time
and not their packets, are left out.  Nothing is collected: once COUNT packets have come, all that is allocated for as
many more is noted, so many times.  Prints a line when it is ready, and one of JSON with a row a time: packets, bytes.
"""

import gc
import json
import sys

from spamgate.app import collect_early
from spamgate.app.environment import read_config
from spamgate.app.gateway import Gateway
from spamgate.hal.steady_clock import ticks_ms

_TURN_MS = 1000


def watch(gateway, count):
    """Serve until so many packets have come; return how many they were, and the bytes allocated meanwhile."""
    log = gateway.plane.log
    packets = log.packets
    allocated = gc.mem_alloc()
    while log.packets - packets < count:
        gateway.loop.turn(_TURN_MS)
    return log.packets - packets, gc.mem_alloc() - allocated


def main(config, count, times):
    gateway = Gateway(read_config(["--config", config]))
    collect_early(False)  # as it is once the gateway runs
    gateway.plane.start(ticks_ms())
    gateway.loop.add(gateway.plane.log.sock, gateway.plane)
    print("ready")
    watch(gateway, count)
    gc.collect()
    gc.disable()
    rows = [watch(gateway, count) for _ in range(times)]
    gateway.plane.stop()
    print(json.dumps({"rows": rows}))


main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
