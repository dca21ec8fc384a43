"""One reader for each format that lists come in, and what an entry of it means."""

from collections.abc import Callable
from dataclasses import dataclass

from spamgate_tools.blocklist.formats import adblock, addresses, bind, dnsmasq, hosts, plain, rpz, unbound
from spamgate_tools.blocklist.intake import Intake


@dataclass(frozen=True)
class Format:
    """How a format is read, and in words what its entries mean to the list."""

    read: Callable[[Intake], None]
    sense: str


FORMATS = {
    "hosts": Format(hosts.read, hosts.SENSE),
    "plain": Format(plain.read, plain.SENSE),
    "adblock": Format(adblock.read, adblock.SENSE),
    "dnsmasq": Format(dnsmasq.read, dnsmasq.SENSE),
    "unbound": Format(unbound.read, unbound.SENSE),
    "bind": Format(bind.read, bind.SENSE),
    "rpz": Format(rpz.read, rpz.SENSE),
    "addresses": Format(addresses.read, addresses.SENSE),
    "json": Format(plain.read_json, plain.SENSE),
}
