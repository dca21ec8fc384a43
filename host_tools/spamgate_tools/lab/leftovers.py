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

from spamgate_tools.errors import UserError

RUNS = Path("/run/spamgate-lab")
NAMESPACES = Path("/run/netns")

_LOCK = "lock"
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
            self._lock = (self.folder / _LOCK).open("w")
            fcntl.flock(self._lock, fcntl.LOCK_EX)
        except OSError as error:
            raise UserError(f"{self.folder}: cannot be made: {error.strerror}", "run it as root") from None

    def remove(self) -> None:
        """Stop the run's processes, remove its namespaces and its folder."""
        _remove(self.name)
        self._lock.close()


def sweep() -> list[str]:
    """Remove what runs that are no more have left; returns their names."""
    gone = [folder.name for folder in RUNS.glob("*") if not _is_alive(folder)]
    for name in gone:
        _remove(name)
    return gone


def _is_alive(folder: Path) -> bool:
    try:
        with (folder / _LOCK).open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        try:
            return time.time() - folder.stat().st_mtime < 1  # its lock is just being made
        except OSError:
            return True  # whoever had it has just removed it
    return False


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
        pids = [pid for pid in pids if _is_running(pid)]
    _signal(pids, signal.SIGKILL)


def _signal(pids: list[int], number: int) -> None:
    for pid in pids:
        with contextlib.suppress(OSError):
            os.kill(pid, number)


def _is_running(pid: int) -> bool:
    """A zombie is not: it waits for its parent only."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return False
    return state != "Z"
