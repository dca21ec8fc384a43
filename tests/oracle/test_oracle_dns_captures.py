"""DNS in the shared captures: our reader against tshark's tables, Zeek's logs and Suricata's checks.

Compared is every field that `decode dns` reports and the other one has.  Where both find a message
unreadable they agree.  What is left is in the tables of exceptions, with the reason and the number.
Of Suricata's checks those on logs that its settings tell to leave kinds of messages out are not made.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import dns.rcode
import dns.rdatatype
import pytest
from dns_in_captures import Seen, read_capture
from shared_data import NOT_THERE, shared_data

DATA = shared_data()

# (capture, reason): messages
TSHARK_EXCEPTIONS = {
    ("pcap_benign/nDPI/KakaoTalk_chat.pcap", "quoted inside ICMP, which is no DNS traffic"): 1,
    ("pcap_dns/nDPI/fuzz-2006-06-26-2594.pcap", "UDP length beyond its IP datagram: no such packet"): 8,
    ("pcap_dns/suricata/dns__dns-forward-pointer__input.pcap", "a name points forward, dnspython refuses"): 1,
}
SURICATA_EXCEPTIONS = {
    ("dns__dns-forward-pointer", "a name points forward, dnspython refuses"): 1,
}


def captures_with(suffix: str) -> list[tuple[Path, Path]]:
    """Return every capture that has such a file beside it, with that file."""
    found = sorted(DATA.rglob("*" + suffix)) if DATA else []
    return [(Path(re.sub(r"\.(tshark_dns\.tsv|zeek/.*|suricata/.*)$", "", str(file))), file) for file in found]


def named(capture: Path) -> str:
    return str(capture.relative_to(DATA))


# --- tshark -----------------------------------------------------------------------------------


def test_tshark_tables() -> None:
    if not DATA:
        pytest.skip(NOT_THERE)
    exceptions: Counter[tuple[str, str]] = Counter()
    compared = 0
    for capture, table in captures_with(".tshark_dns.tsv"):
        rows = read_table(table)
        over_udp = {int(row["frame.number"]): row for row in rows if not row["tcp.srcport"]}
        seen, nothing = read_capture(capture, frozenset(over_udp))
        ours = {message.frame: message for message in seen if message.frame}
        assert set(ours) <= set(over_udp), f"{table}: tshark saw no DNS in some of our frames"
        for frame, row in over_udp.items():
            reason = why_different(row, ours.get(frame), nothing.get(frame))
            assert reason != "not explained", (named(capture), row, ours.get(frame))
            exceptions[named(capture), reason] += reason != ""
        compared += len(over_udp) + compare_streams(rows, seen)
    assert compared == 3933
    assert +exceptions == TSHARK_EXCEPTIONS


def read_table(table: Path) -> list[dict[str, str]]:
    lines = [line.split("\t") for line in table.read_text(errors="replace").split("\n") if line]
    return [dict(zip(lines[0], line, strict=True)) for line in lines[1:]]


def why_different(row: dict[str, str], ours: Seen | None, nothing: str | None) -> str:
    """Return an empty string where both say the same, else the reason why they do not."""
    if ours is None:
        quoted = nothing == "neither TCP nor UDP" and "|" in row["ip.src"]
        refused = "UDP length beyond its IP datagram: no such packet" if nothing == "UDP length refused" else ""
        return "quoted inside ICMP, which is no DNS traffic" if quoted else refused or "not explained"
    if not ours.readable():
        if row["_ws.malformed"] or "<Unknown extended label>" in row["dns.qry.name"]:
            return ""
        forward = ours.fields == {"error": "name loops"}
        return "a name points forward, dnspython refuses" if forward else "not explained"
    return "" if of_tshark(row) == of_ours(ours) else "not explained"


def of_tshark(row: dict[str, str]) -> dict:
    response = row["dns.flags.response"] == "1"
    types = row["dns.qry.type"].split("|")
    return {
        "id": int(row["dns.id"], 16),
        "qname": printable(row["dns.qry.name"].split("|")[0]) or None,
        "qtype": int(types[0]) if types[0] else None,
        "qr": response,
        "opcode": int(row["dns.flags.opcode"]),
        "rcode": int(row["dns.flags.rcode"]) if response else None,
        "answers": int(row["dns.count.answers"]),
        "edns": "41" in row["dns.resp.type"].split("|"),
    }


def of_ours(ours: Seen) -> dict:
    fields = ours.fields
    return {
        "id": ours.id,
        "qname": as_tshark(fields["qname"]),
        "qtype": fields["qtype"],
        "qr": fields["qr"],
        "opcode": fields["opcode"],
        "rcode": fields["rcode"] & 15 if fields["qr"] else None,
        "answers": fields["answers"],
        "edns": fields["edns"] >= 0,
    }


def as_tshark(qname: str | None) -> str | None:
    """Leave out bytes that are not printable ASCII, which tshark shows in several ways, and the last dot."""
    if qname in (None, "."):
        return qname and "<Root>"
    return re.sub(r"\\(.)", r"\1", re.sub(r"\\\d{3}", "", qname[:-1]))


def printable(name: str) -> str:
    """The same for a name from tshark: \\r, \\022 (octal), UTF-8 where the bytes happen to be, else U+FFFD."""
    return name if name == "<Root>" else re.sub(r"\\(\d{3}|[a-z])|[^!-~]", "", name)


def compare_streams(rows: list[dict[str, str]], seen: list[Seen]) -> int:
    """Compare over TCP what each direction carried, message by message; return the number of rows."""
    theirs: dict[tuple, list] = defaultdict(list)
    ours: dict[tuple, list] = defaultdict(list)
    over_tcp = [row for row in rows if row["tcp.srcport"]]
    columns = ("id", "flags.response", "flags.opcode", "flags.rcode", "qry.name", "qry.type", "count.answers")
    for row in over_tcp:
        ends = (row["ip.src"] or row["ipv6.src"], row["ip.dst"] or row["ipv6.dst"])
        count = row["dns.id"].count("|") + 1
        cells = [row["dns." + column].split("|") if row["dns." + column] else [""] * count for column in columns]
        theirs[ends[0], row["tcp.srcport"], ends[1], row["tcp.dstport"]] += zip(*cells, strict=True)
    for message in seen:
        if message.frame == 0:
            one = of_ours(message)
            answers = "" if one["opcode"] == 5 else one["answers"]  # tshark has another name for them there
            rcode = one["rcode"] if one["qr"] else ""
            cells = (f"0x{one['id']:04x}", int(one["qr"]), one["opcode"], rcode, one["qname"], one["qtype"], answers)
            ours[tuple(map(str, message.flow))].append(tuple(map(str, cells)))
    assert ours == theirs
    return len(over_tcp)


# --- Zeek -------------------------------------------------------------------------------------


def test_zeek_logs() -> None:
    """A line joins a question and its answer, where there is one; `rejected` is Zeek's judgement."""
    if not DATA:
        pytest.skip(NOT_THERE)
    logs = [(capture, log) for capture, log in captures_with("dns.log") if capture != log]
    compared = 0
    for capture, log in logs:
        for line in zeek_lines(log):
            flow = (line["id.orig_h"], int(line["id.orig_p"]), line["id.resp_h"], int(line["id.resp_p"]))
            found = [m for m in read_capture(capture)[0] if m.id == int(line["trans_id"]) and m.readable()]
            asked = [m for m in found if m.flow == flow]
            answered = [m for m in found if m.flow == flow[2:] + flow[:2]]
            assert asked + answered, (named(capture), line)
            compare_with_zeek(line, asked, answered)
            compared += 1
    assert (len(logs), compared) == (12, 18)


def zeek_lines(log: Path) -> list[dict[str, str]]:
    lines = log.read_text().splitlines()
    keys = next(line for line in lines if line.startswith("#fields")).split("\t")[1:]
    return [dict(zip(keys, line.split("\t"), strict=True)) for line in lines if not line.startswith("#")]


def compare_with_zeek(line: dict[str, str], asked: list[Seen], answered: list[Seen]) -> None:
    question = (asked + answered)[0].fields
    ours = {
        "query": question["qname"][:-1].lower(),
        "qtype": str(question["qtype"]),
        "qclass": str(question["qclass"]),
        "opcode": str(question["opcode"]),
    }
    theirs = {key: value.lower() if key == "query" else value for key, value in line.items() if value != "-"}
    assert ours == ours | {key: theirs[key] for key in theirs.keys() & ours}
    if line["rcode"] != "-":
        assert line["rcode"] in {str(message.fields["rcode"] & 15) for message in answered}


# --- Suricata ---------------------------------------------------------------------------------

# What `decode dns` does not report; a check that names it is held to its other conditions.
NOT_REPORTED = re.compile(r"dns\.(grouped|flags|version|tx_id|ra$|rd$|z$)|pkt_src|tx_id")
KNOWN = re.compile(
    r"event_type|pcap_cnt|proto|(src|dest)_(ip|port)|dns\.(type|id|opcode|rcode|qr|queries\[\d\].rr(name|type))"
)


def test_suricata_checks() -> None:
    if not DATA:
        pytest.skip(NOT_THERE)
    exceptions: Counter[tuple[str, str]] = Counter()
    checked = 0
    for capture, file in captures_with("test.yaml"):
        for count, match in dns_checks(file):
            events = [event_of(message) for message in read_capture(capture)[0] if message.readable()]
            found = sum(all(event.get(key) == value for key, value in match.items()) for event in events)
            checked += 1
            if found != count:
                forward = "dns.queries[1].rrname" in match
                reason = "a name points forward, dnspython refuses" if forward else f"{found}, not {count}: {match}"
                exceptions[file.parent.name, reason] += 1
    assert exceptions == SURICATA_EXCEPTIONS
    assert checked == 37


def dns_checks(file: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield count and conditions of each check of DNS events for Suricata 8; a small part of YAML will do."""
    for block in re.split(r"\n *- filter:", file.read_text())[1:]:
        head, _, rest = block.partition("match:")
        pairs = re.findall(r"^ +([\w.\[\]]+): +(.*?) *$", rest, re.MULTILINE)
        match = {key: value.strip("\"'") for key, value in pairs}
        told_to_leave_out = "filename:" in head and "all.json" not in head
        if match.get("event_type") == "dns" and "lt-version" not in head and not told_to_leave_out:
            yield int(re.search(r"count: (\d+)", head)[1]), as_version_3(match)


def as_version_3(match: dict[str, str]) -> dict[str, str]:
    """Rename what the older form of the event names otherwise, and drop what we do not report."""
    kept = {}
    swapped = match.get("dns.type") == "answer"  # the older form gives the ends of the question
    for key, value in match.items():
        key = re.sub(r"^dns\.rr(name|type)$", r"dns.queries[0].rr\1", key)
        if key == "dns.type":
            value = {"query": "request", "answer": "response"}.get(value, value)
        elif key.startswith(("src_", "dest_")) and swapped:
            key = key.replace("src", "x").replace("dest", "src").replace("x", "dest")
        if key.startswith("dns.answers"):
            kept["answers"] = "True"
        elif not NOT_REPORTED.match(key):
            assert KNOWN.fullmatch(key), key
            kept[key] = value
    return kept


def event_of(message: Seen) -> dict[str, str]:
    fields = message.fields
    event = {
        "event_type": "dns",
        "proto": "UDP" if message.frame else "TCP",
        "pcap_cnt": str(message.frame),
        "dns.type": "response" if fields["qr"] else "request",
        "dns.id": str(message.id),
        "dns.opcode": str(fields["opcode"]),
        "dns.qr": str(fields["qr"]).lower(),
        "dns.rcode": dns.rcode.to_text(fields["rcode"]),
        "dns.queries[0].rrname": fields["qname"][:-1] if fields["qname"] else "",
        "dns.queries[0].rrtype": dns.rdatatype.to_text(fields["qtype"] or 0),
        "answers": str(fields["answers"] > 0),
    }
    return event | dict(zip(("src_ip", "src_port", "dest_ip", "dest_port"), map(str, message.flow), strict=True))
