"""The program that fetches a newer blocklist for a router, from any server of files: run now and then, by a timer.

`micropython -X heapsize=1m -m spamgate.app.list_pull --config FILE [--from PLACE]`, or `spamgate blocklist pull`.
PLACE is the URL of the list's .sgb file, or its path; else the setting `list_url`.  Beside the list lies its .head,
which is asked for first, and maybe NAME.from-VERSION.sgd, which leads there from that version.

What it writes is the slot that is not in force; the gateway, if one runs, sees it.  Exit code: 0 taken or nothing new,
1 not taken (the line says why), 2 wrong settings.
"""

import json
import sys
import time

from spamgate.app import forget_modules
from spamgate.app.environment import print_trace, read_config
from spamgate.app.lists import BOARD_CLASS, NEWS_FILE
from spamgate.core.compat import const
from spamgate.core.errors import SpamgateError
from spamgate.hal.file_slots import file_slots
from spamgate.hal.net import claim
from spamgate.hal.storage import Storage
from spamgate.store.list_slots import ListSlots
from spamgate.store.list_trust import Trust
from spamgate.store.list_update import DeltaUpdate, FullUpdate
from spamgate.wire.list_manifest import DELTA_HEAD_BYTES, HEAD_BYTES
from spamgate.wire.list_rules import InForceError, RefusedError

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Any

    from spamgate.store.settings import Settings

DELTA_FILE = "list.sgd"

_CLAIM = "spamgate-lists"
_MEGABYTE = const(1 << 20)
_CHUNK_BYTES = const(16384)
_MOST_TAG = const(200)  # letters; a longer one is none that serves
_HEAD_S = const(60)
_SLOWEST_BYTES_S = const(4096)
_OK = const(200)
_PART = const(206)
_UNCHANGED = const(304)
_MISSING = (403, 404, 410)
_CLOCK_STARTS_S = 1735689600  # 2025: before, nobody has set the clock
_CONTROL_S = const(10)


class Puller:
    """One fetch.  `place` is where the list is: a URL or a path that ends with .sgb, or would."""

    def __init__(self, settings: "Settings", place: str) -> None:
        self._settings = settings
        self._base = place[:-4] if place.endswith(".sgb") else place
        self._storage = Storage(settings.state_dir)
        trust = Trust(self._storage, settings.list_key)
        slots = file_slots(settings.state_dir, settings.list_mb * _MEGABYTE)
        self._lists = ListSlots((slots[0], slots[1]), trust, settings.list_id, BOARD_CLASS)
        self._source = self._make_source()
        self._buf = bytearray(_CHUNK_BYTES)
        self.etag = ""
        self.fetched_bytes = 0

    @property
    def version(self) -> int:
        """Return the version in force, 0 for none."""
        return int(self._lists.manifest["version"]) if self._lists.manifest else 0

    def run(self, before: "dict[str, Any]") -> str:
        """Fetch what is newer; return what was done.  SpamgateError or OSError where nothing was, and why."""
        self._lists.look()
        while not self._lists.is_checked():
            self._lists.check_step()
        head = self._fetch_head(before)
        if not head:
            return "version %d is still the newest" % self.version
        try:
            update = FullUpdate(self._lists, head, self._now_s())
        except InForceError:
            return "version %d is in force already" % self.version
        way = "delta"
        if not self._take_delta(update.size):
            way = "whole list"
            self._take_full(head)
        manifest = self._lists.manifest or {}
        fetched = (manifest["version"], manifest["names"], way, self.fetched_bytes)
        return "version %d with %d names is in force (%s, %d bytes fetched)" % fetched

    # --- the parts ---

    def _fetch_head(self, before: "dict[str, Any]") -> bytes:
        """Return the list's head, nothing where it is the one that was seen before and is in force."""
        is_known = self.version and before.get("version") == self.version and before.get("base") == self._base
        seen = str(before.get("etag", "")) if is_known else ""
        answer = self._source.open(self._base + ".head", _HEAD_S, 0, seen)
        try:
            if answer.status == _UNCHANGED:
                self.etag = seen
                return b""
            self._need(answer, _OK, ".head")
            head = bytearray(HEAD_BYTES)
            if self._fill(answer, head) < HEAD_BYTES or answer.read_into(self._buf):
                raise RefusedError("%s.head: is no head of a list" % self._base, "put there what `sign` has made")
            self.etag = answer.etag if len(answer.etag) <= _MOST_TAG else ""
        finally:
            answer.close()
        return bytes(head)

    def _take_delta(self, most_bytes: int) -> bool:
        """Take the delta that leads here from the list in force; False where there is none that is good."""
        if not self.version:
            return False
        try:
            return self._fetch_delta(most_bytes) and self._apply_delta()
        except (SpamgateError, OSError) as error:
            sys.stderr.write("delta: %s; fetching the whole list\n" % error)
            return False
        finally:
            self._storage.write(DELTA_FILE, ())

    def _fetch_delta(self, most_bytes: int) -> bool:
        """Put it into a file; False where there is none, or none that is smaller than the list."""
        name = "%s.from-%d.sgd" % (self._base, self.version)
        answer = self._source.open(name, self._within_s(most_bytes))
        try:
            if answer.status != _OK:
                return False
            self._storage.write(DELTA_FILE, ())
            at = 0
            while True:
                count = answer.read_into(self._buf)
                if not count:
                    return at > DELTA_HEAD_BYTES
                if at + count > most_bytes:
                    raise RefusedError("%s: is longer than the list itself" % name)
                self._storage.write_at(DELTA_FILE, at, bytes(self._buf[:count]))
                at += count
                self.fetched_bytes += count
        finally:
            answer.close()

    def _apply_delta(self) -> bool:
        head = self._storage.read_at(DELTA_FILE, 0, DELTA_HEAD_BYTES)
        with open(self._settings.state_dir + "/" + DELTA_FILE, "rb") as file:

            def read(offset: int, buf: "bytearray | memoryview") -> int:
                file.seek(DELTA_HEAD_BYTES + offset)
                return file.readinto(buf)

            update = DeltaUpdate(self._lists, head, self._now_s(), read)
            while not update.step():
                pass
        forget_modules(("spamgate.wire.list_delta",))
        return True

    def _take_full(self, head: bytes) -> None:
        """Take the whole list, from where an earlier fetch of it was cut."""
        update = FullUpdate(self._lists, head, self._now_s())
        name = self._base + ".sgb"
        begin = HEAD_BYTES + update.offset if update.offset else 0
        if update.offset == update.size:  # it came whole, and was cut while it was read back
            update.finish()
            return
        answer = self._source.open(name, self._within_s(update.size), begin)
        try:
            self._need(answer, _PART if answer.status == _PART and begin else _OK, ".sgb")
            at = answer.begins_at
            if at not in (0, begin):
                raise RefusedError("%s: another part than was asked for" % name)
            if not at:
                self._compare_head(answer, head)
                self._skip(answer, update.offset)
            self._take_body(answer, update)
        finally:
            answer.close()
        update.finish()

    def _take_body(self, answer: "Any", update: FullUpdate) -> None:
        while True:
            count = answer.read_into(self._buf)
            if not count:
                return
            self.fetched_bytes += count
            update.take(self._buf, 0, count)

    def _compare_head(self, answer: "Any", head: bytes) -> None:
        """The list's own head must be the one that was asked for first: else the two are not of one piece."""
        own = bytearray(HEAD_BYTES)
        if self._fill(answer, own) < HEAD_BYTES or own[:DELTA_HEAD_BYTES] != head[:DELTA_HEAD_BYTES]:
            text = "%s.sgb: is another list than its .head says" % self._base
            raise RefusedError(text, "put both there again; try later if somebody just does")

    def _skip(self, answer: "Any", count: int) -> None:
        """Leave out what is there already: this server sends all or nothing."""
        view = memoryview(self._buf)
        while count:
            got = answer.read_into(view[: min(count, len(view))])
            if not got:
                return
            count -= got

    def _fill(self, answer: "Any", buf: bytearray) -> int:
        view = memoryview(buf)
        at = 0
        while at < len(buf):
            count = answer.read_into(view[at:])
            if not count:
                break
            at += count
        self.fetched_bytes += at
        return at

    def _need(self, answer: "Any", status: int, suffix: str) -> None:
        if answer.status != status:
            what = "is not there" if answer.status in _MISSING else "the server answers %d" % answer.status
            raise RefusedError("%s%s: %s" % (self._base, suffix, what), "check list_url")

    def _make_source(self) -> "Any":
        if "://" in self._base:
            from spamgate.app.list_sources import WebSource

            return WebSource(self._settings.list_ca)
        from spamgate.app.list_sources import FileSource

        return FileSource()

    def _within_s(self, size: int) -> int:
        """Return how long a file of this size may take: a line that is slower brings no lists."""
        return _HEAD_S + size // _SLOWEST_BYTES_S

    def _now_s(self) -> int:
        """Return the UNIX time, 0 where nobody knows it."""
        now_s = int(time.time())
        return now_s if now_s > _CLOCK_STARTS_S else 0

    # --- what is remembered and told ---

    def remember(self, ok: bool, said: str) -> None:
        """Write down how it went: for `spamgate lists`, and to ask only for what is newer the next time."""
        news = {"ok": ok, "said": said, "t": int(time.time()), "base": self._base, "version": self.version}
        if ok:
            news["etag"] = self.etag
        self._storage.write(NEWS_FILE, (json.dumps(news).encode(),))

    def recall(self) -> "dict[str, Any]":
        """Return what was written down the last time."""
        try:
            news = json.loads(self._storage.read(NEWS_FILE) or b"{}")
        except ValueError:
            news = {}
        return news if isinstance(news, dict) else {}


def tell_gateway(path: str) -> None:
    """Let the gateway look at once, where one runs; it would within seconds anyway."""
    import socket
    import struct

    try:
        sock = socket.socket(1, 1)
        sock.settimeout(_CONTROL_S)
        sock.connect(struct.pack("<H", 1) + path.encode() + b"\0")
        sock.send(b'{"type":"list_apply","name":"pull"}\n')
        sock.recv(256)
        sock.close()
    except OSError:
        pass


def read_words(words: "list[str]") -> "tuple[Settings, str]":
    """Return the settings, and where the list is."""
    place = ""
    if len(words) == 4 and words[2] == "--from":
        place = words[3]
        words = words[:2]
    settings = read_config(words)
    if not settings.list_key:
        raise SpamgateError("settings: list_key: no lists are taken; set it to your public key")
    if not (place or settings.list_url):
        raise SpamgateError("settings: list_url: names no place; set it, or give --from PLACE")
    return settings, place or settings.list_url


def pull(puller: Puller) -> int:
    """Fetch, and say how it went; return the exit code."""
    ok = False
    try:
        said = puller.run(puller.recall())
        ok = True
    except RefusedError as error:
        said = "%s; %s" % (error, error.hint) if error.hint else str(error)
    except SpamgateError as error:
        said = str(error)
    except OSError as error:
        said = "the list cannot be written: error %s" % error.errno
    line = {"type": "pull", "ok": ok, "said": said, "version": puller.version, "bytes": puller.fetched_bytes}
    sys.stdout.write(json.dumps(line) + "\n")
    try:
        puller.remember(ok, said)
    except OSError:
        pass  # the line has said it
    return 0 if ok else 1


def main(words: "list[str]") -> int:
    """Run with the words of the command line; return the exit code."""
    try:
        settings, place = read_words(words)
        alone = claim(_CLAIM)
        if not alone:
            raise SpamgateError("a list is being fetched already")
        puller = Puller(settings, place)
    except SpamgateError as error:
        sys.stderr.write("error: %s\n" % error)
        return 2
    try:
        code = pull(puller)
        tell_gateway(settings.control)
        return code
    except KeyboardInterrupt:
        return 1  # the next fetch goes on from here
    except Exception as error:
        print_trace(error)
        return 1
    finally:
        alone.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
