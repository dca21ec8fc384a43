"""Mail servers that Debian does not install beside Postfix: their packages, unpacked by ci/test_setup.sh."""

import os
from pathlib import Path

from spamgate_tools.errors import UserError

_BUILD = Path(__file__).resolve().parents[3] / "build"


def unpacked(package: str, program: str) -> Path:
    """Return the folder a package is unpacked in; `program` is a file that must be there."""
    folder = Path(os.environ.get("SPAMGATE_PACKAGES") or _BUILD / "packages") / package
    if not (folder / program).exists():
        raise UserError(f"{package} is not unpacked in {folder}", "run ci/test_setup.sh")
    return folder


def why_not(package: str, program: str) -> str:
    """Return why an unpacked mail server cannot run here, or an empty string."""
    if os.geteuid():
        return f"{package} needs root"
    if "\toverlay\n" not in Path("/proc/filesystems").read_text():
        return f"{package} needs the kernel's overlay file system"
    try:
        unpacked(package, program)
    except UserError as missing:
        return str(missing)
    return ""
