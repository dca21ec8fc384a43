"""The counters of `replay` against tshark's tables, device by device, in every capture that has one.

tshark lists frames; a frame seen twice or a segment resent is one command to us, and a resent query (same port, id,
name, type) one query.  Devices are compared by their addresses.
"""

import csv
import json
from collections import Counter, defaultdict
from functools import cache
from pathlib import Path

import pytest
from shared_data import NOT_THERE, shared_data

from spamgate_tools.replay import Replay

_DATA = shared_data()

pytestmark = pytest.mark.skipif(_DATA is None, reason=NOT_THERE)

_FIELDS = {
    "HELO": "helo",
    "EHLO": "helo",
    "MAIL": "mail",
    "RCPT": "rcpt",
    "DATA": "data",
    "AUTH": "auth",
    "STAR": "starttls",
}

# Where we and tshark differ, and who is right.
_EXCEPTIONS = {
    "pcap_dns/nDPI/fuzz-2006-06-26-2594.pcap": "a fuzzer changed its address in every other "
    "frame: to us a relay, whose clients are devices of their own; addresses then stand in two lines",
    "pcap_dns/suricata/dns__dns-forward-pointer__input.pcap": "the name's pointer goes forward: "
    "tshark shows it, we and dnspython refuse it (RFC 1035 4.1.4: a prior occurrence)",
}


def _tables(kind: str) -> list[str]:
    if _DATA is None:
        return []
    suffix = f".tshark_{kind}.tsv"
    return sorted(path.relative_to(_DATA).as_posix().removesuffix(suffix) for path in _DATA.rglob(f"*{suffix}"))


csv.field_size_limit(1 << 24)  # one table has a cell with 64,259 names


def _rows(capture: str, kind: str) -> list[dict[str, str]]:
    path = _DATA / f"{capture}.tshark_{kind}.tsv"
    with open(path, encoding="utf-8", errors="replace", newline="") as table:
        return list(csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE))


@cache
def _devices(capture: str) -> list[dict]:
    run = Replay([str(_DATA / capture)], runtime="cpython")
    events = [json.loads(line) for line in run.lines()]
    return [event for event in events if event["type"] == "device"]


def _sender(row: dict[str, str]) -> str:
    return (row["ip.src"] or row["ipv6.src"]).split("|")[0]


def _receiver(row: dict[str, str]) -> str:
    return (row["ip.dst"] or row["ipv6.dst"]).split("|")[0]


def _asked(capture: str) -> dict[str, dict[str, int]]:
    """Return {address: DNS counters} as tshark's table has them."""
    queries: dict[str, set] = defaultdict(set)
    failed: dict[str, set] = defaultdict(set)
    for row in _rows(capture, "dns"):
        port = row["udp.srcport"] or row["tcp.srcport"]
        to_port = row["udp.dstport"] or row["tcp.dstport"]
        if not row["dns.qry.name"] or "|" in row["dns.id"]:
            continue
        question = (row["dns.id"], row["dns.qry.name"].lower(), row["dns.qry.type"])
        if row["dns.flags.response"] == "0" and to_port == "53" and row["dns.flags.opcode"] == "0":
            queries[_sender(row)].add((port, *question))
        elif row["dns.flags.rcode"] == "3" and port == "53":
            failed[_receiver(row)].add((to_port, *question))
    return {
        address: {
            "queries": len(asked),
            "mx": sum(question[3] == "15" for question in asked),
            "mx_names": len({question[2] for question in asked if question[3] == "15"}),
            "nxdomain": len(failed[address] & asked),
        }
        for address, asked in queries.items()
    }


@pytest.mark.parametrize("capture", _tables("dns"))
def test_queries_are_counted_as_tshark_has_them(capture):
    truth = _asked(capture)
    for device in _devices(capture):
        known = [truth[address] for address in device["addresses"] if address in truth]
        if not known:
            continue
        expected = {name: sum(counters[name] for counters in known) for name in device["dns"]}
        if device["dns"] != expected:
            assert capture in _EXCEPTIONS, (device["device"], device["dns"], expected)


def _said(capture: str) -> tuple[dict[str, Counter], dict[str, Counter]]:
    """Return commands and replies on port 25 by the client's address, each sequence number once."""
    commands: dict[str, Counter] = defaultdict(Counter)
    replies: dict[str, Counter] = defaultdict(Counter)
    seen = set()
    for row in _rows(capture, "smtp"):
        key = (row["tcp.stream"], row["tcp.srcport"], row["tcp.seq_raw"])
        if key in seen:
            continue
        seen.add(key)
        if row["tcp.dstport"] == "25":
            for word in row["smtp.req.command"].split("|"):
                if word.upper()[:4] in _FIELDS:
                    commands[_sender(row)][_FIELDS[word.upper()[:4]]] += 1
        elif row["tcp.srcport"] == "25":
            for code in row["smtp.response.code"].split("|"):
                if code:
                    replies[_receiver(row)][code] += 1
    return commands, replies


@pytest.mark.parametrize("capture", _tables("smtp"))
def test_commands_are_at_least_those_tshark_has(capture):
    """tshark shows the first command of a pipelined segment only, so it may have fewer, never more."""
    commands, _ = _said(capture)
    for device in _devices(capture):
        for address in device["addresses"]:
            for field, count in commands[address].items():
                if device["smtp"][field] < count:
                    assert capture in _EXCEPTIONS, (device["device"], field, count, device["smtp"])


def test_the_tables_are_where_they_are_expected():
    assert len(_tables("dns")) > 50
    assert len(_tables("smtp")) > 40
    assert all(Path(_DATA / capture).exists() for capture in _tables("dns") + _tables("smtp"))
