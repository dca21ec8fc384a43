"""What each setting of a board is for, in words: apart from the table because a board has no need of it."""

from spamgate.store.board_settings import TABLE
from spamgate.store.settings_table import describe_table

HELP = {
    "wifi_name": "Wi-Fi of the home to join",
    "wifi_password": "its password; never told again",
    "ethernet": "the Ethernet chip of a board that has one, in the place of Wi-Fi",
    "hostname": "what the board calls itself in the home",
    "time_server": "whom to ask for the time (NTP); empty: nobody",
    "monitor_only": "decide, write the journal, and answer every question truly",
    "page": "page that SMTP replies name",
    "guard_upstreams": "resolvers the guard asks; empty: those the network names",
    "guard_block": "names that are not answered, with their children",
    "guard_allow": "names that are answered although they or a parent are blocked",
    "guard_answer": "what a blocked name gets",
    "guard_canary": "tell browsers not to use a resolver of their own",
    "guard_port": "port of the DNS guard",
    "mail_port": "port where mail of suspects ends",
    "list_id": "which blocklist the board takes",
    "list_key": "key that blocklists must be signed with; empty: none is taken",
    "journal_kb": "size of the journal; an older one of the same size is kept",
    "repl_minutes": "how long the REPL is left to whoever broke in",
}


def describe() -> str:
    """Return the table as Markdown, for the documentation."""
    return describe_table(tuple([(key, kind, default, HELP[key]) for key, kind, default in TABLE]))
