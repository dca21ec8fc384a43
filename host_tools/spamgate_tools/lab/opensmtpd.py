"""OpenSMTPD at home, from its unpacked Debian package, with an /etc and a /var of its own.  Needs root."""

from spamgate_tools.lab.accounts import HOME_DOMAIN
from spamgate_tools.lab.home_server import HomeServer
from spamgate_tools.lab.packages import unpacked, why_not
from spamgate_tools.lab.private_root import PrivateRoot, give

_PACKAGE, _PROGRAM = "opensmtpd", "usr/sbin/smtpd"
_USERS = {"opensmtpd": 61003, "opensmtpq": 61004, "owner": 61005}
_OWNED = {"lib/opensmtpd/empty": "root", "spool/smtpd": "root"}
# Installed, this program is set-group-id
_CONTROL = ("setpriv", "--regid", str(_USERS["opensmtpq"]), "--clear-groups", "smtpctl")
_PATIENCE_S = 4 * 86400
_RETRY_S = 400  # BACKOFF_TRANSFER in its scheduler: the nth retry is this times n squared after the message came

_SETTINGS = """\
queue ttl {patience}s
bounce warn-interval {patience}s
mta limit conn-delay-route 0 conn-delay-relay 0 reconn-delay-route 0
smtp max-message-size 64M
listen on lo hostname {name}
action "keep" maildir "{mailbox}" user owner
action "send" relay helo {name}
match from any for domain "{domain}" action "keep"
match from any for any action "send"
"""


def not_possible() -> str:
    """Return why OpenSMTPD cannot run here, or an empty string."""
    return why_not(_PACKAGE, _PROGRAM)


class OpenSmtpd(HomeServer):
    """An OpenSMTPD at home that sends to the world directly.

    When it tries again is built in; only its patience and its pauses between connections are settings.  Where an hour
    is shorter than an hour, whoever drives it calls `flush` at `retry_times_s()`.
    """

    program = "opensmtpd"

    def queued(self) -> int:
        return len(self._control("show", "queue").splitlines())

    def flush(self) -> None:
        """Try everything in the queue now, by servers too that it meant to leave alone for some seconds."""
        for route in self._control("show", "routes").splitlines():
            self._control("resume", "route", route.partition(".")[0])
        self._control("schedule", "all")

    def retry_times_s(self, hours: float) -> list[float]:
        """Return when it would try again within so many hours, in our seconds after a message came."""
        scale = self.hour_s / 3600
        times = (_RETRY_S * n * n for n in range(1, 100))
        return [time_s * scale for time_s in times if time_s <= hours * 3600]

    def attempts(self) -> int:
        return self.log().count('result="TempFail"')

    def rounds(self, address: str) -> int:
        return self.log().count(f"connecting address=smtp://{address}:")  # one at a time, and no times in its log

    def log(self) -> str:
        log = self.host.folder / f"{self.program}.out"
        return log.read_text(errors="replace") if log.exists() else ""

    def _control(self, *words: str) -> str:
        return self.host.run(self._root().command([*_CONTROL, *words])).stdout

    def _command(self) -> list[str]:
        return self._root().command(["smtpd", "-d"])

    def _root(self) -> PrivateRoot:
        return PrivateRoot(self.folder, unpacked(_PACKAGE, _PROGRAM))

    def _prepare(self) -> None:
        root = self._root()
        root.make(_USERS, _OWNED)
        (root.var / "spool" / "smtpd").chmod(0o711)
        give(self.mailbox, _USERS["owner"])
        about = {"name": self.name, "domain": HOME_DOMAIN, "mailbox": self.mailbox}
        settings = root.etc / "smtpd.conf"
        settings.write_text(_SETTINGS.format(patience=self._scaled(_PATIENCE_S), **about))
        settings.chmod(0o600)
