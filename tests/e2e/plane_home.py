"""A home whose router only forwards, and boards that are the resolvers of its flats: one bot and clean devices in each.

A flat has a board of its own, so that no bot's verdict rests on what another did.
"""

import os
import sys
import time
from collections import Counter
from pathlib import Path

from e2e.board_process import ESP32_HEAP, BoardProcess
from e2e.mail_home import DOMAINS, PASSWORD, MailHome

from spamgate_tools.lab.accounts import EXCHANGES, RESOLVER4
from spamgate_tools.lab.home_server import OWNER
from spamgate_tools.lab.lines import Follower

SEED = int(os.environ.get("SPAMGATE_SEED", "7"))
SERVER = "server"
BUSY = "busy"  # the flat without a bot, whose device asks as much as it can
SMALL = "small"  # a board with the heap of an ESP32, which that device asks, too

_HARD_CODED = "hard-coded-resolver"
_BY_HEART = {"addresses": ",".join(row.address4 for row in EXCHANGES)}
_CLEAN = ("laptop", "phone", "nas")

# Kind, as in test_bots.py: flat, its program, options.
BOTS = {
    "parallel-mx": ("parallel", "parallel-mx", {}),
    "one-connection": ("one", "one-connection", {}),
    "name-guesser": ("guesser", "name-guesser", {}),
    "hard-coded resolver": ("guesser", _HARD_CODED, {"every": 0.8}),
    "addresses by heart": ("guesser", _HARD_CODED, {"every": 0.8, **_BY_HEART}),
    "ipv6-rotator": ("six", "ipv6-rotator", {"every": 0.25, "domains": ",".join(DOMAINS[:4])}),
    "mac-rotator": ("rotator", "mac-rotator", {"every": 0.5}),
}
FLATS = tuple(dict.fromkeys(flat for flat, _, _ in BOTS.values()))


def bot_name(kind: str) -> str:
    """Return the name of a kind's device."""
    return "bot-" + kind.replace(" ", "-")


class PlaneHome(MailHome):
    """Flats with their boards; `begin` lets everybody live."""

    def __init__(self) -> None:
        names = [f"{flat}-{name}" for flat in FLATS for name in ("board", *_CLEAN)]
        names += [bot_name(kind) for kind in BOTS] + [SERVER, f"{BUSY}-board", f"{SMALL}-board", BUSY]
        self.boards: dict[str, BoardProcess] = {}
        self.programs: dict = {}
        super().__init__("plane", names)
        try:
            self._start_web()
            self.start_router(has_gateway=False)
            for flat in (*FLATS, BUSY):
                self.boards[flat] = BoardProcess(self.devices[f"{flat}-board"], {"guard_upstreams": [RESOLVER4]})
            small = self.devices[f"{SMALL}-board"]
            self.boards[SMALL] = BoardProcess(small, {"guard_upstreams": [RESOLVER4]}, ESP32_HEAP)
            for board in self.boards.values():
                board.wait()
        except BaseException:
            self.close()
            raise

    def __exit__(self, *what: object) -> None:
        self.close()

    def close(self) -> None:
        """End the boards, then all else."""
        for board in self.boards.values():
            board.stop()
        self.net.close()

    def _start_web(self) -> None:
        (self.internet.folder / "index.html").write_text("A page.")
        words = [sys.executable, "-m", "http.server", "80", "--directory", str(self.internet.folder)]
        self.internet.serve(words, "web.log", 80, "tcp")

    def begin(self) -> None:
        """Let all devices live; bots first, so that the heat is theirs."""
        account = {"user": OWNER, "password": PASSWORD, "ca": self.authority.certificate, "every": 1.0}
        for kind, (flat, program, options) in BOTS.items():
            self._live(bot_name(kind), flat, program, **{"domains": ",".join(DOMAINS), "idle": 1.0, **options})
        for flat in FLATS:
            self._live(f"{flat}-laptop", flat, "laptop", **account)
            self._live(f"{flat}-phone", flat, "phone")
            self._live(f"{flat}-nas", flat, "nas", every=1.5)

    def end(self) -> None:
        """Let all programs end; none may have failed."""
        for program in self.programs.values():
            program.terminate()
        assert {device: program.wait(60) for device, program in self.programs.items()} == dict.fromkeys(
            self.programs, 0
        )

    def told(self, device: str, *kinds: str) -> list[dict]:
        """Return what a device reported of these kinds."""
        return [line for line in Follower(self._report(device)).read() if line["what"] in kinds]

    def clean(self, flat: str) -> dict[str, str]:
        """Return the addresses of a flat's clean devices."""
        return {f"{flat}-{name}": self.devices[f"{flat}-{name}"].address4 for name in _CLEAN}

    def story(self) -> str:
        """Return what became of everybody's mail, for the message of a failed test."""
        return str({name: dict(Counter(row["what"] for row in self.told(name, "sent", "accepted", "refused", "failed")))
                    for name in self.programs})

    def _live(self, device: str, flat: str, program: str, **options: object) -> None:
        told = {"name": device, "host-name": device, "report": self._report(device), "seed": SEED}
        told |= {"resolver": self.boards[flat].address, **options}
        words = [word for key, value in told.items() for word in (f"--{key}", str(value))]
        command = [sys.executable, "-m", "spamgate_tools.lab.devices", program, *words]
        self.programs[device] = self.devices[device].popen(command, "bot.log")

    def _report(self, device: str) -> Path:
        return self.devices[device].folder / "report.jsonl"


def wait_since(begun: float, seconds: float) -> None:
    """Wait until so many seconds after `begun` (time.monotonic) have passed."""
    time.sleep(max(0.0, begun + seconds - time.monotonic()))
