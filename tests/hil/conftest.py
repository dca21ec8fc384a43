"""The boards that the hardware tests run on: SPAMGATE_BOARD names them, `make hil BOARD=...` sets it.

Each test runs on each board unchanged.  What it needs of a rig, it says with the marker `needs`; a rig that lacks it
says why, and the test is not run.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest
from hil.bench import Bench, application
from hil.rig import CAPABILITIES, Rig, RigError
from hil.rig_mock import MockRig
from hil.rig_port import PortRig
from hil.rig_pty import PtyRig
from hil.rig_qemu import QemuRig

from spamgate_tools.link.client import Client

_EMULATED = {rig.name: rig for rig in (PtyRig, QemuRig, MockRig)}
_BOARDS = (os.environ.get("SPAMGATE_BOARD") or " ".join(_EMULATED)).replace(",", " ").split()


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", f"needs(*capabilities): of the rig: {', '.join(CAPABILITIES)}")
    # pytest-embedded notes an attribute of each test for reports that nobody asks for
    config.addinivalue_line("filterwarnings", "ignore:record_xml_attribute is an experimental feature")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "rig" in metafunc.fixturenames:
        metafunc.parametrize("rig", _BOARDS, indirect=True, scope="session")


@pytest.fixture(scope="session")
def rig(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """One board for all tests, with the application on it as it leaves the workshop."""
    name = request.param
    try:
        if name in _EMULATED:
            made: Rig = _EMULATED[name](tmp_path_factory.mktemp(name))
        else:
            made = PortRig(name)
    except RigError as missing:
        pytest.skip(f"not run: {name}: {missing}")
    try:
        if "install" in made.can:
            made.install(application(made))
        made.power_on()
        yield made
    finally:
        made.close()


@pytest.fixture(autouse=True)
def _has_what_it_takes(request: pytest.FixtureRequest, rig: Rig) -> None:
    for marker in request.node.iter_markers("needs"):
        need(rig, *marker.args)


def need(rig: Rig, *capabilities: str) -> None:
    """Skip the test where the rig lacks one of these; for fixtures that are made before its marker is looked at."""
    for capability in capabilities:
        if capability not in rig.can:
            pytest.skip(f"not run: {rig.name}: {rig.lacks.get(capability, 'it cannot')}")


@pytest.fixture
def bench(rig: Rig) -> Bench:
    """The board, running the application, whatever state the test before has left it in."""
    made = Bench(rig)
    if "application" in rig.can:
        made.ask("hello")
    return made


@pytest.fixture
def link(bench: Bench) -> Callable[..., AbstractContextManager[Client]]:
    """Call it for a session with the board."""
    return bench.link


# --- what pytest-embedded asks for: its `dut` is the board's console ------------------------------


@pytest.fixture(scope="session")
def session_root_logdir(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tmp_path_factory.mktemp("console"))


@pytest.fixture(scope="session")
def cache_dir(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tmp_path_factory.mktemp("cache"))


@pytest.fixture
def embedded_services() -> str:
    return "serial"


@pytest.fixture
def port(rig: Rig) -> str:
    return rig.port


@pytest.fixture
def baud(rig: Rig) -> str:
    return str(rig.baud)
