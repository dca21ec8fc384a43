"""One SMTP connection at a scripted server (RFC 5321, with PIPELINING, 8BITMIME, STARTTLS and AUTH)."""

import asyncio
import base64
import binascii
import contextlib
import ipaddress
import ssl
import time
from typing import TYPE_CHECKING

from spamgate_tools.lab.letters import digest, message_id
from spamgate_tools.lab.mx import Server

if TYPE_CHECKING:
    from spamgate_tools.lab.mx_process import Process

_LINE_BYTES = 4096
_CHUNK_BYTES = 65536
_MESSAGE_BYTES = 64 << 20
_IDLE_S = 300
_LOOK_S = 0.05
_END_OF_DATA = b"\r\n.\r\n"


class HangUp(Exception):
    """The connection ends here."""


class Session:
    """A client's connection, from banner to its end."""

    def __init__(
        self,
        process: "Process",
        server: Server,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *peer: str | int,
    ) -> None:
        self._process = process
        self._server = server
        self._reader = reader
        self._writer = writer
        self._client, self._client_port = str(peer[0]), int(peer[1])
        self._unread = bytearray()
        self._sealed = False
        self._user = ""
        self._helo = ""
        self._sender: str | None = None
        self._recipients: list[str] = []

    async def run(self) -> None:
        """Talk until somebody hangs up."""
        self._tell("connect")
        with contextlib.suppress(HangUp, OSError, ssl.SSLError, TimeoutError):
            if self._server.tls_at_once:
                await self._seal()
            await self._greet()
            while True:
                await self._command()
        self._writer.close()
        with contextlib.suppress(OSError, ssl.SSLError):
            await self._writer.wait_closed()

    # --- lines --------------------------------------------------------------------------------

    async def _reply(self, text: str) -> None:
        """Answer after the server's usual time; `text` may have several lines."""
        await asyncio.sleep(self._server.reply_ms / 1000)
        code, lines = text[:3], text[4:].split("\n")
        spoken = [f"{code}-{line}\r\n" for line in lines[:-1]] + [f"{code} {lines[-1]}\r\n"]
        self._writer.write("".join(spoken).encode("ascii"))
        await self._writer.drain()

    async def _refuse(self, text: str) -> None:
        self._tell("refused", reply=text)
        await self._reply(text)

    async def _line(self) -> str:
        while (end := self._unread.find(b"\n")) < 0:
            if len(self._unread) > _LINE_BYTES:
                await self._reply("500 5.5.2 Line too long")
                raise HangUp
            await self._more()
        line = bytes(self._unread[:end])
        del self._unread[: end + 1]
        return line.decode("latin-1").rstrip("\r")

    async def _more(self) -> None:
        chunk = await asyncio.wait_for(self._reader.read(_CHUNK_BYTES), _IDLE_S)
        if not chunk:
            raise HangUp
        self._unread += chunk

    # --- commands -----------------------------------------------------------------------------

    async def _greet(self) -> None:
        if self._server.banner != "accept" and self._is_refused():
            never = f"554 5.7.1 {self._server.name} {self._client} is listed here"
            await self._refuse(never if self._server.banner == "never" else f"421 4.3.2 {self._server.name} Busy")
            raise HangUp
        await self._reply(f"220 {self._server.name} ESMTP")

    def _is_refused(self) -> bool:
        client = ipaddress.ip_address(self._client)
        networks = [ipaddress.ip_network(text) for text in self._server.refused_clients]
        return not networks or any(client in network for network in networks)

    async def _command(self) -> None:
        verb, _, rest = (await self._line()).partition(" ")
        handle = _COMMANDS.get(verb.upper())
        if handle is None:
            await self._reply("502 5.5.2 Command not recognized")
        else:
            await handle(self, rest.strip())

    async def _helo_(self, name: str) -> None:
        self._helo = name
        await self._reply(f"250 {self._server.name}")

    async def _ehlo(self, name: str) -> None:
        self._helo = name
        offers = [self._server.name, "PIPELINING", f"SIZE {_MESSAGE_BYTES}"]
        if not self._sealed and self._process.context(self._server):
            offers.append("STARTTLS")
        if self._server.logins and self._sealed:
            offers.append("AUTH PLAIN LOGIN")
        await self._reply("250 " + "\n".join([*offers, "ENHANCEDSTATUSCODES", "8BITMIME"]))

    async def _starttls(self, _: str) -> None:
        if self._sealed or not self._process.context(self._server):
            return await self._reply("503 5.5.1 STARTTLS is not offered")
        await self._reply("220 2.0.0 Ready to start TLS")
        await self._seal()
        return None

    async def _seal(self) -> None:
        context = self._process.context(self._server)
        assert context
        self._unread.clear()  # what came before the handshake is not to be trusted (RFC 3207 6)
        await self._writer.start_tls(context, ssl_handshake_timeout=_IDLE_S)
        self._sealed = True
        self._forget()

    async def _auth(self, rest: str) -> None:
        mechanism, _, first = rest.partition(" ")
        if not self._sealed:
            return await self._reply("538 5.7.11 Encryption required")
        if mechanism.upper() not in ("PLAIN", "LOGIN"):
            return await self._reply("504 5.5.4 Unknown mechanism")
        try:
            user, password = await (self._plain(first) if mechanism.upper() == "PLAIN" else self._login(first))
        except (ValueError, binascii.Error):
            return await self._reply("501 5.5.2 Cannot decode that")
        if self._server.logins.get(user) != password or not password:
            return await self._refuse("535 5.7.8 Authentication failed")
        self._user = user
        return await self._reply("235 2.7.0 Authentication successful")

    async def _plain(self, first: str) -> tuple[str, str]:
        _, user, password = _decoded(first or await self._ask("")).split("\0")
        return user, password

    async def _login(self, first: str) -> tuple[str, str]:
        user = _decoded(first or await self._ask("Username:"))
        return user, _decoded(await self._ask("Password:"))

    async def _ask(self, question: str) -> str:
        await self._reply(f"334 {base64.b64encode(question.encode()).decode()}")
        return await self._line()

    async def _mail(self, rest: str) -> None:
        if self._server.logins and not self._user:
            return await self._refuse("530 5.7.0 Authentication required")
        self._forget()
        self._sender = _path(rest)
        return await self._reply("250 2.1.0 Sender ok")

    async def _rcpt(self, rest: str) -> None:
        recipient = _path(rest)
        if self._sender is None:
            return await self._reply("503 5.5.1 Need MAIL first")
        if self._server.users is not None and recipient.partition("@")[0] not in self._server.users:
            return await self._refuse("550 5.1.1 No such user here")
        if self._is_too_new(recipient):
            return await self._refuse("451 4.7.1 Greylisted, come back later")
        self._recipients.append(recipient)
        return await self._reply("250 2.1.5 Recipient ok")

    def _is_too_new(self, recipient: str) -> bool:
        now, key = time.time(), (self._client, self._sender or "", recipient)
        return now - self._process.first_seen.setdefault(key, now) < self._server.greylist_s

    async def _data(self, _: str) -> None:
        if not self._recipients:
            return await self._reply("554 5.5.1 No valid recipients")
        await self._reply("354 End data with a dot")
        message = await self._message()
        self._tell("data")
        await self._think()
        self._accept(message)
        self._forget()
        return await self._reply("250 2.0.0 Accepted")

    async def _think(self) -> None:
        """Keep the client waiting after its final dot."""
        dot_s = time.monotonic()
        while time.monotonic() - dot_s < self._process.now(self._server).after_data_s:
            await asyncio.sleep(_LOOK_S)

    async def _message(self) -> bytes:
        """Return the message as its sender wrote it, dots unstuffed (RFC 5321 4.5.2)."""
        looked_at = 0
        self._unread[:0] = b"\r\n"  # so that a dot on the first line is at the start of a line too
        while (end := self._unread.find(_END_OF_DATA, looked_at)) < 0:
            looked_at = max(0, len(self._unread) - len(_END_OF_DATA))
            if len(self._unread) > _MESSAGE_BYTES:
                await self._reply("552 5.3.4 Message too big")
                raise HangUp
            await asyncio.sleep(self._server.chunk_ms / 1000)
            await self._more()
        message = bytes(self._unread[: end + 2])
        del self._unread[: end + len(_END_OF_DATA)]
        return message.replace(b"\r\n.", b"\r\n")[2:]

    async def _rset(self, _: str) -> None:
        self._forget()
        await self._reply("250 2.0.0 Ok")

    async def _noop(self, _: str) -> None:
        await self._reply("250 2.0.0 Ok")

    async def _quit(self, _: str) -> None:
        await self._reply("221 2.0.0 Bye")
        raise HangUp

    # --- what is kept -------------------------------------------------------------------------

    def _forget(self) -> None:
        self._sender = None
        self._recipients = []

    def _accept(self, message: bytes) -> None:
        about = {"sender": self._sender, "recipients": self._recipients, "tls": self._sealed, "user": self._user}
        self._tell("accepted", id=message_id(message), bytes=len(message), sha256=digest(message), **about)

    def _tell(self, event: str, **facts: object) -> None:
        where = {"server": self._server.name, "server_port": self._server.port}
        who = {"client": self._client, "port": self._client_port, "helo": self._helo}
        self._process.write(event, **where, **who, **facts)


_COMMANDS = {
    "HELO": Session._helo_,
    "EHLO": Session._ehlo,
    "STARTTLS": Session._starttls,
    "AUTH": Session._auth,
    "MAIL": Session._mail,
    "RCPT": Session._rcpt,
    "DATA": Session._data,
    "RSET": Session._rset,
    "NOOP": Session._noop,
    "QUIT": Session._quit,
}


def _path(rest: str) -> str:
    """Return the address of `FROM:<a@b> SIZE=1` or `TO:<a@b>`."""
    return rest.partition(":")[2].strip().partition(">")[0].lstrip("<").strip()


def _decoded(text: str) -> str:
    return base64.b64decode(text, validate=True).decode("utf-8")
