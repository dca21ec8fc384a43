"""Random sources in every format: a clear refusal, or entries that a list can hold; never a crash, whatever comes."""

import gzip

from hypothesis import given
from hypothesis import strategies as st

from spamgate_tools.blocklist.detect import detect
from spamgate_tools.blocklist.entry import KINDS
from spamgate_tools.blocklist.fetch import unpacked
from spamgate_tools.blocklist.formats import FORMATS
from spamgate_tools.blocklist.intake import Intake
from spamgate_tools.blocklist.names import NoName, dotted, wire_name
from spamgate_tools.blocklist.source import read_source
from spamgate_tools.errors import UserError

WORDS = [
    *(b"||", b"@@", b"^", b"$", b"important", b"badfilter", b"*.", b".", b"/", b"#", b"##", b"!", b"[", b"]", b"="),
    *(b",", b"0.0.0.0 ", b"::", b"1.2.3.4", b"5.6.7.0/24", b"-", b" ; SBL1", b'{"cidr":"', b'"}', b"\n", b"\r\n", b" "),
    *(b"\t",),
    *(b'local-zone: "', b'" static', b"local-data: ", b"address=/", b"server=/", b'zone "', b'" {type master;};'),
    *(b"$ORIGIN ", b"$TTL 1\n", b"@ SOA a. b. (1 2 3 4 5)\n", b" CNAME ", b"*", b"rpz-passthru.", b"(", b")", b"\\"),
    *(b"a.example", b"b.a.example", b"\xc3\xbc.example", b"xn--", b"\xff", b"\0", b"/*", b"*/", b"<html>", b'"'),
]
TEXTS = st.lists(st.sampled_from(WORDS) | st.binary(max_size=6), max_size=60).map(b"".join)


@given(TEXTS, st.sampled_from(sorted(FORMATS)), st.sampled_from(("auto", "exact", "domain")))
def test_readers_take_names_or_say_why_not(data: bytes, format: str, rpz: str) -> None:
    intake = Intake(data, rpz=rpz)
    try:
        FORMATS[format].read(intake)
    except UserError as refused:
        assert refused.hint
        return
    for names in (intake.entries.blocked, intake.entries.allowed):
        for name in (name for kind in KINDS for name in names[kind]):
            assert 1 < len(name) <= 254
            assert wire_name(dotted(name).encode()) == name
    for packed, length in intake.entries.networks:
        assert 0 <= int.from_bytes(packed, "big") % (1 << (8 * len(packed) - length)) == 0
    for skipped in intake.skipped.values():
        assert 1 <= len(skipped.examples) <= min(3, skipped.count)
        assert all(number >= 0 and text.isprintable() for number, text in skipped.examples)


@given(TEXTS | TEXTS.map(gzip.compress) | TEXTS.map(lambda text: b"\x1f\x8b\x08\0" + text))
def test_sources_are_read_or_refused(tmp_path_factory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzzed"
    path.write_bytes(data)
    try:
        report = read_source(str(path))
    except UserError as refused:
        assert refused.text.startswith(str(path)) and refused.hint and "\n" not in refused.text
        return
    assert report.taken and report.format == detect(_text(data, str(path))) or report.format == "plain"
    assert all(line.isprintable() for line in report.as_lines())


def _text(data: bytes, where: str) -> bytes:
    data = unpacked(where, data, 1 << 20)
    return data if b"\n" in data else data.replace(b"\r", b"\n")


@given(st.binary(max_size=300) | st.text(max_size=100).map(str.encode))
def test_a_name_is_one_or_none(text: bytes) -> None:
    try:
        name = wire_name(text)
    except NoName as error:
        assert error.reason
        return
    assert wire_name(dotted(name).encode() + b".") == name
