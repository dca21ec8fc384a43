"""Full disks, damaged files, interfaces that go and come back, other programs' hands on the table: what it says then,
and that it goes on.
"""

import os
import re
import shutil
import time
import zlib

import pytest
from e2e.life import MX, MX6, NORTH, Home, fill, small_disk, soon
from e2e.mail_home import require

from spamgate_tools.lab.accounts import RESOLVER4, RESOLVER6
from spamgate_tools.lab.network import LAN

NO_SPACE = "error 28"  # ENOSPC
NO_SETS = r"the kernel refused \d+ changes of sets \(error 2\)"
NFT = shutil.which("nft") or ""
PAGE_BYTES = 4096
NOTICED_S = 3.0  # that the table is not ours any more
LOOKED_S = 8.0  # that interfaces have changed


@pytest.fixture
def home():
    require()
    with Home("trouble", ["bot", "laptop", "server"]) as home:
        yield home


def complaints(home):
    return [event["text"] for event in home.log("error")]


def complaints_of_the_table(home):
    """Return the complaints but for those of sets that were about to change while there was no table (ENOENT)."""
    return [text for text in complaints(home) if not re.fullmatch(NO_SETS, text)]


# --- disks and files ------------------------------------------------------------------------------


def test_a_disk_full_from_the_start_costs_what_is_saved_and_nothing_else(home):
    folder = home.net.router.folder / "state"
    folder.mkdir()
    with small_disk(folder, 64):
        fill(folder)
        home.start_router()
        home.throttle("bot")
        assert home.says("bot", MX[9]) == home.says("bot", MX6[9]) == "421"
        assert home.do("bot", "ask", home.net.gateway(LAN), NORTH.name)["rcode"] == 0
        assert home.mail_around("laptop", 1) == ["250"]
        soon(lambda: len(complaints(home)) == 2, "two complaints", home)
        assert sorted(text.split(":")[0] for text in complaints(home)) == ["state", "trace"]
        assert all(NO_SPACE in text for text in complaints(home))
        assert home.ask("trace", time=int(time.time()), port=1)[0].fields["device"] is None
        home.kill()


def test_a_disk_that_fills_up_is_written_to_again_once_there_is_room(home):
    folder = home.net.router.folder / "state"
    folder.mkdir()
    with small_disk(folder, 256):
        home.start_router()
        fill(folder)
        home.throttle("bot")
        soon(lambda: any(NO_SPACE in text for text in complaints(home)), "a complaint", home)
        (folder / "ballast").unlink()
        soon(lambda: mac_of(home, "bot") in saved(home), "the state on disk", home, 15)
        home.kill()
        home.restart()
        assert home.seen_state("bot") == "throttled"
        home.kill()


def test_an_event_log_without_room_loses_lines_and_says_how_many(home):
    folder = home.net.router.folder / "logs"
    folder.mkdir()
    with small_disk(folder, 64):
        (home.folder / "events.jsonl").symlink_to(folder / "events.jsonl")
        home.start_router()
        with (folder / "events.jsonl").open("a") as log:
            log.write("{}".ljust(-log.tell() % PAGE_BYTES - 1) + "\n")  # a page begun has room
        fill(folder)
        assert "421" in home.mail_around("bot")
        assert home.seen_state("bot") == "throttled"
        (folder / "ballast").unlink()
        home.order("release", "bot")
        lost, *_, action = home.log("error") + home.log("action")
        assert lost["text"].endswith("events before this one are lost: no room")
        assert (action["action"], action["state"]) == ("release", "released")
        home.kill()


def saved(home):
    return b"".join(file.read_bytes() for file in home.state_folder.glob("state.?"))


def mac_of(home, device):
    return home.devices[device].mac.replace(":", "").encode()


@pytest.mark.parametrize("damage", ["cut", "garbage", "empty", "one bit"])
def test_of_two_state_files_the_whole_one_counts(home, damage):
    home.start_router()
    home.throttle("bot")
    home.wait_for_saved("bot", "throttled")
    home.says("server", MX[0])
    home.order("grant", "server", grant="mail-server")  # so the older file holds the verdict too
    home.wait_for_saved("bot", "throttled", files=2)
    home.wait_for_saved("server", "granted")
    home.kill()
    newest = max(home.state_folder.glob("state.?"), key=lambda file: file.read_bytes()[26:34])
    newest.write_bytes(DAMAGES[damage](newest.read_bytes()))
    home.restart()
    assert any(f"{newest.name}: damaged; the one before" in text for text in complaints(home))
    assert home.seen_state("bot") == "throttled"
    assert home.says("bot", MX[9]) == "421"


DAMAGES = {
    "cut": lambda content: content[: len(content) // 2],
    "garbage": lambda content: bytes(zlib.crc32(bytes([n & 255])) & 255 for n in range(len(content))),
    "empty": lambda content: b"",
    "one bit": lambda content: content[:100] + bytes([content[100] ^ 1]) + content[101:],
}


def test_without_a_whole_state_file_it_starts_anew_and_says_so(home):
    home.start_router()
    home.throttle("bot")
    home.wait_for_saved("bot", "throttled")
    home.kill()
    for file in home.state_folder.glob("state.?"):
        file.write_bytes(file.read_bytes()[:-9])
    home.restart()
    assert any("no state is known" in text for text in complaints(home))
    assert home.seen_state("bot") == "unknown"
    home.throttle("bot")  # it is found again
    home.wait_for_saved("bot", "throttled")
    home.kill()
    home.restart()
    assert home.seen_state("bot") == "throttled"


def test_a_state_file_from_the_future_holds_and_nothing_lies_in_the_future_afterwards(home):
    home.start_router(has_gateway=False)
    home.remember({"bot": "throttled", "laptop": "quarantined"}, ahead_s=400 * 86400)
    home.restart()
    told = home.ask("explain", device=home.devices["bot"].mac)[-1].fields
    assert told["state"] == "throttled"
    assert 0 <= time.time() - told["since"] < 60
    assert (home.says("bot", MX[9]), home.says("laptop", MX[9])) == ("421", "421")


# --- interfaces and addresses ---------------------------------------------------------------------


BLOCKED = "mx1.south.example"  # by the guard only: the world knows it
SERVED, NXDOMAIN = 0, 3


def is_guarded(home, resolver, device="bot"):
    """Does the guard answer a device that asks this resolver?"""
    if home.do(device, "ask", resolver, NORTH.name)["rcode"] != SERVED:
        return False
    return home.do(device, "ask", resolver, BLOCKED)["rcode"] == NXDOMAIN


def test_a_device_that_is_unplugged_and_back_is_still_throttled(home):
    home.start_router()
    home.throttle("bot")
    bot = home.devices["bot"]
    bot.ip("link del eth0")
    peer = f"name back netns {home.net.router.namespace}"
    bot.ip(f"link add eth0 address {bot.mac} type veth peer {peer}", "link set eth0 up")
    home.net.router.ip(f"link set back master {LAN} up")
    bot.ip(f"addr add {bot.address4}/24 dev eth0", "route add default via 192.168.77.1")
    assert home.says("bot", MX[9]) == "421"


def test_a_bridge_that_goes_and_comes_back_is_served_as_before(home):
    home.start_router(guard_block=[BLOCKED])
    home.throttle("bot")
    router = home.net.router
    ports = [line.split(":")[1].split("@")[0].strip() for line in router.run(["ip", "-o", "link"]).stdout.splitlines()]
    kept = [port for port in ports if port.startswith("port")][:3]
    mac = router.mac
    router.ip(f"link del {LAN}")
    soon(lambda: home.status()["observation"] == "degraded", "a word about it", home, LOOKED_S)
    assert home.status()["reason"] == f"interface {LAN} is not there"
    router.ip(
        *(f"link add {LAN} address {mac} type bridge forward_delay 0 mcast_snooping 0", f"link set {LAN} up"),
        *(f"link set {port} master {LAN} up" for port in kept),
        *(f"addr add {address} dev {LAN} nodad" for address in ("fd77:77::1/64", "2001:db8:77::1/64")),
        f"addr add 192.168.77.1/24 dev {LAN}",
    )
    assert home.says("bot", MX[9]) == "421"
    soon(lambda: home.status()["observation"] == "full", "all well", home, LOOKED_S)
    link_local = f"{link_local_of(router)}%eth0"
    for resolver in (home.net.gateway(LAN), "fd77:77::1", link_local, RESOLVER4, RESOLVER6):
        soon(lambda resolver=resolver: is_guarded(home, resolver), f"the guard for {resolver}", home, LOOKED_S)
    assert home.says("bot", MX6[9]) == "421"
    assert home.mail_around("laptop", 1) == ["250"]


def link_local_of(router):
    shown = router.run(["ip", "-o", "-6", "addr", "show", "dev", LAN, "scope", "link"]).stdout
    return shown.split()[3].split("/")[0]


def test_a_home_that_is_renumbered_is_served_at_its_new_addresses(home):
    home.start_router(home_networks=[], guard_block=[BLOCKED])
    home.throttle("bot")
    router, bot, laptop = home.net.router, home.devices["bot"], home.devices["laptop"]
    router.ip(f"addr del 192.168.77.1/24 dev {LAN}", f"addr add 192.168.99.1/24 dev {LAN}")
    for number, host in enumerate((bot, laptop), 10):
        host.ip("addr flush dev eth0 scope global", f"addr add 192.168.99.{number}/24 dev eth0")
        host.ip("route add default via 192.168.99.1")
    assert home.says("bot", MX[9]) == "421"
    soon(lambda: is_guarded(home, RESOLVER4), "the guard", home, LOOKED_S)
    assert home.seen_state("bot") == "throttled"
    home.throttle("laptop")  # judged, and known by its MAC at the new address
    rows = {line.fields["device"]: line.fields["addresses"] for line in home.ask("devices")}
    assert "192.168.99.11" in rows[laptop.mac]


# --- other programs' hands ------------------------------------------------------------------------

HANDS = {
    "deleted": ["nft", "delete", "table", "inet", "spamgate"],
    "emptied": ["nft", "flush", "table", "inet", "spamgate"],
    "flushed with all others": ["nft", "flush", "ruleset"],
}


@pytest.mark.parametrize("hand", HANDS)
def test_a_table_taken_away_is_back_at_once(home, hand):
    home.start_router()
    home.throttle("bot")
    others = home.net.router.run(["nft", "list", "table", "inet", "home_nat"]).stdout
    home.net.router.run(HANDS[hand])
    began = time.time()
    soon(lambda: complaints_of_the_table(home), "a word about it", home)
    if "all" in hand:
        home.net.router.run(["nft", "-f", "-"], input=others)
    assert home.says("bot", MX[9]) == home.says("bot", MX6[9]) == "421", "a flush gave it a new budget"
    assert complaints_of_the_table(home) == ["the table inet spamgate was changed by another program; loaded again"]
    told = next(event for event in home.log("error") if event["text"] in complaints_of_the_table(home))
    assert told["t"] - began < NOTICED_S
    assert home.do("bot", "ask", RESOLVER4, NORTH.name)["rcode"] == 0
    assert home.mail_around("laptop", 1) == ["250"]
    assert home.status()["observation"] == "full"


def test_a_table_that_cannot_be_loaded_again_is_said_once_and_tried_again(home, monkeypatch):
    broken = home.folder / "broken"
    nft = home.folder / "bin" / "nft"
    nft.parent.mkdir()
    nft.write_text(f"#!/bin/sh\n[ ! -e {broken} ] || {{ echo out of order >&2; exit 1; }}\nexec {NFT} \"$@\"\n")
    nft.chmod(0o755)
    monkeypatch.setenv("PATH", f"{nft.parent}:{os.environ['PATH']}")
    home.start_router()
    home.throttle("bot")
    broken.touch()
    home.net.router.run([NFT, "delete", "table", "inet", "spamgate"])
    soon(lambda: home.status()["reason"] == "nft refuses the table: out of order", "a word about it", home, NOTICED_S)
    time.sleep(2)
    assert complaints_of_the_table(home) == ["nft refuses the table: out of order"]
    broken.unlink()
    soon(lambda: home.says("bot", MX[9]) == "421", "the table", home, NOTICED_S)
    assert home.status()["observation"] == "full"
