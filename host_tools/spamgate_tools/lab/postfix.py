"""Postfix in a namespace, with settings, queue and data of its own: a mail server at home, or one of the internet's.

Several instances run side by side.  Postfix changes between users and needs real root.
"""

import grp
import os
import pwd
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from spamgate_tools.errors import UserError
from spamgate_tools.lab.accounts import HOME_DOMAIN, Certificate
from spamgate_tools.lab.home_server import HomeServer, messages_in
from spamgate_tools.lab.host import Host, needed
from spamgate_tools.lab.letters import digest, message_id

_PROGRAMS = Path("/usr/lib/postfix/sbin")
_MAILBOX_USER, _MAILBOX_GROUP = "nobody", "nogroup"
_SETTLED_S = 60  # Postfix waits while its settings are younger than two seconds: somebody may be writing them
# It counts whole seconds; when it comes back while the last attempt is ending, it loses sight of a message until it
# is started anew ("skipped, still being delivered").
_LEAST_BACKOFF_S = 2
# Its defaults (postconf -d)
_TIMES = {
    "queue_run_delay": 300,
    "minimal_backoff_time": 300,
    "maximal_backoff_time": 4000,
    "maximal_queue_lifetime": 5 * 86400,
    "bounce_queue_lifetime": 5 * 86400,
}
# What `postfix check` would make: folder, owner, group, mode
_QUEUE = (
    ("active incoming bounce corrupt defer deferred flush hold saved trace private", "postfix", "root", 0o700),
    ("maildrop", "postfix", "postdrop", 0o730),
    ("public", "postfix", "postdrop", 0o710),
    ("pid", "root", "root", 0o755),
)
_SERVICES = """\
smtp       inet  n - n - -   smtpd
postlog    unix-dgram n - n - 1 postlogd
pickup     unix  n - n 60 1  pickup
cleanup    unix  n - n - 0   cleanup
qmgr       unix  n - n 300 1 qmgr
tlsmgr     unix  - - n 1000? 1 tlsmgr
rewrite    unix  - - n - -   trivial-rewrite
bounce     unix  - - n - 0   bounce
defer      unix  - - n - 0   bounce
trace      unix  - - n - 0   bounce
verify     unix  - - n - 1   verify
flush      unix  n - n 1000? 0 flush
proxymap   unix  - - n - -   proxymap
smtp       unix  - - n - -   smtp
relay      unix  - - n - -   smtp
showq      unix  n - n - -   showq
error      unix  - - n - -   error
retry      unix  - - n - -   error
discard    unix  - - n - -   discard
virtual    unix  - n n - -   virtual
anvil      unix  - - n - 1   anvil
scache     unix  - - n - 1   scache
"""


def not_possible() -> str:
    """Return why Postfix cannot run here, or an empty string."""
    if os.geteuid():
        return "Postfix needs root"
    return "" if (_PROGRAMS / "master").exists() else "Postfix is not installed"


class Postfix(HomeServer):
    """A Postfix at home that sends to the world directly; `settings` are lines of main.cf that differ."""

    program = "postfix"
    _stamp_size = len("Nov 22 20:59:00")

    def __init__(self, host: Host, hour_s: float = 3600, settings: Mapping[str, Any] | None = None) -> None:
        super().__init__(host, hour_s)
        self._settings = dict(settings or {})

    def queued(self) -> int:
        return len(self._run("postqueue", "-j").splitlines())

    def flush(self) -> None:
        self._run("postqueue", "-f")

    def attempts(self) -> int:
        return self.log().count("status=deferred")

    def log(self) -> str:
        log = self.folder / "mail.log"
        return log.read_text(errors="replace") if log.exists() else ""

    def _run(self, program: str, *words: str) -> str:
        return self.host.run([program, "-c", str(self.folder / "etc"), *words]).stdout

    def _command(self) -> list[str]:
        return [str(_PROGRAMS / "master"), "-c", str(self.folder / "etc"), "-d"]

    def _prepare(self) -> None:
        problem = not_possible()
        if problem:
            raise UserError(problem, "install the package postfix and run as root")
        needed("postqueue")
        settings = self.folder / "etc"
        settings.mkdir(exist_ok=True)
        lines = {**self._places(), **self._times(), **_MAIN, "myhostname": self.name, **self._settings}
        main = settings / "main.cf"
        main.write_text("".join(f"{name} = {value}\n" for name, value in lines.items()))
        os.utime(main, (time.time() - _SETTLED_S,) * 2)
        (settings / "master.cf").write_text(_SERVICES)
        self._make_folders()

    def _places(self) -> dict[str, Any]:
        return {
            "queue_directory": self.folder / "queue",
            "data_directory": self.folder / "data",
            "daemon_directory": _PROGRAMS,
            "maillog_file": self.folder / "mail.log",
            "maillog_file_prefixes": self.folder,
            "virtual_mailbox_base": self.mailbox,
            "virtual_uid_maps": f"static:{pwd.getpwnam(_MAILBOX_USER).pw_uid}",
            "virtual_gid_maps": f"static:{grp.getgrnam(_MAILBOX_GROUP).gr_gid}",
        }

    def _times(self) -> dict[str, str]:
        """Postfix's own times, in our seconds."""
        times = {name: self._scaled(seconds) for name, seconds in _TIMES.items()}
        for name in ("minimal_backoff_time", "maximal_backoff_time"):
            times[name] = max(times[name], _LEAST_BACKOFF_S)
        return {name: f"{seconds}s" for name, seconds in times.items()}

    def _make_folders(self) -> None:
        for names, owner, group, mode in _QUEUE:
            for name in names.split():
                _own(self.folder / "queue" / name, owner, group, mode)
        _own(self.folder / "data", "postfix", "root", 0o700)
        _own(self.mailbox, _MAILBOX_USER, _MAILBOX_GROUP, 0o700)


_MAIN = {
    "compatibility_level": "3.6",
    "mydestination": "",
    "alias_maps": "",
    "mynetworks": "127.0.0.0/8 [::1]/128",
    "inet_interfaces": "loopback-only",
    "inet_protocols": "all",
    "virtual_mailbox_domains": HOME_DOMAIN,
    "virtual_mailbox_maps": "static:owner/",
    "virtual_mailbox_limit": 0,
    "message_size_limit": 64 << 20,
    "biff": "no",
    "smtp_tls_security_level": "may",
    "smtpd_relay_restrictions": "permit_mynetworks, reject_unauth_destination",
}


class Exchanger(Postfix):
    """A Postfix of the internet that takes mail for `domains` on these addresses of `host`."""

    def __init__(
        self, host: Host, name: str, domains: Sequence[str], addresses: Sequence[str], certificate: Certificate
    ) -> None:
        settings = {
            "inet_interfaces": ", ".join(addresses),
            "mynetworks": "",
            "virtual_mailbox_domains": ", ".join(domains),
            "smtpd_tls_security_level": "may",
            "smtpd_tls_chain_files": f"{certificate.key}, {certificate.certificate}",
        }
        super().__init__(host, settings=settings)
        self.name = name
        self.folder = host.folder / f"postfix-{name}"
        self.mailbox = self.folder / "mailbox"
        self.addresses = addresses

    def received(self) -> list[dict[str, Any]]:
        """Return the messages it has accepted: recipients, id, bytes, sha256, t."""
        return [_delivered(path) for path in messages_in(self.mailbox)]


def _own(folder: Path, owner: str, group: str, mode: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    shutil.chown(folder, owner, group)
    folder.chmod(mode)


def _delivered(path: Path) -> dict[str, Any]:
    message = path.read_bytes().replace(b"\n", b"\r\n")
    recipient = message.partition(b"Delivered-To:")[2].partition(b"\r\n")[0].strip().decode()
    facts = {"id": message_id(message), "bytes": len(message), "sha256": digest(message)}
    return {"t": path.stat().st_mtime, "recipients": [recipient], **facts}
