"""Everything a run leaves in the system, in one folder under a lock: what a killed run left, the next one removes.

A run's folder is /run/spamgate-lab/NAME-PID-N. It holds its files and, in `lock`, an advisory lock that the kernel
gives back when the process is gone, whatever killed it. Its namespaces begin with the folder's name.
"""

import contextlib
import fcntl
import itertools
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import TextIO

from spamgate_tools.errors import UserError

RUNS = Path("/run/spamgate-lab")
NAMESPACES = Path("/run/netns")

_LOCK = "lock"
_MADE_S = 60.0  # a folder without a lock is being made, unless it is older
_GRACE_S = 0.5  # for programs to end after SIGTERM
_numbers = itertools.count(1)


class Run:
    """One run's name, folder and lock."""

    def __init__(self, name: str) -> None:
        self.name = f"{name}-{os.getpid()}-{next(_numbers)}"
        self.folder = RUNS / self.name
        try:
            self.folder.mkdir(parents=True)
            os.chmod(self.folder, 0o755)  # some servers give up root and still read their files
            self._lock = _locked(self.folder)
        except OSError as error:
            raise UserError(f"{self.folder}: cannot be made: {error.strerror}", "run it as root") from None

    def remove(self) -> None:
        """Stop the run's processes, remove its namespaces and its folder."""
        _remove(self.name)
        self._lock.close()


def _locked(folder: Path) -> TextIO:
    """Make the lock; whoever can see it finds it held."""
    unseen = folder / f"{_LOCK}.new"
    lock = unseen.open("w")
    fcntl.flock(lock, fcntl.LOCK_EX)
    unseen.rename(folder / _LOCK)
    return lock


def sweep() -> list[str]:
    """Remove what runs that are no more have left; returns their names."""
    gone = []
    for folder in RUNS.glob("*"):
        lock = _lock_of_the_dead(folder)
        if lock:
            with lock:  # held, so that nobody else removes it: a namespace's number soon belongs to another
                _remove(folder.name)
            gone.append(folder.name)
    return gone


def _lock_of_the_dead(folder: Path) -> TextIO | None:
    """Take over the lock of a run that is no more; None where it lives, or somebody else removes it."""
    with contextlib.suppress(OSError):
        if not (folder / _LOCK).exists() and time.time() - folder.stat().st_mtime < _MADE_S:
            return None
        lock = (folder / _LOCK).open("a")
        with contextlib.suppress(OSError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(lock.fileno()).st_nlink:
                return lock
        lock.close()
    return None


def _remove(name: str) -> None:
    namespaces = list(NAMESPACES.glob(f"{name}-*"))
    kill(processes_in(namespaces))
    for namespace in namespaces:
        subprocess.run(["ip", "netns", "delete", namespace.name], capture_output=True, check=False)
    shutil.rmtree(RUNS / name, ignore_errors=True)


def processes_in(namespaces: list[Path]) -> list[int]:
    """Return the processes that live in these network namespaces, those included that became daemons."""
    inside = {_identity(namespace) for namespace in namespaces} - {None}
    found = (int(entry) for entry in os.listdir("/proc") if entry.isdigit())
    return [pid for pid in found if _identity(Path(f"/proc/{pid}/ns/net")) in inside] if inside else []


def _identity(namespace: Path) -> tuple[int, int] | None:
    try:
        known = namespace.stat()
    except OSError:  # gone, or somebody else's
        return None
    return known.st_dev, known.st_ino


def kill(pids: list[int]) -> None:
    """Ask the processes to end, and end those that do not within half a second."""
    _signal(pids, signal.SIGTERM)
    deadline = time.monotonic() + _GRACE_S
    while pids and time.monotonic() < deadline:
        time.sleep(0.01)
        pids = [pid for pid in pids if is_running(pid)]
    _signal(pids, signal.SIGKILL)


def _signal(pids: list[int], number: int) -> None:
    for pid in pids:
        with contextlib.suppress(OSError):
            os.kill(pid, number)


def is_running(pid: int) -> bool:
    """Return whether it is more than a zombie, which only waits for its parent."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return False
    return state != "Z"
