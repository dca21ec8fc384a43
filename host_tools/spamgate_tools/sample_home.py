"""Make the capture that `make run` replays: half an hour of a home in which one device sends spam.

A seed gives the same bytes everywhere.  The ledger says what really happened, counted where it was made and not read
back from the capture.
"""

import json
from collections.abc import Callable

import click

from spamgate_tools.errors import EXIT_FAILED
from spamgate_tools.sample import devices
from spamgate_tools.sample.bot import Bot
from spamgate_tools.sample.ledger import Json
from spamgate_tools.sample.network import Device, Home
from spamgate_tools.sample.packets import pcap
from spamgate_tools.sample.world import Dice, Task, World

INFECTED = "streaming-stick"

_START_S = 1772481600  # 2026-03-02 20:00 UTC
_LENGTH_S = 1800
_MINUTE_S = 60

_LIVES: tuple[tuple[str, int, Callable[[Home, Device], Task[None]]], ...] = (
    ("laptop", 20, devices.laptop),
    ("nas", 30, devices.nas),
    ("ups-cellar", 31, devices.ups),
    ("living-room-tv", 40, devices.television),
    ("game-console", 41, devices.console),
)
_PHONE = 21
_STICK = 42


class Unwritable(click.ClickException):
    """The file cannot be written."""

    exit_code = EXIT_FAILED


class Sample:
    """A capture and the truth about it."""

    def __init__(self, seed: int) -> None:
        dice = Dice(seed)
        self.seed = seed
        self._world = World(_START_S, dice.fork())
        self._home = Home(self._world, dice.fork(), _LENGTH_S)
        self._people(dice.fork())
        self._infected(dice.fork())
        self._world.run()
        self.capture = pcap(self._world.records)

    def ledger(self) -> Json:
        """Return what each device did, under the names the replay uses."""
        return {
            "seed": self.seed,
            "packets": len(self._world.records),
            "bytes": len(self.capture),
            "infected": INFECTED,
            "devices": [_account(device) for device in self._home.devices],
        }

    def _people(self, dice: Dice) -> None:
        """All that is clean; it comes onto the network within the first minute, as after a power cut."""
        self._world.spawn(devices.resolver(self._home, self._home.resolver), 1.0)
        for name, number, life in _LIVES:
            self._world.spawn(life(self._home, self._home.add(name, number)), dice.between(5, 60))
        private_mac = b"\x02" + dice.blob(5)  # a phone makes one up for each network
        phone = self._home.add("phone", _PHONE, private_mac)
        self._world.spawn(devices.phone(self._home, phone), dice.between(5, 60))

    def _infected(self, dice: Dice) -> None:
        """The stick is plugged in, plays for a while, and then gets orders twice."""
        stick = self._home.add(INFECTED, _STICK)
        self._world.spawn(devices.stick(self._home, stick), dice.between(60, 120))
        bot = Bot(self._home, stick, dice.fork())
        first_s = dice.between(9, 13) * _MINUTE_S
        self._world.spawn(bot.orders(3, "no-reply@watch-outlet.example"), first_s)
        self._world.spawn(bot.orders(1, "service@parcel-desk.example"), first_s + dice.between(9, 12) * _MINUTE_S)


def _account(device: Device) -> Json:
    name = device.name or None
    return {"device": ":".join(f"{byte:02x}" for byte in device.mac), "name": name, **device.tally.as_json()}


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.argument("capture", metavar="FILE.pcap", type=click.Path(dir_okay=False))
@click.option("--seed", default=1, show_default=True, help="Another number is another evening.")
@click.option("--json", "as_json", is_flag=True, help="Print what really happened, as one JSON object.")
def main(capture: str, seed: int, as_json: bool) -> None:
    """Write FILE.pcap: half an hour of a home in which one device sends spam, made from a seed.

    All names and addresses outside the home are reserved for documentation and tests.

    \b
    Example: make an evening, judge it, and look up what really happened
      python -m spamgate_tools.sample_home --seed 7 --json home.pcap > truth.json
      spamgate replay home.pcap
    """
    sample = Sample(seed)
    try:
        with open(capture, "wb") as file:
            file.write(sample.capture)
    except OSError as error:
        raise Unwritable(f"{capture}: cannot be written: {error.strerror}") from None
    if as_json:
        click.echo(json.dumps(sample.ledger()))


if __name__ == "__main__":
    main(prog_name="python -m spamgate_tools.sample_home")
