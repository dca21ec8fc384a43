"""One machine of the lab: a network namespace with an interface, addresses, and the programs that run in it."""

import ipaddress
import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

from spamgate_tools.errors import UserError
from spamgate_tools.lab.waiting import listens, wait_until

_DIES_WITH_US = ("setpriv", "--pdeathsig", "KILL")
# /etc/resolv.conf may be a link to where nothing is, since /run is our own without root
_BIND_RESOLVER = """
file=$(readlink -m /etc/resolv.conf)
[ -e "$file" ] || { mkdir -p "${file%/*}" && : > "$file"; }
mount --bind "$0" "$file" && exec "$@"
"""
_START_S = 60.0  # who ends meanwhile is noticed at once
# Addresses are known to be free here: no second of waiting for duplicate address detection, no advertised surprises
_SYSCTLS = (
    "net.ipv6.conf.all.accept_dad=0",
    "net.ipv6.conf.default.accept_dad=0",
    "net.ipv6.conf.default.dad_transmits=0",
    "net.ipv6.conf.all.accept_ra=0",
    "net.ipv6.conf.default.accept_ra=0",
    "net.ipv6.conf.all.disable_ipv6=0",
    "net.ipv6.conf.default.disable_ipv6=0",
    "net.ipv4.ip_unprivileged_port_start=0",
)


class Host:
    """A namespace: `run` a command to its end, `popen` one that stays; both end with the network.

    `address4`, `address6` (unique-local) and `global6` are the first of each kind, "" where there is none.
    """

    def __init__(self, name: str, namespace: str, folder: Path, mac: str = "") -> None:
        self.name = name
        self.namespace = namespace
        self.folder = folder  # its own, for what its programs write
        self.mac = mac
        self.dhcp_name = ""
        self.interface = "eth0"
        self.gateway4 = ""
        self.gateway6 = ""
        self.address4 = ""
        self.address6 = ""
        self.global6 = ""
        self._resolver: Path | None = None
        folder.mkdir()
        folder.chmod(0o755)
        _ip("netns", "add", namespace)
        self.ip("link set lo up")
        self.sysctl(*_SYSCTLS)

    # --- programs ------------------------------------------------------------------------------

    def command(self, words: Sequence[str]) -> list[str]:
        """Return the command that runs `words` in here."""
        inside = ["ip", "netns", "exec", self.namespace, *_DIES_WITH_US]
        if self._resolver:
            inside += ["sh", "-c", _BIND_RESOLVER, str(self._resolver)]
        return [*inside, *words]

    def run(self, words: Sequence[str], check: bool = True, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run a command to its end and return what it printed; a failure is a UserError unless `check` is off."""
        options = {"capture_output": True, "text": True, "timeout": 60, **options}
        done = subprocess.run(self.command(words), check=False, **options)
        if check and done.returncode:
            raise UserError(f"{self.name}: `{' '.join(words)}` failed ({done.returncode}): {_said(done)}")
        return done

    def popen(self, words: Sequence[str], log: str = "", **options: Any) -> subprocess.Popen[Any]:
        """Start a program; `log` names a file in the host's folder for what it prints, else it is dropped."""
        target: IO[bytes] | int = (self.folder / log).open("ab") if log else subprocess.DEVNULL
        streams = {"stdin": subprocess.DEVNULL, "stdout": target, "stderr": subprocess.STDOUT if log else target}
        try:
            return subprocess.Popen(self.command(words), start_new_session=True, **{**streams, **options})
        finally:
            if not isinstance(target, int):
                target.close()

    def serve(self, words: Sequence[str], log: str, port: int, protocol: str = "udp") -> subprocess.Popen[Any]:
        """Start a server and wait until its port is open; a UserError with its last words if it ends instead."""
        process = self.popen(words, log=log)

        def is_ready() -> bool:
            if process.poll() is not None:
                raise UserError(f"{self.name}: {words[0]} ended: {self.last_words(log)}")
            return listens(process.pid, port, protocol)

        wait_until(is_ready, _START_S, f"{self.name}: {words[0]}, which says: {self.last_words(log)}")
        return process

    def last_words(self, log: str) -> str:
        """Return the last line in a log of this host."""
        try:
            lines = (self.folder / log).read_text(errors="replace").strip().splitlines()
        except FileNotFoundError:
            lines = []
        return lines[-1] if lines else "nothing"

    # --- interfaces, addresses, routes ----------------------------------------------------------

    def ip(self, *lines: str) -> None:
        """Run lines of `ip -batch` in here: `host.ip("addr add 10.0.0.1/24 dev eth0", ...)`."""
        _ip("-n", self.namespace, "-batch", "-", text="\n".join(lines))

    def link(self, interface: str) -> dict[str, Any]:
        """Return what the kernel says of an interface in here, as `ip -details -json link` has it."""
        (told,) = json.loads(_ip("-n", self.namespace, "-details", "-json", "link", "show", "dev", interface))
        return dict(told)

    def sysctl(self, *settings: str) -> None:
        """Set `net.…=value`; a setting that this kernel does not have is left out."""
        lines = []
        for setting in settings:
            key, _, value = setting.partition("=")
            path = f"/proc/sys/{key.replace('.', '/')}"
            lines.append(f"[ ! -w {path} ] || echo {value} > {path}")
        _checked(["ip", "netns", "exec", self.namespace, "sh", "-c", "\n".join(lines)])

    def add_address(self, address: str, interface: str = "") -> None:
        """Give it one more address: `203.0.113.5/24` on its interface, or a bare one for itself alone."""
        known = ipaddress.ip_interface(address)
        extra = " nodad" if known.version == 6 else ""
        self.ip(f"addr add {known.with_prefixlen} dev {interface or self.interface}{extra}")
        self._remember(known.ip)

    def _remember(self, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
        if address.version == 4:
            self.address4 = self.address4 or str(address)
        elif address in ipaddress.ip_network("fc00::/7"):
            self.address6 = self.address6 or str(address)
        else:
            self.global6 = self.global6 or str(address)

    def default_routes(self, gateway4: str, gateway6: str) -> None:
        self.gateway4, self.gateway6 = gateway4, gateway6
        self.ip(
            f"route add default via {gateway4} dev {self.interface}",
            f"route add default via {gateway6} dev {self.interface}",
        )

    def use_resolver(self, *addresses: str) -> None:
        """Programs started from now on find these resolvers in /etc/resolv.conf."""
        self._resolver = self.folder / "resolv.conf"
        self._resolver.write_text("".join(f"nameserver {address}\n" for address in addresses))


def needed(*programs: str) -> None:
    """Say which of these programs are missing, and how to get them."""
    missing = [program for program in programs if not shutil.which(program)]
    if missing:
        packages = sorted({_PACKAGES.get(program, program) for program in missing})
        raise UserError(f"not installed: {', '.join(missing)}", f"apt-get install {' '.join(packages)}")


_PACKAGES = {  # where the program's name is not the Debian package's
    "dig": "bind9-dnsutils",
    "dnsmasq": "dnsmasq-base",
    "ip": "iproute2",
    "nft": "nftables",
    "setpriv": "util-linux",
    "unshare": "util-linux",
}


def _ip(*words: str, text: str = "") -> str:
    return _checked(["ip", *words], text)


def _checked(command: list[str], text: str = "") -> str:
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        said = _said(done)
        hint = "run it as root" if "not permitted" in said else ""
        raise UserError(f"`{' '.join(command[:6])}` failed: {said}", hint)
    return done.stdout


def _said(done: subprocess.CompletedProcess[str]) -> str:
    return " ".join((done.stderr or done.stdout or "without a word").split())[:300]
