"""The kernel's side of the plane `linux`, in memory: sets that take elements as nf_tables does, and addresses.

What it is sent are the very bytes that the real one would get.
"""

from fakes.netlink import ENOENT, changes
from spamgate.wire.netlink import Request

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

    def order(self, messages):
        wanted = changes(bytes(messages))
        self.orders.append(wanted)
        if self.refuses:
            return self.refuses
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

    def addresses(self, first):
        return self.interfaces

    def holds(self):
        """Return {name: {key: (timeout in ms, chain)}} of the sets that hold something."""
        return {name: elements for name, elements in self.sets.items() if elements}
