"""What really happened in the made home, counted where it is made: the truth a detector's counters are held to."""

Json = dict[str, object]

PORT_25 = 25
SUBMISSIONS = (465, 587)

_COUNTED = {
    "HELO": "helo",
    "EHLO": "helo",
    "MAIL": "mail",
    "RCPT": "rcpt",
    "DATA": "data",
    "AUTH": "auth",
    "STARTTLS": "starttls",
}


class MailTally:
    """Mail of one device on one class of port."""

    def __init__(self) -> None:
        self.connects = 0
        self.messages_accepted = 0
        self.servers: set[bytes] = set()
        self.commands = dict.fromkeys(_COUNTED.values(), 0)
        self.replies: dict[int, int] = {}

    def command(self, line: str) -> None:
        """The device said this line."""
        field = _COUNTED.get(line.split(" ", 1)[0].upper())
        if field:
            self.commands[field] += 1

    def reply(self, code: int) -> None:
        """The device received a whole reply."""
        self.replies[code] = self.replies.get(code, 0) + 1

    def as_json(self) -> Json:
        """Return the counts under the names the replay uses."""
        return {
            "connects": self.connects,
            "destinations": len(self.servers),
            **self.commands,
            "messages_accepted": self.messages_accepted,
            "replies": {f"{code:03d}": self.replies[code] for code in sorted(self.replies)},
        }


class Tally:
    """All that one device did."""

    def __init__(self) -> None:
        self.smtp = MailTally()
        self.submission = MailTally()
        self.queries = 0
        self.mx = 0
        self.mx_names: set[str] = set()
        self.nxdomain = 0

    def mail(self, port: int) -> MailTally:
        """Return the tally that a server port belongs to."""
        return self.smtp if port == PORT_25 else self.submission

    def asked(self, name: str, is_mx: bool) -> None:
        """The device asked DNS; resent queries are not told here."""
        self.queries += 1
        if is_mx:
            self.mx += 1
            self.mx_names.add(name)

    def as_json(self) -> Json:
        """Return the counts under the names the replay uses."""
        names = len(self.mx_names)
        dns = {"queries": self.queries, "mx": self.mx, "mx_names": names, "nxdomain": self.nxdomain}
        return {"smtp": self.smtp.as_json(), "submission": self.submission.as_json(), "dns": dns}
