"""An internet that follows a script, for the lab's device programs: DNS, SMTP and web servers in one namespace.

    unshare -n python tests/scripted_internet.py SCRIPT LOG

SCRIPT is JSON: {"records": {"one.example MX": ["10 mx.one.example"]}, "servers": {ADDRESS: {VERB: REPLY, ...}},
"certificate": FILE, "seconds": how long}.  A server's verbs are those of SMTP in upper case, besides BANNER and BODY;
"EHLO" is a list of extensions; a reply may be "close", "reset" or "silence".  LOG gets what was heard, one JSON object
a line.  The namespace gets an interface eth0, with an address of each family, to play a device's.
"""

import asyncio
import json
import socket
import ssl
import struct
import subprocess
import sys
import time

import dns.message
import dns.rrset

_RESOLVERS = ("198.51.100.53", "192.0.2.1")
_SETUP = (
    "link set lo up",
    "link add eth0 type veth peer name eth1",
    "addr add 192.0.2.10/24 dev eth0",
    "addr add 2001:db8:77::10/64 dev eth0 nodad",
    "link set eth0 up",
    "link set eth1 up",
)
_PORTS = (25, 587)
_MESSAGE_BYTES = 1 << 20
_USUAL = {
    "BANNER": "220 ready",
    "DATA": "354 go ahead",
    "QUIT": "221 bye",
    "STARTTLS": "220 go ahead",
    "AUTH": "235 yes",
}


class Internet:
    """Everything that answers."""

    def __init__(self, script: dict, log) -> None:
        self._script = script
        self._log = log

    async def serve(self) -> None:
        servers = self._script["servers"]
        places = [
            f"addr add {address}/{_bits(address)} dev lo{_no_wait(address)}" for address in (*_RESOLVERS, *servers)
        ]
        subprocess.run(["ip", "-batch", "-"], input="\n".join((*_SETUP, *places)), text=True, check=True)
        loop = asyncio.get_running_loop()
        for address in _RESOLVERS:
            await loop.create_datagram_endpoint(lambda: Resolver(self), local_addr=(address, 53))
        for address in servers:
            for port in _PORTS:
                await asyncio.start_server(self._mail, address, port, limit=_MESSAGE_BYTES)
            await asyncio.start_server(self._web, address, 80)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await asyncio.sleep(self._script.get("seconds", 100))

    def note(self, what: str, **fields) -> None:
        self._log.write(json.dumps({"t": time.time(), "what": what, **fields}) + "\n")
        self._log.flush()

    def answer(self, data: bytes, resolver: str) -> bytes:
        query = dns.message.from_wire(data)
        (question,) = query.question
        name, qtype = question.name.to_text(True), question.rdtype.name
        self.note("query", name=name, type=qtype, resolver=resolver)
        reply = dns.message.make_response(query)
        found = self._script["records"].get(f"{name} {qtype}")
        if found:
            # lists arrive as the script has them
            reply.answer.append(dns.rrset.from_text(question.name, 60, "IN", qtype, *map(_dotted, found)))
        elif not any(known.startswith(f"{name} ") for known in self._script["records"]):
            reply.set_rcode(dns.rcode.NXDOMAIN)
        return reply.to_wire()

    async def _web(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        self.note("page", peer=writer.get_extra_info("peername")[0])
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
        writer.close()

    async def _mail(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        address = writer.get_extra_info("sockname")[0]
        talk = Talk(self, reader, writer, self._script["servers"][address])
        try:
            await talk.run(self._script.get("certificate", ""))
        except (EOFError, OSError):
            self.note("gone", server=address)
        finally:
            writer.close()


class Resolver(asyncio.DatagramProtocol):
    """Port 53."""

    def __init__(self, internet: Internet) -> None:
        self._internet = internet

    def connection_made(self, transport) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, peer) -> None:
        here = self._transport.get_extra_info("sockname")[0]
        self._transport.sendto(self._internet.answer(data, here), peer)


class Talk:
    """One SMTP connection."""

    def __init__(self, internet: Internet, reader, writer, replies: dict) -> None:
        self._internet = internet
        self._reader = reader
        self._writer = writer
        self._replies = replies
        self._about = {
            "server": writer.get_extra_info("sockname")[0],
            "port": writer.get_extra_info("sockname")[1],
            "peer": writer.get_extra_info("peername")[0],
        }

    async def run(self, certificate: str) -> None:
        self._note("connection")
        await self._say("BANNER")
        while True:
            line = (await self._reader.readuntil(b"\n")).decode().rstrip("\r\n")
            verb = line[:8].partition(" ")[0].partition(":")[0].upper()
            self._note("command", line=line)
            reply = await self._say(verb)
            if verb == "DATA" and reply.startswith("3"):
                self._note("message", text=await self._message())
                await self._say("BODY")
            elif verb == "STARTTLS" and reply.startswith("2"):
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                context.load_cert_chain(certificate)
                await self._writer.start_tls(context)
                self._note("sealed")
            elif verb == "QUIT" or reply.startswith("421"):
                return

    async def _message(self) -> str:
        text = b""
        while (line := await self._reader.readuntil(b"\n")) != b".\r\n":
            text += line
        return text.decode()

    def _note(self, what: str, **fields) -> None:
        self._internet.note(what, **self._about, **fields)

    async def _say(self, verb: str) -> str:
        reply = self._replies.get(verb) or _USUAL.get(verb, "250 ok")
        if verb == "EHLO" and not isinstance(reply, str):
            reply = "".join(f"250-{line}\r\n" for line in ["hello", *reply]) + "250 HELP"
        if reply == "silence":
            await asyncio.sleep(60)
        if reply == "reset":
            linger = struct.pack("ii", 1, 0)
            self._writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self._writer.transport.abort()
        if reply in ("reset", "close"):
            raise EOFError
        self._writer.write(f"{reply}\r\n".encode())
        await self._writer.drain()
        return reply


def _bits(address: str) -> int:
    return 128 if ":" in address else 32


def _no_wait(address: str) -> str:
    return " nodad" if ":" in address else ""


def _dotted(data: str) -> str:
    """Names in a script go without their last dot."""
    return data + "." if data[-1].isalpha() and '"' not in data else data


if __name__ == "__main__":
    with open(sys.argv[1]) as script, open(sys.argv[2], "w") as log:
        asyncio.run(Internet(json.load(script), log).serve())
