"""The replay program: read captures, run the engine over them, write one JSON object a line.

It is the same program under MicroPython and CPython; `spamgate replay` runs it and shows the result.
Standard output carries events only; progress, statistics and the error line go to standard error.
"""

import gc
import sys

from spamgate.app import collect_early
from spamgate.core.devices import CROWD
from spamgate.core.engine import Engine
from spamgate.core.errors import SpamgateError
from spamgate.core.limits import Limits
from spamgate.hal.clock import elapsed_us, ticks_us
from spamgate.plane.replay import Askers, CaptureFile, survey
from spamgate.plane.watch import Watcher
from spamgate.wire.address import Scope
from spamgate.wire.cursor import FormError
from spamgate.wire.events import write_device, write_verdict

_USAGE = "usage: replay [--lan CIDR] [--progress] [--stats] [--heap-kb N] CAPTURE..."
_PROGRESS_PACKETS = 2000
_MANY_KB = 4096  # a heap in which more than a home of devices has room
_MILESTONES = 4
_HEAD_BYTES = 24  # that tell what kind of file it is


class Options:
    """What the command line asks for."""

    def __init__(self, words: "list[str]") -> None:
        self.networks: "list[str]" = []
        self.captures: "list[str]" = []
        self.progress = False
        self.stats = False
        self.heap_kb = 512
        words = list(words)
        while words:
            self._take(words)
        if not self.captures:
            raise SpamgateError(_USAGE)

    def _take(self, words: "list[str]") -> None:
        word = words.pop(0)
        if word == "--lan" and words:
            self.networks.append(words.pop(0))
        elif word == "--heap-kb" and words and words[0].isdigit():
            self.heap_kb = int(words.pop(0))
        elif word == "--progress":
            self.progress = True
        elif word == "--stats":
            self.stats = True
        elif word.startswith("--"):
            raise SpamgateError("%s: unknown option; %s" % (word, _USAGE))
        else:
            self.captures.append(word)


class Program:
    """One run over one or more captures."""

    def __init__(self, options: Options) -> None:
        self._options = options
        limits = Limits(options.heap_kb)
        make_engine = Engine
        if options.heap_kb >= _MANY_KB:
            from spamgate.core.many_engine import ManyEngine, ManyLimits

            limits = ManyLimits()
            make_engine = ManyEngine
        self._window = bytearray(limits.window_bytes)
        self._askers = Askers(limits.askers)
        self._engine = make_engine(limits, self._changed)
        self._watcher = Watcher(self._engine, Scope(options.networks), True, limits)
        self._heap: "list[int]" = []
        self._ticked_s = 0
        self._elapsed_us = 0

    def run(self) -> None:
        """Replay all captures; the devices are reported even when one of them is faulty."""
        try:
            for path in self._options.captures:
                capture = CaptureFile(path, self._window)
                began = ticks_us()
                try:
                    self._play(capture)
                except FormError as error:
                    raise capture.fault(error) from None
                finally:
                    self._elapsed_us += elapsed_us(began)
                    capture.close()
        finally:
            for device in self._engine.devices.everyone():
                write_device(sys.stdout.write, self._engine, device)
            if self._engine.is_crowded:
                write_device(sys.stdout.write, self._engine, CROWD)
            if self._options.stats:
                counts = (self._watcher.packets, self._watcher.malformed, self._elapsed_us, self._heap)
                _tell('{"packets":%d,"malformed":%d,"elapsed_us":%d,"heap":%s}' % counts)

    def _play(self, capture: CaptureFile) -> None:
        if not self._options.networks:
            self._watcher.scope = survey(capture, self._watcher.packet, self._askers)
            self._watcher.by_mac = isinstance(self._watcher.scope, Scope)
        milestone = 1
        countdown = _PROGRESS_PACKETS
        while capture.next_packet():
            self._packet(capture)
            countdown -= 1
            if countdown:
                continue
            countdown = _PROGRESS_PACKETS
            if self._options.progress:
                _tell("progress %d %d" % (capture.done_bytes, capture.total_bytes))
            if self._options.stats and capture.done_bytes * _MILESTONES >= capture.total_bytes * milestone:
                milestone += 1
                self._note_heap()
        if self._options.stats:
            self._note_heap()

    def _packet(self, capture: CaptureFile) -> None:
        reader = capture.reader
        engine = self._engine
        engine.at(reader.seconds, reader.micros)
        if reader.seconds != self._ticked_s:
            self._ticked_s = reader.seconds
            self._watcher.tick()
        self._watcher.frame(reader.link_type, capture.buf, reader.packet_at, reader.packet_end)

    def _note_heap(self) -> None:
        if hasattr(gc, "mem_alloc"):
            gc.collect()
            self._heap.append(gc.mem_alloc())

    def _changed(self, device: int, old: int, new: int) -> None:
        write_verdict(sys.stdout.write, self._engine, device, old, new)


def _tell(text: str) -> None:
    sys.stderr.write(text + "\n")


def _load_readers(paths: "list[str]") -> None:
    """Open each file once, while there is room for the code that reads it; what is wrong is said in its turn."""
    for path in paths:
        try:
            CaptureFile(path, bytearray(_HEAD_BYTES)).close()
        except SpamgateError:
            continue


def main(words: "list[str]") -> int:
    """Run with the words of the command line; return the exit code: 0, or 2 with one line that says why."""
    try:
        options = Options(words)
        _load_readers(options.captures)
        gc.collect()  # the tables of the engine need large pieces of the heap
        program = Program(options)
        collect_early(False)
        program.run()
    except SpamgateError as error:
        _tell("error: %s" % error)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
