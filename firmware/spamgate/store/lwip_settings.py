"""The settings of a board in path: those of any board, and what it shares with a router's under the same names."""

from spamgate.core.compat import const
from spamgate.store.board_settings import TABLE as BOARD_TABLE
from spamgate.store.board_settings import WIFI_NAME, BoardSettings
from spamgate.store.kinds import GRANTS, INTERFACE, MAC, NETWORK, List, Map
from spamgate.store.settings_table import SettingsError, read_table
from spamgate.wire.address import parse_address
from spamgate.wire.fields import LABEL, Choice, Text, Whole, is_printable

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Any

_VIA = "via"
_MOST_V6 = const(4)  # addresses of an interface (mailgate/port_unix/words.h)


def _lan(text: str) -> str:
    return " ".join(_interface_and_networks(text.split()))


def _wan(text: str) -> str:
    words = text.split()
    if not words:
        return ""
    at = words.index(_VIA) if _VIA in words else len(words)
    for hop in words[at + 1 :]:
        parse_address(hop)
    return " ".join(_interface_and_networks(words[:at]) + words[at:])


def _interface_and_networks(words: "list[str]") -> "list[str]":
    """Take one IPv4 network and a few of IPv6, of the only size that lwIP has: others would not start."""
    if len(words) < 2 or sum([":" not in word for word in words[1:]]) > 1:
        raise ValueError
    networks_v6 = [word for word in words[1:] if ":" in word]
    if len(networks_v6) > _MOST_V6 or any([not word.endswith("/64") for word in networks_v6]):
        raise ValueError
    INTERFACE.read(words[0])
    for word in words[1:]:
        if "/" not in word or word.endswith("/0"):
            raise ValueError
        NETWORK.read(word)
    return words


def _password(text: str) -> str:
    if text and not (is_printable(text, 63) and len(text) >= 8):
        raise ValueError
    return text


_LAN = Text(_lan, 'an interface and our addresses there, such as "br-lan 192.168.77.1/24 fd77:77::1/64"')
_WAN = Text(_wan, 'an interface, our addresses and next hops, such as "wan0 203.0.113.77/24 via 203.0.113.1", or ""')
_AP_PASSWORD = Text(_password, 'a password of 8 to 63 characters, or ""')

# Each row has a key, the kind of its value, and the default as JSON; help is in `lwip_settings_help.py`.
OWN_TABLE = (
    ("lan", List(_LAN, 4), "[]"),
    ("wan", _WAN, '""'),
    ("ap_name", WIFI_NAME, '""'),
    ("ap_password", _AP_PASSWORD, '""'),
    ("home_networks", List(NETWORK, 16), "[]"),
    ("budget_per_day", Whole(0, 100), "5"),
    ("normal_per_minute", Whole(1, 10000), "60"),
    ("normal_burst", Whole(1, 10000), "300"),
    ("verdict_hours", Whole(1, 720), "24"),
    ("aliases", Map(MAC, LABEL, 31), "{}"),
    ("grants", Map(MAC, Choice(GRANTS), 31), "{}"),
)


class LwipSettings(BoardSettings):
    """The settings that are in force: an attribute for each key of both tables."""

    lan: "list[str]"
    wan: str
    ap_name: str
    ap_password: str
    home_networks: "list[str]"
    budget_per_day: int
    normal_per_minute: int
    normal_burst: int
    verdict_hours: int
    aliases: "dict[str, str]"
    grants: "dict[str, str]"


def read_lwip_settings(text: str) -> LwipSettings:
    """Return the settings that the JSON text asks for, with defaults for the rest; SettingsError if it cannot be."""
    settings = LwipSettings()
    read_table(text, BOARD_TABLE + OWN_TABLE, settings)
    _check_together(settings)
    return settings


def _check_together(settings: LwipSettings) -> None:
    names: "list[Any]" = [text.split()[0] for text in settings.lan]
    if settings.wan:
        names.append(settings.wan.split()[0])
    for name in names:
        if names.count(name) > 1:
            raise SettingsError("settings: lan, wan: %s is named more than once" % name)
