"""A bot that gives itself away at once, run on a device: `python chameleon.py DOMAIN`.

It asks for the domain's mail servers, calls itself by three names on one connection and names five recipients, all in
one breath: more names, and more strangers, than anything that a home's devices do.  Whatever is answered, it goes on.
"""

import socket
import sys
import time

import dns.exception
import dns.resolver

_NAMES = ("alpha.example", "beta.example", "gamma.example")
_PEOPLE = 5
_PAUSE_S = 1.0


def main(domain: str) -> None:
    while True:
        try:
            exchange = str(min(dns.resolver.resolve(domain, "MX"), key=lambda record: record.preference).exchange)
            address = dns.resolver.resolve(exchange, "A")[0].address
            _mail(address, domain)
        except (OSError, EOFError, dns.exception.DNSException) as problem:
            sys.stderr.write(f"{time.time():.2f} {problem!r}\n")
        time.sleep(_PAUSE_S)


def _mail(address: str, domain: str) -> None:
    lines = [f"HELO {name}" for name in _NAMES] + [f"MAIL FROM:<news@{_NAMES[0]}>"]
    lines += [f"RCPT TO:<person{number}@{domain}>" for number in range(_PEOPLE)]
    with socket.create_connection((address, 25), 10) as server:
        replies = server.makefile("rb")
        _hear(replies)
        server.sendall("".join(f"{line}\r\n" for line in lines).encode())
        for _ in lines:
            _hear(replies)


def _hear(replies) -> None:
    line = b"000-"
    while line[3:4] == b"-":
        line = replies.readline()
    if not line or line.startswith(b"421"):
        raise EOFError(line)


if __name__ == "__main__":
    main(sys.argv[1])
