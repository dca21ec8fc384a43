"""Boards in memory for a station: they remember who they were made to be, and can fail on demand."""

import threading
from contextlib import contextmanager

from spamgate_tools.errors import UserError
from spamgate_tools.provision.bench import PASSED, Found

KIND = "ESP32_GENERIC"


class FakeBoard:
    """One board; `trouble` is raised at the next step of that name: look, check, write, test."""

    def __init__(self, number: int, **trouble: BaseException) -> None:
        self.mac = f"24:0a:c4:00:{number >> 8:02x}:{number & 255:02x}"
        self.trouble = trouble
        self.identity = None
        self.settings: dict | None = None
        self.times_written = 0


class FakeBench:
    """Boards by port; a port without one has none."""

    def __init__(self, boards: dict[str, FakeBoard]) -> None:
        self.boards = boards
        self.held: set[str] = set()
        self.most_held = 0
        self._lock = threading.Lock()
        self.together: threading.Barrier | None = None

    @contextmanager
    def at(self, port):
        """Hold a board."""
        if port not in self.boards:
            raise UserError(f"{port}: there is no such port", "look at the cable")
        board = self.boards[port]
        _fail(board, "look")
        with self._lock:
            self.held.add(port)
            self.most_held = max(self.most_held, len(self.held))
        try:
            yield _FakeSeat(board, self)
        finally:
            self.held.discard(port)

    def test(self, port, identity):
        """Return whether the board is who it was made."""
        board = self.boards[port]
        _fail(board, "test")
        assert board.identity == identity
        return PASSED


class _FakeSeat:
    def __init__(self, board, bench) -> None:
        self._board = board
        self._bench = bench
        self.found = Found(board.mac, "esp32", KIND, board.identity.serial if board.identity else "")

    def check(self) -> None:
        """Return if this board can be made."""
        _fail(self._board, "check")

    def write(self, identity, settings, progress) -> str:
        """Give the board who it is; first its old self is lost, as on flash."""
        if self._bench.together:
            self._bench.together.wait(60)
        board = self._board
        progress(0.5)
        _fail(board, "write")
        board.identity = identity
        board.settings = settings
        board.times_written += 1
        progress(1.0)
        return "image"


def _fail(board: FakeBoard, step: str) -> None:
    if step in board.trouble:
        raise board.trouble[step]
