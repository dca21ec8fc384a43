"""Exim at home, from its unpacked Debian package, with an /etc and a /var of its own.  Needs root."""

from spamgate_tools.lab.accounts import HOME_DOMAIN
from spamgate_tools.lab.home_server import HomeServer
from spamgate_tools.lab.packages import unpacked, why_not
from spamgate_tools.lab.private_root import PrivateRoot, give

_PACKAGE, _PROGRAM = "exim4-daemon-light", "usr/sbin/exim4"
_USERS = {"Debian-exim": 61001, "owner": 61002}
_OWNED = {"spool/exim4": "Debian-exim", "log/exim4": "Debian-exim"}
_RUNNER_S = 1800  # Debian starts it with -q30m

# A queue runner (root) makes all deliveries: the unpacked program has no set-user-id bit
_SETTINGS = """\
primary_hostname = {name}
domainlist local_domains = {domain}
local_interfaces = 127.0.0.1
tls_advertise_hosts =
queue_only
keep_environment =
queue_run_max = 20
remote_max_parallel = 4
delay_warning =
message_size_limit = 64M
acl_smtp_rcpt = accept_all
acl_smtp_data = accept_all

begin acl
accept_all:
  accept

begin routers
to_world:
  driver = dnslookup
  domains = ! +local_domains
  transport = remote_smtp
  no_more
to_mailbox:
  driver = accept
  transport = mailbox

begin transports
remote_smtp:
  driver = smtp
mailbox:
  driver = appendfile
  maildir_format
  directory = {mailbox}
  user = owner
  group = owner

begin retry
{retries}
"""


def not_possible() -> str:
    """Return why Exim cannot run here, or an empty string."""
    return why_not(_PACKAGE, _PROGRAM)


class Exim(HomeServer):
    """An Exim at home that sends to the world directly, with Debian's retry rule."""

    program = "exim"
    _stamp_size = len("2026-11-22 20:59:00")

    def queued(self) -> int:
        return int(self._run("-bpc"))

    def flush(self) -> None:
        self._run("-qff")

    def attempts(self) -> int:
        return self.log().count(" == ")

    def log(self) -> str:
        log = self._root().var / "log" / "exim4" / "mainlog"
        return log.read_text(errors="replace") if log.exists() else ""

    def _run(self, *words: str) -> str:
        return self.host.run(self._root().command(["exim4", *words])).stdout

    def _command(self) -> list[str]:
        return self._root().command(["exim4", "-bdf", f"-q{self._scaled(_RUNNER_S)}s"])

    def _root(self) -> PrivateRoot:
        return PrivateRoot(self.folder, unpacked(_PACKAGE, _PROGRAM))

    def _prepare(self) -> None:
        root = self._root()
        root.make(_USERS, _OWNED)
        give(self.mailbox, _USERS["owner"])
        settings = root.etc / "exim4" / "exim4.conf"
        settings.parent.mkdir(exist_ok=True)
        about = {"name": self.name, "domain": HOME_DOMAIN, "mailbox": self.mailbox, "retries": self._retries()}
        settings.write_text(_SETTINGS.format(**about))

    def _retries(self) -> str:
        """Debian's rule, `F,2h,15m; G,16h,1h,1.5; F,4d,6h`, in our seconds."""
        two, quarter, sixteen, one, days, six = (self._scaled(hours * 3600) for hours in (2, 0.25, 16, 1, 96, 6))
        return f"* * F,{two}s,{quarter}s; G,{sixteen}s,{one}s,1.5; F,{days}s,{six}s"
