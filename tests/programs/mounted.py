"""Mount a file system that was read from a board's flash, as stock MicroPython does, and import the program in it."""

import os
import sys


class Flash:
    """The partition, as esp32.Partition gives it: blocks of 4096 bytes."""

    def __init__(self, data):
        self._data = data

    def readblocks(self, block, buf, offset=0):
        """Read."""
        start = block * 4096 + offset
        buf[:] = self._data[start : start + len(buf)]

    def writeblocks(self, block, buf, offset=0):
        """Write."""
        start = block * 4096 + offset
        self._data[start : start + len(buf)] = buf

    def ioctl(self, request, argument):
        """Tell the size; a block is erased."""
        if request == 4:
            return len(self._data) // 4096
        if request == 5:
            return 4096
        if request == 6:
            self._data[argument * 4096 : argument * 4096 + 4096] = b"\xff" * 4096
        return 0


with open(sys.argv[1], "rb") as file:
    os.mount(Flash(bytearray(file.read())), "/flash")
os.chdir("/flash")
sys.path[:] = ["/flash"]
print(sorted(os.listdir()))
import spamgate  # noqa: E402

print(spamgate.main)
with open("journal", "w") as file:
    file.write("x" * 100000)
print(os.stat("journal")[6], os.statvfs("/flash")[3])
