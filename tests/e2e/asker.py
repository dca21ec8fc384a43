"""Sends raw DNS messages from a namespace and hands back what comes: `python asker.py`, JSON lines both ways.

{"to": [ADDRESS, PORT], "messages": [HEX, ...], "tcp": bool, "seconds": N} -> [HEX or null, ...]: over UDP one after the
other, each from a port of its own; over TCP all at once on one connection, and the answers as they come.
"""

import json
import socket
import sys


def ask_udp(to, messages, seconds):
    family = socket.AF_INET6 if ":" in to[0] else socket.AF_INET
    answers = []
    for message in messages:
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.settimeout(seconds)
            sock.connect(tuple(to))
            sock.send(message)
            try:
                answers.append(sock.recv(65535))
            except OSError:
                answers.append(None)
    return answers


def ask_tcp(to, messages, seconds):
    answers = []
    with socket.create_connection(tuple(to), timeout=seconds) as sock:
        sock.sendall(b"".join(len(message).to_bytes(2, "big") + message for message in messages))
        with sock.makefile("rb") as stream:
            try:
                for _ in messages:
                    answers.append(stream.read(int.from_bytes(stream.read(2), "big")) or None)
            except OSError:
                pass
    return answers + [None] * (len(messages) - len(answers))


def main():
    for line in sys.stdin:
        job = json.loads(line)
        ask = ask_tcp if job["tcp"] else ask_udp
        answers = ask(job["to"], [bytes.fromhex(message) for message in job["messages"]], job["seconds"])
        sys.stdout.write(json.dumps([answer and answer.hex() for answer in answers]) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
