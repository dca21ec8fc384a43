"""SMTP in the shared captures: our readers against tshark's tables and the truth of the spambot captures.

The tables of tshark are compared with what a device would be told, command by command and reply by
reply.  tshark takes a segment that it has seen an acknowledgement for, or a command behind another
one, for something else; what is then left is in the table of exceptions, with the reason.
"""

import json
import re
from collections import Counter, defaultdict
from pathlib import Path

import pytest
from shared_data import NOT_THERE, shared_data
from smtp_in_captures import Ends, Told, read_capture

from spamgate.wire import smtp_verbs

DATA = shared_data()
VERBS = {getattr(smtp_verbs, name): name for name in dir(smtp_verbs) if re.fullmatch("[A-Z]+", name)}
NAMES = sorted(set(VERBS.values()) - {"OTHER", "UNKNOWN", "BANNER", "TYPE_CHECKING"})

BEHIND = "tshark does not look behind the end of a message in one segment with it"
FIRST = "tshark names only the first of the commands in a segment"
REFUSED = "tshark takes what follows a refused DATA for a message"
CHUNK = "tshark does not see where a chunk ends"
NO_SIZE = "tshark knows no BDAT without a good size"
LATE = "captured after its acknowledgement: tshark takes it for sent twice and looks no further"
TWO_PARTS = "tshark counts a reply in two segments twice"

# capture: reason, what we have more, what tshark has more
TSHARK_EXCEPTIONS = {
    "chrissanders/mail_receiver_server_3.pcapng": (BEHIND, "QUIT", ""),
    "chrissanders/mail_sender_server_2.pcapng": (BEHIND, "QUIT", ""),
    "suricata/bug-1045__smtpsuricataflowbitsFN.pcap": (BEHIND, "QUIT", ""),
    "suricata/firewall__ruletype-firewall-133-smtp-out-of-order-commands__smtp-out-of-order.pcap": (
        REFUSED,
        "DATA MAIL RCPT",
        "",
    ),
    "suricata/issue-4220-01-ids__1flowB.pcap": (LATE, "250 250", ""),
    "suricata/smtp-bdat-bad-tail-next-mail__input.pcap": (NO_SIZE, "BDAT DATA MAIL RCPT", ""),
    "suricata/smtp-bdat-last-next-mail__input.pcap": (CHUNK, "BDAT QUIT", ""),
    "suricata/smtp-bdat-multichunk-next-mail__input.pcap": (CHUNK, "BDAT BDAT QUIT", ""),
    "suricata/smtp-data-rejected__10.7.29.101_49898-178.63.41.150_25.pcap": (REFUSED, "DATA MAIL RCPT RSET", ""),
    "suricata/smtp-ehlo-reset-after-rejected-data__input.pcap": (REFUSED, "DATA EHLO MAIL RCPT", ""),
    "suricata/smtp-extract-url-schemes__input.pcap": (TWO_PARTS, "", "250"),
    "suricata/smtp-pipelined-rset-data-replies__input.pcap": (FIRST, "DATA RSET", ""),
    "suricata/smtp-to-comma__10.7.29.101_49898-178.63.41.150_25.pcap": (REFUSED, "DATA MAIL RCPT RSET", ""),
    "zeek/smtp__smtp-bdat-cmd-chunk-size-overflow.pcap": (NO_SIZE, "BDAT QUIT", ""),
    "zeek/smtp__smtp-bdat-cmd-chunk-size-overflow2.pcap": (NO_SIZE, "BDAT QUIT", ""),
    "zeek/smtp__smtp-bdat-cmd-negative-chunk-size.pcap": (NO_SIZE, "BDAT QUIT", ""),
}


# --- truth ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["spambot_2010-11-18_part1", "cnc4_2010-04-13_helo_probe"])
def test_the_spambot_captures(name: str) -> None:
    """Each frame of the client is in the capture twice."""
    if not DATA:
        pytest.skip(NOT_THERE)
    folder = DATA / "pcap_spambot"
    truth = json.loads((folder / f"{name}.truth.json").read_text())
    told = read_capture(folder / f"{name}.pcap")
    commands = Counter(VERBS[verb] for log in told.logs.values() for verb in log.commands())
    replies = Counter(str(code) for log in told.logs.values() for code, _ in log.replies())
    recipients = {line for log in told.logs.values() for verb, line in log.lines() if verb == smtp_verbs.RCPT}
    assert told.counts["opened"] == truth["smtp_connect_attempts"]
    assert len(told.servers) == truth["smtp_distinct_destinations"]
    assert {verb: count for verb, count in commands.items() if verb != "OTHER"} == truth["smtp_commands"]
    assert dict(replies) == truth["smtp_replies"]
    assert len(recipients) == truth["distinct_rcpt"]
    assert not told.counts["gap"] and not told.counts["midstream"]


def test_the_spambot_in_more_detail() -> None:
    if not DATA:
        pytest.skip(NOT_THERE)
    told = read_capture(DATA / "pcap_spambot" / "spambot_2010-11-18_part1.pcap")
    by_verb = Counter((code, VERBS[verb]) for log in told.logs.values() for code, verb in log.replies())
    assert by_verb[220, "BANNER"] == 235 and by_verb[354, "DATA"] == 24
    assert sum(log.count("accepted") for log in told.logs.values()) == by_verb[250, "DATA"] == 22
    assert by_verb[250, "HELO"] == 230
    assert by_verb[502, "OTHER"] == 94  # the lines of a message that was sent though DATA was refused


# --- tshark -----------------------------------------------------------------------------------


def test_tshark_tables() -> None:
    if not DATA:
        pytest.skip(NOT_THERE)
    tables = sorted(DATA.rglob("*.tshark_smtp.tsv"))
    exceptions = {}
    compared = 0
    for table in tables:
        capture = Path(str(table).removesuffix(".tshark_smtp.tsv"))
        told = read_capture(capture)
        theirs = read_table(table)
        ours = {ends: flow_of(log) for ends, log in told.logs.items() if log.lines() or log.replies()}
        if "http__connect" in capture.name:
            assert not ours, "SMTP within HTTP CONNECT is not ours"
            continue
        assert set(ours) >= set(theirs), table
        compared += sum(len(flow) for directions in theirs.values() for flow in directions)
        more, less = Counter(), Counter()
        for ends, directions in ours.items():
            for flow, other in zip(directions, theirs.get(ends, ([], [])), strict=True):
                more += Counter(flow) - Counter(other)
                less += Counter(other) - Counter(flow)
                assert is_part_of(flow, other) or is_part_of(other, flow), (table, ends)
        if more or less:
            exceptions[capture.relative_to(DATA / "pcap_smtp").as_posix()] = (words(more), words(less))
    assert (len(tables), compared) == (47, 2382)
    assert exceptions == {capture: tuple(rest) for capture, (_, *rest) in TSHARK_EXCEPTIONS.items()}


def read_table(table: Path) -> dict[Ends, tuple[list[str], list[str]]]:
    """Return commands and replies of each connection; a segment captured twice counts once."""
    rows = [line.split("\t") for line in table.read_text(errors="replace").split("\n") if line]
    flows: dict[Ends, tuple[list[str], list[str]]] = defaultdict(lambda: ([], []))
    seen = set()
    for cells in rows[1:]:
        row = dict(zip(rows[0], cells, strict=True))
        source = (row["ip.src"] or row["ipv6.src"], row["tcp.srcport"])
        to = (row["ip.dst"] or row["ipv6.dst"], row["tcp.dstport"])
        if (source, to, row["tcp.seq_raw"]) in seen or "|" in source[0]:
            continue  # twice, or quoted inside ICMP
        seen.add((source, to, row["tcp.seq_raw"]))
        commands = [whole(verb) for verb in row["smtp.req.command"].split("|")]
        replies = re.findall(r"\d+", row["smtp.response.code"])
        if any(commands):
            flows[ends_of(source, to)][0].extend(verb for verb in commands if verb in NAMES)
        if replies:
            flows[ends_of(to, source)][1].extend(replies)
    return flows


def whole(verb: str) -> str:
    """tshark names the first four letters of a command that has no argument and ends in LF alone."""
    return "STARTTLS" if verb.upper() == "STAR" else verb.upper()


def ends_of(client: tuple[str, str], server: tuple[str, str]) -> Ends:
    return (client[0], int(client[1]), server[0], int(server[1]))


def flow_of(log) -> tuple[list[str], list[str]]:
    commands = [VERBS[verb] for verb in log.commands()]
    return [verb for verb in commands if verb in NAMES], [str(code) for code, _ in log.replies()]


def is_part_of(some: list[str], more: list[str]) -> bool:
    """Are these all among the others, in the same order?"""
    rest = iter(more)
    return all(item in rest for item in some)


def words(items: Counter) -> str:
    return " ".join(sorted(items.elements()))


def test_tshark_arguments() -> None:
    """What follows MAIL, RCPT, HELO and EHLO is the same, byte for byte."""
    if not DATA:
        pytest.skip(NOT_THERE)
    compared = 0
    for table in sorted(DATA.rglob("*.tshark_smtp.tsv")):
        told = read_capture(Path(str(table).removesuffix(".tshark_smtp.tsv")))
        lines = lines_of(told)
        for line in table.read_text(errors="replace").split("\n")[1:]:
            cells = line.split("\t")
            if len(cells) < 12 or cells[10].upper() not in ("MAIL", "RCPT", "HELO", "EHLO"):
                continue
            ends = ends_of((cells[3] or cells[4], cells[5]), (cells[6] or cells[7], cells[8]))
            assert f"{cells[10]} {cells[11]}".strip() in lines[ends], (table, line)
            compared += 1
    assert compared == 804


def lines_of(told: Told) -> dict[Ends, list[str]]:
    return {ends: [line.decode("latin-1").strip() for _, line in log.lines()] for ends, log in told.logs.items()}
