"""Asks DNS over the network, as a stub resolver does: no cache, every question reported."""

import dns.asyncresolver
import dns.exception
import dns.rdatatype
import dns.resolver
from dns.rdtypes.ANY.MX import MX

from spamgate_tools.lab.devices.report import Report

# resolv.conf(5): five seconds a try, two tries.  Cheap stacks are less patient; so is this one.
_TRY_S = 2.0
_PATIENCE_S = 5.0


class Resolver:
    """Questions of one device to the resolvers it was told of."""

    def __init__(self, servers: tuple[str, ...], report: Report, source: str = "") -> None:
        self._report = report
        self._source = source or None
        self._stub = dns.asyncresolver.Resolver(configure=False)
        self._stub.nameservers = list(servers)
        self._stub.timeout = _TRY_S
        self._stub.lifetime = _PATIENCE_S

    async def ask(self, name: str, qtype: str) -> list[str]:
        """Return the answers as text; none if there is no such name or no resolver answers."""
        answers: list[str] = []
        result = "NOERROR"
        try:
            found = await self._stub.resolve(f"{name}.", qtype, source=self._source, search=False)
            answers = [_text(record) for record in _in_order(found)]
        except dns.resolver.NXDOMAIN:
            result = "NXDOMAIN"
        except dns.resolver.NoAnswer:
            result = "NODATA"
        except dns.resolver.NoNameservers:
            result = "SERVFAIL"
        except dns.exception.Timeout:
            result = "TIMEOUT"
        self._report.tell("lookup", name=name, type=qtype, result=result, answers=answers)
        return answers

    async def exchanges(self, domain: str) -> list[str]:
        """Return the names of a domain's mail servers, the preferred one first."""
        return [host for host in await self.ask(domain, "MX") if host]

    async def addresses(self, host: str, qtypes: tuple[str, ...] = ("A",)) -> list[str]:
        """Return a host's addresses, type by type."""
        return [address for qtype in qtypes for address in await self.ask(host, qtype)]


def _in_order(found: dns.resolver.Answer) -> list:
    if found.rdtype == dns.rdatatype.MX:
        return sorted(found, key=lambda record: record.preference)
    return list(found)


def _text(record: object) -> str:
    """An MX record is its host (RFC 7505: none for a domain without mail), the others are what they say."""
    return record.exchange.to_text(omit_final_dot=True) if isinstance(record, MX) else str(record)
