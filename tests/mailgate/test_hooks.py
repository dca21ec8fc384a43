"""The gate's hooks in lwIP itself, with drivers of memory, under AddressSanitizer and UBSan."""

import pytest
from c_programs import HOOKS, SANITIZED, SOURCES, checked, compiled, linked, lwip_objects

_HELPERS = ("check.c", "frames.c", "house.c", "talker.c")


@pytest.mark.parametrize("part", ["hooks", "answer", "lan"])
def test_part(part, record_property):
    sources = [*HOOKS, *(SOURCES / helper for helper in _HELPERS), SOURCES / f"test_{part}.c"]
    program = linked(SANITIZED, f"test_{part}", compiled(SANITIZED, sources) + lwip_objects(SANITIZED))
    record_property("tests", checked(program))
