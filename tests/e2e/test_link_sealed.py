"""Files over the sealed link, through somebody in between who cuts, changes and repeats: whole, or not at all."""

import os
import random
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from free_ports import free_ports

from spamgate_tools.errors import UserError
from spamgate_tools.link.client import Client
from spamgate_tools.link.tcp import TcpTransport
from spamgate_tools.runtime import find_micropython

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = ROOT / "tests" / "programs" / "link_router.py"
HEAP = "400k"  # it compiles its modules itself
FILE_BYTES = 200_000
CHUNK_BYTES = 1024  # that the router stores at a time
EFFICIENCY = 0.90
CUTS = 20
SEED = 4
PATIENCE_S = 20.0
KEY = bytes(range(32))

Hook = Callable[[bytes], bytes | None]  # what becomes of a piece on its way to the router; None: the line is cut


class Router:
    """The router's program, and a relay before it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._port = free_ports()
        words = [*_micropython(), "-X", "heapsize=" + HEAP, str(PROGRAM), str(folder), str(self._port), KEY.hex()]
        place = {**os.environ, "MICROPYPATH": str(ROOT / "firmware")}
        self._process = subprocess.Popen(words, env=place, stdout=subprocess.PIPE)
        assert self._process.stdout and self._process.stdout.readline() == b"ready\n"

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.communicate()

    @contextmanager
    def behind(self, hook: Hook) -> Iterator[str]:
        """Lend a URL under which one caller reaches the router through the hook."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            thread = threading.Thread(target=self._relay, args=(listener, hook), daemon=True)
            thread.start()
            yield f"tcp://127.0.0.1:{listener.getsockname()[1]}"
        thread.join(PATIENCE_S)

    def _relay(self, listener: socket.socket, hook: Hook) -> None:
        near, _ = listener.accept()
        far = socket.create_connection(("127.0.0.1", self._port))
        threading.Thread(target=_pump, args=(far, near, bytes), daemon=True).start()
        _pump(near, far, hook)


def _pump(source: socket.socket, target: socket.socket, hook: Hook) -> None:
    try:
        while data := source.recv(4096):
            passed = hook(data)
            if passed is None:
                break
            target.sendall(passed)
    except OSError:
        pass
    for sock in (source, target):
        try:
            sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def _micropython() -> list[str]:
    try:
        return find_micropython()
    except UserError as missing:
        pytest.skip(f"not run: {missing}")


@pytest.fixture
def router(tmp_path):
    router = Router(tmp_path / "flash")
    yield router
    router.close()


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "list.sgb"
    path.write_bytes(random.Random(SEED).randbytes(FILE_BYTES))
    return path


def put(url: str, file: Path) -> None:
    with Client(TcpTransport(url, KEY)) as client:
        client.put(file, file.name)


def test_a_file_arrives_whole_and_little_else_is_sent(router, file):
    sent = []

    def count(data: bytes) -> bytes:
        sent.append(len(data))
        return data

    with router.behind(count) as url:
        put(url, file)
    assert (router.folder / file.name).read_bytes() == file.read_bytes()
    assert FILE_BYTES / sum(sent) >= EFFICIENCY, sum(sent)


def test_cut_anywhere_it_goes_on_at_the_last_chunk_that_was_confirmed(router, file):
    draw = random.Random(SEED)
    part = router.folder / (file.name + ".part")
    stored = 0
    for _ in range(CUTS):
        left = draw.randrange(100, FILE_BYTES // CUTS)

        def cut(data: bytes) -> bytes | None:
            nonlocal left
            left -= len(data)
            return data if left > 0 else None

        with router.behind(cut) as url, pytest.raises(UserError):
            put(url, file)
        assert not (router.folder / file.name).exists()
        assert (size := part.stat().st_size if part.exists() else 0) >= stored
        stored = size
    assert stored > FILE_BYTES // 6
    total = []

    def count(data: bytes) -> bytes:
        total.append(len(data))
        return data

    with router.behind(count) as url:
        put(url, file)
    assert (router.folder / file.name).read_bytes() == file.read_bytes()
    assert sum(total) < (FILE_BYTES - stored + CHUNK_BYTES) / EFFICIENCY + 1000


@pytest.mark.parametrize("what", ["flips", "repeats", "leaves out"])
def test_whoever_meddles_ends_the_session_and_the_next_is_whole(router, file, what):
    draw = random.Random(SEED)
    pieces = 0
    at = draw.randrange(10, 60)

    def meddle(data: bytes) -> bytes:
        nonlocal pieces
        pieces += 1
        if pieces != at:
            return data
        place = draw.randrange(len(data))
        return {
            "flips": data[:place] + bytes([data[place] ^ 1 << draw.randrange(8)]) + data[place + 1 :],
            "repeats": data + data,
            "leaves out": b"",
        }[what]

    with router.behind(meddle) as url, pytest.raises(UserError):
        put(url, file)
    assert pieces >= at, "the session was over before"
    assert not (router.folder / file.name).exists()
    with router.behind(bytes) as url:
        put(url, file)
    assert (router.folder / file.name).read_bytes() == file.read_bytes()
