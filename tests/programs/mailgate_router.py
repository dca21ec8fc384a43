"""Route between the interfaces given, on MicroPython with the mail gate; echo on port 7; tell of mail.

    micropython mailgate_router.py lan br-lan 192.168.77.1/24 … wan wan0 …
Prints "ready", then each record as "record DIRECTION ACTION FRAME" (hex).  Lines on standard input: "stop", "start",
"counts", "connect ADDRESS PORT" (prints what it hears there), "quit"; each ends with the line "done".
"""

import select
import socket
import struct
import sys

import mailgate

_PORT = 7
_PIECE = 2048


class Router:
    def __init__(self, words):
        self.words = words
        self.poll = select.poll()
        self.events = mailgate.Events()
        self.records = bytearray(4096)
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.sockets = {}
        for sock in (self.udp, self.tcp):
            sock.setblocking(False)
            sock.bind(("0.0.0.0", _PORT))
        self.tcp.listen(4)
        for readable in (sys.stdin, self.events, self.udp, self.tcp):
            self.poll.register(readable, select.POLLIN)

    def run(self):
        mailgate.start(*self.words)
        print("ready")
        while True:
            for ready, _ in self.poll.poll(1000):
                if ready is sys.stdin:
                    if not self.order(sys.stdin.readline().split()):
                        return
                elif ready is self.events:
                    self.tell(mailgate.read_into(self.records))
                elif ready is self.udp:
                    self.udp.sendto(*self.udp.recvfrom(_PIECE))
                elif ready is self.tcp:
                    self.take(self.tcp.accept()[0])
                else:
                    self.echo(ready)

    def order(self, words):
        if not words or words[0] == "quit":
            return False
        if words[0] == "stop":
            mailgate.stop()
        elif words[0] == "start":
            mailgate.start(*self.words)
        elif words[0] == "counts":
            self.tell(mailgate.read_into(self.records))  # what poll has not come to yet
            print(*mailgate.counts())
        elif words[0] == "connect":
            self.hear(words[1], int(words[2]))
        print("done")
        return True

    def tell(self, size):
        at = 0
        while at < size:
            whole, direction, action, _, frame, _ = struct.unpack_from("HBBIHH", self.records, at)
            first = at + mailgate.RECORD_HEAD
            print("record", direction, action, bytes(self.records[first : first + frame]).hex())
            at += whole

    def take(self, sock):
        sock.setblocking(False)
        self.sockets[sock.fileno()] = sock
        self.poll.register(sock, select.POLLIN)

    def echo(self, sock):
        try:
            piece = sock.recv(_PIECE)
            if piece:
                sock.setblocking(True)
                sock.write(piece)
                sock.setblocking(False)
                return
        except OSError as error:
            print("ended", error.args[0])
        self.poll.unregister(sock)
        del self.sockets[sock.fileno()]
        sock.close()

    def hear(self, address, port):
        sock = socket.socket()
        try:
            sock.settimeout(3)
            sock.connect((address, port))
            print("heard", sock.recv(100))
        except OSError as error:
            print("failed", error.args[0])
        sock.close()


router = Router(sys.argv[1:])
router.run()
router.tcp.close()
router.udp.close()
mailgate.stop()
print("stopped")
