"""The DNS guard alone, for tests and benches: net, loop and guard as the gateway composes them, without its plane.

    micropython tests/programs/guard.py CONFIG

The config is a JSON object with the guard's settings, `addresses` to serve on and, if wanted, `firmware`, the folder
of the compiled package.
"""

import json
import sys


class Settings:
    """The guard's settings, with the defaults of those that are not given."""

    def __init__(self, given):
        self.guard_port = given.get("guard_port", 53)
        self.guard_upstreams = given.get("guard_upstreams", [])
        self.guard_block = given.get("guard_block", [])
        self.guard_allow = given.get("guard_allow", [])
        self.guard_answer = given.get("guard_answer", "nxdomain")
        self.guard_canary = given.get("guard_canary", False)
        self.monitor_only = given.get("monitor_only", False)


class Counts:
    """An observer that counts by device."""

    def __init__(self):
        self.by_device = {}
    def answered(self, buf, start, end, address, port):
        self.by_device[address] = self.by_device.get(address, 0) + 1

    def blocked(self, address, count):
        self.by_device[address] = self.by_device.get(address, 0) + 1


def main():
    with open(sys.argv[1]) as file:
        given = json.load(file)
    sys.path.insert(0, given["firmware"])
    from spamgate.hal.loop import Loop
    from spamgate.hal.net import Net
    from spamgate.service.dns_guard import DnsGuard
    from spamgate.wire.address import parse_address

    loop = Loop()
    guard = DnsGuard(Net(), loop, Settings(given), Counts(), print)
    guard.serve([parse_address(text) for text in given["addresses"]])
    loop.each_tick(guard.tick)
    loop.run()


main()
