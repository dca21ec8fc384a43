"""The mail gate's port to the ESP32, as far as that goes without its compiler: syntax, our prototypes, what it does.

Headers of ESP-IDF are stand-ins (tests/shims/esp_idf); boards/NOT_BUILT.md says what this does not prove.
"""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[2]
_GATE = _ROOT / "firmware" / "mailgate"
_PORT = _GATE / "port_esp32" / "port_esp32.c"
_OPTIONS = ["-std=gnu17", "-Wall", "-Wextra", "-Werror", f"-I{_ROOT / 'tests/shims/esp_idf'}", f"-I{_GATE}"]
_PICOLIBC = Path("/usr/lib/picolibc/riscv64-unknown-elf/include")
_COMPILERS = {
    "gcc": [],
    "riscv64-unknown-elf-gcc": ["-march=rv32imc", "-mabi=ilp32", f"-isystem{_PICOLIBC}"],
    "xtensa-lx106-elf-gcc": [f"-isystem{_PICOLIBC}"],  # of the ESP8266: the same family, and 32 bits
}


@pytest.mark.parametrize("compiler", _COMPILERS)
def test_compilers_have_nothing_to_say_of_it(compiler):
    if not shutil.which(compiler):
        pytest.skip(f"not run: no {compiler} here")
    if compiler != "gcc" and not _PICOLIBC.is_dir():
        pytest.skip("not run: no picolibc here, whose headers a compiler without system needs")
    words = [compiler, "-fsyntax-only", *_OPTIONS, *_COMPILERS[compiler], str(_PORT)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("checks", [[], ["-fsanitize=address,undefined", "-fno-sanitize-recover"]])
def test_it_does_what_it_should_beside_stand_ins(checks, tmp_path):
    if not shutil.which("gcc"):
        pytest.skip("not run: no gcc here")
    program = tmp_path / "esp32_port"
    test = _ROOT / "tests" / "programs" / "esp32_port.c"
    words = ["gcc", "-g", *_OPTIONS, *checks, "-o", str(program), str(test), str(_PORT)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    done = subprocess.run([program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_build_for_chips_takes_every_file_of_the_module():
    text = (_GATE / "micropython.cmake").read_text()
    named = set(re.findall(r"\{CMAKE_CURRENT_LIST_DIR\}/([\w/]+\.c)\n", text))
    assert named == {path.name for path in _GATE.glob("*.c")} | {"port_esp32/port_esp32.c"}
