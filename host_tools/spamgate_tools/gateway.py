"""Become the gateway: settings together from file and options, a look at what is needed, then MicroPython takes over.

The settings are checked by the firmware itself, which has their only table; here they are only put together.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

import click

from spamgate_tools.compiled import search_path
from spamgate_tools.control import DEFAULT_SOCKET
from spamgate_tools.errors import UserError
from spamgate_tools.runtime import find_micropython

HEAP_KB = 512

_LINK_KB = 64  # more, for the link over TCP and its sessions
_LIST_KB = 64  # more, for what looks after a blocklist
_PULL_HEAP = "heapsize=1m"

_PROGRAM = "spamgate.app.gateway"
_PULL = "spamgate.app.list_pull"
_PATHS = ("state_dir", "event_log", "control")
_AT_HAND = ("-", "")
_SYSTEM_FOLDERS = "/usr/sbin:/sbin:/usr/bin:/bin"  # a user's PATH may lack the first two
_CAPABILITIES = {"CAP_NET_ADMIN": 12, "CAP_NET_RAW": 13}  # linux/capability.h
_NO_NFT = "install it: `apt install nftables`, or `opkg install nftables`"
_NO_PRIVILEGE = "run it as root: `sudo spamgate gateway ...`"


def read_config(path: str) -> dict:
    """Return the settings in a JSON file."""
    try:
        text = Path(path).read_text(encoding="utf-8")
        settings = json.loads(text)
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    except json.JSONDecodeError as error:
        raise UserError(f"{path}, line {error.lineno}, column {error.colno}: {error.msg}") from None
    except (ValueError, RecursionError):
        raise UserError(f"{path}: is no JSON text") from None
    if not isinstance(settings, dict):
        raise UserError(f"{path}: is no JSON object", 'write {"lan": ["br-lan"], "wan": ["eth0"]}')
    return settings


def merge_settings(config: Mapping[str, object], options: Mapping[str, object]) -> dict:
    """Return the settings of the file with those options over them that were given."""
    given = {key: list(value) if isinstance(value, tuple) else value for key, value in options.items() if value}
    for key in _PATHS:
        path = given.get(key)
        if isinstance(path, str) and path not in _AT_HAND:
            given[key] = os.path.abspath(path)
    return {**config, **given}


def heap_kb(settings: Mapping[str, object]) -> int:
    """Return the heap that a gateway with these settings is given."""
    link_kb = _LINK_KB if settings.get("link_port") else 0
    return HEAP_KB + link_kb + (_LIST_KB if settings.get("list_key") else 0)


def run_gateway(settings: Mapping[str, object]) -> NoReturn:
    """Turn this process into the gateway; UserError says what it lacks."""
    micropython = [os.path.abspath(find_micropython()[0])]
    environment = {**os.environ, "MICROPYPATH": "."}  # MicroPython keeps the path of every module: so a short one
    environment["PATH"] = os.pathsep.join(filter(None, (os.environ.get("PATH"), _SYSTEM_FOLDERS)))
    _check_machine(environment["PATH"])
    _warn_of_interfaces(settings)
    _make_folder(str(settings.get("control", DEFAULT_SOCKET)))
    command = [*micropython, "-X", f"heapsize={heap_kb(settings)}k", "-m", _PROGRAM, "--config", _passed_on(settings)]
    os.chdir(search_path(micropython))
    os.umask(0o077)  # its socket and its files are root's own
    sys.stdout.flush()
    os.execve(command[0], command, environment)


def run_pull(settings: Mapping[str, object], place: str | None) -> subprocess.CompletedProcess[str]:
    """Run the program that fetches a newer blocklist, with the gateway's settings, and return how it ended."""
    micropython = [os.path.abspath(find_micropython()[0])]
    environment = {**os.environ, "MICROPYPATH": "."}
    command = [*micropython, "-X", _PULL_HEAP, "-m", _PULL, "--config", _passed_on(settings)]
    if place:
        command += ["--from", place if "://" in place else os.path.abspath(place)]
    folder = search_path(micropython)
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, close_fds=False, umask=0o077
    )


def _passed_on(settings: Mapping[str, object]) -> str:
    """Return a path under which the next program in this process reads the settings; no file is left behind."""
    memory = os.memfd_create("spamgate.json", 0)
    os.write(memory, json.dumps(settings).encode())
    return f"/proc/self/fd/{memory}"


def _check_machine(path: str) -> None:
    if not shutil.which("nft", path=path):
        raise UserError("nft is not installed", _NO_NFT)
    held = _effective_capabilities()
    lacking = [name for name, bit in _CAPABILITIES.items() if not held >> bit & 1]
    if lacking:
        raise UserError(f"no permission to watch and hold back ({', '.join(lacking)})", _NO_PRIVILEGE)


def _effective_capabilities() -> int:
    for line in Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines():
        if line.startswith("CapEff:"):
            return int(line.split()[1], 16)
    return 0


def _warn_of_interfaces(settings: Mapping[str, object]) -> None:
    """An interface may come later, so its absence is no error; but it may be misspelt as well."""
    there = sorted(os.listdir("/sys/class/net"))
    for key in ("lan", "wan"):
        names = settings.get(key)
        for name in names if isinstance(names, list) else ():
            if name not in there:
                click.echo(f"spamgate: {key}: no interface {name} yet; there are {', '.join(there)}", err=True)


def _make_folder(control: str) -> None:
    folder = os.path.dirname(control)
    try:
        os.makedirs(folder or ".", mode=0o750, exist_ok=True)
    except OSError as error:
        hint = "name another place with --socket PATH"
        raise UserError(f"{folder}: cannot be made: {error.strerror}", hint) from None
