"""What the hooks cost: instructions a packet (callgrind, gcc -O2) and bytes (gcc -Os, linked); both repeat exactly.

The counts are those of the hooks and of all they call, pbuf_free and the copying of a record included.
"""

import re
from pathlib import Path

import pytest
from c_programs import HOOKS, OUT, PLAIN, SOURCES, WARNINGS, Build, compiled, linked, lwip_objects, run, tool

_PACKETS = 1000  # of a kind; the same in cost.c
_MOST = {  # instructions
    "not_mail_tcp4": 80,
    "not_mail_udp4": 80,
    "not_mail_icmp4": 80,
    "not_mail_tcp6": 120,
    "not_mail_udp6": 120,
    "mail_last4": 250,
    "mail_other4": 250,
    "mail_normal4": 250,
    "mail_last6": 250,
    "mail_other6": 250,
    "mail_line_last4": 250,
    "mail_bare4": 250,
}
_TEXT_BYTES = 8192  # of code and constants, linked
_RAM_BYTES = 10240

# The same for all chips; Debian has no C library for Xtensa
_HEADERS = Path("/usr/lib/picolibc/riscv64-unknown-elf/include")
_CHIP = ("-march=rv32imc", "-mabi=ilp32")
_RISCV = Build(  # -msave-restore: as micropython.cmake has it
    "riscv64-unknown-elf-gcc",
    (*_CHIP, "-Os", "-msave-restore", "--specs=picolibc.specs", "-ffunction-sections", "-fdata-sections"),
    ours=WARNINGS,
)
# Where an ESP32-C3 has it: memcpy and the like are in the ROM, too far for a short call; lwIP is in the same flash
_CODE, _LWIP, _ROM, _RAM = 0x42000000, 0x42040000, 0x40000400, 0x3FC90000


@pytest.fixture(scope="module")
def instructions():
    """Return instructions a packet, by kind."""
    valgrind = tool("valgrind")
    sources = [*HOOKS, *(SOURCES / f"{name}.c" for name in ("cost", "house", "frames"))]
    program = linked(PLAIN, "cost", compiled(PLAIN, sources) + lwip_objects(PLAIN))
    dump = OUT / "callgrind.out"
    for old in OUT.glob("callgrind.out.*"):
        old.unlink()
    hooks = ("--toggle-collect=gate_ip4_input", "--toggle-collect=gate_ip6_input")
    run([valgrind, "--tool=callgrind", f"--callgrind-out-file={dump}", *hooks, program])
    return dict(_counts(path.read_text(encoding="utf-8", errors="replace")) for path in OUT.glob("callgrind.out.*"))


def _counts(dump: str) -> tuple[str, float]:
    kind = re.search(r"^desc: Trigger: Client Request: (\w+)", dump, re.MULTILINE)
    summary = re.search(r"^summary: (\d+)", dump, re.MULTILINE)
    assert kind and summary
    return kind[1], int(summary[1]) / _PACKETS


@pytest.mark.parametrize("kind", _MOST)
def test_instructions_a_packet(kind, instructions):
    assert 0 < instructions[kind] <= _MOST[kind], instructions


def _binutil(name: str) -> str:
    return tool(f"riscv64-unknown-elf-{name}", "binutils-riscv64-unknown-elf")


def _linked_for_a_chip() -> Path:
    """Link the gate as a firmware does, calls made short where they can be, with the library of -msave-restore."""
    objects = compiled(_RISCV, HOOKS)
    library = run([_RISCV.compiler, *_CHIP, "-print-libgcc-file-name"]).strip()
    missing = {line.split()[1] for line in run([_binutil("nm"), "-u", *objects]).splitlines() if " U " in line}
    foreign = sorted(name for name in missing if not name.startswith(("gate_", "the_", "__riscv_")))
    places = [f"--defsym={name}={_ROM if name.startswith(('mem', 'str')) else _LWIP:#x}" for name in foreign]
    where = [f"-Ttext={_CODE:#x}", f"-Tbss={_RAM:#x}", *places]
    path = OUT / "mailgate-rv32imc.elf"
    run([_binutil("ld"), "-m", "elf32lriscv", "-e", "gate_ip4_input", "--relax", *where, *objects, library, "-o", path])
    return path


def test_code_and_memory_fit_a_small_chip():
    lines = run([_binutil("size"), "-A", _linked_for_a_chip()]).splitlines()
    sizes = [(words[0], int(words[1])) for words in map(str.split, lines) if words and words[0].startswith(".")]
    text = sum(size for name, size in sizes if name.startswith((".text", ".rodata", ".srodata", ".data", ".sdata")))
    ram = sum(size for name, size in sizes if name.startswith((".bss", ".sbss", ".data", ".sdata")))
    assert 0 < text <= _TEXT_BYTES, (text, ram)
    assert 0 < ram <= _RAM_BYTES, (text, ram)


def test_a_chip_without_atomic_instructions_needs_no_library_for_them():
    objects = compiled(_RISCV, HOOKS)
    missing = run([tool("riscv64-unknown-elf-nm", "binutils-riscv64-unknown-elf"), "--undefined-only", *objects])
    assert "memcpy" in missing
    assert "atomic" not in missing


def test_it_compiles_for_xtensa():
    if not _HEADERS.exists():
        pytest.skip("not run: no headers of a C library for chips here (package picolibc-riscv64-unknown-elf)")
    flags = ("-Os", "-mlongcalls", "-ffreestanding", f"-isystem{_HEADERS}")
    assert compiled(Build("xtensa-lx106-elf-gcc", flags, ours=WARNINGS), HOOKS)
