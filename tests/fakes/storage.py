"""Files in memory that fail as real ones do: a full disk, a write torn by a power cut, a byte that flips."""

_ENOENT = 2
_ENOSPC = 28
_EIO = 5


class FakeStorage:
    """The same calls as `hal/storage.py`; a torn write raises PowerCut after its first bytes are on the disk."""

    def __init__(self):
        self.files = {}
        self.room_bytes = None  # of all files together; None: no end
        self.cut_after_bytes = None  # of what is written from now on; None: no power cut
        self.is_broken = False  # nothing can be read

    def read(self, name):
        self._check()
        return bytes(self.files[name]) if name in self.files else None

    def write(self, name, parts):
        data = b"".join(list(parts))
        kept = self._written(bytes(data), len(self.files.get(name, b"")))
        self.files[name] = bytearray(kept)
        self._end(kept, data)

    def append(self, name, data):
        self.write_at(name, self.size(name), data)

    def write_at(self, name, offset, data):
        old = bytes(self.files.get(name, b""))
        old += bytes(max(0, offset - len(old)))
        kept = self._written(bytes(data), min(len(data), len(old) - offset))
        self.files[name] = bytearray(old[:offset] + kept + old[offset + len(kept) :])
        self._end(kept, data)

    def read_at(self, name, offset, size):
        self._check()
        return bytes(self.files.get(name, b"")[offset : offset + size])

    def size(self, name):
        return len(self.files.get(name, b""))

    def exists(self, name):
        return name in self.files

    def rename(self, name, new):
        if name not in self.files:
            raise OSError(_ENOENT, name)
        self.files[new] = self.files.pop(name)

    def flip(self, name, at, bits=1):
        """Change some bits of one byte, as worn-out flash does."""
        self.files[name][at] ^= bits

    def _check(self):
        if self.is_broken:
            raise OSError(_EIO, "cannot be read")

    def _written(self, data, freed):
        """Return what of `data` reaches the disk."""
        if self.room_bytes is not None:
            used = sum(len(content) for content in self.files.values())
            if used - freed + len(data) > self.room_bytes:
                raise OSError(_ENOSPC, "full")
        if self.cut_after_bytes is None or len(data) <= self.cut_after_bytes:
            if self.cut_after_bytes is not None:
                self.cut_after_bytes -= len(data)
            return data
        return data[: self.cut_after_bytes]

    def _end(self, kept, data):
        if len(kept) < len(data):
            self.cut_after_bytes = None
            raise PowerCut


class PowerCut(Exception):
    """The machine stops here; the test goes on with what is in the files."""
