"""The guard under bytes out of thin air: no exception, no growth, and every answer is one that a resolver may give."""

import dns.exception
import dns.flags
import dns.message
import dns.rcode
from fakes.dns import DEVICE, RESOLVER, Scene, Settings, answer, opt, query
from hypothesis import example, given
from hypothesis import strategies as st

from spamgate.service.dns_query import Query
from spamgate.service.dns_rules import NameList, Rules
from spamgate.wire.dns_answer import cut, is_answer, question_end

PLAIN = query("www.Bad.example")
RICH = query("www.bad.example", 28, flags=b"\1\x10", additional=opt(4096, 0x80, b"\0\x0a\0\x08abcdefgh"))
OTHER = query("good.example")
WHOLE = [PLAIN, RICH, OTHER, answer(OTHER), answer(RICH)]

# A change puts a byte somewhere, cuts the end off, or makes room for one byte more.
CHANGES = st.lists(
    st.tuples(st.sampled_from(["put", "cut", "insert"]), st.integers(0, 120), st.integers(0, 255)), max_size=4
)


def changed(data: bytes, changes: list[tuple[str, int, int]]) -> bytes:
    wire = bytearray(data)
    for how, at, byte in changes:
        at %= len(wire) + 1
        if how == "put":
            wire[at : at + 1] = bytes([byte])
        elif how == "insert":
            wire[at:at] = bytes([byte])
        else:
            del wire[at:]
    return bytes(wire)


MESSAGES = st.one_of(st.builds(changed, st.sampled_from(WHOLE), CHANGES), st.binary(max_size=600))
SETTINGS = st.fixed_dictionaries(
    {
        "guard_answer": st.sampled_from(["nxdomain", "zero"]),
        "guard_allow": st.sampled_from([[], ["ok.bad.example"]]),
        "guard_canary": st.booleans(),
        "monitor_only": st.booleans(),
    }
)


@given(MESSAGES)
@example(PLAIN)
@example(RICH)
@example(PLAIN[:12] + b"\3a\0b\0\0\1\0\1")
@example(PLAIN[:12] + b"\x3f" + b"a" * 63 + b"\x3f" * 192 + b"\0\0\1\0\1")
def test_the_question_ends_where_dnspython_says(wire: bytes) -> None:
    end = question_end(wire)
    assert -4 <= end <= min(len(wire), 271)
    if end > 0:
        message = dns.message.from_wire(wire[:end], question_only=True, ignore_trailing=True)
        assert len(message.question) == 1 and message.opcode() == 0 and not message.flags & dns.flags.QR
        assert len(message.question[0].name.to_wire()) + 16 == end


@given(MESSAGES, SETTINGS)
@example(RICH, {"guard_answer": "zero"})
@example(RICH + b"\0", {"guard_answer": "nxdomain"})
def test_what_rules_answer_is_a_message_for_that_query(wire: bytes, settings: dict) -> None:
    asked = Query(None)
    asked.datagram = (wire, b"")
    lent = Rules(Settings(**settings)).judge(asked)
    if not lent:
        return
    said = bytes(lent)
    assert len(said) <= 512 and said[:2] == wire[:2] and len(said) <= len(wire) + 50
    message = dns.message.from_wire(said)
    assert message.flags & dns.flags.QR and not message.flags & (dns.flags.AA | dns.flags.TC | dns.flags.AD)
    assert message.flags & dns.flags.RD == wire[2] << 8 & dns.flags.RD
    if message.rcode() in (dns.rcode.NXDOMAIN, dns.rcode.NOERROR):
        assert said[12 : asked.end] == wire[12 : asked.end]
        assert message.edns < 0 or has_opt(wire)
    else:
        assert message.rcode() in (dns.rcode.FORMERR, dns.rcode.NOTIMP) and len(said) == 12


def has_opt(wire: bytes) -> bool:
    """Is there an OPT record, if with options that are none?"""
    try:
        return dns.message.from_wire(wire, ignore_trailing=True).edns >= 0
    except dns.exception.DNSException:
        return b"\0\0\x29" in wire


@given(MESSAGES, MESSAGES)
@example(answer(OTHER), OTHER)
def test_no_two_messages_match_by_accident(reply: bytes, asked: bytes) -> None:
    end = question_end(asked)
    if end > 0 and len(reply) >= 12 and is_answer(reply, asked, end):
        assert reply[2] & 0x80
        assert reply[12:end] == asked[12:end] or (reply[4:8] == bytes(4) and reply[3] & 15)
        shorter = dns.message.from_wire(cut(asked[:2] + reply[2:4] + asked[4:], end), question_only=True)
        assert shorter.flags & dns.flags.TC


@given(st.binary(max_size=300))
@example(b"\0" * 300)
@example(b"\1a" * 150)
def test_lists_take_any_bytes_for_a_name(name: bytes) -> None:
    NameList(["a", "bad.example", "x.y.z"]).listed(name)


@given(st.lists(st.tuples(st.sampled_from(["ask", "answer", "wait", "forge"]), MESSAGES), max_size=40))
def test_datagrams_from_both_sides_leave_nothing_behind(events: list[tuple[str, bytes]]) -> None:
    scene = Scene(guard_upstreams=["198.51.100.53", "198.51.100.54"])
    device = scene.device()
    asked = 0
    for how, data in events:
        if how == "ask":
            scene.send(device, data)
            asked += 1
        elif how == "wait":
            scene.wait(100 * (len(data) % 20))
        elif scene.resolver.queue:
            passed, sender = scene.passed()
            scene.resolver.sendto(passed[:2] + data[2:] if how == "answer" else data, sender)
            scene.loop.spin()
    scene.wait(12000)
    assert len(device.queue) <= asked
    assert all(data[2] & 0x80 for data, _ in device.queue)
    assert scene.guard._forwarder._pending.count == 0
    assert scene.net.open_count() == 4  # UDP and TCP of the guard, the device, the resolver


FRAMED = MESSAGES.map(lambda message: len(message).to_bytes(2, "big") + message)


@given(st.lists(st.tuples(st.booleans(), st.one_of(st.binary(max_size=40), FRAMED)), max_size=30))
def test_streams_from_both_sides_leave_nothing_behind(events: list[tuple[bool, bytes]]) -> None:
    scene = Scene()
    resolver = scene.net.listen(RESOLVER, 53)
    client = scene.net.connect(8053, DEVICE)
    scene.loop.spin()
    servers = []
    for from_client, data in events:
        accepted = scene.net.accept(resolver)
        servers += [accepted[0]] if accepted else []
        speaker = client if from_client else servers[-1] if servers else None
        if speaker is None:
            continue
        try:
            speaker.send(data)
        except OSError:
            continue
        scene.loop.spin()
        for session in scene.guard._tcp._sessions:
            assert len(session._asked) <= 1100 and len(session._later) <= 4096
            assert session._relay is None or len(session._relay.waiting) <= 8
    client.close()
    scene.wait(15000)
    assert scene.guard._tcp._sessions == []
    assert len(scene.loop.handlers) == 2  # who listens on UDP and TCP
