"""What devices of the tests about the gateway's life do: `python callers.py KIND ARGUMENT...` prints one JSON object.

Each is a program of its own, since it runs in its device's network namespace; what only one of them needs is imported
there, for most of them run for less time than an import takes.
"""

import json
import os
import select
import signal
import socket
import struct
import sys
import time

_PATIENCE_S = 5.0
_RETRY_S = 0.25  # more often than any conntrack entry of UDP runs out
_TOTAL_RETRANSMITS_AT = 100  # tcpi_total_retrans in struct tcp_info (linux/tcp.h)
_ETH_P_ALL = 3
_DEEP_BYTES = 8 << 20
_SO_RCVBUFFORCE = 33
_HEAD = struct.Struct(">Q")


def _begin(word):
    sys.stdout.write(word + "\n")
    sys.stdout.flush()


def _is_v6(address):
    return ":" in address


def call(address, port=25, source_port=0, source=""):
    """Connect and read the first line: its code, or the name of what went wrong."""
    sock = socket.socket(socket.AF_INET6 if _is_v6(address) else socket.AF_INET)
    sock.settimeout(_PATIENCE_S)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((source, int(source_port)))
        sock.connect((address, int(port)))
        line = sock.makefile("rb").readline().decode()
    except OSError as error:
        return {"said": type(error).__name__, "line": ""}
    return {"said": line[:3], "line": line.strip()}


def mail(address, name, source_port=0, source=""):
    """Hand over one small message with this id: the code of the last reply, and when it began (UNIX time)."""
    import smtplib

    text = f"From: a@home.example\r\nTo: b@there.example\r\nMessage-ID: <{name}>\r\n\r\nOne line.\r\n"
    began = time.time()
    try:
        with smtplib.SMTP(address, 25, "device.home.example", _PATIENCE_S, (source, int(source_port))) as client:
            client.sendmail("a@home.example", ["b@there.example"], text)
            return {"said": 250, "t": began}
    except smtplib.SMTPResponseException as refusal:
        return {"said": refusal.smtp_code, "t": began, "text": refusal.smtp_error.decode()}
    except (OSError, smtplib.SMTPException) as error:
        return {"said": type(error).__name__, "t": began}


def hold(address):
    """Connect, greet, and wait for a line on standard input; then try to go on: what came of it."""
    with socket.create_connection((address, 25), _PATIENCE_S) as sock:
        reader = sock.makefile("rb")
        reader.readline()
        sock.sendall(b"EHLO device.home.example\r\n")
        while reader.readline()[3:4] == b"-":
            pass
        _begin("held")
        sys.stdin.readline()
        try:
            sock.sendall(b"MAIL FROM:<a@home.example>\r\n")
            return {"said": reader.readline()[:3].decode() or "end"}
        except OSError as error:
            return {"said": type(error).__name__}


# --- DNS -----------------------------------------------------------------------------------------


def _query(name, number):
    labels = b"".join(bytes((len(label),)) + label.encode() for label in name.split("."))
    return struct.pack(">HHHHHH", number, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">HH", 1, 1)


def ask(server, name, source_port=0):
    """Ask for an address once: the answer's code, and who answered."""
    with _socket_to(server, int(source_port)) as sock:
        sock.sendto(_query(name, 7), (server, 53))
        return {"rcode": _answer(sock, 7, time.monotonic() + _PATIENCE_S)}


def keep_asking(server, name, seconds, source_port=0):
    """Ask again and again, as a stub resolver that always uses one port; when answers came (CLOCK_MONOTONIC)."""
    end = time.monotonic() + float(seconds)
    answered = []
    number = 0
    sock = _socket_to(server, int(source_port))
    _begin("asking")
    while time.monotonic() < end:
        number += 1
        until = time.monotonic() + _RETRY_S
        try:
            sock.sendto(_query(name, number), (server, 53))
            if _answer(sock, number, until) == 0:
                answered.append(time.monotonic())
        except OSError:  # an ICMP error about the query before
            pass
        time.sleep(max(0.0, until - time.monotonic()))
    return {"answered": answered}


def _socket_to(server, source_port):
    sock = socket.socket(socket.AF_INET6 if _is_v6(server) else socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("", source_port))
    return sock


def _answer(sock, number, until):
    while (left := until - time.monotonic()) > 0:
        if select.select([sock], [], [], left)[0]:
            try:
                reply = sock.recv(4096)
            except OSError:
                return None
            if struct.unpack_from(">H", reply)[0] == number:
                return reply[3] & 15
    return None


def join(host_name, chaddr, address):
    """Ask for an address as a device behind a repeater: the frames' MAC is another one than `chaddr`."""
    import asyncio

    from spamgate_tools.lab.devices import dhcp

    asyncio.run(dhcp.exchange("eth0", host_name, chaddr, address, (0.2,)))
    return {"joined": address}


# --- a steady load through the router -------------------------------------------------------------


def echo(address, port):
    """Send back what comes, UDP and TCP, until told to end."""
    family = socket.AF_INET6 if _is_v6(address) else socket.AF_INET
    datagrams = socket.socket(family, socket.SOCK_DGRAM)
    datagrams.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _DEEP_BYTES)
    datagrams.bind((address, int(port)))
    server = socket.create_server((address, int(port)), family=family)
    streams = []
    while True:
        for sock in select.select([datagrams, server, *streams], [], [])[0]:
            if sock is datagrams:
                sock.sendto(*sock.recvfrom(2048))
            elif sock is server:
                streams.append(server.accept()[0])
            elif data := sock.recv(1 << 16):
                sock.sendall(data)
            else:
                streams.remove(sock)
                sock.close()


def load(address, port, seconds, rate):
    """Send datagrams at an even pace and a TCP stream beside them to an echo: how many did not come back."""
    datagrams = socket.socket(socket.AF_INET6 if _is_v6(address) else socket.AF_INET, socket.SOCK_DGRAM)
    datagrams.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _DEEP_BYTES)
    datagrams.connect((address, int(port)))
    datagrams.setblocking(False)
    stream = socket.create_connection((address, int(port)), _PATIENCE_S)
    _begin("loading")
    back = set()
    sent = round_trips = 0
    start = time.monotonic()
    while (now := time.monotonic()) < start + float(seconds):
        while sent < (now - start) * float(rate):
            datagrams.send(_HEAD.pack(sent) + bytes(100))
            sent += 1
        stream.sendall(_HEAD.pack(round_trips))
        round_trips += stream.recv(8) == _HEAD.pack(round_trips)
        _collect(datagrams, back)
        time.sleep(0.001)
    time.sleep(0.5)
    _collect(datagrams, back)
    info = stream.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TOTAL_RETRANSMITS_AT + 4)
    resent = struct.unpack_from("@I", info, _TOTAL_RETRANSMITS_AT)[0]
    return {"sent": sent, "lost": sent - len(back), "round_trips": round_trips, "resent": resent}


def syns(port, seconds):
    """Listen to what arrives: (source address, source port) of every connection attempt to this port."""
    seen = set()
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_ETH_P_ALL)) as sock:
        _begin("listening")
        end = time.monotonic() + float(seconds)
        while (left := end - time.monotonic()) > 0:
            if select.select([sock], [], [], left)[0]:
                attempt = _attempt(sock.recv(128), int(port))
                seen |= {attempt} if attempt else set()
    return {"seen": sorted(seen)}


def _attempt(packet, port):
    version = packet[0] >> 4
    head, size, protocol = (40, 16, packet[6]) if version == 6 else (20, 4, packet[9])
    segment = packet[head:]
    if protocol != socket.IPPROTO_TCP or segment[13] & 0x12 != 0x02:
        return None
    source_port, target_port = struct.unpack_from(">HH", segment)
    at = head - 2 * size
    family = socket.AF_INET6 if version == 6 else socket.AF_INET
    return (socket.inet_ntop(family, packet[at : at + size]), source_port) if target_port == port else None


def _collect(sock, back):
    while True:
        try:
            back.add(_HEAD.unpack_from(sock.recv(2048))[0])
        except BlockingIOError:
            return


KINDS = {kind.__name__: kind for kind in (call, mail, hold, ask, keep_asking, join, echo, load, syns)}


def main(kind, *arguments):
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    answer = KINDS[kind](*arguments)
    json.dump(answer, sys.stdout)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
