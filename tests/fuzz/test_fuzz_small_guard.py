"""The guard of boards under bytes out of thin air: no exception, nothing left behind, and every answer is a message."""

import dns.exception
import dns.message
from fakes.dns import DEVICE, RESOLVER, answer, opt, query
from fakes.small_dns import SmallScene
from fuzz.test_fuzz_guard import FRAMED, MESSAGES
from hypothesis import example, given
from hypothesis import strategies as st

VERDICTS = st.sampled_from([0, 1, 2])
RICH = answer(query("mx.example", additional=opt()), records=3)


@given(st.lists(st.tuples(st.sampled_from(["ask", "answer", "wait", "forge"]), MESSAGES, VERDICTS), max_size=40))
def test_datagrams_from_both_sides_leave_nothing_behind(events: list[tuple[str, bytes, int]]) -> None:
    scene = SmallScene(guard_upstreams=["198.51.100.53", "198.51.100.54"])
    device = scene.device()
    asked = 0
    for how, data, verdict in events:
        scene.policy.verdict = verdict
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
    places = scene.guard.places
    assert len(device.queue) <= asked
    assert all(data[2] & 0x80 for data, _ in device.queue)
    assert (places.count, set(places.ids), set(places.devices), set(places.ports)) == (0, {-1}, {0}, {None})
    assert scene.net.open_count() == 4  # UDP and TCP of the guard, the device, the resolver


@given(st.binary(max_size=400), st.integers(12, 400))
@example(RICH, len(RICH))
def test_what_is_left_of_a_stripped_message_is_one_without_additional_records(data: bytes, size: int) -> None:
    scene = SmallScene()
    for wire in (data[:size], (RICH[:12] + data)[:size], RICH[:size] + data):
        buf = bytearray(wire)
        left = scene.guard.strip(buf, len(buf))
        assert 0 <= left <= len(wire)
        if not left:
            continue
        assert buf[:10] == wire[:10] and buf[10:12] <= b"\0\1"
        try:
            message = dns.message.from_wire(bytes(buf[:left]), ignore_trailing=True)
        except dns.exception.DNSException:
            continue  # rdata that breaks a rule of its type, which is for the asker to say
        assert not message.additional


@given(st.lists(st.tuples(st.booleans(), st.one_of(st.binary(max_size=40), FRAMED), VERDICTS), max_size=30))
def test_streams_from_both_sides_leave_nothing_behind(events: list[tuple[bool, bytes, int]]) -> None:
    scene = SmallScene()
    resolver = scene.net.listen(RESOLVER, 53)
    client = scene.net.connect(8053, DEVICE)
    scene.loop.spin()
    servers = []
    for is_answer, data, verdict in events:
        scene.policy.verdict = verdict
        while resolver.queue:
            servers.append(resolver.queue.pop(0)[0])
        to = servers[-1] if is_answer and servers else client
        try:
            to.send(data)
        except OSError:
            pass
        scene.loop.spin()
        assert all(len(session._client.unsent) < 2048 for session in scene.guard._tcp.clients)
    scene.wait(40000)
    assert scene.guard._tcp.clients == []
    assert len(scene.loop.handlers) == 2  # UDP and TCP of the guard
