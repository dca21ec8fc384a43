"""Whoever calls a router's link over TCP in memory, with the right key or another."""

from fakes.aes import make_aes
from spamgate.wire.link_auth import ANSWER_BYTES, Client
from spamgate.wire.link_records import Records

KEY = bytes(range(32))
OTHER_KEY = bytes(range(1, 33))


class LinkCaller:
    """One connection; `said` is all it has sent, for whoever records it."""

    def __init__(self, net, loop, port, address=b"\xc0\xa8\x01\x07", nonce=b"n" * 32):
        self.sock = net.connect(port, address)
        self.said = b""
        self.records = None
        self._loop = loop
        self._nonce = nonce
        self._buf = bytearray(256)

    def send(self, data):
        """Send bytes, and let the other side work."""
        self.said += bytes(data)
        self.sock.send(data)
        self._loop.spin()

    def meet(self, key=KEY):
        """Prove the key to the server; return whether it did so too."""
        client = Client(key, self._nonce)
        self.send(client.hello())
        answer = self.sock.recv(ANSWER_BYTES)
        self.send(client.prove(answer))
        self.records = Records(*client.seals(make_aes))
        return not self.is_gone()

    def say(self, text):
        """Send text in records."""
        at = 0
        while at < len(text):
            at += self.records.write(memoryview(text)[at:])
            view = self.records.unsent()
            size = len(view)
            self.send(bytes(view))
            self.records.sent(size)

    def heard(self):
        """Return the text that has come."""
        text = b""
        while True:
            count = self.records.read_into(self._buf)
            if not count:
                size = self.sock.readinto(self.records.space())
                if not size:
                    return text
                self.records.received(size)
            text += bytes(self._buf[:count])

    def is_gone(self):
        """Has the server ended the connection?"""
        return self.sock.is_over()
