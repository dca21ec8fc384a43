"""Files over a line that is bad, or whose cable comes off."""

import hashlib
import os
import random
from pathlib import Path

import pytest
from hil.bench import Bench

from spamgate_tools.errors import UserError

_SEED = 1122
_NAME = "transfer.bin"
_DAMAGE = 0.01  # of all bytes, each way
_LONG = bool(os.environ.get("SPAMGATE_LONG"))
_CUTS = 100 if _LONG else 5
_BYTES_A_CUT = 3000
_CHUNK_BYTES = 1024  # of service/link_files.py: what is kept at a time

_SUM = f"""
import binascii, hashlib
digest = hashlib.sha256()
with open({_NAME!r}, "rb") as file:
    while True:
        part = file.read(512)
        if not part:
            break
        digest.update(part)
print(binascii.hexlify(digest.digest()).decode())
"""


class Transfer:
    """A file to be put on the board; it is gone from there at the end."""

    def __init__(self, bench: Bench, folder: Path, size: int) -> None:
        self.path = folder / _NAME
        self.path.write_bytes(random.Random(_SEED + size).randbytes(size))
        self.digest = hashlib.sha256(self.path.read_bytes()).hexdigest()
        self._fields = {"name": _NAME, "size": size, "sha256": self.digest}
        self._bench = bench

    def offset(self) -> int:
        """Ask the board where the transfer would go on."""
        with self._bench.link() as client:
            return next(client.request("put", **self._fields))["offset"]

    def is_whole(self) -> bool:
        """Sum on the board what lies there, remove it, and start the firmware again."""
        digest = self._bench.mpremote("exec", _SUM).strip()
        self._bench.mpremote("fs", "rm", ":" + _NAME, "+", "reset")
        return digest == self.digest and self._bench.answers_within(60)


@pytest.mark.needs("application", "repl")
def test_a_file_arrives_whole_over_a_line_that_loses_doubles_and_flips_bytes(bench: Bench, tmp_path: Path) -> None:
    transfer = Transfer(bench, tmp_path, (1 << 20) if _LONG else bench.rig.file_bytes)
    with bench.bad_line(damage=_DAMAGE, seed=_SEED) as port, bench.link(port) as client:
        client.put(transfer.path, _NAME)
        assert client.channel.resent > transfer.path.stat().st_size * _DAMAGE / 256, "the line was not bad"
    assert transfer.is_whole()


@pytest.mark.needs("application", "repl")
def test_unplugged_at_random_bytes_it_resumes_at_the_last_kept_piece(bench: Bench, tmp_path: Path) -> None:
    transfer = Transfer(bench, tmp_path, 2 * _CUTS * _BYTES_A_CUT)
    chance = random.Random(_SEED)
    kept = 0
    for number in range(_CUTS):
        cut = chance.randrange(200, 2 * _BYTES_A_CUT)
        try:
            with bench.bad_line(cut=cut) as port, bench.link(port) as client:
                client.put(transfer.path, _NAME)
        except UserError:
            pass  # the cable is out
        offset = transfer.offset()
        assert kept <= offset <= kept + cut and offset % _CHUNK_BYTES == 0, f"cut {number} at {cut}: {kept}, {offset}"
        kept = offset
    assert kept >= _CUTS * _CHUNK_BYTES // 2, "hardly anything was kept"
    with bench.link() as client:
        client.put(transfer.path, _NAME)
    assert transfer.is_whole()
