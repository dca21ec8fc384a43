"""The mail gate in lwIP, a C module.  Made from gate_module.c by ci/mailgate_stub.py."""

NORMAL: int
GRANTED: int
THROTTLED: int
QUARANTINED: int
CONFIRMED: int
LATER: int
NEVER: int
SORRY: int
BYE: int
RECORD_HEAD: int

def start(*words: str) -> None:
    """Attach the gate to the home's networks.  On Linux the words are groups: `lan` or `wan`, an interface, its
    networks ("192.168.77.1/24", "fd77:77::1/64"); `via` and the next hops' addresses behind `wan`.  On a board: none.
    ValueError: words that say nothing.  OSError: an interface that is not there, or started before.
    """

def stop() -> None:
    """Detach the gate; what it was told stays."""

def enable(on: bool) -> None:
    """Judge mail and record frames; off: everything passes and nothing is seen."""

def put(key: bytes, state: int, is_settled: bool, ticket: int, lasting_s: int) -> None:
    """Give a device its state: NORMAL to CONFIRMED.  `key` is its MAC (6 bytes), behind a relay followed by its address
    (4 or 16); `ticket` 24 bits for the refusals' text, 0: none; `lasting_s` until the state ends by itself, 0: never.
    OSError(ENOMEM): the table is full.
    """

def remove(key: bytes) -> bool:
    """Forget a device; was it there?"""

def drain(key: bytes, seconds: int) -> None:
    """Let nothing new of a device pass for so long.  OSError(ENOENT): it has no state."""

def past(mac: bytes, server: bytes, has_past: bool) -> None:
    """Let mail of a device to a server (4 or 16 bytes) pass whatever the state, or no longer."""

def end(client: bytes, port: int, server: bytes) -> None:
    """For an hour reset the mail connection from this address and port to this server; both 4 or both 16 bytes."""

def limits(refill_s: int, per_minute: int, burst: int) -> None:
    """A throttled device sends one mail each `refill_s`; any other opens so many mail connections."""

def strict(seconds: int) -> None:
    """Hold back the mail of newcomers for so long; 0: no longer."""

def text(which: int, text: bytes) -> None:
    """What is said in a server's place: LATER, NEVER (banners, in which six `#` stand for the ticket), SORRY (to any
    command) or BYE (to QUIT); it ends with CRLF.  ValueError: too long.
    """

def read_into(buf: bytearray) -> int:
    """Put whole records into `buf`, oldest first; return the bytes put.  Takes no memory.  A record is a head of
    RECORD_HEAD bytes in native byte order (size of all of it u16, direction u8: 0 out, action u8, ms u32, bytes of the
    frame that follow u16, bytes it had u16) and an Ethernet frame, padded to 4.
    """

def counts() -> tuple[int, ...]:
    """Since the start, modulo 2**32: mail frames out and in, records, lost, answered later and never, reset, dropped,
    broken, crowded, unpaced; then packets that lwIP forwarded, received, sent.
    """

class Events:
    """What select.poll takes: readable while records wait."""

    def fileno(self) -> int:
        """A number that no file and no socket has."""
