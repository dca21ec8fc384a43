"""Programs that expect fixed places (/etc/passwd, /usr/sbin/exim4, /var/spool) get them, and the host keeps its own.

The command runs in a mount namespace of its own: layers of ours lie over the system's /etc and /usr, and a folder
of ours is /var.  Needs root and the kernel's overlay file system.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

_USER = "{name}:x:{number}:{number}::/var/empty:/usr/sbin/nologin\n"
_MOUNTS = """
cat /etc/resolv.conf > "$1/etc/resolv.conf"
mount -t overlay overlay -o "lowerdir=$1/etc:/etc" /etc
mount -t overlay overlay -o "lowerdir=$2:/usr" /usr
mount --bind "$1/var" /var
shift 2
exec "$@"
"""


class PrivateRoot:
    """Folders that programs find as /etc and /var, and an unpacked package that they find as part of /usr."""

    def __init__(self, folder: Path, package: Path) -> None:
        self._folder = folder
        self._package = package
        self.etc = folder / "etc"
        self.var = folder / "var"

    def make(self, users: Mapping[str, int], owned: Mapping[str, str]) -> None:
        """Make the folders, let these users (name: number) exist, and give them folders below /var (path: name)."""
        self.etc.mkdir(parents=True, exist_ok=True)
        people = (_USER.format(name=name, number=number) for name, number in users.items())
        groups = (f"{name}:x:{number}:\n" for name, number in users.items())
        (self.etc / "passwd").write_text(Path("/etc/passwd").read_text() + "".join(people))
        (self.etc / "group").write_text(Path("/etc/group").read_text() + "".join(groups))
        for place in ("empty", "log", "mail", "run", "spool"):
            (self.var / place).mkdir(parents=True, exist_ok=True)
        for place, name in owned.items():
            give(self.var / place, users.get(name, 0))

    def command(self, words: Sequence[str]) -> list[str]:
        """Return the command that runs `words` with these folders in place."""
        namespace = ["unshare", "--mount", "--propagation", "private"]
        return [*namespace, "sh", "-e", "-c", _MOUNTS, "sh", str(self._folder), str(self._package / "usr"), *words]


def give(folder: Path, number: int) -> None:
    """Make a folder that belongs to the user of this number."""
    folder.mkdir(parents=True, exist_ok=True)
    os.chown(folder, number, number)
