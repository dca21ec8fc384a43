"""What lies under boards/ works: unit file, package scripts, example settings, and the settings table in the README."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

import spamgate
from spamgate.store.board_settings_help import describe as describe_board
from spamgate.store.lwip_settings_help import describe as describe_lwip
from spamgate.store.settings import TABLE, SettingsError, describe, read_settings
from spamgate_tools.errors import UserError
from spamgate_tools.gateway import heap_kb
from spamgate_tools.runtime import find_micropython

_ROOT = Path(__file__).resolve().parents[2]
_BOARDS = _ROOT / "boards"
_LINUX = _BOARDS / "LINUX"
_OPENWRT = _BOARDS / "OPENWRT"
_INIT = _OPENWRT / "files" / "spamgate.init"
_STUBS = _ROOT / "tests" / "fakes" / "openwrt.sh"
_NETWORKS = "lan=br-lan guest=br-guest wan=eth0 wan6=eth0"


def test_the_readme_lists_every_board_and_nothing_else():
    text = (_BOARDS / "README.md").read_text()
    listed = set(re.findall(r"^\| \[([A-Z0-9_]+)\]\(\1/board\.md\) ", text, re.MULTILINE))
    assert listed == {path.parent.name for path in _BOARDS.glob("*/board.md")}
    assert listed == {path.name for path in _BOARDS.iterdir() if path.is_dir()} - {"common"}


def test_the_settings_in_the_readme_are_those_of_the_table():
    text = (_BOARDS / "README.md").read_text()
    assert "\n" + describe() in text, "put what describe() returns into boards/README.md"
    assert "\n" + describe_board() in text, "put what board_settings_help.describe() returns into boards/README.md"
    assert "\n" + describe_lwip() in text, "put what lwip_settings_help.describe() returns into boards/README.md"


# --- Linux ----------------------------------------------------------------------------------------


def test_the_example_settings_are_accepted():
    settings = read_settings((_LINUX / "spamgate.json").read_text())
    assert (settings.lan, settings.wan, settings.monitor_only) == (["br-lan"], ["eth0"], True)


def test_the_unit_file_is_accepted_by_systemd(tmp_path):
    if not shutil.which("systemd-analyze"):
        pytest.skip("not run: no systemd-analyze here")
    unit = tmp_path / "spamgate.service"
    text = (_LINUX / "spamgate.service").read_text()
    unit.write_text(text.replace("/opt/spamgate/bin/spamgate", "/bin/true"))
    done = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False)
    complaints = [line for line in done.stderr.splitlines() if "spamgate.service" in line]
    assert (done.returncode, complaints) == (0, []), done.stderr


def test_the_unit_gives_what_the_gateway_needs():
    text = (_LINUX / "spamgate.service").read_text()
    defaults = {row[0]: json.loads(row[2]) for row in TABLE}
    held = dict(re.findall(r"^(\w+)=(.+)$", text, re.MULTILINE))
    assert held["AmbientCapabilities"] == held["CapabilityBoundingSet"] == "CAP_NET_ADMIN CAP_NET_RAW"
    assert defaults["state_dir"] == f"/var/lib/{held['StateDirectory']}"
    assert defaults["control"].startswith(f"/run/{held['RuntimeDirectory']}/")
    assert {"AF_UNIX", "AF_NETLINK", "AF_PACKET"} <= set(held["RestrictAddressFamilies"].split())
    assert (held["KillSignal"], held["RestartPreventExitStatus"]) == ("SIGINT", "2")


# --- OpenWrt --------------------------------------------------------------------------------------


def _shells() -> list[str]:
    return [shell for shell in ("dash", "busybox", "bash") if shutil.which(shell)]


@pytest.mark.parametrize("script", [_INIT, _OPENWRT / "compile.sh", _STUBS], ids=lambda path: path.name)
@pytest.mark.parametrize("shell", _shells())
def test_a_script_is_shell(script, shell):
    words = [shell, "sh"] if shell == "busybox" else [shell]
    done = subprocess.run([*words, "-n", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def _openwrt(folder: Path, config: str, command: str) -> subprocess.CompletedProcess:
    """Run a function of the init script over a UCI file, beside stubs for what OpenWrt has."""
    try:
        micropython = find_micropython()
    except UserError as missing:
        pytest.skip(f"not run: {missing}")
    path = folder / "spamgate.config"
    path.write_text(config)
    run = folder / "run"
    places = {"FIRMWARE": str(_ROOT / "firmware"), "RUN": str(run), "NETWORKS": _NETWORKS}
    places["PATH"] = f"{Path(micropython[0]).parent}:{os.environ['PATH']}"
    words = ["sh", _STUBS, _INIT, path, command]
    return subprocess.run(words, env={**os.environ, **places}, capture_output=True, text=True, check=False)


def _settings(folder: Path, config: str) -> dict:
    done = _openwrt(folder, config, "start_service")
    assert (done.returncode, done.stderr) == (0, ""), done
    return json.loads((folder / "run" / "settings.json").read_text())


def _refusal(folder: Path, config: str) -> str:
    done = _openwrt(folder, config, "start_service")
    assert (done.returncode, done.stdout) == (1, ""), done
    return done.stderr.strip()


_LIST_KEY = "+/" * 256
_ON = "config spamgate main\n option enabled 1\n list lan lan\n"


def test_the_default_configuration_starts_nothing_until_it_is_enabled(tmp_path):
    config = (_OPENWRT / "files" / "spamgate.config").read_text()
    done = _openwrt(tmp_path, config, "start_service")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    settings = _settings(tmp_path, config.replace("enabled '0'", "enabled '1'").replace("#config", "config"))
    kept = {"state_dir": "/etc/spamgate", "event_log": "/var/log/spamgate.jsonl"}
    assert settings == {"lan": ["br-lan"], "wan": ["eth0"], "monitor_only": True, **kept, "aliases": {}, "grants": {}}
    settings = _settings(tmp_path, re.sub(r"^#(?=config|\t)", "", config.replace("'0'", "'1'"), flags=re.MULTILINE))
    assert settings["aliases"] == {"02:00:5e:10:00:01": "camera-porch"}
    assert settings["grants"] == {"02:00:5e:10:00:01": "mail-server"}


def test_a_list_is_fetched_with_the_settings_of_the_gateway(tmp_path):
    _settings(tmp_path, _ON)
    done = _openwrt(tmp_path, _ON, "pull")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: settings: list_key: no lists are taken; set it to your public key\n"


def test_every_setting_can_be_said_in_uci(tmp_path):
    config = (
        "config spamgate 'main'\n option enabled 'on'\n list lan 'lan'\n list lan 'guest'\n list lan 'wlan0.7'\n"
        " option wan 'wan wan6 ppp0'\n list home_networks '10.0.0.0/8'\n list home_networks 'fd00::/8'\n"
        " option state_dir '/etc/spamgate'\n option event_log '-'\n option event_log_kb '0064'\n"
        " option control '/var/run/spamgate/control'\n option monitor_only '0'\n option fail 'closed'\n"
        " option budget_per_day '0'\n option normal_per_minute '30'\n option normal_burst '9'\n"
        " option verdict_hours '48'\n option page 'http://192.168.1.1/x?a=1&b=2'\n option guard 'all'\n"
        " list guard_upstreams '192.0.2.53'\n list guard_block 'ads.example'\n"
        " option guard_allow 'a.example b.example'\n option guard_answer 'zero'\n option guard_canary 'yes'\n"
        " option later_port '8422'\n option never_port '8555'\n option guard_port '8054'\n option log_group '26'\n"
        " option link_port '8425'\n option link_key '/etc/spamgate/link.key'\n"
        f" option list_id 'home' \n option list_key '{_LIST_KEY}'\n option list_url 'https://lists.example/home.sgb'\n"
        " option list_ca '/etc/ssl/cert.pem'\n option list_mb '16'\n list list_allow '192.0.2.0/24'\n"
        "config device\n option mac '02:00:5e:10:00:01'\n option name 'Tom'\\''s \"TV\" \\\\ $(id) `id` \u00fc'\n"
        "config device\n option mac '02:00:5e:10:00:02'\n option grant 'submission'\n"
    )
    given = _settings(tmp_path, config)
    assert set(given) == {row[0] for row in TABLE} - {"monitor_only"}, "0 is the default of monitor_only"
    settings = read_settings(json.dumps(given))
    assert (settings.lan, settings.wan) == (["br-lan", "br-guest", "wlan0.7"], ["eth0", "ppp0"])
    assert (settings.event_log_kb, settings.budget_per_day, settings.guard_canary) == (64, 0, True)
    assert (settings.guard_allow, settings.page) == (["a.example", "b.example"], "http://192.168.1.1/x?a=1&b=2")
    assert settings.aliases == {"02:00:5e:10:00:01": "Tom's \"TV\" \\\\ $(id) `id` \u00fc"}
    assert settings.grants == {"02:00:5e:10:00:02": "submission"}


def test_procd_is_told_to_run_the_firmware_and_to_watch_its_settings(tmp_path):
    lines = _openwrt(tmp_path, _ON, "start_service").stdout.splitlines()
    firmware, settings = _ROOT / "firmware", tmp_path / "run" / "settings.json"
    assert f"command micropython -X heapsize=512k {firmware}/main.py --config {settings}" in lines
    assert f"env MICROPYPATH={firmware}" in lines and f"file {settings}" in lines
    assert (lines[0], lines[-1]) == ("open", "close")
    assert (firmware / "main.py").is_file()


def test_the_link_gets_the_memory_that_it_needs(tmp_path):
    link = " option link_port 8425\n option link_key /etc/spamgate/link.key\n"
    lines = _openwrt(tmp_path, _ON + link, "start_service").stdout.splitlines()
    assert [line for line in lines if line.startswith("command micropython -X heapsize=576k ")]
    assert (heap_kb({"link_port": 8425}), heap_kb({"link_port": 0})) == (576, 512)


def test_it_is_stopped_so_that_it_can_take_its_table_out(tmp_path):
    assert _openwrt(tmp_path, _ON, "stop_service").stdout == "signal spamgate * INT\n"


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("option budget 3", 'settings: "budget" is not a key; did you mean budget_per_day?'),
        ("list guard_blocks x.example", 'settings: "guard_blocks" is not a key; did you mean guard_block?'),
        ("option budget_per_day many", 'settings: budget_per_day: "many" is not a whole number from 0 to 100'),
        ("option budget_per_day 500", "settings: budget_per_day: 500 is not a whole number from 0 to 100"),
        ("option fail shut", 'settings: fail: "shut" is not "open" or "closed"'),
        ("option aliases x", "settings: aliases: None is not an object"),
        ("config device\n option mac aa\n option name TV", 'settings: aliases: "aa" is not a MAC address'),
        ("config device\n option nmae TV", 'settings: "device.nmae" is not a key'),
        ("option page 'http://\\'\n", "settings: page: "),
    ],
)
def test_what_is_wrong_is_logged_in_one_line_and_nothing_is_started(tmp_path, line, says):
    text = _refusal(tmp_path, f"{_ON} {line}\n")
    assert text.startswith(f"not started: {says}") and "\n" not in text


def test_no_network_of_the_home_is_an_error(tmp_path):
    assert "no interface of the home is named" in _refusal(tmp_path, "config spamgate main\n option enabled 1\n")


def test_the_package_has_the_version_of_the_product_and_the_files_it_installs():
    text = (_OPENWRT / "Makefile").read_text()
    assert f"PKG_VERSION:={spamgate.VERSION}\n" in text
    for name in re.findall(r" \./([\w./]+)", text):
        assert (_OPENWRT / name).is_file(), name


def test_the_package_is_compiled_to_what_micropython_imports(tmp_path):
    micropython = find_micropython()
    cross = Path(micropython[0]).parent / "mpy-cross"
    if not cross.is_file():
        pytest.skip("not run: no mpy-cross beside MicroPython")
    done = subprocess.run(
        ["sh", _OPENWRT / "compile.sh", _ROOT / "firmware", tmp_path / "compiled", cross],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    command = [*micropython, "-X", "heapsize=512k", str(tmp_path / "compiled" / "main.py"), "--config", "/nowhere"]
    environment = {**os.environ, "MICROPYPATH": str(tmp_path / "compiled")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (2, "error: /nowhere: cannot be read: error 2\n")


def test_a_wrong_setting_of_the_example_would_be_found():
    settings = json.loads((_LINUX / "spamgate.json").read_text())
    with pytest.raises(SettingsError):
        read_settings(json.dumps({**settings, "lam": ["x"]}))
