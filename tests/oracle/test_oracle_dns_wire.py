"""Every message of the wire corpora against what dnspython made of it (`dns_wire/*/oracle_dnspython.jsonl`).

The recorded verdicts are those of `from_wire(ignore_trailing=True)`: 20 messages that end before
their last byte are good.
"""

import json
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from shared_data import NOT_THERE, shared_data

from spamgate.core.hashing import hash_lower
from spamgate.wire.cursor import FormError
from spamgate.wire.dns import Message
from spamgate.wire.dns_names import NameReader
from spamgate.wire.dns_strict import read_all, read_questions
from spamgate_tools.decode_dns import decode_lines

DATA = shared_data()
CORPORA = {"unbound_test_packets": 19_691, "bind9_fuzz_dns_message_parse": 150}

# `answers` counts records, dnspython's figure distinct rdata.  (corpus, reason): messages where they differ.
ANSWERS_DIFFER = {
    ("bind9_fuzz_dns_message_parse", "the same record twice"): 5,
    ("unbound_test_packets", "prerequisite of an UPDATE that has no rdata"): 27,
}

Case = tuple[dict, bytes]


@pytest.fixture(scope="module", params=sorted(CORPORA))
def corpus(request: pytest.FixtureRequest) -> tuple[str, list[Case]]:
    folder = DATA and DATA / "dns_wire" / request.param
    if not folder or not folder.is_dir():
        pytest.skip(NOT_THERE)
    return request.param, list(cases(folder))


def cases(folder: Path) -> Iterator[Case]:
    """Yield each recorded verdict with its message."""
    texts: dict[str, list[str]] = {}
    for row in (folder / "oracle_dnspython.jsonl").read_text().splitlines():
        verdict = json.loads(row)
        file = folder / verdict["file"]
        if file.suffix == ".pkt":
            yield verdict, file.read_bytes()
            continue
        if file.name not in texts:
            texts[file.name] = file.read_text().splitlines()
        wire = bytes.fromhex(hex_at(texts[file.name], verdict))
        assert len(wire) == verdict["len"], verdict
        yield verdict, wire


def hex_at(lines: list[str], verdict: dict) -> str:
    """One packet a line in .1 and .3, a block of lines up to the next `;--` in the others."""
    at = verdict["line"]
    if verdict["file"].startswith(("test_packets.1", "test_packets.3")):
        return lines[at - 1]
    at += lines[at].startswith(";-- ")
    block = []
    while at < len(lines) and not lines[at].startswith(";-- "):
        block.append(lines[at].partition(";")[0])
        at += 1
    return "".join("".join(block).split())


def accepts(read, message: Message, wire: bytes) -> bool:
    try:
        read(message, wire, 0, len(wire))
    except FormError:
        return False
    return True


def test_both_accept_or_both_reject(corpus: tuple[str, list[Case]]) -> None:
    name, all_cases = corpus
    assert len(all_cases) == CORPORA[name]
    message = Message()
    for verdict, wire in all_cases:
        assert accepts(read_all, message, wire) == verdict["ok"], verdict
        question_ok = verdict["ok"] or verdict["question_ok"]
        assert accepts(read_questions, message, wire) == question_ok, verdict


def test_decode_agrees_on_every_field(corpus: tuple[str, list[Case]]) -> None:
    name, all_cases = corpus
    decoded = decode_lines(wire.hex() for _, wire in all_cases)
    differing: Counter[tuple[str, str]] = Counter()
    for (verdict, wire), ours in zip(all_cases, decoded, strict=True):
        if not verdict["ok"] and not verdict["question_ok"]:
            assert list(ours) == ["error"], verdict
            continue
        assert "error" not in ours, (verdict, ours)
        same = ["qname", "qtype"] + ["qr", "opcode", "rcode", "edns"] * verdict["ok"]
        assert {key: ours[key] for key in same} == {key: verdict[key] for key in same}, verdict
        if verdict["ok"] and ours["answers"] != verdict["an"]:
            differing[name, why_answers_differ(verdict, wire)] += 1
    assert differing == {key: count for key, count in ANSWERS_DIFFER.items() if key[0] == name}


def why_answers_differ(verdict: dict, wire: bytes) -> str:
    message = Message()
    message.read(wire, 0, len(wire))
    rdata = []
    while message.next_record() and message.section == 1:
        rdata.append((message.name_text(message.name_at), message.rtype, wire[message.rdata_at : message.rdata_end]))
    if sum(1 for _, _, data in rdata if data) == verdict["an"]:
        return "prerequisite of an UPDATE that has no rdata"
    return "the same record twice" if len(set(rdata)) == verdict["an"] else "not explained"


def test_memory_does_not_grow(corpus: tuple[str, list[Case]]) -> None:
    _, all_cases = corpus
    lines = [wire.hex() for _, wire in all_cases]

    def decode_all() -> None:
        for _ in decode_lines(lines):
            pass

    decode_all()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        decode_all()
        assert tracemalloc.get_traced_memory()[0] - before < 4096
    finally:
        tracemalloc.stop()


# --- registrable domains ----------------------------------------------------------------------

# Of 399 hosts that real MX records name; etu.asn.au is below one of Australia's rarer second levels.
WRONG_DOMAINS = {"mail.etu.asn.au"}


def test_registrable_domains_of_mail_hosts_are_those_of_the_public_suffix_list() -> None:
    folder = DATA and DATA / "legit"
    if not folder or not folder.is_dir():
        pytest.skip(NOT_THERE)
    rules = suffix_rules((folder / "public_suffix_list_20230209.dat").read_text(encoding="utf-8"))
    rows = (folder / "mx_answers_from_spambot_2010-11-18_part1.tsv").read_text().splitlines()[1:]
    hosts = {row.split("\t")[2].lower() for row in rows}
    hosts = {host for host in hosts if not host.replace(".", "").isdigit()}
    assert len(hosts) == 399
    assert {host for host in hosts if our_domain(host) != hash_of(true_domain(host, rules))} == WRONG_DOMAINS


def suffix_rules(text: str) -> set[str]:
    """Return the rules of the public registries, without those of companies."""
    lines = text.partition("===BEGIN PRIVATE")[0].splitlines()
    return {line.strip() for line in lines if line.strip() and not line.startswith("//")}


def true_domain(host: str, rules: set[str]) -> str:
    """Apply the list as publicsuffix.org says: the longest rule that matches, and one label more."""
    labels = host.split(".")
    for at in range(len(labels)):
        rest = ".".join(labels[at:])
        if "!" + rest in rules:
            return rest
        if rest in rules or ".".join(["*", *labels[at + 1 :]]) in rules:
            return ".".join(labels[max(0, at - 1) :])
    return ".".join(labels[-2:])


def our_domain(host: str) -> int:
    wire = b"".join(bytes([len(label)]) + label.encode() for label in host.split(".")) + b"\0"
    return NameReader().begin(wire, 0, len(wire), 0).domain_hash()


def hash_of(text: str) -> int:
    return hash_lower(text.encode(), 0, len(text))
