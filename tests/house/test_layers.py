"""The check of import direction finds what it is for, and finds nothing in the project."""

import subprocess
import sys
from pathlib import Path

import check_layers
import pytest

_ROOT = Path(__file__).resolve().parents[2]
_CHECK = _ROOT / "ci" / "check_layers.py"
_TOOL = "../../host_tools/spamgate_tools/x.py"

_GOOD = {
    "firmware/spamgate/__init__.py": "VERSION = '1'",
    "firmware/main.py": "from spamgate.app.compose import run",
    "firmware/spamgate/app/compose.py": "import time\nfrom spamgate.plane.linux import Plane",
    "firmware/spamgate/service/guard.py": "from spamgate.hal.contract import Clock",
    "firmware/spamgate/plane/linux.py": "import socket\nfrom spamgate.wire.ip import Ip",
    "firmware/spamgate/wire/ip.py": "import struct\nfrom spamgate import VERSION\nfrom ..core import x",
    "host_tools/spamgate_tools/cli.py": "import os\nfrom spamgate.wire import ip\nprint(open)",
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A small project that keeps every rule."""
    for package in check_layers.RANKS:
        _write(tmp_path, f"firmware/spamgate/{package}/__init__.py", '"""A layer."""\n')
    for file, text in _GOOD.items():
        _write(tmp_path, file, text + "\n")
    assert check_layers.check(tmp_path) == []
    return tmp_path


def _write(root: Path, name: str, text: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.mark.parametrize(
    ("file", "text", "rule"),
    [
        ("core/x.py", "from spamgate.wire.cursor import Cursor", "from core (rank 0) to spamgate.wire"),
        ("core/x.py", "import spamgate.wire", "climbs from core"),
        ("core/x.py", "import spamgate.wire.ip as ip", "climbs from core"),
        ("core/x.py", "from spamgate import wire", "climbs from core"),
        ("core/x.py", "from .. import wire", "climbs from core"),
        ("core/x.py", "from ..wire import ip", "climbs from core"),
        ("core/x.py", "from ..wire.ip import Ip", "climbs from core"),
        ("core/x.py", "if TYPE_CHECKING:\n  from spamgate.wire.ip import Ip", "climbs from core"),
        ("core/deep/x.py", "from ...store import slots", "climbs from core"),
        ("core/__init__.py", "from ..store import slots", "climbs from core"),
        ("core/x.py", "from spamgate import *", "hides what is imported"),
        ("store/x.py", "def f():\n  import spamgate.app", "from store (rank 2) to spamgate.app (rank 5)"),
        ("store/x.py", "__import__('spamgate.plane.linux')", "climbs from store"),
        ("plane/x.py", "from spamgate.hal.linux import Clock", "crosses from plane to spamgate.hal.linux"),
        ("service/x.py", "from spamgate.plane.linux import Plane", "service may know the contract of plane"),
        ("service/x.py", "from spamgate.app import compose", "climbs from service"),
        ("wire/x.py", "import time", "wire is pure: time"),
        ("wire/x.py", "import socket", "wire is pure: socket"),
        ("wire/x.py", "import asyncio", "wire is pure: asyncio"),
        ("wire/x.py", "from os import path", "wire is pure: os"),
        ("core/x.py", "import io", "core is pure: io"),
        ("core/x.py", "import typing", "core is pure: typing"),
        ("core/x.py", "def f():\n  print(1)", "core does no I/O: print()"),
        ("wire/x.py", "with open('x') as f: pass", "wire does no I/O: open()"),
        ("wire/x.py", "__import__(name)", "wire does no I/O: __import__()"),
        ("app/x.py", "import spamgate_tools.cli", "firmware may not import the host tools"),
        ("__init__.py", "import array", "imports nothing"),
        ("extra/x.py", "", "has no rank"),
        ("extra.py", "", "has no rank"),
        (_TOOL, "from spamgate.app import replay", "host_tools may import core and wire"),
        (_TOOL, "import spamgate.store.slots", "host_tools may import core and wire"),
    ],
)
def test_a_broken_rule_is_found(project, file, text, rule):
    _write(project, f"firmware/spamgate/{file}", text + "\n")
    problems = check_layers.check(project)
    assert len(problems) == 1, problems
    assert rule in problems[0]


@pytest.mark.parametrize(
    "text",
    [
        "if TYPE_CHECKING:\n  from typing import Protocol",
        "from spamgate.core.compat import const",
        "from . import score",
        "self.open(1)",
        "try:\n  from micropython import const\nexcept ImportError:\n  pass",
    ],
)
def test_what_the_rules_allow_passes(project, text):
    _write(project, "firmware/spamgate/core/x.py", text + "\n")
    assert check_layers.check(project) == []


def test_the_command_names_file_and_line_and_fails(project):
    _write(project, "firmware/spamgate/core/x.py", "\n\nimport spamgate.app\n")
    done = subprocess.run([sys.executable, _CHECK, project], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("firmware/spamgate/core/x.py:3: import climbs")


def test_our_own_imports_point_down():
    assert check_layers.check(_ROOT) == []
