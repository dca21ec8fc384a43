"""Mount the flash: a part of the emulated machine's second memory, which is a file of the host (ARM AN385, 3.1)."""

import uctypes
import vfs

_FLASH_AT = 0x21000000
_VFS_BYTES = 2 * 1024 * 1024
_BLOCK_BYTES = 4096


class Flash:
    """Block device with the extended interface of MicroPython's LittleFS."""

    def __init__(self):
        self._memory = memoryview(uctypes.bytearray_at(_FLASH_AT, _VFS_BYTES))

    def readblocks(self, block, buf, offset=0):
        at = block * _BLOCK_BYTES + offset
        buf[:] = self._memory[at : at + len(buf)]

    def writeblocks(self, block, buf, offset=0):
        at = block * _BLOCK_BYTES + offset
        self._memory[at : at + len(buf)] = buf

    def ioctl(self, operation, argument):
        if operation == 4:
            return _VFS_BYTES // _BLOCK_BYTES
        if operation == 5:
            return _BLOCK_BYTES
        return 0  # nothing to set up, nothing held back, and erasing comes with writing


bdev = Flash()
try:
    vfs.mount(bdev, "/")
except OSError:
    vfs.VfsLfs2.mkfs(bdev)
    vfs.mount(bdev, "/")
