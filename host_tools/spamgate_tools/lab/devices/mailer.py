"""The client's side of SMTP (RFC 5321), with pipelining, STARTTLS and AUTH; remembers which reply said no, and when."""

import asyncio
import base64
import contextlib
import hashlib
import socket
import ssl
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass

from spamgate_tools.lab.devices.people import Letter

SMTP = 25
SUBMISSION = 587
SUBMISSIONS = 465

_REPLY_LINES = 100
_LINE_BYTES = 4096
_CLOSE_S = 2.0
_LINGER_NONE = struct.pack("ii", 1, 0)  # close() resets


class Refused(Exception):
    """A server said no."""

    def __init__(self, stage: str, code: int, text: str) -> None:
        super().__init__(f"{stage}: {code} {text}")
        self.stage = stage
        self.code = code
        self.text = text

    @property
    def is_final(self) -> bool:
        return self.code >= 500


class Lost(Exception):
    """The connection failed."""

    def __init__(self, stage: str, reason: str) -> None:
        super().__init__(f"{stage}: {reason}")
        self.stage = stage
        self.reason = reason


@dataclass(frozen=True)
class Manner:
    """How a mailer speaks."""

    hello: str
    verb: str = "EHLO"
    port: int = SMTP
    pipelining: bool = False  # where the server offers it
    tls: bool = False  # STARTTLS, or from the start on port 465; the mailer insists
    ca: str = ""
    user: str = ""
    password: str = ""
    blank: str = ""  # "MAIL FROM: <a@b>": what bots put after the colon
    timeout_s: float = 20.0
    source: str = ""


class Mailer:
    """One connection to a server."""

    def __init__(self, manner: Manner, host: str = "") -> None:
        self._manner = manner
        self._host = host  # the name that a certificate must bear
        self._stage = "connect"
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter | None = None
        self._offers: tuple[str, ...] = ()
        self.certificate = ""  # SHA-256 of what the server showed

    async def open(self, address: str) -> None:
        """Connect, hear the banner, say hello, log in where the manner says so."""
        manner = self._manner
        is_sealed = manner.tls and manner.port == SUBMISSIONS
        is_kin = (":" in manner.source) == (":" in address)
        local = (manner.source, 0) if manner.source and is_kin else None
        async with self._watched():
            self._reader, self._writer = await asyncio.open_connection(
                address, manner.port, limit=_LINE_BYTES, local_addr=local
            )
            if is_sealed:
                await self._seal()
        await self._expect("banner", 2)
        await self._hello()
        if manner.tls and not is_sealed:
            await self._command("starttls", "STARTTLS", 2)
            async with self._watched():
                await self._seal()
            await self._hello()
        if manner.password:
            await self._log_in()

    async def send(self, letter: Letter) -> int:
        """Send one message; return how many recipients it was taken for."""
        colon = ":" + self._manner.blank
        opening = [("mail", f"MAIL FROM{colon}<{letter.sender}>")]
        opening += [("rcpt", f"RCPT TO{colon}<{recipient}>") for recipient in letter.recipients]
        if self._manner.pipelining and "PIPELINING" in self._offers:
            taken = await self._at_once([*opening, ("data", "DATA")])
        else:
            taken = await self._one_by_one(opening)
        await self._write("body", _stuffed(letter.text))
        await self._expect("body", 2)
        return taken

    async def reset(self) -> None:
        """Begin anew on the same connection."""
        await self._command("rset", "RSET", 2)

    async def quit(self) -> None:
        """Leave politely, if there is still somebody to say it to."""
        if self._writer is None:
            return
        with contextlib.suppress(Refused, Lost):
            await self._command("quit", "QUIT", 2)
        await self.close()

    async def close(self) -> None:
        """Close the connection."""
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(_CLOSE_S):
                    await writer.wait_closed()

    def abort(self) -> None:
        """Give the connection up with a reset."""
        writer, self._writer = self._writer, None
        if writer is not None:
            link = writer.get_extra_info("socket")
            with contextlib.suppress(OSError):
                link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NONE)
            writer.transport.abort()

    # --- commands ------------------------------------------------------------------------------

    async def _hello(self) -> None:
        lines = await self._command("helo", f"{self._manner.verb} {self._manner.hello}", 2)
        self._offers = tuple(line.upper() for line in lines[1:])

    async def _log_in(self) -> None:
        plain = f"\0{self._manner.user}\0{self._manner.password}".encode()
        await self._command("auth", f"AUTH PLAIN {base64.b64encode(plain).decode()}", 2)

    async def _one_by_one(self, opening: list[tuple[str, str]]) -> int:
        """Some recipients may be refused; if all are, the last refusal is raised."""
        taken = 0
        no: Refused | None = None
        for stage, line in opening:
            try:
                await self._command(stage, line, 2)
                taken += stage == "rcpt"
            except Refused as refused:
                if stage == "mail" or refused.code == 421:
                    raise
                no = refused
        if no is not None and not taken:
            raise no
        await self._command("data", "DATA", 3)
        return taken

    async def _at_once(self, lines: list[tuple[str, str]]) -> int:
        """As `_one_by_one`, all in one go (RFC 2920)."""
        await self._write("mail", "".join(f"{line}\r\n" for _, line in lines).encode("ascii"))
        taken: list[str] = []
        no: Refused | None = None
        for stage, _ in lines:
            try:
                await self._expect(stage, 3 if stage == "data" else 2)
                taken.append(stage)
            except Refused as refused:
                no = no or refused
        if no is None or {"mail", "rcpt", "data"} <= set(taken):
            return taken.count("rcpt")
        if "data" in taken:  # a server may say 354 all the same
            await self._write("body", b".\r\n")
            with contextlib.suppress(Refused):
                await self._expect("body", 2)
        raise no

    async def _command(self, stage: str, line: str, digit: int) -> list[str]:
        await self._write(stage, f"{line}\r\n".encode("ascii"))
        return await self._expect(stage, digit)

    async def _write(self, stage: str, data: bytes) -> None:
        self._stage = stage
        async with self._watched():
            assert self._writer is not None
            self._writer.write(data)
            await self._writer.drain()

    async def _expect(self, stage: str, digit: int) -> list[str]:
        """Read a reply; raise Refused unless its code begins with `digit`."""
        self._stage = stage
        async with self._watched():
            code, lines = await _reply(self._reader)
        if code // 100 != digit:
            raise Refused(stage, code, " ".join(lines))
        return lines

    @contextlib.asynccontextmanager
    async def _watched(self) -> AsyncIterator[None]:
        """Have patience, and say of whatever the network does in which stage it did it."""
        try:
            async with asyncio.timeout(self._manner.timeout_s):
                yield
        except ConnectionRefusedError:
            raise Lost(self._stage, "refused") from None
        except ConnectionResetError:
            raise Lost(self._stage, "reset") from None
        except TimeoutError:
            raise Lost(self._stage, "no answer") from None
        except (EOFError, BrokenPipeError):
            raise Lost(self._stage, "closed") from None
        except OSError as error:  # TLS errors included
            raise Lost(self._stage, error.strerror or str(error)) from None
        except (ValueError, asyncio.LimitOverrunError):
            raise Lost(self._stage, "unreadable reply") from None

    async def _seal(self) -> None:
        context = ssl.create_default_context(cafile=self._manner.ca or None)
        if not self._manner.ca:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        assert self._writer is not None
        name = self._host or None
        await self._writer.start_tls(context, server_hostname=name)
        shown = self._writer.get_extra_info("ssl_object").getpeercert(True)
        self.certificate = hashlib.sha256(shown).hexdigest()


async def _reply(reader: asyncio.StreamReader) -> tuple[int, list[str]]:
    lines: list[str] = []
    while len(lines) < _REPLY_LINES:
        line = await reader.readuntil(b"\n")
        lines.append(line[4:].decode("utf-8", "replace").rstrip())
        if line[3:4] != b"-":
            return int(line[:3]), lines
    raise ValueError("a reply without end")


def _stuffed(text: str) -> bytes:
    """Return the body as it is sent, with the final dot (RFC 5321 4.5.2)."""
    lines = text.encode("utf-8").split(b"\r\n")
    return b"\r\n".join(b"." + line if line.startswith(b".") else line for line in lines) + b".\r\n"
