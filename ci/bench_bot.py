"""A bot that mails straight to many servers: one connection after the other, without waiting, until one is refused.

`python bench_bot.py NETWORKS`, in a device's network namespace.  It asks for MX once, delivers a letter to the first
server of its list, and then opens a connection to another network each 0.2 ms, at all of which it says a mailer's
lines.  Prints one line of JSON: when it opened each connection, in milliseconds, and how it was greeted there (an empty
text: not yet).
"""

import json
import select
import socket
import sys
import time

from flood import RESOLVER, go_first, query

WORLD = "198.19.0.0/16"
SERVER = "198.19.{}.25"  # one in each of its networks

_STEP_S = 0.0002
_LOOKUP_S = 0.1  # from the MX query to the connections
_PATIENCE_S = 2  # for a letter, and for greetings
_LINES = (
    b"EHLO bot.example\r\n",
    b"MAIL FROM:<news@bot.example>\r\n",
    b"RCPT TO:<somebody@example.com>\r\n",
    b"DATA\r\n",
    b"Subject: Offer\r\n\r\nOnly today.\r\n.\r\n",
    b"QUIT\r\n",
)


class Mail:
    """A connection to port 25, and what is said there."""

    def __init__(self, server: str) -> None:
        self.greeting = ""
        self.is_over = False
        self._unread = b""
        self._lines = iter(_LINES)
        self.sock = socket.socket()
        self.sock.setblocking(False)
        self.opened_s = time.perf_counter()
        self.sock.connect_ex((server, 25))

    def hear(self) -> None:
        """Take what the other side says, and answer a whole reply with the next line."""
        try:
            heard = self.sock.recv(4096)
        except OSError:
            heard = b""
        self._unread += heard
        last = self._unread.splitlines()[-1:]
        if not heard:
            self._end()
        elif self._unread.endswith(b"\n") and last[0][3:4] == b" ":
            self._unread = b""
            self._answer(last[0].decode())

    @property
    def is_refused(self) -> bool:
        """Was it greeted with a refusal?"""
        return self.greeting[:1] == "4"

    def _answer(self, reply: str) -> None:
        self.greeting = self.greeting or reply
        line = next(self._lines, b"")
        if reply[0] not in "23" or not line:
            self._end()
        else:
            self.sock.send(line)

    def _end(self) -> None:
        self.is_over = True
        self.sock.close()


class Bot:
    """All of its connections."""

    def __init__(self) -> None:
        self.mails: list[Mail] = []

    def open(self) -> None:
        """Open a connection to the next network."""
        self.mails.append(Mail(SERVER.format(len(self.mails))))

    def talk(self, until_s: float) -> None:
        """Talk on what is open until then, or a little longer."""
        while (left_s := until_s - time.perf_counter()) > 0:
            talking = {mail.sock: mail for mail in self.mails if not mail.is_over}
            for sock in select.select(list(talking), [], [], left_s)[0]:
                talking[sock].hear()

    def deliver(self) -> None:
        """Deliver the first letter."""
        self.open()
        deadline_s = time.perf_counter() + _PATIENCE_S
        while not self.mails[0].is_over and time.perf_counter() < deadline_s:
            self.talk(time.perf_counter() + _STEP_S)

    def spread(self, networks: int) -> None:
        """Open connections at a steady pace until one is refused, then hear what those before are greeted with."""
        began_s = time.perf_counter()
        while len(self.mails) < networks and not any(mail.is_refused for mail in self.mails):
            self.open()
            self.talk(began_s + (len(self.mails) - 1) * _STEP_S)
        deadline_s = time.perf_counter() + _PATIENCE_S
        while self._awaits_greeting() and time.perf_counter() < deadline_s:
            self.talk(time.perf_counter() + _STEP_S)

    def _awaits_greeting(self) -> bool:
        greeted = [bool(mail.greeting) for mail in self.mails]
        refused = [mail.is_refused for mail in self.mails]
        return not all(greeted[: refused.index(True)] if any(refused) else greeted)


def main() -> None:
    """Mail until somebody stops it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.sendto(query(1, "example.com", 15), (RESOLVER, 53))
    time.sleep(_LOOKUP_S)
    go_first()
    bot = Bot()
    bot.deliver()
    bot.spread(int(sys.argv[1]))
    opened_ms = [(mail.opened_s - bot.mails[0].opened_s) * 1000 for mail in bot.mails]
    print(json.dumps({"opened_ms": opened_ms, "greetings": [mail.greeting for mail in bot.mails]}))


if __name__ == "__main__":
    main()
