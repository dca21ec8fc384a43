"""The bench reports under its fixed keys, and a missing number always has its reason."""

import bench
import pytest

_FIXED_KEYS = """
    replay_pps forward_small_ratio forward_iperf_ratio observe_pps set_change_us
    packet_to_enforced_ms dns_blocked_vs_dnsmasq dns_forwarded_vs_dnsmasq heap_bytes_per_packet
    heap_bytes_per_query list_exact_bytes_per_name list_compact_bytes_per_name list_lookups_per_s
    list_build_s list_device_ram_bytes dnsmasq_bytes_per_name delta_bytes_1pct
    link_efficiency_115200 link_efficiency_921600 link_vs_mpremote
"""


def test_the_keys_are_the_fixed_ones():
    assert set(bench.MEASUREMENTS) == set(_FIXED_KEYS.split())


def test_what_is_measured_says_what_it_is():
    for key, function in bench.MEASUREMENTS.items():
        assert function is bench._later or (function.__name__ == key and function.__doc__), key


def test_what_cannot_be_measured_is_named_with_its_reason():
    def missing():
        raise bench.NotRun("no such machine")

    results, not_run = bench.measure({"replay_pps": lambda: 3, "observe_pps": missing})
    assert results == {"replay_pps": 3}
    assert {key: str(reason) for key, reason in not_run.items()} == {"observe_pps": "no such machine"}


def test_a_failing_program_is_no_measurement_but_a_fault():
    with pytest.raises(bench.Broken, match="failed: oh no"):
        bench._run(["sh", "-c", "echo oh no >&2; exit 2"])
