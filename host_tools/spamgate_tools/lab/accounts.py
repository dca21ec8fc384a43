"""Who has mail in the lab's internet: providers with their mail exchangers, a submission server, and certificates.

Names and addresses are fixed, so that parts of the lab that know nothing of each other fit.  As in the world, every
server is in a network of its own (198.18.N.25 and 2001:db8:N+100::25).  Large providers have three exchangers each,
small ones one.
"""

import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from spamgate_tools.errors import UserError

HOME_DOMAIN = "home.example"
HOME_SERVER = "mail.home.example"  # how a mail server in the home calls itself
SUBMISSION = "mail.provider.example"
PROVIDER_DOMAIN = "provider.example"
WEB = "www.provider.example"
RESOLVER4, RESOLVER6 = "198.51.100.53", "2001:db8:100::53"

_LARGE = {"north": 10, "south": 20, "east": 30, "west": 40, "harbor": 60}
_LARGE_EXCHANGES = 3
_SMALL = {
    name: 70 + number
    for number, name in enumerate(("village", "school", "bakery", "dentist", "garage", "choir", "library", "florist"))
}
_SUBMISSION_NUMBER = 7
_WEB_NUMBER = 80
_HOME4, _HOME6 = "203.0.113.77", "2001:db8:113::77"

Record = tuple[str, str, str]  # name, type, data


@dataclass(frozen=True)
class Exchange:
    """A mail exchanger: one name, one address of each family."""

    name: str
    address4: str
    address6: str

    @property
    def addresses(self) -> tuple[str, str]:
        return self.address4, self.address6


@dataclass(frozen=True)
class Provider:
    """A mail domain and its exchangers, the preferred one first."""

    domain: str
    exchanges: tuple[Exchange, ...]


def _exchange(name: str, number: int) -> Exchange:
    return Exchange(name, f"198.18.{number}.25", f"2001:db8:{100 + number}::25")


def _provider(name: str, first: int, count: int) -> Provider:
    domain = f"{name}.example"
    return Provider(domain, tuple(_exchange(f"mx{n + 1}.{domain}", first + n) for n in range(count)))


LARGE_PROVIDERS = tuple(_provider(name, first, _LARGE_EXCHANGES) for name, first in _LARGE.items())
SMALL_PROVIDERS = tuple(_provider(name, first, 1) for name, first in _SMALL.items())
PROVIDERS = LARGE_PROVIDERS + SMALL_PROVIDERS
SUBMISSION_SERVER = _exchange(SUBMISSION, _SUBMISSION_NUMBER)
WEB_SERVER = _exchange(WEB, _WEB_NUMBER)
EXCHANGES = tuple(exchange for provider in PROVIDERS for exchange in provider.exchanges)


def addresses() -> list[str]:
    """Return every address of the internet that serves something, both families, the resolver's included."""
    servers = (*EXCHANGES, SUBMISSION_SERVER, WEB_SERVER)
    return [RESOLVER4, RESOLVER6, *(address for server in servers for address in server.addresses)]


def records() -> list[Record]:
    """Return what the internet's resolver knows: MX, A, AAAA, TXT and PTR records."""
    known: list[Record] = []
    for provider in PROVIDERS:
        for number, exchange in enumerate(provider.exchanges, 1):
            known += [(provider.domain, "MX", f"{10 * number} {exchange.name}")]
            known += _host(exchange.name, exchange.addresses)
        known += [(provider.domain, "TXT", "v=spf1 mx -all"), (f"www.{provider.domain}", "A", WEB_SERVER.address4)]
    known += _host(SUBMISSION, SUBMISSION_SERVER.addresses)
    known += _host(WEB, WEB_SERVER.addresses)
    known += [(PROVIDER_DOMAIN, "MX", f"10 {SUBMISSION}"), (HOME_DOMAIN, "MX", f"10 {HOME_SERVER}")]
    return known + _host(HOME_SERVER, (_HOME4, _HOME6))


def _host(name: str, both: Sequence[str]) -> list[Record]:
    four, six = both
    return [(name, "A", four), (name, "AAAA", six), (four, "PTR", name), (six, "PTR", name)]


@dataclass(frozen=True)
class Certificate:
    """Files in PEM form."""

    certificate: Path
    key: Path


class Authority:
    """A certificate authority for the lab's servers, made anew in `folder` with the program openssl."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.certificate = folder / "authority.pem"
        self._key = folder / "authority.key"
        _openssl(*_NEW_KEY, self._key, "-x509", "-days", "30", "-subj", "/CN=Lab authority", "-out", self.certificate)

    def issue(self, name: str, others: Iterable[str] = ()) -> Certificate:
        """Return a certificate for a server's name, and for `others` too."""
        made = Certificate(self._folder / f"{name}.pem", self._folder / f"{name}.key")
        names = ",".join(f"DNS:{known}" for known in (name, *others))
        signer = ("-CA", self.certificate, "-CAkey", self._key)
        subject = ("-subj", f"/CN={name}", "-addext", f"subjectAltName={names}")
        _openssl(*_NEW_KEY, made.key, "-x509", "-days", "30", *subject, *signer, "-out", made.certificate)
        made.key.chmod(0o600)
        return made


_NEW_KEY = ("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout")


def _openssl(*words: str | Path) -> None:
    try:
        subprocess.run(["openssl", *words], check=True, capture_output=True, text=True)
    except FileNotFoundError:
        raise UserError("openssl is not installed", "install it (Debian, Ubuntu: apt-get install openssl)") from None
    except subprocess.CalledProcessError as failed:
        raise UserError(f"openssl could not make a certificate: {failed.stderr.strip().splitlines()[-1]}") from None
