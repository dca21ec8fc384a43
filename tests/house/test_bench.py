"""The bench reports under its fixed keys, and a missing number always has its reason."""

import bench
import flood
import pytest

from spamgate.wire.dns import Message
from spamgate.wire.packet import TCP, UDP, Packet

_LINK_IPV4 = 228
_FIXED_KEYS = """
    replay_pps forward_small_ratio forward_iperf_ratio observe_pps set_change_us
    packet_to_enforced_ms mailgate_forward_ratio dns_blocked_vs_dnsmasq dns_forwarded_vs_dnsmasq heap_bytes_per_packet
    heap_bytes_per_query list_exact_bytes_per_name list_compact_bytes_per_name list_lookups_per_s
    list_build_s list_device_ram_bytes dnsmasq_bytes_per_name delta_bytes_1pct
    link_efficiency_115200 link_efficiency_921600 link_vs_mpremote engine_event_us_1 engine_event_us_10
    engine_event_us_100 engine_event_us_1000 engine_bytes_per_device
"""


def test_the_keys_are_the_fixed_ones():
    assert set(bench.MEASUREMENTS) == set(_FIXED_KEYS.split())


def test_what_is_measured_says_what_it_is():
    for key, function in bench.MEASUREMENTS.items():
        assert function.__name__ == key and function.__doc__, key


def test_what_cannot_be_measured_is_named_with_its_reason():
    def missing():
        raise bench.NotRun("no such machine")

    results, not_run = bench.measure({"replay_pps": lambda: 3, "observe_pps": missing})
    assert results == {"replay_pps": 3}
    assert {key: str(reason) for key, reason in not_run.items()} == {"observe_pps": "no such machine"}


def test_a_failing_program_is_no_measurement_but_a_fault():
    with pytest.raises(bench.Broken, match="failed: oh no"):
        bench._run(["sh", "-c", "echo oh no >&2; exit 2"])


def test_what_a_router_is_loaded_with_is_what_devices_send():
    """DNS queries, all different, and one packet in ten a segment to port 25; sums are right."""
    packet, message = Packet(), Message()
    asked, mailed = set(), 0
    for data in flood.mix("192.168.77.10"):
        protocol = packet.read(_LINK_IPV4, data, 0, len(data))
        assert flood._checksum(data[:20]) == 0
        if protocol == UDP and packet.dst_port == 53:
            message.read(data, packet.payload_at, packet.payload_end)
            asked.add((packet.src_port, message.id, message.name_text(message.qname_at), message.qtype))
        else:
            assert (protocol, packet.dst_port) == (TCP, 25)
            assert flood._checksum(data[12:20] + b"\0\6" + (len(data) - 20).to_bytes(2, "big") + data[20:]) == 0
            mailed += 1
    assert (len(asked), mailed) == (8000, 889)
