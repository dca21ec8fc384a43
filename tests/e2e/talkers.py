"""Clients of a mail server, good and bad: `python talkers.py KIND ADDRESS [PORT]` prints one JSON object.

Each says what it read until the end, and which error ended it instead of an end, if any.
"""

import json
import os
import random
import resource
import smtplib
import socket
import struct
import sys
import time

BODY = b"Subject: trial\r\n\r\n" + b"A line of a message.\r\n" * 20 + b".\r\n"
TALK = (b"EHLO trial.example", b"MAIL FROM:<a@trial.example>", b"RCPT TO:<b@mx.example>", b"DATA")
PATIENCE_S = 10
_AT_A_TIME = 40
LONG_BYTES = 64 * 1024


def connect(address, port):
    return socket.create_connection((address, port), PATIENCE_S)


def read_to_end(sock, heard=b""):
    """Return what is heard, who spoke, and the name of the error that was met instead of the end."""
    error = None
    try:
        while piece := sock.recv(4096):
            heard += piece
    except OSError as problem:
        error = type(problem).__name__
    return {"heard": heard.decode(), "error": error}


def one_segment(sock):
    """EHLO, MAIL, RCPT, DATA, body and QUIT in one segment, once the banner may be there; nothing is waited for."""
    time.sleep(0.2)
    sock.send(b"\r\n".join((*TALK, BODY)) + b"QUIT\r\n")
    return read_to_end(sock)


def never_quits(sock):
    """As most bots: all in one segment, and no QUIT."""
    sock.send(b"\r\n".join((*TALK, BODY)))
    return read_to_end(sock)


def before_banner(sock):
    """Speaks as soon as it can, a command at a time, and looks at nothing until it is done."""
    for line in (*TALK, *BODY.split(b"\r\n")):
        sock.send(line + b"\r\n")
        time.sleep(0.01)
    return read_to_end(sock)


def half_closes(sock):
    """Says everything, ends its half, then listens."""
    sock.send(b"\r\n".join((*TALK, BODY)) + b"QUIT\r\n")
    sock.shutdown(socket.SHUT_WR)
    return read_to_end(sock)


def bytewise(sock):
    """A byte a segment."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for byte in b"EHLO x\r\nquit\r\n":
        sock.send(bytes([byte]))
        time.sleep(0.005)
    return read_to_end(sock)


def long_line(sock):
    """Sixty-four kilobytes without an end of line, ten times."""
    for _ in range(10):
        sock.sendall(b"x" * LONG_BYTES)
    sock.sendall(b"\r\nQUIT\r\n")
    return read_to_end(sock)


def silent(sock):
    """Never says a word."""
    return read_to_end(sock)


def by_the_book(sock):
    """Waits for each reply, asks although refused, and leaves with QUIT."""
    reader = sock.makefile("rb")
    heard = reader.readline()
    for line in (*TALK[:2], b"QUIT"):
        sock.send(line + b"\r\n")
        heard += reader.readline()
    return read_to_end(sock, heard)


TALKERS = (one_segment, never_quits, before_banner, half_closes, bytewise, long_line, silent, by_the_book)


def talk(kind, address, port):
    """Let one kind of talker loose."""
    talker = {talker.__name__: talker for talker in TALKERS}[kind]
    began = time.monotonic()
    with connect(address, port) as sock:
        peer = sock.getpeername()[:2]
        return {**talker(sock), "peer": peer, "seconds": time.monotonic() - began}


def python_smtplib(address, port):
    """What Python's own client makes of it."""
    try:
        smtplib.SMTP(address, port, timeout=PATIENCE_S)
    except smtplib.SMTPConnectError as refusal:
        return {"code": refusal.smtp_code, "text": refusal.smtp_error.decode()}
    return {"code": 220, "text": ""}


# --- floods --------------------------------------------------------------------------------------


def idle_crowd(address, port, count=500):
    """Connect `count` times, say nothing; how many had a banner, and how many met an error first."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
    crowd = [connect(address, port) for _ in range(count)]
    time.sleep(0.3)
    heard = [_read_once(sock) for sock in crowd]
    return {"greeted": sum(text.startswith(b"421 ") for text in heard), "failed": heard.count(None)}


def _read_once(sock):
    try:
        return sock.recv(4096)
    except OSError:
        return None


def connection_flood(address, port, count=10_000):
    """Connect and go, again and again, forty at a time; the last of the forty reads its banner first."""
    began = time.monotonic()
    greeted = 0
    for _ in range(count // _AT_A_TIME):
        socks = [connect(address, port) for _ in range(_AT_A_TIME)]
        greeted += (_read_once(socks[-1]) or b"").startswith(b"421 ")
        for sock in socks:
            sock.close()
    return {"connections": count, "greeted": greeted * _AT_A_TIME, "seconds": time.monotonic() - began}


def syn_flood(address, port, count=10_000):
    """Send SYNs from addresses of the home that nobody has: connections that stay half-open."""
    raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    target = socket.inet_aton(address)
    drawn = random.Random(1)
    for _ in range(count):
        source = bytes([192, 168, 77, drawn.randrange(100, 250)])
        raw.sendto(_syn(source, target, drawn.randrange(1024, 65536), port, drawn.randrange(1 << 32)), (address, 0))
    return {"sent": count}


def _syn(source, target, source_port, port, sequence):
    tcp = struct.pack("!HHIIBBHHH", source_port, port, sequence, 0, 5 << 4, 2, 65535, 0, 0)
    pseudo = source + target + struct.pack("!BBH", 0, socket.IPPROTO_TCP, len(tcp))
    tcp = tcp[:16] + struct.pack("!H", _checksum(pseudo + tcp)) + tcp[18:]
    return struct.pack("!BBHHHBBH4s4s", 0x45, 0, 40, 0, 0, 64, socket.IPPROTO_TCP, 0, source, target) + tcp


def _checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


FLOODS = (idle_crowd, connection_flood, syn_flood)
OTHERS = {action.__name__: action for action in (python_smtplib, *FLOODS)}


def main(kind, address, port=25):
    answer = OTHERS[kind](address, int(port)) if kind in OTHERS else talk(kind, address, int(port))
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    if os.geteuid() == 0 and len(sys.argv) in (3, 4):
        main(*sys.argv[1:])
    else:
        sys.exit("usage, as root: talkers.py KIND ADDRESS [PORT]")
