"""Which provider stands behind a mail server, as the home's DNS answers told; home-wide.

The mail servers named in one MX answer are one provider: five hosts of a large one, or two names of
a small one, are one destination.  A server nobody asked DNS for is known by its network.
"""

from spamgate.core.compat import const
from spamgate.core.hashing import hash_bytes, hash_pair
from spamgate.core.tables import Recall

_WEEK_S = const(7 * 86400)
_MX = const(1)  # lowest bit of a remembered value: the host was named in an MX answer
_IPV4_NETWORK = const(3)  # bytes: /24
_IPV6_NETWORK = const(6)  # bytes: /48


class Providers:
    """Names of mail exchangers and addresses of hosts, each with its provider.  Allocation-free once made."""

    def __init__(self, slots: int) -> None:
        self._exchanges = Recall(slots, _WEEK_S)
        self._hosts = Recall(slots * 2, _WEEK_S)

    def note_exchange(self, name_hash: int, provider: int, now_s: int) -> None:
        """An MX answer named this host; `provider` stands for all hosts of that answer."""
        if self._exchanges.find(name_hash, now_s) < 0:
            self._exchanges.set(name_hash, provider, now_s)

    def of_exchange(self, name_hash: int, now_s: int) -> int:
        """Return the provider of a host by its name, if an MX answer named it, or -1."""
        return self._exchanges.get(name_hash, now_s)

    def note_host(self, name_hash: int, domain_hash: int, address_hash: int, now_s: int) -> None:
        """A DNS answer gave this address for a name in that registrable domain."""
        provider = self._exchanges.get(name_hash, now_s)
        value = _clear(domain_hash) if provider < 0 else _clear(provider) | _MX
        known = self._hosts.get(address_hash, now_s)
        if known >= 0:
            value = known | (value & _MX)
        self._hosts.set(address_hash, value, now_s)

    def of_host(self, address_hash: int, now_s: int) -> int:
        """Return the provider of an address (with the lowest bit set when it came from an MX answer), or -1."""
        return self._hosts.get(address_hash, now_s)


def network_provider(buf: "bytes | bytearray", at: int, size: int) -> int:
    """Return what stands for the provider of a server known only by its network: /24 or /48."""
    kept = _IPV4_NETWORK if size == 4 else _IPV6_NETWORK
    return _clear(hash_bytes(buf, at, at + kept)) | _MX


def _clear(value: int) -> int:
    """Free the lowest bit; mixed first, as hashes of names that differ in one letter may differ there alone."""
    return hash_pair(value, 0) & ~_MX


def is_exchange(host: int) -> bool:
    """Was the host that `of_host` returned named in an MX answer?"""
    return bool(host & _MX)
