"""Mail transactions out of the commands and replies of a connection.

A transaction begins with MAIL.  It ends with the reply to its message, when the server agrees to
RSET, HELO or EHLO, with the next MAIL, or with the connection; `last_reply` is the last reply until
then, so that of RSET or QUIT where they ended it.  A connection that said something but never
reached MAIL gives one too; what follows a transaction (QUIT) gives none.  Recipients are all those
named, taken or not; `auth` is true unless the server refused.

So count Zeek's smtp.log and Suricata's smtp events (8.0.7 on), but for one point: in Zeek RSET,
HELO and EHLO end no transaction; here, as in Suricata and RFC 5321 4.1.4, they do.
"""

from spamgate.wire import smtp

Transaction = dict[str, str | int | bool | list[str] | None]


class _Mail:
    """One transaction."""

    def __init__(self, helo: str | None, mail_from: str | None) -> None:
        self.helo = helo
        self.mail_from = mail_from
        self.rcpt_to: list[str] = []
        self.last_reply: int | None = None
        self.accepted = False
        self.has_text = False  # 354 was given


class Session:
    """What is said on one connection, and the transactions that it comes to.

    Under pipelining the client is ahead: `_writing` is the transaction it speaks of, `_unanswered`
    are those whose MAIL waits for its reply, `_current` is the one the server is in.
    """

    def __init__(self, client: str, server: str) -> None:
        self._ends = (client, server)
        self._helo: str | None = None
        self._next_helo: str | None = None  # said within a transaction, and not yet agreed to
        self._auth = self._tls = False
        self._is_used = self._is_answered = False
        self._before_mail: _Mail | None = _Mail(None, None)
        self._writing: _Mail | None = self._before_mail
        self._current: _Mail | None = None
        self._unanswered: list[_Mail] = []
        self._done: list[Transaction] = []

    def take_done(self) -> list[Transaction]:
        """Return the transactions that have ended since the last call."""
        done = self._done
        self._done = []
        return done

    def hear_command(self, verb: int, argument: bytes) -> None:
        """Take a command."""
        self._is_used = True
        if verb == smtp.MAIL:
            self._start(argument)
        elif verb == smtp.RCPT and self._writing:
            self._writing.rcpt_to.append(path_text(argument))
        elif verb in (smtp.HELO, smtp.EHLO):
            self._greet(_text(argument))
        elif verb == smtp.AUTH:
            self._auth = True

    def hear_reply(self, code: int, verb: int) -> None:
        """Take a reply to `verb`."""
        self._is_used = self._is_answered = True
        self._advance(verb)
        if verb == smtp.AUTH and code >= 400:
            self._auth = False
        mail = self._current or self._before_mail
        if mail:
            mail.last_reply = code
            resets = code < 300 and verb in (smtp.HELO, smtp.EHLO, smtp.RSET)
            if resets or (code >= 400 and verb == smtp.DATA and mail.has_text):
                self._finish_current()
            mail.has_text = verb == smtp.DATA and code == 354
        if verb in (smtp.HELO, smtp.EHLO) and self._next_helo is not None:
            self._helo = self._next_helo if code < 300 else self._helo
            self._next_helo = None

    def hear_accepted(self) -> None:
        """The reply just heard says that the server took a message."""
        mail = self._current or self._before_mail
        if mail:
            mail.accepted = True
        self._finish_current()

    def hear_encrypted(self) -> None:
        """From here on nothing can be seen."""
        self._is_used = self._tls = True

    def close(self) -> None:
        """The connection is over."""
        self._finish_current()
        self._finish_unanswered()
        if self._before_mail and self._is_used:
            self._before_mail.helo = self._helo
            self._write(self._before_mail)

    def _greet(self, name: str) -> None:
        if self._current or self._unanswered:
            self._next_helo = name
        else:
            self._helo = name

    def _start(self, argument: bytes) -> None:
        """MAIL: where no server is heard, it ends the transaction before it."""
        if not self._is_answered:
            self._finish_unanswered()
        if self._next_helo is not None:
            self._helo, self._next_helo = self._next_helo, None
        self._before_mail = None
        self._writing = _Mail(self._helo, path_text(argument))
        self._unanswered.append(self._writing)

    def _advance(self, verb: int) -> None:
        """A reply to MAIL, or to what must come after it, puts the server in the next transaction."""
        if verb == smtp.MAIL:
            self._finish_current()
        if self._unanswered and not self._current:
            if verb in (smtp.MAIL, smtp.RCPT, smtp.DATA, smtp.BDAT, smtp.UNKNOWN):
                self._current = self._unanswered.pop(0)

    def _finish_current(self) -> None:
        if self._current:
            self._write(self._current)
            self._current = None

    def _finish_unanswered(self) -> None:
        for mail in self._unanswered:
            self._write(mail)
        self._unanswered = []

    def _write(self, mail: _Mail) -> None:
        if self._writing is mail:
            self._writing = None
        client, server = self._ends
        self._done.append(
            {
                "client": client,
                "server": server,
                "helo": mail.helo,
                "mail_from": mail.mail_from,
                "rcpt_to": mail.rcpt_to,
                "last_reply": mail.last_reply,
                "accepted": mail.accepted,
                "tls": self._tls,
                "auth": self._auth,
            }
        )


def path_text(argument: bytes) -> str:
    """Return the address in the argument of MAIL or RCPT: within <>, else the first word (RFC 5321 4.1.2)."""
    _, _, path = argument.partition(b":")
    path = path.strip()
    if not path.startswith(b"<"):
        return _text(path.split()[0] if path else b"")
    quoted = False
    for at, byte in enumerate(path):
        if byte == ord('"') and path[at - 1] != ord("\\"):
            quoted = not quoted
        elif byte == ord(">") and not quoted:
            return _text(path[1:at])
    return _text(path[1:].split(b">")[0])


def _text(octets: bytes) -> str:
    """UTF-8 (RFC 6531), and what is not UTF-8 escaped."""
    return octets.strip().decode("utf-8", "backslashreplace")
