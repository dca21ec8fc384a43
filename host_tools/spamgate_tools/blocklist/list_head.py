"""The head of a list or delta in a file of this machine: every tool that opens one begins here."""

from pathlib import Path
from typing import Any

from spamgate.wire.cursor import FormError
from spamgate.wire.list_manifest import FORMAT, HEAD_BYTES, Head, parse_manifest, parse_unsigned, split_head
from spamgate_tools.errors import UserError

BUILD_HINT = "`spamgate blocklist build` makes lists"


def read_head(path: Path) -> Head:
    """Return the head of a list or delta; UserError where there is none."""
    try:
        with path.open("rb") as file:
            return split_head(file.read(HEAD_BYTES))
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}", BUILD_HINT) from None
    except FormError as error:
        raise UserError(f"{path}: {error}", BUILD_HINT) from None


def manifest_in(path: Path, head: Head, is_signed: bool) -> dict[str, Any]:
    """Return what the head of this file says; a signed one has a version and dates."""
    try:
        manifest = parse_manifest(head.manifest) if is_signed else parse_unsigned(head.manifest)
    except FormError as error:
        raise UserError(f"{path}: {error}", BUILD_HINT) from None
    if manifest["format"] != FORMAT:
        raise UserError(f"{path}: has format {manifest['format']}, and this tool knows {FORMAT}")
    return manifest


def check_size(path: Path, manifest: dict[str, Any], size: int) -> None:
    """Refuse a file whose body has not the bytes that its manifest says."""
    if size != manifest["size"]:
        says = f"its manifest says {manifest['size']:,} bytes, and there are {size:,}"
        raise UserError(f"{path}: is not whole: {says}", "fetch or build it again")
