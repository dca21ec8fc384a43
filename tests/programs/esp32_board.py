"""A whole board with an ESP32, but for the chip: `micropython esp32_board.py FOLDER`.

Its program and what talks to the chip are the real ones; `machine` and `network` are those of tests/fakes/esp32.py, the
ten sockets those of the kernel.  FOLDER/flash is its flash; FOLDER/air, JSON, says what the air is like: "given", as
ifconfig() tells it, or null where there is no network.
"""

import json
import sys

from fakes import lwip
from fakes.esp32 import FakeWLAN, World


class LiveWLAN(FakeWLAN):
    """Looks into the file whenever it is asked; every attempt succeeds at once where there is a network."""

    def __init__(self, world, path):
        super().__init__(world)
        self._path = path

    def isconnected(self):
        try:
            with open(self._path) as file:
                given = json.load(file)["given"]
        except (OSError, ValueError):
            return super().isconnected()  # it is being written
        if given is None:
            self.fade()
        else:
            self._world.given = tuple(given)
            self.settle()
        return super().isconnected()


def main(folder):
    world = World()
    world.station = LiveWLAN(world, folder + "/air")
    world.install()
    from spamgate.app.board import run
    from spamgate.app.board_dns import BoardDns
    from spamgate.hal import esp32_net
    from spamgate.hal.esp32 import Hardware

    esp32_net.socket = lwip
    run(Told(world, Hardware, folder + "/flash").hardware, BoardDns)


class Told:
    """Writes down the time that the clock is set to, and how many sockets there were at most."""

    def __init__(self, world, make, flash):
        self.hardware = hardware = make(flash)
        tick, most = hardware.tick, [0]

        def tell(now_ms):
            tick(now_ms)
            if len(lwip.open_sockets) > most[0]:
                most[0] = len(lwip.open_sockets)
                sys.stdout.write("SOCKETS %d\n" % most[0])
            if world.date:
                sys.stdout.write("DATE %d-%d-%d\n" % world.date[:3])
                world.date = None

        hardware.tick = tell


main(sys.argv[1])
