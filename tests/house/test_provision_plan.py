"""The plan of a tray: every way in which a CSV file can be wrong is found before a board is touched."""

import pytest

from spamgate_tools.errors import UserError
from spamgate_tools.provision.plan import NoRow, Plan, read_plan
from spamgate_tools.provision.profiles import Profile, Profiles

_DEFAULT = Profile("default", {"wifi_name": "home"})
_MAC = "24:0a:c4:00:00:01"


def _plan(tmp_path, text: str | bytes, profiles: Profiles | None = None) -> Plan:
    path = tmp_path / "order.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_plan(path, "P-", profiles or Profiles(_DEFAULT))


def _row(plan: Plan, port: str = "/dev/ttyUSB9", mac: str = _MAC, serial: str = "", given: tuple[str, ...] = ()):
    return plan.row_for(port, mac, serial, lambda one: one in given)


@pytest.mark.parametrize(
    "text",
    [
        "mac,serial\n24:0a:c4:00:00:01,A-1\n",
        "\ufeffMAC;Serial;\r\n24-0A-C4-00-00-01 ; A-1;\r\n;;\r\n\r\n",
        "Serial\tmac\nA-1\t240AC4000001",
        'mac,port,serial\n"24:0a:c4:00:00:01",,"A-1"\n',
    ],
)
def test_what_spreadsheets_make_of_csv_is_read(tmp_path, text):
    plan = _plan(tmp_path, text)
    assert [(row.mac, row.serial, row.profile) for row in plan.rows] == [(_MAC, "A-1", _DEFAULT)]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("mac,serial\n24:0a:c4:00:00:01,A-1\n24:0a:c4:00:00:02,a-1\n", "line 3: serial a-1 is in line 2 already"),
        ("mac,serial\n24:0a:c4:00:00:01,A\n240AC4000001,B\n", "line 3: MAC 24:0a:c4:00:00:01 is in line 2 already"),
        ("port,serial\n/dev/ttyUSB0,A\n/dev/ttyUSB0,B\n", "line 3: port /dev/ttyUSB0 is in line 2 already"),
        ("mac,serail\n24:0a:c4:00:00:01,A\n", "no column 'serail'; do you mean 'serial'?"),
        ("mac,mac\n1,2\n", "names no columns, or one twice"),
        ("", "names no columns"),
        ("mac,serial\n", "no board in it"),
        ("serial\n-A\n", "line 2: no serial: '-A'; a serial is 1 to 32 letters"),
        ("serial\n" + "A" * 33 + "\n", "line 2: no serial"),
        ("serial\n../../etc\n", "line 2: no serial"),
        ("mac\n24:0a:c4:00:00\n", "line 2: no MAC: '24:0a:c4:00:00'"),
        ("serial,site\nA,\x1b[31m\n", "line 2: no site: '\\x1b[31m'"),
        ("serial,site\nA," + "x" * 65 + "\n", "line 2: no site"),
        ("serial\nA,B\n", "line 2: 2 cells for 1 columns"),
        ('serial\n"A\n', "unexpected end of data"),
        (b"serial\n\xff\xfe\n", "not UTF-8"),
        ("serial,profile\nA,attic\n", "line 2: profile 'attic', and no folder to look in"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(tmp_path, text, complaint):
    with pytest.raises(UserError) as error:
        _plan(tmp_path, text)
    assert complaint in str(error.value)


def test_a_file_that_is_not_there_is_said(tmp_path):
    with pytest.raises(UserError, match="cannot be read: No such file"):
        read_plan(tmp_path / "none.csv", "P-", Profiles(_DEFAULT))


def test_the_row_of_a_mac_comes_before_that_of_a_port_and_that_before_an_open_one(tmp_path):
    plan = _plan(tmp_path, "mac,port,serial\n24:0a:c4:00:00:01,,M\n,/dev/ttyUSB0,P\n,,O\n")
    assert _row(plan, "/dev/ttyUSB0").serial == "M"
    assert _row(plan, "/dev/ttyUSB0", "24:0a:c4:00:00:02").serial == "P"
    assert _row(plan, "/dev/ttyUSB1", "24:0a:c4:00:00:02").serial == "O"
    assert plan.ports() == ["/dev/ttyUSB0"]


def test_open_rows_go_to_whoever_comes_and_never_twice(tmp_path):
    plan = _plan(tmp_path, "serial\nA\nB\n")
    assert _row(plan).serial == "A"
    assert _row(plan, given=("A",)).serial == "B"
    assert _row(plan, serial="a", given=("A", "B")).serial == "A"
    with pytest.raises(NoRow):
        _row(plan, given=("A", "B"))


def test_a_board_that_no_row_is_for_has_none(tmp_path):
    plan = _plan(tmp_path, "mac,serial\n24:0a:c4:00:00:02,A\n")
    with pytest.raises(NoRow):
        _row(plan)


def test_without_a_file_all_get_the_default():
    plan = Plan("P-", _DEFAULT)
    assert (_row(plan).serial, _row(plan).profile) == ("", _DEFAULT)
    assert plan.profiles() == [_DEFAULT]


def test_a_port_has_one_row_under_all_its_names(tmp_path):
    (tmp_path / "ttyUSB0").touch()
    (tmp_path / "by-id").symlink_to(tmp_path / "ttyUSB0")
    plan = _plan(tmp_path, f"port,serial\n{tmp_path}/by-id,A\n")
    assert _row(plan, f"{tmp_path}/ttyUSB0").serial == "A"
    with pytest.raises(UserError, match="already"):
        _plan(tmp_path, f"port,serial\n{tmp_path}/by-id,A\n{tmp_path}/ttyUSB0,B\n")


def test_profiles_are_files_in_their_folder_and_nowhere_else(tmp_path):
    folder = tmp_path / "profiles"
    folder.mkdir()
    (folder / "attic.json").write_text('{"wifi_name": "attic", "wifi_password": "secret"}')
    (tmp_path / "outside.json").write_text("{}")
    profiles = Profiles(_DEFAULT, folder)
    plan = _plan(tmp_path, "serial,profile\nA,attic\nB,\nC,default\n", profiles)
    assert [row.profile.settings["wifi_name"] for row in plan.rows] == ["attic", "home", "home"]
    assert [profile.name for profile in plan.profiles()] == ["attic", "default"]
    assert "secret" not in repr(plan)
    for name in ("cellar", "../outside"):
        with pytest.raises(UserError, match="no profile .* there: attic"):
            _plan(tmp_path, f"serial,profile\nA,{name}\n", profiles)
    (folder / "attic.json").write_text("{")
    with pytest.raises(UserError, match="line 1, column 2"):
        _plan(tmp_path, "serial,profile\nA,attic\n", Profiles(_DEFAULT, folder))
