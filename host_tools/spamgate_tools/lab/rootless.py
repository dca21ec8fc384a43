"""Get where network namespaces may be made: we are there as root; without it the program starts itself anew.

First choice is a user namespace of our own, which needs nobody's leave; where the system forbids it, sudo.
In it we are root, but there is no other user: what needs several (Postfix) is left out, and /run is ours alone.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from spamgate_tools.errors import UserError

_ADMIN_FOLDERS = ("/usr/local/sbin", "/usr/sbin", "/sbin")  # where nft and ip are, and a user's PATH does not lead
_OWN_NAMESPACE = ("unshare", "--user", "--map-root-user", "--net", "--mount")
_OWN_RUN = 'mount -t tmpfs tmpfs /run && exec "$@"'


def settle() -> None:
    """Return once namespaces can be made; replaces this process on the way there."""
    path = os.environ.get("PATH", "").split(":")
    os.environ["PATH"] = ":".join([*path, *(folder for folder in _ADMIN_FOLDERS if folder not in path)])
    is_root = os.geteuid() == 0
    if is_root and _works("unshare", "--net", "--mount", "true"):
        return
    if not (is_root and is_alone()) and _works(*_OWN_NAMESPACE, "sh", "-c", _OWN_RUN, "sh", "true"):
        _start_anew(*_OWN_NAMESPACE, "sh", "-c", _OWN_RUN, "sh")
    if is_root:
        hint = "in a container, start that with --privileged, or with CAP_SYS_ADMIN and CAP_NET_ADMIN"
        raise UserError("root may not make network namespaces here", hint)
    if shutil.which("sudo") and (sys.stdin.isatty() or _works("sudo", "-n", "true")):
        sys.stderr.write("This system does not let users make network namespaces: going on with sudo.\n")
        _start_anew("sudo", f"PATH={os.environ['PATH']}")
    raise UserError("this system does not let users make network namespaces", "run it as root")


def is_alone() -> bool:
    """Are we in a user namespace with one user only?"""
    rows = [line.split() for line in Path("/proc/self/uid_map").read_text().splitlines()]
    return sum(int(row[2]) for row in rows) == 1


def _works(*command: str) -> bool:
    try:
        return subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, check=False).returncode == 0
    except OSError:
        return False


def _start_anew(*prefix: str) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os.execvp(prefix[0], [*prefix, sys.executable, *sys.argv])
