"""A signed list as a file of this machine: enough of it to know what would be sent."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from spamgate.wire.list_manifest import HEAD_BYTES, LIST, Head
from spamgate_tools.blocklist.list_head import check_size, manifest_in, read_head
from spamgate_tools.errors import UserError

_SIGN_HINT = "`spamgate blocklist sign FILE --key KEY.pem` signs it"


class SignedFile(NamedTuple):
    """What its head says."""

    path: Path
    head: Head
    manifest: dict

    @property
    def expires(self) -> int:
        """When it ends, UNIX seconds."""
        return int(self.manifest["expires"])


def read_signed(path: Path) -> SignedFile:
    """Return what a signed list says of itself; UserError where it is none."""
    head = read_head(path)
    if not head.signature or head.magic != LIST:
        raise UserError(f"{path}: is no signed list", _SIGN_HINT)
    manifest = manifest_in(path, head, is_signed=True)
    check_size(path, manifest, path.stat().st_size - HEAD_BYTES)
    return SignedFile(path, head, manifest)


def find_bases(file: SignedFile, more: Iterable[Path]) -> dict[str, Path]:
    """Return files by their digest: those beside the file, itself too, and those that are named, which must be signed.

    A board may have the very same list under an older manifest.
    """
    bases = {}
    for path in sorted(file.path.parent.glob("*.sgb")):
        try:
            bases[read_signed(path).manifest["sha256"]] = path
        except UserError:
            continue
    bases.update({read_signed(path).manifest["sha256"]: path for path in more})
    return bases
