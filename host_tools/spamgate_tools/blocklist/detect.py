"""Which format a source is in: each of some thousand lines from all over it votes for the formats it fits."""

import re
from collections import Counter
from collections.abc import Iterator

from spamgate_tools.blocklist.formats import FORMATS
from spamgate_tools.errors import UserError

_SAMPLE_LINES = 2000
_HEAD_BYTES = 1 << 16
_PIECES = 64
_PIECE_BYTES = 1 << 12
_LINE_BYTES = 512
_FEW = 20  # one line in so many

_BEFORE_PAGE = rb"\s*(?:<\?xml[^>]{0,200}>\s*)?(?:<!--.{0,500}?-->\s*)?"
_WEB_PAGE = re.compile(_BEFORE_PAGE + rb"<(?:!doctype|html|head|body)\b", re.IGNORECASE | re.DOTALL)
_RECORD = rb"(?:\S+\s+)?(?:\d+\s+)?(?:IN\s+)?(?:CNAME|SOA|NS|A|AAAA|TXT|MX)\s+\S"
_NAME = rb"(?:\*\.|\.|=)?[\w-]+(?:\.[\w-]+)+\.?"
_ADDRESS = rb"(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-f]{0,4}:[0-9a-f:.]*)(?:%\w+)?"
_VOTES = (
    ("unbound", re.compile(rb"local-(?:zone|data)\s*:|server:$")),
    ("dnsmasq", re.compile(rb"(?:--)?(?:address|server|local)\s*=\s*/")),
    ("bind", re.compile(rb'zone\s+"[^"]+"', re.I)),
    ("rpz", re.compile(rb"\$(?:TTL|ORIGIN)\s|" + _RECORD, re.I)),
    ("adblock", re.compile(rb"@@|\|\|?[^|\s]|\S*\^$|[^\s#]*#[@?$%]*#[^\s#]|/.*/$|\S+\$[\w~]+", re.I)),
    ("hosts", re.compile(_ADDRESS + rb"\s+[^\s/#;-]\S*", re.I)),
    ("addresses", re.compile(_ADDRESS + rb"(?:/\d+|\s*-\s*" + _ADDRESS + rb")?\s*(?:[;#].*)?$|\{.*\"cidr\"", re.I)),
    ("plain", re.compile(_NAME + rb"\s*(?:[;#].*)?$", re.I)),
)
_COMMENTS = (b"#", b";", b"!", b"//", b"[")
_HINT = f"name it with --format ({', '.join(FORMATS)})"


def is_web_page(data: bytes) -> bool:
    """Tell a page for people from a list, whatever name or type it came under."""
    return bool(_WEB_PAGE.match(data[:2048]))


def detect(data: bytes) -> str:
    """Return the name of the format; UserError where most lines fit none."""
    head = data[:_HEAD_BYTES].lstrip()
    if head[:1] == b"[" and not head.startswith((b"[Adblock", b"[uBlock", b"[AdGuard")) and _is_json(head):
        return "json"
    votes: Counter[str] = Counter()
    lines = 0
    for line in _sample(data):
        lines += 1
        for name, fits in _VOTES:
            if fits.match(line):
                votes[name] += 1
                break
    return _chosen(votes, lines)


def _is_json(head: bytes) -> bool:
    return bool(re.match(rb"\[\s*(?:\"|\])", head))


def _chosen(votes: Counter[str], lines: int) -> str:
    if votes["plain"] and votes["addresses"]:
        votes["plain"] += votes.pop("addresses")  # a plain list may hold addresses beside its names
    if votes["adblock"] and votes["adblock"] * _FEW >= lines:
        votes["adblock"] += votes["plain"] + votes["hosts"]  # and rules may stand beside names of any kind
    if not votes:
        raise UserError("its format is none that is known" if lines else "holds nothing but comments", _HINT)
    name, count = max(votes.items(), key=lambda item: (item[1], -list(FORMATS).index(item[0])))
    if 2 * count < lines:
        raise UserError(f"its format is not clear: of {lines} lines looked at, {count} could be of {name}", _HINT)
    return name


def _sample(data: bytes) -> Iterator[bytes]:
    """Yield lines that are no comments: the first ones, and some from all over a longer source."""
    pieces = [data[:_HEAD_BYTES]]
    step = max(_PIECE_BYTES, (len(data) - _HEAD_BYTES) // _PIECES)
    for at in range(_HEAD_BYTES, len(data), step):
        pieces.append(data[at : at + _PIECE_BYTES].partition(b"\n")[2].rpartition(b"\n")[0])
    left = _SAMPLE_LINES
    for piece in pieces:
        for line in piece.split(b"\n"):
            line = line[:_LINE_BYTES].strip()
            if line and not line.startswith(_COMMENTS):
                yield line
                left -= 1
            if not left:
                return
