"""The key that a router's link over TCP and this host share: 32 random bytes as 64 hex digits in a file."""

import os
import secrets
from pathlib import Path

import platformdirs

from spamgate.wire.link_auth import KEY_BYTES
from spamgate_tools.errors import UserError

KEY_VARIABLE = "SPAMGATE_LINK_KEY"

_MAKE_HINT = f"make one with `spamgate link-key`, or name its file in {KEY_VARIABLE}"


def key_file() -> Path:
    """Return where the key is: in the file that the environment names, or that `spamgate link-key` makes."""
    return Path(os.environ.get(KEY_VARIABLE) or platformdirs.user_config_path("spamgate") / "link.key")


def make_key_file(path: Path, may_replace: bool = False) -> None:
    """Write a new key, for its owner's eyes only; UserError when there is one already."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if may_replace:
            path.unlink(missing_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        hint = "use that, or replace it with --replace: then every router needs the new one"
        raise UserError(f"{path}: there is a key already", hint) from None
    except OSError as error:
        raise UserError(f"{path}: cannot be written: {error.strerror}") from None
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(secrets.token_hex(KEY_BYTES) + "\n")


def read_key(path: Path) -> bytes:
    """Return the key in a file; UserError when there is none, or others may read it."""
    try:
        text = path.read_text(encoding="ascii").strip()
        mode = path.stat().st_mode
    except FileNotFoundError:
        raise UserError(f"{path}: no key for the link is there", _MAKE_HINT) from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    except ValueError:
        text, mode = "", 0
    if mode & 0o077:
        raise UserError(f"{path}: others may read the key", f"run `chmod 600 {path}`")
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise UserError(f"{path}: holds no key of {2 * KEY_BYTES} hex digits", _MAKE_HINT)
    return key
