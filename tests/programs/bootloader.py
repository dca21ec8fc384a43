"""One board in its ROM bootloader behind a pty, whose line and flash can fail: esp32-mock-bootloader with faults.

    bootloader.py LINK --chip esp32s3 [--mac 24:0a:c4:00:00:01] [--flash-mb 8] [--cut N] [--damage ADDRESS] ...
LINK is a symbolic link to the pty, as a port has a name that stays when the cable is pulled and put back: after
`--cut` bytes the pty goes and another comes.  After `--mute` bytes it hears nothing more of the session, of byte
`--flip` one bit is another, and after a write so is one at address `--damage`.  Each fault happens once (`--always`:
every time); more can be ordered by lines such as "cut 5000" on standard input, for the next session; LINK.taken is made
once such a line was taken.  Flash keeps its content.  SIGUSR1 writes the flash to LINK.flash, and to LINK.received how
many bytes came in the last session, and in the one that goes on.
"""

import argparse
import os
import signal
import struct
import sys
import threading
import zlib
from pathlib import Path

from esp32_mock_bootloader import protocol, registers, server

_PATIENCE_S = 30.0


class Unplugged(OSError):
    """The cable was pulled."""


class Faults:
    """What shall go wrong, and how much has come over the line in this session."""

    def __init__(self, options):
        self.cut, self.mute, self.flip, self.damage = options.cut, options.mute, options.flip, options.damage
        self.always = options.always
        self.received = 0
        self.last_received = 0

    def end_session(self):
        """Count anew."""
        if self.mute is not None and self.received >= self.mute and not self.always:
            self.mute = None
        self.last_received, self.received = self.received, 0

    def take_orders(self, lines, flash, taken):
        """Let faults be ordered while it runs, and a bare board ("erase 0"); make the file `taken` after each."""
        for line in lines:
            name, number = line.split()
            self.received = 0
            if name == "erase":
                flash.reset()
            else:
                setattr(self, name, int(number))
            taken.touch()

    def on_line(self, data):
        """Count what the board received; flip a bit of it, or pull the cable."""
        start, self.received = self.received, self.received + len(data)
        if self.cut is not None and self.received >= self.cut:
            self.cut = self.cut if self.always else None
            raise Unplugged
        if data and self.mute is not None and self.received >= self.mute:
            raise TimeoutError
        if self.flip is not None and start <= self.flip < self.received:
            data = bytearray(data)
            data[self.flip - start] ^= 4
            self.flip = self.flip if self.always else None
        return bytes(data)

    def on_flash(self, flash):
        """Damage a bit of what was written."""
        if self.damage is not None:
            flash.data[self.damage] ^= 4
            self.damage = self.damage if self.always else None


class Flash(server.FlashImage):
    """The mock's flash, written by slices, with cells that fail."""

    def __init__(self, faults):
        super().__init__()
        self._faults = faults

    def write_defl_block(self, payload):
        """Write one compressed block."""
        if self._decompressor is None:
            return
        size = struct.unpack_from("<I", payload)[0]
        try:
            data = self._decompressor.decompress(payload[16 : 16 + size])
        except zlib.error:
            return
        at = self._defl_offset
        self.data[at : at + len(data)] = data[: len(self.data) - at]
        self._defl_offset += len(data)

    def end_defl(self):
        """End a write: now a weak cell shows."""
        super().end_defl()
        self._faults.on_flash(self)


class Line(server.PtyMasterTransport):
    """The board's end of the cable; who lets go of the other end and takes it again finds the board reset."""

    faults: Faults
    is_pulled = False

    def recv(self, size):
        """Receive; an OSError is how the mock hears that the cable is gone."""
        try:
            return self.faults.on_line(super().recv(size))
        except Unplugged:
            self.is_pulled = True
            raise

    def expect(self, path):
        """Hold the other end until somebody takes it."""
        if self._slave_released:
            self._slave = os.open(path, os.O_RDWR | os.O_NOCTTY)
            self._slave_released = self._saw_client_data = False


def _slip_encode(data):
    """As the mock's own, which goes byte by byte: reading back 8 MB takes it ten seconds."""
    return b"\xc0" + data.replace(b"\xdb", b"\xdb\xdd").replace(b"\xc0", b"\xdb\xdc") + b"\xc0"


def _slip_decode_frames(raw):
    frames = raw.split(b"\xc0")[1:-1]
    return [it.replace(b"\xdb\xdc", b"\xc0").replace(b"\xdb\xdd", b"\xdb") for it in frames if it]


def _stream(read_flash):
    """As the mock's own, which gives up when the other side takes a breath of 50 ms."""

    def stream(connection, *rest):
        connection.set_timeout(_PATIENCE_S)
        read_flash(connection, *rest)
        connection.set_timeout(server._CLIENT_RECV_TIMEOUT)

    return stream


def _serve(options):
    faults = Faults(options)
    flash = Flash(faults)
    signal.signal(signal.SIGUSR1, lambda *_: _tell(options.link, flash, faults))
    orders = (sys.stdin, flash, Path(f"{options.link}.taken"))
    threading.Thread(target=faults.take_orders, args=orders, daemon=True).start()
    while True:
        line = Line.create(track_disconnect=True)
        line.faults = faults
        path = line.client_path
        scratch = f"{options.link}.new"
        os.symlink(path, scratch)
        os.rename(scratch, options.link)
        while not line.is_pulled:
            connection = server.BootloaderConnection(pty=line)
            server.handle_client(connection, threading.Event(), options.chip, flash=flash)
            faults.end_session()
            line.expect(path)
        os.unlink(options.link)
        line.close()


def _tell(link, flash, faults):
    """Write each file whole, under its name at the end."""
    for kind, data in (("received", b"%d %d" % (faults.last_received, faults.received)), ("flash", flash.data)):
        scratch = Path(f"{link}.{kind}.new")
        scratch.write_bytes(data)
        os.rename(scratch, f"{link}.{kind}")


def main():
    """Read the options, give the mock the wanted MAC and flash size, serve until killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("link")
    parser.add_argument("--chip", default="esp32")
    parser.add_argument("--mac", default="24:0a:c4:00:00:01")
    parser.add_argument("--flash-mb", type=int, default=4)
    for fault in ("--cut", "--mute", "--flip", "--damage"):
        parser.add_argument(fault, type=int)
    parser.add_argument("--always", action="store_true")
    options = parser.parse_args()
    mac = tuple(int(byte, 16) for byte in options.mac.split(":"))
    server._FLASH_END_IDLE_SEC = float("inf")  # else it forgets who it is talking to, 3 s after a write
    server.perform_read_flash_stream = _stream(server.perform_read_flash_stream)
    server.slip_encode, server.slip_decode_frames = _slip_encode, _slip_decode_frames
    registers.mac_bytes_for_chip = lambda chip: mac
    protocol.FLASH_MOCK_SIZE = options.flash_mb << 20
    protocol.MOCK_FLASH_ID = (19 + options.flash_mb.bit_length()) << 16 | 0x4020  # the JEDEC size: log2 of the bytes
    _serve(options)


if __name__ == "__main__":
    main()
