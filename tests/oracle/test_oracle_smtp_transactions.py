"""`decode smtp` on the shared captures: against Zeek's logs and Suricata's checks.

Compared is every field that `decode smtp` reports and the other one has.  Suricata's checks that
need its rules (alerts, packets dropped by them) are not made.
"""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from shared_data import NOT_THERE, shared_data
from smtp_in_captures import read_capture

from spamgate.wire import smtp_verbs
from spamgate.wire.cursor import FormError
from spamgate_tools.decode_smtp import decode_capture

DATA = shared_data()

TUNNEL = "SMTP within HTTP CONNECT on port 8240, which is not ours"
BEFORE_MAIL = "Suricata makes a transaction of a DATA refused before MAIL; ours begin with MAIL, as Zeek's do"

# (capture, reason): lines
ZEEK_EXCEPTIONS = {("http__connect-with-smtp.pcap", TUNNEL): 1}
# (test, reason): checks
SURICATA_EXCEPTIONS = {("smtp-ehlo-reset-after-rejected-data", BEFORE_MAIL): 3}

KEYS = ["client", "server", "helo", "mail_from", "rcpt_to", "last_reply", "accepted", "tls", "auth"]


def decoded(capture: Path) -> list[dict]:
    """Return the transactions of a capture, also of one with a fault at its end."""
    found = []
    try:
        for transaction in decode_capture(capture.read_bytes()):
            found.append(transaction)
    except FormError as fault:
        assert capture.name.startswith("smtp-to-comma"), (capture, fault)
    return found


def test_every_capture_decodes() -> None:
    if not DATA:
        pytest.skip(NOT_THERE)
    counts = Counter()
    for capture in sorted((DATA / "pcap_smtp").rglob("*.pcap*")):
        if capture.suffix in (".pcap", ".pcapng"):
            for transaction in decoded(capture):
                assert list(transaction) == KEYS
                counts["transactions"] += 1
                counts["accepted"] += transaction["accepted"]
                counts["tls"] += transaction["tls"]
                counts["auth"] += transaction["auth"]
    assert counts == {"transactions": 58, "accepted": 37, "tls": 5, "auth": 8}


# --- Zeek -------------------------------------------------------------------------------------


def test_zeek_smtp_logs() -> None:
    if not DATA:
        pytest.skip(NOT_THERE)
    logs = sorted((DATA / "pcap_smtp").rglob("smtp.log"))
    exceptions: Counter[tuple[str, str]] = Counter()
    compared = 0
    for log in logs:
        capture = Path(str(log).split(".zeek/")[0])
        ours = [of_ours(transaction) for transaction in decoded(capture)]
        theirs = [of_zeek(line) for line in zeek_lines(log)]
        if "connect" in capture.name and not ours:
            exceptions[capture.name, TUNNEL] += len(theirs)
            continue
        assert sorted(ours, key=str) == sorted(theirs, key=str)
        compared += len(theirs)
    assert exceptions == ZEEK_EXCEPTIONS
    assert (len(logs), compared) == (9, 10)


def zeek_lines(log: Path) -> list[dict[str, str]]:
    lines = log.read_text().splitlines()
    keys = next(line for line in lines if line.startswith("#fields")).split("\t")[1:]
    return [dict(zip(keys, line.split("\t"), strict=True)) for line in lines if not line.startswith("#")]


def of_zeek(line: dict[str, str]) -> dict:
    assert line["trans_depth"] == "1"
    values = {key: None if value in ("-", "(empty)") else value for key, value in line.items()}
    return {
        "client": line["id.orig_h"],
        "server": line["id.resp_h"],
        "helo": values["helo"],
        "mail_from": values["mailfrom"],
        "rcpt_to": sorted((values["rcptto"] or "").split(",")) if values["rcptto"] else [],
        "last_reply": int(line["last_reply"].split()[0]),
        "tls": line["tls"] == "T",
    }


def of_ours(transaction: dict) -> dict:
    kept = {key: transaction[key] for key in KEYS if key not in ("accepted", "auth")}
    return kept | {"rcpt_to": sorted(kept["rcpt_to"])}


def test_zeek_events() -> None:
    """Zeek's own print-out of requests and replies where chunks are sent."""
    if not DATA:
        pytest.skip(NOT_THERE)
    compared = 0
    for out in sorted((DATA / "pcap_smtp").rglob("*bdat*/**/baseline/out")):
        told = read_capture(Path(str(out).split(".zeek/")[0]))
        (log,) = told.logs.values()
        requests, replies = zeek_events(out)
        assert [line.decode().strip() for _, line in log.lines()] == requests
        if replies:
            names = {0: ">"} | {getattr(smtp_verbs, name): name for name in ("EHLO", "MAIL", "RCPT", "BDAT", "QUIT")}
            assert [(code, names[verb]) for code, verb in log.replies()] == replies
        compared += len(requests) + len(replies)
    assert compared == 40


def zeek_events(out: Path) -> tuple[list[str], list[tuple[int, str]]]:
    """Return request lines, and (code, request) of replies, those of several lines once."""
    requests: list[str] = []
    replies: list[tuple[int, str]] = []
    for line in out.read_text().splitlines():
        cells = line.split(", ")
        if "T" in cells[:3]:
            after = cells.index("T") + 1
            requests.append(" ".join(cells[after:]).strip())
        elif cells[0] == "smtp_reply" and (int(cells[3]), cells[4]) not in replies[-1:]:
            replies.append((int(cells[3]), cells[4]))
    return requests, replies


# --- Suricata ---------------------------------------------------------------------------------

# What `decode smtp` does not report: a check that names it is held to its other conditions.
NOT_REPORTED = re.compile(r"email\.|has-key")
SAME_IN_ALL = re.compile(r"(src|dest)_port|app_proto|pkt_src|pcap_cnt|proto")  # in all events of such a capture
KNOWN = re.compile(r"event_type|(src|dest)_ip|tx_id|smtp\.(helo|mail_from|rcpt_to\[\d\])")


def test_suricata_checks() -> None:
    if not DATA:
        pytest.skip(NOT_THERE)
    exceptions: Counter[tuple[str, str]] = Counter()
    checked = 0
    for file in sorted((DATA / "pcap_smtp").rglob("test.yaml")):
        checks = list(smtp_checks(file))
        if not checks:
            continue
        transactions = decoded(Path(str(file).split(".suricata/")[0]))
        events = suricata_events(transactions)
        for most, least, match, absent in checks:
            found = sum(holds(event, match, absent) for event in events)
            checked += 1
            if not least <= found <= most:
                reason = BEFORE_MAIL if "rejected-data" in file.parent.name and len(transactions) == 1 else str(match)
                exceptions[file.parent.name, reason] += 1
    assert exceptions == SURICATA_EXCEPTIONS
    assert checked == 51


def smtp_checks(file: Path) -> Iterator[tuple[int, int, dict[str, str], list[str]]]:
    """Yield most, least, conditions and keys that must be absent, of the checks of SMTP events for Suricata 8.

    Without its conditions on what is in the message a check may hold for more transactions.
    """
    text = file.read_text()
    if re.search(r"firewall.blocked: [1-9]", text):
        return  # its rules cut the connection
    for block in re.split(r"\n *- (?:filter|stats):", text)[1:]:
        head, found, rest = block.partition("match:")
        if not found:
            continue
        pairs = re.findall(r"^ +([\w.\[\]-]+): +(.*?) *$", rest, re.MULTILINE)
        match = {key: value.strip("\"'") for key, value in pairs}
        absent = re.findall(r"smtp\.[\w.\[\]]+", match.pop("not-has-key", ""))
        count = int(re.search(r"count: (\d+)", head)[1])
        if match.get("event_type") != "smtp" or "lt-version" in head:
            continue
        is_part = any(NOT_REPORTED.match(key) for key in match)
        if count == 0 and is_part:
            continue  # what must not be is something that we do not report
        kept = {key: match[key] for key in match if not NOT_REPORTED.match(key) and not SAME_IN_ALL.fullmatch(key)}
        assert all(KNOWN.fullmatch(key) for key in kept), kept
        yield 99 if is_part else count, count, kept, absent


def suricata_events(transactions: list[dict]) -> list[dict[str, str]]:
    numbers: Counter[tuple[str, str]] = Counter()
    events = []
    for transaction in transactions:
        ends = (transaction["client"], transaction["server"])
        event = {"event_type": "smtp", "tx_id": str(numbers[ends])}
        event |= {"src_ip": ends[0], "dest_ip": ends[1]}
        numbers[ends] += 1
        if transaction["helo"] is not None:
            event["smtp.helo"] = transaction["helo"]
        if transaction["mail_from"] is not None:
            event["smtp.mail_from"] = transaction["mail_from"]
        for place, recipient in enumerate(transaction["rcpt_to"]):
            event[f"smtp.rcpt_to[{place}]"] = recipient
        events.append(event)
    return events


def holds(event: dict[str, str], match: dict[str, str], absent: list[str]) -> bool:
    if any(key in event or f"{key}[0]" in event for key in absent):
        return False
    return all(event.get(key, "").strip("<>") == value.strip("<>") for key, value in match.items())
