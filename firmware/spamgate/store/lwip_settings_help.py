"""What each setting is for that only a board in path has, in words: apart from the table, as for any board."""

from spamgate.store.lwip_settings import OWN_TABLE
from spamgate.store.settings_table import describe_table

HELP = {
    "lan": "where the home is, on Linux: an interface and our addresses there; an ESP32 makes a Wi-Fi instead",
    "wan": "where the internet is, on Linux: an interface, our addresses and the next hops",
    "ap_name": "Wi-Fi that an ESP32 makes for the home",
    "ap_password": "its password; an open Wi-Fi is not made",
    "home_networks": "networks of the home beside those of its LANs",
    "budget_per_day": "new mail connections that a throttled device has in a day",
    "normal_per_minute": "mail connections a minute that any device has",
    "normal_burst": "mail connections that may come at once",
    "verdict_hours": "how long a verdict holds that the program does not renew",
    "aliases": "your names for devices, by MAC",
    "grants": "what a device may send, by MAC",
}


def describe() -> str:
    """Return the table as Markdown, for the documentation."""
    return describe_table(tuple([(key, kind, default, HELP[key]) for key, kind, default in OWN_TABLE]))
