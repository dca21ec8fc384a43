"""The settings of a gateway: one table of every key with its kind, default, limits and help.

The text is one JSON object, written by hand, by `spamgate gateway` or out of UCI.  A key that is not in the table is
an error: a misspelt one would be a wish that nobody hears.
"""

from spamgate.store.kinds import (
    DOMAIN,
    GRANTS,
    INTERFACE,
    LIST_ID,
    LIST_KEY,
    MAC,
    NETWORK,
    URL,
    Flag,
    List,
    Map,
    is_made_of,
    is_path,
)
from spamgate.store.settings_table import SettingsError, describe_table, read_table
from spamgate.wire.fields import ADDRESS, LABEL, Choice, Text, Whole

_PATH_CHARACTERS = 200
_SOCKET_CHARACTERS = 107  # sun_path, without its NUL


def _path(text: str) -> str:
    if not is_path(text, _PATH_CHARACTERS):
        raise ValueError
    return text


def _socket(text: str) -> str:
    if not is_path(text, _SOCKET_CHARACTERS):
        raise ValueError
    return text


def _log(text: str) -> str:
    return text if text in ("", "-") else _path(text)


def _path_or_none(text: str) -> str:
    return _path(text) if text else text


def _key(text: str) -> str:
    """Return the path of a key, or the key itself."""
    is_key = len(text) == 64 and is_made_of(text.lower(), "0123456789abcdef")
    return text if is_key else _path_or_none(text)


_PORT = Whole(1024, 65535)
_NAMES = List(DOMAIN, 512)
_PATH_ALLOWED = "a path such as %s of up to %d letters, digits and /._-+@,:~=%%"
_PATH = Text(_path, _PATH_ALLOWED % ("/var/lib/spamgate", _PATH_CHARACTERS))
_SOCKET = Text(_socket, _PATH_ALLOWED % ("/run/spamgate/control", _SOCKET_CHARACTERS))
_CA = Text(_path_or_none, 'a path such as /etc/ssl/certs/ca-certificates.crt or ""')
_LOG = Text(_log, 'a path such as /var/log/spamgate.jsonl, "-" or ""')
_KEY = Text(_key, 'a path such as /etc/spamgate/link.key, 64 hexadecimal digits or ""')

# Each row has a key, the kind of its value, the default as JSON, and help.
TABLE = (
    ("lan", List(INTERFACE, 8), "[]", "interfaces towards the home; at least one must be named"),
    ("wan", List(INTERFACE, 8), "[]", "interfaces towards the internet"),
    ("home_networks", List(NETWORK, 32), "[]", "networks of the home; empty: those of the LAN interfaces"),
    ("state_dir", _PATH, '"/var/lib/spamgate"', "folder for verdicts, grants and the ring of connections"),
    ("event_log", _LOG, '""', 'file for events, one JSON object a line; "": events.jsonl in state_dir; "-": output'),
    ("event_log_kb", Whole(16, 1048576), "1024", "size at which the event log is put aside and begun anew"),
    ("control", _SOCKET, '"/run/spamgate/control"', "UNIX socket for `spamgate devices` and the like"),
    ("monitor_only", Flag(), "false", "decide and tell, but let everything pass"),
    ("fail", Choice(("open", "closed")), '"open"', "what verdicts do when Spamgate is dead: lapse, or stay"),
    ("budget_per_day", Whole(0, 100), "5", "new mail connections that a throttled device has in a day"),
    ("normal_per_minute", Whole(1, 10000), "60", "mail connections a minute that the kernel lets any device have"),
    ("normal_burst", Whole(1, 10000), "300", "mail connections that may come at once"),
    ("verdict_hours", Whole(1, 720), "24", "how long the kernel keeps a verdict that nobody renews"),
    ("page", URL, '""', "page named in refusals; empty: http://ADDRESS OF THE LAN/"),
    ("guard", Choice(("suspects", "all", "off")), '"suspects"', "whose DNS passes through the guard"),
    ("guard_upstreams", List(ADDRESS, 4), "[]", "resolvers that the guard asks; empty: those of /etc/resolv.conf"),
    ("guard_block", _NAMES, "[]", "names that the guard blocks, with everything below them"),
    ("guard_allow", _NAMES, "[]", "names that are never blocked, with everything below them"),
    ("guard_answer", Choice(("nxdomain", "zero")), '"nxdomain"', "a blocked name does not exist, or has address zero"),
    ("guard_canary", Flag(), "false", "ask browsers not to resolve past the gateway (use-application-dns.net)"),
    ("list_id", LIST_ID, '"default"', "which blocklist is taken"),
    ("list_key", LIST_KEY, '""', "key that blocklists must be signed with; empty: none is taken"),
    ("list_url", URL, '""', "where `spamgate blocklist pull` finds a newer one: the URL of its .sgb file"),
    ("list_ca", _CA, '""', "certificates that https:// is checked against; empty: the system's"),
    ("list_mb", Whole(1, 512), "32", "megabytes that a blocklist may have; state_dir has room for two"),
    ("list_allow", List(NETWORK, 64), "[]", "networks outside that are never barred, whatever the blocklist names"),
    ("aliases", Map(MAC, LABEL, 128), "{}", "your names for devices, by MAC"),
    ("grants", Map(MAC, Choice(GRANTS), 64), "{}", "what a device may send, by MAC"),
    ("later_port", _PORT, "8421", "port of the responder that says 421, try later"),
    ("never_port", _PORT, "8554", "port of the responder that says 554, never"),
    ("guard_port", _PORT, "8053", "port of the DNS guard"),
    ("link_port", Whole(0, 65535), "0", "port of the link over TCP, served on the interfaces of lan; 0: none"),
    ("link_key", _KEY, '""', "key of the link over TCP, or the file that has it; `spamgate link-key` makes one"),
    ("log_group", Whole(0, 65535), "25", "nfnetlink_log group through which packets are seen"),
)


class Settings:
    """The settings that are in force: an attribute for each key of the table."""

    lan: "list[str]"
    wan: "list[str]"
    home_networks: "list[str]"
    state_dir: str
    event_log: str
    event_log_kb: int
    control: str
    monitor_only: bool
    fail: str
    budget_per_day: int
    normal_per_minute: int
    normal_burst: int
    verdict_hours: int
    page: str
    guard: str
    guard_upstreams: "list[str]"
    guard_block: "list[str]"
    guard_allow: "list[str]"
    guard_answer: str
    guard_canary: bool
    list_id: str
    list_key: str
    list_url: str
    list_ca: str
    list_mb: int
    list_allow: "list[str]"
    aliases: "dict[str, str]"
    grants: "dict[str, str]"
    later_port: int
    never_port: int
    guard_port: int
    link_port: int
    link_key: str
    log_group: int


def read_settings(text: str) -> Settings:
    """Return the settings that the JSON text asks for, with the defaults for the rest."""
    settings = Settings()
    read_table(text, TABLE, settings)
    _check_together(settings)
    return settings


def _check_together(settings: Settings) -> None:
    """Refuse what is allowed key by key and makes no sense together."""
    if not settings.lan:
        raise SettingsError('settings: lan: no interface of the home is named; write "lan": ["br-lan"]')
    for name in settings.lan:
        if name in settings.wan:
            raise SettingsError("settings: wan: %s is in lan as well" % name)
    ports = (settings.later_port, settings.never_port, settings.guard_port)
    if len(set(ports)) < len(ports):
        raise SettingsError("settings: later_port, never_port and guard_port: %d, %d, %d must differ" % ports)
    if settings.link_port in ports:
        raise SettingsError("settings: link_port: %d serves something else already" % settings.link_port)
    if settings.link_port and not settings.link_key:
        raise SettingsError("settings: link_key: link_port needs a key; make one with `spamgate link-key`")
    if settings.list_url and not settings.list_key:
        raise SettingsError("settings: list_key: list_url needs the key that its lists are signed with")


def describe() -> str:
    """Return the table as Markdown, for the documentation."""
    return describe_table(TABLE)
