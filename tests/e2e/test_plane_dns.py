"""The plane `dns`: boards as a home's resolvers, Unbound and mail servers behind them, bots and clean devices before.

The router only forwards.  What was accepted is what the mail servers say, and what boards think of a device they say
over their links; both are held against the table in firmware/PLANE_DNS.md.
"""

import os
import random
import re
import sys
import time

import pytest
from e2e import board_process
from e2e.board_process import ESP32_HEAP
from e2e.mail_home import LARGE_DOMAINS, letters, require
from e2e.plane_home import BOTS, BUSY, FLATS, SEED, SERVER, SMALL, PlaneHome, bot_name, wait_since
from e2e.plane_table import agrees, table

from spamgate_tools.errors import UserError
from spamgate_tools.lab import postfix
from spamgate_tools.lab.accounts import LARGE_PROVIDERS, RESOLVER4, WEB
from spamgate_tools.lab.host import Host, needed

QUERIES = 200_000 if os.environ.get("SPAMGATE_LONG") else 20_000
OUTSTANDING = 12  # of a device, which has a third of 48 places while others ask
FLAT_BYTES = 2048
TRIES = 3
BUSY_S = 1.0
_TICKS_S = 2.5  # with the tick after a verdict comes who receives the suspect's mail
LIVES_S = 18.0
SETTLES_S = 22.0  # the link is forgotten, and with it what made way for it is back
LETTERS = 10
CHECKED = 300
CROWDED = "rotator"  # a board knows 15 devices; who is silent longest makes room for its many guises
STOPPED = ("throttled", "quarantined")


@pytest.fixture(scope="module")
def home():
    require(board_process.missing(), postfix.not_possible())
    try:
        needed("dig", "kdig", "dnsperf")
    except UserError as missing:
        pytest.skip(f"not run: {missing}")
    with PlaneHome() as home:
        _grant(home)
        home.granted = time.monotonic()
        yield home
        for flat, board in home.boards.items():
            assert board.process.poll() is None, f"the board of {flat} has ended by itself"


def _grant(home: PlaneHome) -> None:
    """A board knows who has asked it; then its owner may say that this is a mail server."""
    server, board = home.devices[SERVER], home.boards["parallel"]
    server.use_resolver(board.address)
    server.run(["dig", "+short", WEB, "A"])
    assert board.ask("grant", device=server.address4, grant="mail-server")[0]["grant"] == "mail-server"


@pytest.fixture(scope="module")
def lives(home):
    """What everybody does, once: bots and clean devices in their flats, and the mail server with its letters."""
    wait_since(home.granted, SETTLES_S)
    server = postfix.Postfix(home.devices[SERVER], hour_s=2)
    home.letters = letters(SERVER, LARGE_DOMAINS, LETTERS)
    home.begin()
    begun = time.monotonic()
    server.start()
    server.submit(home.letters.values())
    wait_since(begun, LIVES_S)
    home.end()
    home.wait_for_mail(SERVER, home.letters, 40)
    home.bounces = server.bounces()
    server.stop()
    home.known = {flat: _known(home.boards[flat]) for flat in FLATS}
    return home


def _known(board: board_process.BoardProcess) -> dict[str, dict]:
    """Return what a board says of each device, by its first address; the crowd has none."""
    with board.link() as link:
        return {(*line["addresses"], line["device"])[0]: line for line in link.request("devices")}


# --- the resolver --------------------------------------------------------------------------------------------


def test_dig_and_kdig_see_what_unbound_says(home):
    board, device = home.boards[BUSY].address, home.devices[BUSY]
    for program in ("dig", "kdig"):
        for words in ([WEB, "A"], [WEB, "AAAA"], ["north.example", "TXT"], ["no.example", "A"], [WEB, "A", "+tcp"]):
            ours, direct = (
                device.run([program, "+short", f"@{where}", *words]).stdout for where in (board, RESOLVER4)
            )
            assert sorted(ours.splitlines()) == sorted(direct.splitlines()), (program, words)


def test_many_thousand_queries_leave_the_heap_flat_and_no_answer_wrong(home, record_testsuite_property):
    board, device = home.boards[BUSY], home.devices[BUSY]
    rows = _questions()
    names = device.folder / "names"
    names.write_text("".join(f"{name} {qtype}\n" for name, qtype in rows))
    command = ["dnsperf", "-s", board.address, "-d", str(names), "-q", str(OUTSTANDING)]
    device.run([*command, "-n", "2"])
    time.sleep(_TICKS_S)
    before = board.ask("metrics")[0]
    checker = device.popen([sys.executable, "-c", _CHECK, board.address, RESOLVER4, *_shuffled(rows)], log="checker")
    said = _asked(device, [*command, "-n", str(QUERIES // len(rows))])
    assert checker.wait(120) == 0, device.last_words("checker")
    after = board.ask("metrics")[0]
    rate = float(re.search(r"Queries per second:\s+([\d.]+)", said)[1])
    heap = f"heap free {before['heap_free']} {after['heap_free']}"
    record_testsuite_property("plane_dns", f"seed {SEED}: {rate:.0f} queries/s, {heap}")
    lost, sent = (int(re.search(rf"Queries {word}:\s+(\d+)", said)[1]) for word in ("lost", "sent"))
    assert lost == 0 and sent >= QUERIES * 0.9 and "SERVFAIL" not in said, said
    assert abs(after["heap_free"] - before["heap_free"]) <= FLAT_BYTES, (before, after)
    assert after["asked"] - before["asked"] >= sent
    assert board.troubles() == []


def test_the_heap_of_an_esp32_is_enough_to_serve(home, record_testsuite_property):
    """Until somebody talks over the link, that is: then it takes what is left, or is not answered."""
    board, device = home.boards[SMALL], home.devices[BUSY]
    rows = _questions()
    names = device.folder / "small-names"
    names.write_text("".join(f"{name} {qtype}\n" for name, qtype in rows))
    command = ["dnsperf", "-s", board.address, "-d", str(names), "-q", str(OUTSTANDING)]
    said = _asked(device, [*command, "-n", str(QUERIES // len(rows))])
    lost, sent = (int(re.search(rf"Queries {word}:\s+(\d+)", said)[1]) for word in ("lost", "sent"))
    record_testsuite_property("plane_dns", f"seed {SEED}: {sent} queries in {ESP32_HEAP}, {lost} lost")
    assert lost == 0 and sent >= QUERIES * 0.9 and "SERVFAIL" not in said, said
    assert board.process.poll() is None and board.written_troubles() == []


def _asked(device: Host, command: list[str]) -> str:
    """Return what dnsperf says of its questions.

    Where an answer took a second, the machine was too busy for the resolver behind the board: ask anew.
    """
    for _ in range(TRIES):
        said = device.run(command, timeout=600).stdout
        if float(re.search(r"Average Latency .*max ([\d.]+)\)", said)[1]) < BUSY_S:
            break
    return said


# Asks both, one question after the other, and compares what they answer, but for order and time to live.
_CHECK = """
import sys
import dns.message, dns.query
board, direct, *rows = sys.argv[1:]
def told(server, name, qtype):
    answer = dns.query.udp(dns.message.make_query(name, qtype), server, timeout=10)
    lines = [line for part in answer.answer for line in part.to_text().splitlines()]
    return answer.rcode(), sorted(line.split(" ", 2)[::2] for line in lines)
wrong = [row for row in rows if told(board, *row.split("/")) != told(direct, *row.split("/"))]
sys.exit(f"wrong: {wrong}" if wrong else 0)
"""


def _questions() -> list[tuple[str, str]]:
    """One mail domain, as what mails its owner asks, with its first exchanger; and what everybody asks."""
    first = LARGE_PROVIDERS[0]
    rows = [(first.domain, "MX"), (first.exchanges[0].name, "A"), (WEB, "A"), (WEB, "AAAA")]
    for provider in LARGE_PROVIDERS:
        rows += [(f"www.{provider.domain}", "A"), (provider.domain, "TXT"), (f"no.{provider.domain}", "AAAA")]
    return rows


def _shuffled(rows: list[tuple[str, str]]) -> list[str]:
    rng = random.Random(SEED)
    return ["/".join(rng.choice(rows)) for _ in range(CHECKED)]


# --- bots ------------------------------------------------------------------------------------------------------


def test_the_table_has_a_row_for_each_bot():
    assert list(table()) == list(BOTS)


@pytest.mark.parametrize("kind", BOTS)
def test_what_becomes_of(lives, kind, record_testsuite_property):
    bot = bot_name(kind)
    known = lives.known[BOTS[kind][0]].get(lives.devices[bot].address4)
    accepted = len(lives.accepted(bot))
    state = known["state"] if known else "unseen"
    record_testsuite_property("plane_dns", f"seed {SEED}: {kind}: {accepted} accepted, {state}")
    wrong = agrees(kind, "dns", accepted, "" if kind == "mac-rotator" else state)
    assert not wrong, f"seed {SEED}: {wrong}\n{lives.story()}"


def test_the_stopped_bot_hears_the_board_and_its_owner_why(lives):
    bot, board = bot_name("parallel-mx"), lives.boards["parallel"]
    refused = lives.told(bot, "refused")
    assert refused and {(line["server"], line["code"]) for line in refused} == {(board.address, 421)}
    answer = board.ask("explain", device=lives.devices[bot].address4)
    explained = {line["type"]: line for line in answer}
    assert explained["explain"]["state"] in STOPPED and explained["explain"]["ticket"]
    assert explained["explain"]["refused"] > 0
    assert {row["kind"] for row in explained["verdict"]["evidence"]} >= {"mx_query"}


def test_nobody_else_changes_state(lives):
    for flat, known in lives.known.items():
        clean = set(lives.clean(flat).values())
        assert {known[address]["state"] for address in clean & set(known)} == {"normal"}, known
        assert clean <= set(known) or flat == CROWDED, "somebody asked nothing"
    assert lives.known["parallel"][lives.devices[SERVER].address4]["state"] == "normal"


def test_clean_devices_deliver_everything(lives):
    for flat in lives.known:
        for device in (f"{flat}-laptop", f"{flat}-nas"):
            sent = [line["message"] for line in lives.told(device, "sent")]
            assert sent and not lives.told(device, "refused", "failed", "bounced")
            arrived = {line["id"].partition("@")[0] for line in lives.accepted(device)}
            assert set(sent[:-1]) <= arrived  # the last may have been under way
        assert lives.told(f"{flat}-phone", "web") and not lives.told(f"{flat}-phone", "failed")


def test_the_granted_mail_server_delivers_everything(lives):
    assert lives.arrived(SERVER) == sorted(lives.letters) and lives.bounces == []
