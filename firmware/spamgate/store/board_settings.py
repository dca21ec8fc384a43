"""The settings of a board: one table of every key, for `settings.json` on its flash.

What a gateway has under the same name means the same.  A key that ends with `_password` is never told again.
"""

from spamgate.core.compat import const
from spamgate.store.kinds import DOMAIN, LIST_ID, LIST_KEY, URL, Flag, List
from spamgate.store.settings_table import read_table
from spamgate.wire.fields import ADDRESS, Choice, Refused, Text, Whole, is_printable

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Any

_PHY_WORDS = ("phy",)
_PHY_NUMBERS = ("phy_addr", "mdc", "mdio", "power", "ref_clk")


class Phy:
    """The pins and the kind of an Ethernet chip, as MicroPython's network.LAN takes them; empty: Wi-Fi."""

    allowed = 'an object such as {"phy": "LAN8720", "phy_addr": 0, "mdc": 23, "mdio": 18, "power": 12, "ref_clk": 17}'

    def read(self, value: "Any") -> "dict[str, Any]":
        """Return the object."""
        if not isinstance(value, dict):
            raise Refused(value, self.allowed)
        for key, part in value.items():
            is_number = isinstance(part, int) and not isinstance(part, bool) and 0 <= part <= 63
            if not (key in _PHY_NUMBERS and is_number or key in _PHY_WORDS and part in ("LAN8720", "LAN8710", "IP101")):
                raise Refused(key, self.allowed)
        return value


def _network_name(text: str) -> str:
    if text and not is_printable(text, 32):
        raise ValueError
    return text


def _password(text: str) -> str:
    if text and not (is_printable(text, 64) and len(text) >= 8):
        raise ValueError
    return text


def _host_name(text: str) -> str:
    for letter in text.lower():
        if letter not in "abcdefghijklmnopqrstuvwxyz0123456789-":
            raise ValueError
    if not 0 < len(text) <= 32 or text.startswith("-"):
        raise ValueError
    return text


def _server(text: str) -> str:
    return DOMAIN.read(text) if text else text


WIFI_NAME = Text(_network_name, "the name of a Wi-Fi of up to 32 characters")
_WIFI_PASSWORD = Text(_password, 'a password of 8 to 64 characters, or "" for an open Wi-Fi')
_HOST_NAME = Text(_host_name, "a host name of up to 32 letters, digits and hyphens")
_SERVER = Text(_server, 'a host name, an IPv4 address or ""')

# Each row has a key, the kind of its value, and the default as JSON; help is in `board_settings_help.py`.
TABLE = (
    ("wifi_name", WIFI_NAME, '""'),
    ("wifi_password", _WIFI_PASSWORD, '""'),
    ("ethernet", Phy(), "{}"),
    ("hostname", _HOST_NAME, '"spamgate"'),
    ("time_server", _SERVER, '"pool.ntp.org"'),
    ("monitor_only", Flag(), "false"),
    ("page", URL, '""'),
    ("guard_upstreams", List(ADDRESS, 3), "[]"),
    ("guard_block", List(DOMAIN, 64), "[]"),
    ("guard_allow", List(DOMAIN, 64), "[]"),
    ("guard_answer", Choice(("nxdomain", "zero")), '"nxdomain"'),
    ("guard_canary", Flag(), "false"),
    ("guard_port", Whole(1, 65535), "53"),
    ("mail_port", Whole(1, 65535), "25"),
    ("list_id", LIST_ID, '"default"'),
    ("list_key", LIST_KEY, '""'),
    ("journal_kb", Whole(4, 256), "32"),
    ("repl_minutes", Whole(1, 240), "10"),
)


class BoardSettings:
    """The settings that are in force: an attribute for each key of the table."""

    wifi_name: str
    wifi_password: str
    ethernet: "dict[str, Any]"
    hostname: str
    time_server: str
    monitor_only: bool
    page: str
    guard_upstreams: "list[str]"
    guard_block: "list[str]"
    guard_allow: "list[str]"
    guard_answer: str
    guard_canary: bool
    guard_port: int
    mail_port: int
    list_id: str
    list_key: str
    journal_kb: int
    repl_minutes: int


def read_board_settings(text: str) -> BoardSettings:
    """Return the settings that the JSON text asks for, with defaults for the rest; SettingsError if it cannot be."""
    settings = BoardSettings()
    read_table(text, TABLE, settings)
    return settings
