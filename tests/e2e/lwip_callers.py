"""What devices of the tests on plane `lwip` do: `python lwip_callers.py KIND ARGUMENT...` prints one JSON object.

As callers.py, which see.  Everything is bounded in count and time.
"""

import json
import resource
import select
import socket
import sys
import time

_PATIENCE_S = 10.0


def pipeline(address, count, name):
    """Connect, greet, and wait for a line on standard input; then say `count` messages in one breath.

    How many were taken, and what ended it; their ids are NAME.0@home.example and so on.
    """
    with socket.create_connection((address, 25), _PATIENCE_S) as sock:
        reader = sock.makefile("rb")
        reader.readline()
        sock.sendall(b"HELO device.home.example\r\n")
        reader.readline()
        _begin("held")
        sys.stdin.readline()
        taken = 0
        try:
            sock.sendall(b"".join(_message(f"{name}.{number}") for number in range(int(count))))
            while line := reader.readline():
                taken += line.startswith(b"250 2.0.0")
        except OSError as error:
            return {"taken": taken, "end": type(error).__name__}
        return {"taken": taken, "end": "closed"}


def _message(name):
    head = f"Message-ID: <{name}@home.example>\r\nFrom: a@home.example\r\nTo: b@there.example\r\n\r\n"
    return f"MAIL FROM:<a@home.example>\r\nRCPT TO:<b@there.example>\r\nDATA\r\n{head}One line.\r\n.\r\n".encode()


def crowd(address, port, count):
    """Hold as many TCP connections at a time as come about; wait for a line on standard input, then let go of all."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
    held, refused = [], 0
    for _ in range(int(count)):
        sock = socket.socket()
        sock.settimeout(_PATIENCE_S)
        try:
            sock.connect((address, int(port)))
            held.append(sock)
        except OSError:
            refused += 1
    _begin("held")
    sys.stdin.readline()
    return {"held": len(held), "refused": refused}


def datagrams(address, port, count):
    """Send a datagram from each of so many ports to an echo, in one go: how many came back."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
    poll = select.poll()
    senders = {}
    for _ in range(int(count)):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.sendto(b"there?", (address, int(port)))
        senders[sock.fileno()] = sock
        poll.register(sock, select.POLLIN)
    back = set()
    until = time.monotonic() + 1
    while (left := until - time.monotonic()) > 0:
        for number, _ in poll.poll(1000 * left):
            senders[number].recv(16)
            back.add(number)
    return {"sent": len(senders), "back": len(back)}


def connect(address, port, count):
    """Connect and let go, so often: how many came about, and how long the slowest took, in seconds."""
    made, slowest_s = 0, 0.0
    for _ in range(int(count)):
        began = time.monotonic()
        try:
            socket.create_connection((address, int(port)), _PATIENCE_S).close()
            made += 1
        except OSError:
            pass
        slowest_s = max(slowest_s, time.monotonic() - began)
    return {"made": made, "slowest_s": round(slowest_s, 3)}


def _begin(word):
    sys.stdout.write(word + "\n")
    sys.stdout.flush()


KINDS = {kind.__name__: kind for kind in (pipeline, crowd, datagrams, connect)}

if __name__ == "__main__":
    json.dump(KINDS[sys.argv[1]](*sys.argv[2:]), sys.stdout)
    sys.stdout.write("\n")
