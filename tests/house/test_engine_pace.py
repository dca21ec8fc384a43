"""No event looks at all devices: with a thousand the engine runs through as many lines of its own as with ten.

Lines are counted, not seconds: a scan shows however fast the machine is.
"""

import sys

import pytest
from engine_pace import World, limits_for, settle

_FACTS = 20000
_GROWTH = 1.15  # more devices do more for the first time; a look at all, once in fifty facts, would double it
_MOST_AT_ONCE = 1500  # lines of one turn, about ten facts; a look at a thousand devices takes two thousand


def _lines(devices: int) -> tuple[float, int]:
    """Return the lines that a fact takes, and those of the turn that took most."""
    world = World(devices, limits_for(devices))
    settle(world)
    before = world.facts
    counts = [0]

    def trace(frame, event, argument):
        counts[-1] += event == "line"
        return trace

    usual = sys.gettrace()
    sys.settrace(trace)
    try:
        while world.facts - before < _FACTS:
            world.turn()
            counts.append(0)
    finally:
        sys.settrace(usual)
    return sum(counts) / (world.facts - before), max(counts)


@pytest.fixture(scope="module")
def of_ten() -> float:
    return _lines(10)[0]


@pytest.mark.parametrize("devices", [100, 1000])
def test_a_fact_takes_as_many_lines_whoever_else_is_there(devices, of_ten):
    each, most = _lines(devices)
    assert each < _GROWTH * of_ten
    assert most < _MOST_AT_ONCE
