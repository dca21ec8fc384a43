"""One signed list on its way to one board: what is sent, how the board takes it, and what it says in the end.

Where the board has a list of which the file is here, a delta goes; where it cannot take that, the whole file does.
What was cut goes on where it was: the board says from which byte.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from spamgate_tools import side_by_side
from spamgate_tools.blocklist.pause import client_at, pause
from spamgate_tools.blocklist.signed_file import SignedFile
from spamgate_tools.errors import UserError
from spamgate_tools.link.client import Client, LinkError
from spamgate_tools.link.transports import DEFAULT_BAUD, open_port
from spamgate_tools.side_by_side import DONE, DONE_BEFORE

ASKING = "asking"
PAUSING = "pausing"
SENDING = "sending"
APPLYING = "applying"

FULL_NAME = "list.sgb"  # what a board knows them by
DELTA_NAME = "list.sgd"

_LOOK_S = 0.3
_STILL_S = 600.0  # until a board must have done with what it does
_IN_FORCE = "in force"
_MOST_DELTA_BYTES = 98304  # that a board takes


@dataclass(eq=False)
class Place(side_by_side.Place):
    """What there is to say of a board that gets a list."""

    board: str = ""
    serial: str = ""
    former: int = 0  # the version that it had
    version: int = 0
    way: str = ""  # delta or full
    sent_bytes: int = 0


class Deltas:
    """Deltas to one file from whatever former files are at hand, each made once; threads may ask side by side."""

    def __init__(self, bases: dict[str, Path], make: Callable[[Path], bytes | None], folder: Path, file: SignedFile):
        """`bases` by their digest; `make(base)` returns the delta, or None where there can be none."""
        self._bases = bases
        self._make = make
        self._folder = folder
        self._full_bytes = int(file.manifest["size"])
        self._made: dict[str, Path | None] = {}
        self._lock = threading.Lock()

    def from_list(self, sha256: str) -> Path | None:
        """Return the file of the delta from the list with this digest, or None."""
        base = self._bases.get(sha256)
        if base is None:
            return None
        with self._lock:
            if sha256 not in self._made:
                data = self._make(base)
                path = self._folder / f"{sha256[:16]}.sgd"
                is_fit = data is not None and len(data) <= min(_MOST_DELTA_BYTES, self._full_bytes // 2)
                if data is not None and is_fit:
                    path.write_bytes(data)
                self._made[sha256] = path if is_fit else None
            return self._made[sha256]


class Push:
    """Brings one file to any number of boards; `changed` is called by their threads at each step."""

    def __init__(
        self,
        file: SignedFile,
        deltas: Deltas,
        changed: Callable[[Place, str], None],
        baud: int = DEFAULT_BAUD,
        may_pause: bool = False,
    ) -> None:
        """`may_pause`: a board without memory for all at once may leave its DNS alone until it has the list."""
        self._may_pause = may_pause
        self._file = file
        self._deltas = deltas
        self._changed = changed
        self._baud = baud

    def start(self, port: str) -> Place:
        """Begin with the board at a port, in a thread that dies with the program."""
        return side_by_side.begin(Place(port), self._work, self._step)

    def _work(self, place: Place) -> str:
        self._step(place, ASKING)
        return self._bring_or_pause(place)

    def _bring_or_pause(self, place: Place) -> str:
        try:
            with Client(open_port(place.port, self._baud)) as client:
                return self._push(place, client)
        except UserError as error:
            if not is_short_of_memory(error):
                raise
            if not self._may_pause:
                raise UserError(error.text, _pause_hint(place, error)) from None
        self._step(place, PAUSING)
        pause(place.port)
        return self._push_resting(place)

    def _push_resting(self, place: Place) -> str:
        """Bring the list to a board that is there for it only, and let it do its work again."""
        for is_last in (False, True):
            client = client_at(place.port, self._baud)
            try:
                return self._push(place, client, not is_last)
            except UserError as error:
                if is_last or not is_short_of_memory(error):
                    raise
                pause_again = not isinstance(error, LinkError)
            finally:
                self._wake(client)
            if pause_again:  # with a heap in one piece
                pause(place.port)
        raise AssertionError

    def _wake(self, client: Client) -> None:
        """Let a board do its work again; where the session is lost it does so by itself, a minute later."""
        try:
            if not client.is_lost:
                list(client.request("reset"))
        except UserError:
            pass
        client.close()

    def _push(self, place: Place, client: Client, may_be_delta: bool = True) -> str:
        place.board = str(client.identity.get("board", ""))
        place.serial = str(client.identity.get("serial", ""))
        list(client.request("clock", time=int(time.time())))  # a board without the time takes no list
        serving = _serving(_ready(client))
        place.former = int(serving.get("version", 0))
        if self._is_in_force(serving):
            place.version = place.former
            return DONE_BEFORE
        delta = self._deltas.from_list(str(serving.get("sha256", ""))) if may_be_delta else None
        if delta is None or not self._tries(place, client, delta):
            self._bring(place, client, self._file.path, FULL_NAME)
        serving = _serving(_ask(client))
        place.version = int(serving.get("version", 0))
        if not self._is_in_force(serving):
            raise UserError("it serves another list than the one it took", "see `spamgate journal`, then try again")
        return DONE

    def _is_in_force(self, serving: dict) -> bool:
        manifest = self._file.manifest
        return serving.get("sha256") == manifest["sha256"] and serving["version"] >= manifest["version"]

    def _tries(self, place: Place, client: Client, delta: Path) -> bool:
        """Bring a delta; whatever the board has against it, it may yet take the whole."""
        try:
            self._bring(place, client, delta, DELTA_NAME)
        except UserError as error:
            if is_short_of_memory(error):
                raise
            place.hint = f"the delta was refused: {error.text}"
            return False
        return True

    def _bring(self, place: Place, client: Client, path: Path, name: str) -> None:
        place.way = "delta" if name == DELTA_NAME else "full"
        self._step(place, SENDING)

        def progress(at: int, size: int) -> None:
            place.share = at / size

        client.put(path, name, progress)
        place.sent_bytes += path.stat().st_size
        self._step(place, APPLYING)
        list(client.request("list_apply", name=name))
        told = self._applied(place, client)
        if not told["ok"]:
            text, _, hint = str(told["said"]).partition("; ")
            raise UserError(text, hint)

    def _applied(self, place: Place, client: Client) -> dict:
        """Wait until the board has done with it; return what it says then."""
        end = time.monotonic() + _STILL_S
        while True:
            told = _ask(client)[0]
            if not told["job"]:
                return told
            place.share = told["done"] / max(told["of"], 1)
            if time.monotonic() > end:
                raise UserError("it comes to no end with the list", "look at `spamgate journal`, then try again")
            time.sleep(_LOOK_S)

    def _step(self, place: Place, step: str) -> None:
        place.step = step
        self._changed(place, step)


def _ask(client: Client) -> list[dict]:
    """Return what the board says of its lists; after a lost session, what it says in the next."""
    try:
        rows = list(client.request("lists"))
    except LinkError:
        client.open()
        rows = list(client.request("lists"))
    if not rows or not {"job", "ok", "said", "done", "of"} <= rows[0].keys():
        raise UserError("whoever answers there knows nothing of lists", "`spamgate flash` puts newer firmware on it")
    return rows


def _ready(client: Client) -> list[dict]:
    """Return what a board says of its lists once it has read the one in force: until then it takes no other."""
    end = time.monotonic() + _STILL_S
    while True:
        rows = _ask(client)
        if (rows[0].get("checked", True) and not rows[0]["job"]) or time.monotonic() > end:
            return rows
        time.sleep(_LOOK_S)


def _serving(rows: list[dict]) -> dict:
    """Return the list in force, nothing where there is none."""
    return next((row for row in rows if row.get("state") == _IN_FORCE), {})


def is_short_of_memory(error: UserError) -> bool:
    """Does the board lack memory for what it was to do?  With too little it does not even answer."""
    if isinstance(error, LinkError):
        return True
    return "no memory left" in error.text or "MemoryError" in error.text


def _pause_hint(place: Place, error: UserError) -> str:
    """Return what to do about a board that may be short of memory; of one that never answered nobody knows."""
    if place.board or not isinstance(error, LinkError):
        return "with --pause it leaves DNS alone until it has the list"
    return f"{error.hint}; if it lacks memory, --pause helps"
