"""The kernel's side of the plane `linux`, in memory: a table with sets that take elements as nf_tables does, and more.

What it is sent are the very bytes that the real one would get, and what it answers has their form.
"""

import struct

from fakes.netlink import ENOENT, attribute, attributes, changes, error, message, messages, number
from spamgate.wire.netlink import Request

_GET_CHAIN = 0x0A04
_GET_FLOW_TABLES = 0x0A17
_GET_CONNECTION = 0x0101

_EBUSY = 16


class FakeKernel:
    """In the place of `plane.netfilter.Netfilter`.

    `sets` holds {name: {key: (timeout in ms, chain)}}; a transaction happens as a whole or not at all.
    """

    def __init__(self):
        self.request = Request(1024)
        self.reply = bytearray(4096)
        self.sets = {}
        self.orders = []  # every transaction that was sent
        self.refuses = 0  # the error number that every order gets
        self.interfaces = []  # what `addresses` returns
        self.has_table = True
        self.rules = 9  # of the chain that is looked at
        self.flow_tables = 0
        self.connections = []  # pairs of directions, each (source, port, target, port)
        self.is_closed = False

    def order(self, messages):
        wanted = changes(bytes(messages))
        self.orders.append(wanted)
        if self.refuses or not self.has_table:
            return self.refuses or ENOENT
        after = {name: dict(elements) for name, elements in self.sets.items()}
        for change in wanted:
            elements = after.setdefault(change[1], {})
            if change[0] == "delete" and change[2] not in elements:
                return ENOENT
            if change[0] == "delete":
                del elements[change[2]]
            elif change[2] not in elements:  # as without NLM_F_EXCL: what is there stays as it is
                elements[change[2]] = change[3:]
            elif elements[change[2]][1] != change[4]:
                return _EBUSY
        self.sets = after
        return 0

    def load(self):
        """The table is loaded anew: its sets are empty."""
        self.has_table = True
        self.rules = 9
        self.sets = {}

    def ask(self, question):
        ((kind, _, _, body),) = messages(bytes(question))
        answer = error(ENOENT)
        if kind == _GET_CHAIN and self.has_table:
            chain = attribute(2, struct.pack(">Q", 7)) + number(6, self.rules)
            answer = message(0x0A03, body[:4] + chain)
        elif kind == _GET_CONNECTION:
            ((_, inside),) = attributes(body[4:]).items()
            for pair in self.connections:
                if _direction(0, *pair[0])[4:] == inside or _direction(0, *pair[1])[4:] == inside:
                    answer = message(0x0100, body[:4] + _direction(1, *pair[0]) + _direction(2, *pair[1]))
        self.reply[: len(answer)] = answer
        return len(answer)

    def count(self, question, kind):
        ((asked, _, _, _),) = messages(bytes(question))
        assert asked == _GET_FLOW_TABLES
        return self.flow_tables

    def close(self):
        self.is_closed = True

    def addresses(self, first):
        return self.interfaces

    def holds(self):
        """Return {name: {key: (timeout in ms, chain)}} of the sets that hold something."""
        return {name: elements for name, elements in self.sets.items() if elements}


def _direction(kind, source, port, target, to_port):
    """Return the attribute of one direction of a TCP connection."""
    first = 1 if len(source) == 4 else 3
    addresses = attribute(first, source) + attribute(first + 1, target)
    ports = attribute(1, b"\6") + attribute(2, struct.pack(">H", port)) + attribute(3, struct.pack(">H", to_port))
    return attribute(kind | 0x8000, attribute(1 | 0x8000, addresses) + attribute(2 | 0x8000, ports))
