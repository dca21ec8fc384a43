"""The internet's resolver: Unbound with the lab's records as its whole world, or dnsmasq where Unbound is missing.

Names it does not know do not exist (NXDOMAIN), and answers keep the order of the records.
"""

import shutil
import subprocess
from collections.abc import Sequence
from typing import Any

from spamgate_tools.lab.accounts import Record
from spamgate_tools.lab.host import Host, needed
from spamgate_tools.lab.waiting import listens, wait_until

_START_S = 40.0
_TTL_S = 3600


class Resolver:
    """A resolver on `host` that listens on these addresses of it."""

    def __init__(self, host: Host, records: Sequence[Record], addresses: Sequence[str], program: str = "") -> None:
        self._host = host
        self._records = records
        self._addresses = addresses
        self.program = program or ("unbound" if shutil.which("unbound") else "dnsmasq")
        self._process: subprocess.Popen[Any] | None = None

    def start(self) -> None:
        """Start it and wait until its port is open."""
        needed(self.program)
        settings = self._host.folder / f"{self.program}.conf"
        if self.program == "unbound":
            settings.write_text(_unbound_settings(self._records, self._addresses))
            words = ["unbound", "-d", "-c", str(settings)]
        else:
            settings.write_text(_dnsmasq_settings(self._records, self._addresses))
            words = ["dnsmasq", "--keep-in-foreground", f"--conf-file={settings}"]
        self._process = self._host.serve(words, f"{self.program}.log", 53)
        pid = self._process.pid
        places = [(protocol, address) for protocol in ("udp", "tcp") for address in self._addresses]
        what = f"the resolver's ports (see {self._host.folder})"
        wait_until(lambda: all(listens(pid, 53, protocol, address) for protocol, address in places), _START_S, what)

    def stop(self) -> None:
        """End it; a second call does nothing."""
        if self._process:
            self._process.terminate()
            self._process.wait()
            self._process = None


# --- Unbound: the root as a local zone ------------------------------------------------------------

_UNBOUND = """server:
  username: ""
  chroot: ""
  directory: "/"
  pidfile: ""
  use-syslog: no
  verbosity: 0
  num-threads: 1
  module-config: "iterator"
  root-hints: ""
  do-not-query-localhost: no
  access-control: 0.0.0.0/0 allow
  access-control: ::0/0 allow
  rrset-roundrobin: no
  minimal-responses: no
  edns-buffer-size: 1232
  local-zone: "." static
  local-data: ". 60 IN SOA ns.lab.example. hostmaster.lab.example. 1 3600 600 86400 60"
"""


def _unbound_settings(records: Sequence[Record], addresses: Sequence[str]) -> str:
    lines = [_UNBOUND, *(f"  interface: {address}\n" for address in addresses)]
    for name, kind, data in records:
        if kind == "PTR":
            lines.append(f'  local-data-ptr: "{name} {_TTL_S} {data}"\n')
        else:
            value = f'"{data}"' if kind == "TXT" else data
            lines.append(f"  local-data: '{name}. {_TTL_S} IN {kind} {value}'\n")
    return "".join([*lines, "remote-control:\n  control-enable: no\n"])


# --- dnsmasq ------------------------------------------------------------------------------------

_DNSMASQ = """no-resolv
no-hosts
no-daemon
bind-interfaces
user=
pid-file=
cache-size=0
local=/#/
"""


def _dnsmasq_settings(records: Sequence[Record], addresses: Sequence[str]) -> str:
    lines = [_DNSMASQ, f"local-ttl={_TTL_S}\n", *(f"listen-address={address}\n" for address in addresses)]
    for name, kind, data in records:
        if kind in ("A", "AAAA"):
            lines.append(f"host-record={name},{data}\n")  # makes the PTR record too
        elif kind == "MX":
            preference, exchange = data.split()
            lines.append(f"mx-host={name},{exchange},{preference}\n")
        elif kind == "TXT":
            lines.append(f'txt-record={name},"{data}"\n')
    return "".join(lines)
