"""Days in the life of a board's flash: journal and state on LittleFS, on blocks that count their erases."""

import json
import os
import sys

from spamgate.app.persistence import Persistence
from spamgate.core.board_limits import BoardLimits
from spamgate.core.engine import Engine
from spamgate.hal.storage import Storage
from spamgate.plane.dns import DnsPlane
from spamgate.store.journal import Journal
from spamgate.store.state import StateFile

BLOCK_BYTES = 4096
BLOCKS = 96  # the file system of a board with 4 MB of flash


class Flash:
    """Blocks of flash: they must be erased before they are written."""

    def __init__(self):
        self.data = bytearray(b"\xff" * (BLOCKS * BLOCK_BYTES))
        self.erased = [0] * BLOCKS

    def readblocks(self, block, buf, offset=0):
        """Read."""
        start = block * BLOCK_BYTES + offset
        buf[:] = self.data[start : start + len(buf)]

    def writeblocks(self, block, buf, offset=0):
        """Write."""
        start = block * BLOCK_BYTES + offset
        self.data[start : start + len(buf)] = buf

    def ioctl(self, request, argument):
        """Tell the size, or erase."""
        if request == 4:
            return BLOCKS
        if request == 5:
            return BLOCK_BYTES
        if request == 6:
            self.erased[argument] += 1
            self.data[argument * BLOCK_BYTES : (argument + 1) * BLOCK_BYTES] = b"\xff" * BLOCK_BYTES
        return 0


def main(days, verdicts, notices):
    """Print how often blocks were erased in so many days with so many verdicts and notices each."""
    flash = Flash()
    os.VfsLfs2.mkfs(flash)
    os.mount(flash, "/flash")
    storage = Storage("/flash")
    limits = BoardLimits()
    engine = Engine(limits, lambda device, old, new: None)
    plane = DnsPlane(engine, limits.connections)
    for number in range(limits.devices - 1):
        plane.resident(bytes([192, 168, 1, number + 2]))
    tickets = ["4F2A91"] * limits.devices
    flash.erased = [0] * BLOCKS
    journal = Journal(storage, 32768)
    now_ms = 0
    for _ in range(days):
        for quarter in range(96):
            now_ms += 900000
            for _ in range(notices // 96):
                journal.write('{"type":"error","t":1795391363.000000,"text":"address 192.168.1.20"}\n')
            if quarter < verdicts:
                journal.write('{"type":"verdict","t":1795391363.0,"evidence":"' + "x" * 900 + '"}\n')
                journal.flush()
                Persistence(engine, StateFile(storage), tickets, print).save()
            if quarter % 24 == 0:
                Persistence(engine, StateFile(storage), tickets, print).save()
            journal.tick(now_ms & 0x1FFFFFFF)
            journal.tick((now_ms + 1) & 0x1FFFFFFF)
    known = len(list(StateFile(storage).load()))
    print(json.dumps({"erased": sum(flash.erased), "most": max(flash.erased), "blocks": BLOCKS, "known": known}))


main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
