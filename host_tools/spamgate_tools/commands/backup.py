"""`spamgate backup`: all of a board's flash in a file, and back."""

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from spamgate_tools.errors import UserError

if TYPE_CHECKING:
    from spamgate_tools.boards.flasher import Bootloader
    from spamgate_tools.boards.screen import Screen


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--port", metavar="PORT", help="Serial port; without it the only board on USB.")
@click.option("--restore", is_flag=True, help="Write FILE back to the board.")
@click.option("--baud", type=click.IntRange(9600, 2_000_000), default=460_800, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, also when it fails.")
def backup(file: Path, port: str | None, restore: bool, baud: int, as_json: bool) -> None:
    """Read all of a board's flash into FILE, or write it back.

    Whatever was on the board: its firmware, Wi-Fi password, keys, lists.  So only you may read FILE.

    \b
    Examples:
      spamgate backup before.bin
      spamgate backup before.bin --restore --port /dev/ttyUSB0
    """
    from spamgate_tools.boards.flasher import Bootloader
    from spamgate_tools.boards.ports import only_port
    from spamgate_tools.boards.screen import Screen

    with Screen(as_json) as screen:
        data = _read_file(file) if restore else b""
        if not restore and file.exists():
            raise UserError(f"{file}: is there already", "name another file, or move it away")
        with Bootloader(port or only_port(), screen.progress, baud) as bootloader:
            if restore:
                _check_size(file, data, bootloader)
                bootloader.write(0, data)
            else:
                data = bootloader.read(0, bootloader.flash_bytes)
                _write_file(file, data)
            _show(screen, bootloader, file, data, "restored from" if restore else "saved in")


def _check_size(file: Path, data: bytes, bootloader: "Bootloader") -> None:
    if len(data) != bootloader.flash_bytes:
        problem = f"{file}: has {len(data)} bytes, and the flash of {bootloader.port} {bootloader.flash_bytes}"
        raise UserError(problem, "restore what was read from this board")


def _show(screen: "Screen", bootloader: "Bootloader", file: Path, data: bytes, done: str) -> None:
    digest = hashlib.sha256(data).hexdigest()
    screen.clear()
    if screen.as_json:
        facts = {"port": bootloader.port, "chip": bootloader.chip, "mac": bootloader.mac}
        screen.print_object({"type": "backup", **facts, "file": str(file), "bytes": len(data), "sha256": digest})
    else:
        click.echo(f"{bootloader.chip} {bootloader.mac}: {len(data)} bytes {done} {file}, SHA-256 {digest}")


def _read_file(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None


def _write_file(path: Path, data: bytes) -> None:
    """Write a file that only its owner may read; never half of it under its name."""
    scratch = path.with_name(path.name + ".part")
    try:
        descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(descriptor, "wb") as file:
            file.write(data)
        os.replace(scratch, path)
    except OSError as error:
        scratch.unlink(missing_ok=True)
        raise UserError(f"{path}: cannot be written: {error.strerror}") from None
