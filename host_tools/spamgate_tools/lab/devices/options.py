"""What can be told to a device program: one table, from which the command line is made."""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import Field, dataclass, field, fields
from typing import Any

_EXAMPLE = """\
example: a bot on this machine's network namespace, for a minute
  python -m spamgate_tools.lab.devices parallel-mx --report bot.jsonl --seed 7 --seconds 60 \\
      --resolver 192.168.77.1 --domains one.example,two.example
"""


def _option(default: Any, text: str) -> Any:
    return field(default=default, metadata={"help": text})


@dataclass(frozen=True)
class Options:
    """What one device was told; most kinds need only a few of these."""

    kind: str
    report: str = _option("-", "file that gets one JSON object an event; - for standard output")
    seed: int = _option(1, "the same seed makes the same choices")
    seconds: float = _option(60.0, "how long to live")
    name: str = _option("", "what the report and the message ids call the device; the kind if not given")
    resolver: tuple[str, ...] = _option(("192.168.77.1",), "addresses of the DNS resolver it is told to use")
    source: str = _option("", "IPv4 address to speak from, where the interface has several")
    interface: str = _option("eth0", "network interface in its namespace")
    host_name: str = _option("", "join the network by DHCP under this name first")
    chaddr: str = _option("", "MAC address inside its DHCP messages, behind a repeater; else the interface's")
    idle: float = _option(2.0, "seconds before a bot sends its first mail")
    sites: tuple[str, ...] = _option(("www.provider.example",), "names of web servers to visit")
    web_port: int = _option(80, "port of the web servers; TLS unless 80")
    provider: str = _option("mail.provider.example", "submission server and relay of its owner")
    user: str = _option("owner", "account at the provider")
    password: str = _option("", "password there; none: no login")
    ca: str = _option("", "file with the certificates to trust; none: any certificate is taken")
    owner: str = _option("owner@provider.example", "who gets reports, and writes from a laptop")
    to: tuple[str, ...] = _option(("friend@provider.example",), "whom a laptop writes to")
    every: float = _option(0.0, "seconds between messages, instead of the kind's own pace")
    domains: tuple[str, ...] = _option((), "domains that bots and mail servers write to")
    addresses: tuple[str, ...] = _option((), "mail servers' addresses that a bot knows by heart")
    own_resolver: str = _option("198.51.100.53", "resolver built into a bot")
    hello: str = _option("", "name to introduce itself by, instead of the kind's own")
    senders: str = _option("", "one or many: forged sender domains of a bot, instead of the kind's own habit")
    pipelining: bool = _option(False, "send commands without waiting where the server offers it (RFC 2920)")
    messages: int = _option(0, "how many messages a mail server sends in all; 0: until the end")
    retry: float = _option(3.0, "seconds until a clean device's first retry")
    expire: float = _option(4320.0, "seconds until a mail server gives a message up")


def parse(arguments: Sequence[str], kinds: Mapping[str, str]) -> Options:
    """Read a command line; `kinds` maps each kind to its one-line help."""
    listing = "kinds:\n" + "".join(f"  {kind:20} {text}\n" for kind, text in kinds.items())
    parser = argparse.ArgumentParser(
        prog="python -m spamgate_tools.lab.devices",
        description="Be one device of the lab's home, in the network namespace this runs in.",
        epilog=f"{listing}\n{_EXAMPLE}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("kind", choices=list(kinds), metavar="KIND", help="see below")
    for row in fields(Options):
        if row.name != "kind":
            _add(parser, row)
    return Options(**vars(parser.parse_args(arguments)))


def _add(parser: argparse.ArgumentParser, row: "Field[Any]") -> None:
    flag = "--" + row.name.replace("_", "-")
    text = row.metadata["help"]
    if isinstance(row.default, bool):
        parser.add_argument(flag, action="store_true", help=text)
    elif isinstance(row.default, tuple):
        parser.add_argument(flag, type=_words, default=row.default, metavar="A,B", help=text)
    else:
        shown = f" ({row.default})" if row.default else ""
        kind = type(row.default)
        parser.add_argument(flag, type=kind, default=row.default, metavar=kind.__name__.upper(), help=text + shown)


def _words(text: str) -> tuple[str, ...]:
    return tuple(word for word in text.split(",") if word)
