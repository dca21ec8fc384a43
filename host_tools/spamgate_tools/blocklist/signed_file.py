"""A signed list as a file of this machine: enough of it to know what would be sent."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from spamgate.wire.cursor import FormError
from spamgate.wire.list_manifest import HEAD_BYTES, LIST, parse_manifest, split_head
from spamgate_tools.errors import UserError

_SIGN_HINT = "`spamgate blocklist sign FILE --key KEY.pem` signs it"


class SignedFile(NamedTuple):
    """What its head says."""

    path: Path
    manifest: dict

    @property
    def expires(self) -> int:
        """When it ends, UNIX seconds."""
        return int(self.manifest["expires"])


def read_signed(path: Path) -> SignedFile:
    """Return what a signed list says of itself; UserError where it is none."""
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
        size = path.stat().st_size
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    try:
        parts = split_head(head)
        if not parts.signature or parts.magic != LIST:
            raise UserError(f"{path}: is no signed list", _SIGN_HINT)
        manifest = parse_manifest(parts.manifest)
    except FormError as error:
        raise UserError(f"{path}: {error}", "`spamgate blocklist build` makes lists") from None
    if manifest["size"] != size - HEAD_BYTES:
        says = f"its manifest says {manifest['size']} bytes, and there are {size - HEAD_BYTES}"
        raise UserError(f"{path}: is not whole: {says}", "fetch or sign it again")
    return SignedFile(path, manifest)


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
