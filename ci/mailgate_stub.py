"""Make firmware/mailgate/mailgate.pyi: what the C module `mailgate` offers Python, for readers and for mypy.

Taken from the lines of gate_module.c that begin with three slashes and from its table of names; where the two differ,
ValueError.  tests/house/test_mailgate_stub.py checks that the file is up to date.
"""

import re
from collections.abc import Iterator
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[1] / "firmware" / "mailgate" / "gate_module.c"
STUB = SOURCE.with_name("mailgate.pyi")

_HEAD = '"""The mail gate in lwIP, a C module.  Made from gate_module.c by ci/mailgate_stub.py."""\n'
_ENTRY = re.compile(r"MP_ROM_QSTR\(MP_QSTR_(\w+)\), MP_ROM_(INT|PTR)\(")
_DECLARED = re.compile(r"(def|class) (\w+)")


def stub(source: str) -> str:
    """Return the text of mailgate.pyi for that of gate_module.c."""
    table = source[source.index("mp_rom_map_elem_t module_table[]") :]
    entries = [(name, kind) for name, kind in _ENTRY.findall(table) if not name.startswith("__")]
    constants = [name for name, kind in entries if kind == "INT"]
    declarations = list(_declarations(source))
    declared = {name for name, is_member, _ in declarations if not is_member}
    offered = {name for name, kind in entries if kind == "PTR"}
    if declared != offered:
        raise ValueError(f"described or in the table, not both: {', '.join(sorted(declared ^ offered))}")
    parts = ["", *(f"{name}: int" for name in constants)]
    for _, _, lines in declarations:
        parts += ["", *lines]
    return _HEAD + "\n".join(parts) + "\n"


def _declarations(source: str) -> Iterator[tuple[str, bool, list[str]]]:
    """Yield (name, is it a method, lines) of each function and class."""
    for block in re.findall(r"(?:^///.*\n)+", source, re.MULTILINE):
        head, *text = [line[4:] for line in block.splitlines()]
        found = _DECLARED.match(head.strip())
        if not found or not text:
            raise ValueError(f"neither a function nor a class with a word about it: {head}")
        text[0] = re.sub(r"^( +)", r'\1"""', text[0])
        if len(text) == 1:
            text[0] += '"""'
        else:
            text.append(re.match(" +", text[1]).group() + '"""')  # type: ignore[union-attr]
        yield found.group(2), head.startswith(" "), [f"{head}:", *text]


if __name__ == "__main__":
    STUB.write_text(stub(SOURCE.read_text()))
