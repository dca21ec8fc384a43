"""How a router's firmware is built, as far as that goes without Espressif's tools: CMake, the script, the CI job.

Compilers, container and internet are stand-ins here; boards/NOT_BUILT.md says what that does not prove.
"""

import os
import re
import shutil
import subprocess
from fnmatch import fnmatch
from pathlib import Path

import pytest

import spamgate
from spamgate_tools.boards.catalogue import all_boards

_ROOT = Path(__file__).resolve().parents[2]
_ROUTERS = [board for board in all_boards() if board.frozen_program]
_SCRIPT = _ROOT / "ci" / "esp32_image.sh"
_IMAGE = f"SPAMGATE_ESP32-v{spamgate.VERSION}.bin"
# What MicroPython's build leaves, with or without the hooks in lwIP
_MAKE = """#!/bin/sh
echo "make $*" >>"$LOG"
case "$*" in *ports/esp32*) ;; *) exit 0 ;; esac
made=build/esp32-SPAMGATE_ESP32
mkdir -p $made/bootloader $made/partition_table $made/esp-idf/lwip
echo firmware >$made/firmware.bin
echo application >$made/micropython.bin
echo bootloader >$made/bootloader/bootloader.bin
echo table >$made/partition_table/partition-table.bin
echo "$HOOKS" >$made/esp-idf/lwip/liblwip.a
"""
_CURL = '#!/bin/sh\necho "curl $*" >>"$LOG"\nmkdir -p m/mpy-cross && tar -cf "$6" m\n'
_DOCKER = '#!/bin/sh\necho "docker $*" >>"$LOG"\n[ "$1" = info ] && exit "$INFO"\nexit "$RUN"\n'
_TRUST = '#!/bin/sh\ncase "$*" in *--check*--status*) cat >/dev/null; exit 0 ;; esac\nexec /usr/bin/sha256sum "$@"\n'


@pytest.mark.parametrize("board", _ROUTERS, ids=lambda board: board.name)
def test_cmake_takes_the_build_files_of_a_board_and_lwip_sees_the_hooks(board, tmp_path):
    if not shutil.which("cmake") or not shutil.which("gcc"):
        pytest.skip("not run: no cmake or no gcc here")
    shutil.copy(_ROOT / "tests" / "programs" / "esp32_idf.cmake", tmp_path / "CMakeLists.txt")
    words = ["cmake", "-S", tmp_path, "-B", tmp_path / "build", f"-DBOARD_DIR={_ROOT / 'boards' / board.name}"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    said = dict(re.findall(r"^-- ([A-Z]+) (.*)$", done.stdout, re.MULTILINE))
    assert said["TARGET"] == board.chip
    assert Path(said["MANIFEST"]).resolve() == _ROOT / "boards" / board.name / "manifest.py"
    assert all(Path(path).is_file() for path in said["SOURCES"].split(";"))
    assert ("GATE_SEND_COPY=1" in said["DEFINITIONS"]) == (board.chip == "esp32s3")
    done = subprocess.run(["cmake", "--build", tmp_path / "build"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (library,) = (tmp_path / "build").glob("lib*lwip.a")
    assert b"gate_ip4_input" in library.read_bytes() and b"gate_ip6_input" in library.read_bytes()
    combined = (tmp_path / "build" / "sdkconfig.combined").read_text()
    table = re.search(r'CONFIG_PARTITION_TABLE_CUSTOM_FILENAME="(.*)"', combined)[1]
    assert Path(table).is_file() and "-ab.csv" in table


@pytest.mark.parametrize("arch", ["RISCV", "XTENSA"])
def test_cmake_makes_the_gate_as_small_as_it_is_measured_on_riscv(arch, tmp_path):
    if not shutil.which("cmake"):
        pytest.skip("not run: no cmake here")
    shutil.copy(_ROOT / "tests" / "programs" / "esp32_idf.cmake", tmp_path / "CMakeLists.txt")
    board = f"-DBOARD_DIR={_ROOT / 'boards' / 'SPAMGATE_ESP32'}"
    words = ["cmake", "-S", tmp_path, "-B", tmp_path / "build", board, f"-DCONFIG_IDF_TARGET_ARCH_{arch}=y"]
    said = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    assert ("-- FLAGS -msave-restore\n" in said) == (arch == "RISCV")


def test_a_build_without_forwarding_is_refused(tmp_path):
    if not shutil.which("cmake"):
        pytest.skip("not run: no cmake here")
    text = (_ROOT / "tests" / "programs" / "esp32_idf.cmake").read_text()
    (tmp_path / "CMakeLists.txt").write_text(text.replace('REGEX "^CONFIG_.*=y$"', 'REGEX "^CONFIG_ESPTOOLPY_.*=y$"'))
    board = _ROOT / "boards" / "SPAMGATE_ESP32"
    words = ["cmake", "-S", tmp_path, "-B", tmp_path / "build", f"-DBOARD_DIR={board}"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode != 0 and "mailgate: nothing is forwarded" in done.stderr


# --- the script ------------------------------------------------------------------------------------


class Desk:
    """A checkout of what the script needs, and stand-ins for what it runs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "log"
        (folder / "ci").mkdir()
        shutil.copy(_SCRIPT, folder / "ci")
        for board in _ROUTERS:
            (folder / "boards" / board.name).mkdir(parents=True)
        (folder / "firmware" / "spamgate").mkdir(parents=True)
        shutil.copy(_ROOT / "firmware" / "spamgate" / "__init__.py", folder / "firmware" / "spamgate")
        (folder / "idf").mkdir()
        (folder / "idf" / "export.sh").write_text("")
        (folder / "bin").mkdir()
        for name, text in (("make", _MAKE), ("curl", _CURL), ("docker", _DOCKER), ("podman", _DOCKER)):
            self.put(name, text)

    def put(self, name: str, text: str) -> None:
        path = self.folder / "bin" / name
        path.write_text(text)
        path.chmod(0o755)

    def run(self, *words: str, **environment: str) -> subprocess.CompletedProcess:
        self.log.write_text("")
        places = {"PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}", "LOG": str(self.log), "INFO": "0", "RUN": "0"}
        kept = {key: value for key, value in os.environ.items() if key != "IDF_PATH"}
        command = [self.folder / "ci" / "esp32_image.sh", *words]
        environment = {**kept, **places, **environment}
        return subprocess.run(command, env=environment, cwd="/", capture_output=True, text=True, check=False)

    def build(self, hooks: str = "gate_ip4_input gate_ip6_input") -> subprocess.CompletedProcess:
        return self.run("SPAMGATE_ESP32", IDF_PATH=str(self.folder / "idf"), HOOKS=hooks)


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path)


def test_a_board_that_is_none_is_told_and_which_there_are(desk):
    for words in ((), ("ESP32_GENERIC",), ("SPAMGATE",)):
        done = desk.run(*words)
        assert done.returncode == 2
        assert done.stderr == f"usage: ci/esp32_image.sh BOARD, one of: {' '.join(it.name for it in _ROUTERS)}\n"


def test_without_anything_that_runs_containers_it_says_so(desk):
    done = desk.run("SPAMGATE_ESP32", INFO="1")
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("esp32_image: neither docker nor podman runs containers here; install one of them")


def test_it_runs_itself_in_espressifs_container(desk):
    done = desk.run("SPAMGATE_ESP32_S3")
    assert done.returncode == 0, done.stderr
    started = desk.log.read_text().splitlines()[-1]
    assert f"--volume {desk.folder}:/spamgate --workdir /spamgate" in started
    assert started.endswith("espressif/idf:v5.4 ci/esp32_image.sh SPAMGATE_ESP32_S3")
    done = desk.run("SPAMGATE_ESP32_S3", RUN="1")
    assert (done.returncode, done.stderr.splitlines()[-1]) == (2, "esp32_image: the build in the container failed")
    done = desk.run("SPAMGATE_ESP32_S3", SPAMGATE_CONTAINER_RUNTIME="podman")
    assert done.returncode == 0 and "by podman" in done.stderr


def test_where_esp_idf_is_it_builds_and_collects_what_flash_takes(desk):
    desk.put("sha256sum", _TRUST)
    done = desk.build()
    assert done.returncode == 0, done.stderr
    board = desk.folder / "boards" / "SPAMGATE_ESP32"
    made = [line for line in desk.log.read_text().splitlines() if "ports/esp32" in line]
    assert len(made) == 1 and f"BOARD_DIR={board} " in made[0]
    assert made[0].endswith(f"USER_C_MODULES={desk.folder}/firmware/mailgate/micropython.cmake")
    out = desk.folder / "build" / "images" / "SPAMGATE_ESP32"
    names = [_IMAGE, "SHA256SUMS", "bootloader.bin", "micropython.bin", "partition-table.bin"]
    assert sorted(path.name for path in out.iterdir()) == sorted(names)
    assert (out / _IMAGE).read_text() == "firmware\n" and (out / "micropython.bin").read_text() == "application\n"
    done = subprocess.run(["sha256sum", "--check", "SHA256SUMS"], cwd=out, capture_output=True, check=False)
    assert done.returncode == 0
    (kind,) = (it for it in _ROUTERS if it.name == "SPAMGATE_ESP32")
    assert fnmatch(_IMAGE, kind.facts["image"]["pattern"])
    assert desk.build().returncode == 0 and "curl" not in desk.log.read_text()  # it is kept


@pytest.mark.parametrize("hooks", ["", "gate_ip4_input", "gate_ip6_input"])
def test_a_gate_that_lwip_would_not_ask_is_no_image(desk, hooks):
    desk.put("sha256sum", _TRUST)
    done = desk.build(hooks)
    assert done.returncode == 2 and "esp32_image: lwIP was compiled without the hook gate_ip" in done.stderr
    assert not (desk.folder / "build" / "images").exists()


def test_a_source_that_is_not_what_it_should_be_is_refused(desk):
    done = desk.build()
    assert done.returncode == 2 and "micropython-1.25.0.tar.xz is not what it should be; remove it" in done.stderr
    assert "make" not in desk.log.read_text()


# --- the CI job --------------------------------------------------------------------------------------


def test_the_ci_job_builds_every_router_in_the_container_of_the_script():
    text = (_ROOT / "ci" / "esp32.github.yml").read_text()
    named = set(re.search(r"board: \[(.*)\]", text)[1].split(", "))
    assert named == {it.name for it in _ROUTERS}
    assert f"container: espressif/idf:{re.search(r'^IDF=(v[0-9.]+)', _SCRIPT.read_text(), re.MULTILINE)[1]}\n" in text
    assert "run: ci/esp32_image.sh ${{ matrix.board }}\n" in text


def test_the_port_is_built_of_the_release_that_the_host_tests():
    on_host = re.search(r"^VERSION=(\S+)", (_ROOT / "ci" / "micropython.sh").read_text(), re.MULTILINE)
    assert re.search(r"^MICROPYTHON=(\S+)", _SCRIPT.read_text(), re.MULTILINE)[1] == on_host[1]
