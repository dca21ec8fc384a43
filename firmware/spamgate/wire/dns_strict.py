"""Every rule of a DNS message that `dns.Message` leaves unchecked, for tools and tests.

The measure is dnspython's `from_wire(ignore_trailing=True)`: what it rejects is rejected here.
Left out are rules about values inside rdata (a DS digest's length, an SVCB parameter, an EDNS
client subnet) and the forms of HIP, APL, IPSECKEY, AMTRELAY and other types that no home sees;
a signed message is rejected, as there is no key to check it with.
"""

from spamgate.core.compat import const
from spamgate.wire.cursor import Cursor, FormError
from spamgate.wire.dns import Message
from spamgate.wire.dns_names import NameReader

_UPDATE = const(5)  # opcode, RFC 2136
_SOA = const(6)
_OPT = const(41)
_TSIG = const(250)
_CLASS_IN = const(1)
_CLASS_CH = const(3)
_CLASS_NONE = const(254)
_CLASS_ANY = const(255)
_ANSWER = const(1)
_ADDITIONAL = const(3)

# What an rdata consists of, in order: 1-8 so many bytes, N a name, n a name without pointers,
# s a string, S strings to the end, L bytes counted by 16 bits, b type bitmaps, o options or
# parameters (code, length, value), * the rest, + the rest but not nothing.
_FORMS = {
    2: "N", 5: "N", 12: "N", 39: "n",  # NS CNAME PTR DNAME
    6: "NN884", 17: "NN",  # SOA RP
    15: "2N", 18: "2N", 21: "2N", 107: "2n",  # MX AFSDB RT LP
    13: "ss", 19: "s", 27: "sss",  # HINFO X25 GPOS
    16: "S", 99: "S", 56: "S", 258: "S", 261: "S", 262: "S",  # TXT SPF NINFO AVC RESINFO WALLET
    24: "882N*", 46: "882n*",  # SIG RRSIG
    25: "4*", 48: "4*", 60: "4*", 43: "4*", 59: "4*", 32769: "4*",  # KEY DNSKEY CDNSKEY DS CDS DLV
    47: "nb", 50: "4ssb", 51: "4s", 62: "6b",  # NSEC NSEC3 NSEC3PARAM CSYNC
    37: "5*", 44: "2*", 52: "3*", 53: "3*", 63: "6*",  # CERT SSHFP TLSA SMIMEA ZONEMD
    29: "88", 105: "24", 104: "28", 106: "28",  # LOC L32 NID L64
    108: "6", 109: "8", 256: "4+", 257: "1s*",  # EUI48 EUI64 URI CAA
    41: "o", 249: "n84LL",  # OPT TKEY
}  # fmt: skip
_FORMS_IN = {
    1: "4", 28: "88", 33: "6N", 35: "4sssN",  # A AAAA SRV NAPTR
    36: "2n", 26: "2nn", 23: "n", 11: "5*", 64: "2no", 65: "2no",  # KX PX NSAP-PTR WKS SVCB HTTPS
}  # fmt: skip
_FORMS_CH = {1: "n2"}


def read_questions(message: Message, buf: "bytes | bytearray", start: int, end: int) -> None:
    """Read header and all questions; FormError where dnspython rejects the question section."""
    message.read(buf, start, end)
    message.skip_questions()
    if message.opcode == _UPDATE and message.qd_count:
        # The question section names one zone (RFC 2136 2.3).
        if message.qd_count > 1 or message.qtype != _SOA or message.qclass in (_CLASS_NONE, _CLASS_ANY):
            raise FormError("no zone to update")


def read_all(message: Message, buf: "bytes | bytearray", start: int, end: int) -> None:
    """Read the whole message; afterwards `rcode` and `edns` are final.  Bytes behind it are ignored."""
    read_questions(message, buf, start, end)
    message.read(buf, start, end)  # once more: records are walked from the first question on
    rdata = _RdataReader(message)
    names = message.names
    options = 0
    while message.next_record():
        root = not names.begin(buf, start, end, message.name_at).next_label()
        names.begin(buf, start, end, message.name_at).skip()
        if message.rtype == _TSIG:
            raise FormError("signed, and there is no key")
        if message.rtype == _OPT:
            options += 1
            if not root or options > 1 or message.section != _ADDITIONAL:
                raise FormError("misplaced OPT record")
            rdata.check(message.rclass)
        elif message.opcode == _UPDATE:
            _check_update(message, rdata)
        else:
            rdata.check(message.rclass)


def _check_update(message: Message, rdata: "_RdataReader") -> None:
    """Check a record of an UPDATE: with class ANY or NONE it may ask or delete (RFC 2136 2.4, 2.5)."""
    if message.qname_at < 0:
        raise FormError("no zone to update")
    rclass = message.rclass
    if rclass not in (_CLASS_NONE, _CLASS_ANY):
        rdata.check(rclass)
    elif rclass == _CLASS_NONE and message.section != _ANSWER:
        rdata.check(message.qclass)
    elif message.rdata_end > message.rdata_at:
        raise FormError("rdata where none belongs")


class _RdataReader:
    """Checks the rdata of the message's current record against its type's form."""

    def __init__(self, message: Message) -> None:
        self._message = message
        self._names = NameReader()
        self._cursor = Cursor()

    def check(self, rclass: int) -> None:
        """Raise FormError unless the rdata has the form of its type in class `rclass`."""
        message = self._message
        form = _FORMS.get(message.rtype)
        if form is None and rclass == _CLASS_IN:
            form = _FORMS_IN.get(message.rtype)
        elif form is None and rclass == _CLASS_CH:
            form = _FORMS_CH.get(message.rtype)
        if form is None:
            return
        cursor = self._cursor.over(message.buf, message.rdata_at, message.rdata_end)
        for part in form:
            self._take(part)
        if cursor.left():
            raise FormError("rdata too long")

    def _take(self, part: str) -> None:
        cursor = self._cursor
        if part in "12345678":
            cursor.take(int(part))
        elif part in "Nn":
            self._take_name(part == "N")
        elif part == "s":
            cursor.take(cursor.u8())
        elif part == "L":
            cursor.take(cursor.u16())
        elif part in "*+":
            cursor.take(cursor.left() or (part == "+"))
        else:
            self._take_many(part)

    def _take_name(self, pointers: bool) -> None:
        message = self._message
        names = self._names.begin(message.buf, message.start, message.rdata_end, self._cursor.at)
        self._cursor.take(names.skip() - self._cursor.at)
        if names.pointers and not pointers:
            raise FormError("pointer where none belongs")

    def _take_many(self, part: str) -> None:
        cursor = self._cursor
        if part == "S" and not cursor.left():
            raise FormError("no string")
        window = -1
        while cursor.left():
            if part == "S":
                cursor.take(cursor.u8())
            elif part == "o":
                cursor.take(2)
                cursor.take(cursor.u16())
            else:
                window = self._take_window(window)

    def _take_window(self, before: int) -> int:
        """Take one window of a type bitmap (RFC 4034 4.1.2) and return its number."""
        cursor = self._cursor
        window = cursor.u8()
        size = cursor.u8()
        last = cursor.take(size) + size - 1
        if window <= before or not 0 < size <= 32 or cursor.buf[last] == 0:
            raise FormError("bad type bitmap")
        return window
