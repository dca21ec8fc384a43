"""The lab's books and summary: who is entered where, what counts as contained, and the fixed keys in their order."""

import io
import json

import pytest
from rich.console import Console

from spamgate_tools.lab.books import Books, Member
from spamgate_tools.lab.lines import Follower
from spamgate_tools.lab.live import event_line, table
from spamgate_tools.lab.residents import RESIDENTS
from spamgate_tools.lab.summary import faults, summarize, view

BOT, NAS, TABLET = "02:00:00:00:77:13", "02:00:00:00:77:0c", "02:00:00:00:77:12/192.168.77.201"


@pytest.fixture
def books() -> Books:
    made = Books()
    made.open(Member("stick", "spams", bot="parallel-mx"), BOT)
    made.open(Member("nas", "mails reports"), NAS)
    made.open(Member("tablet", "browses", may_be=("normal", "watched")), TABLET)
    return made


def _verdict(device: str, to: str, t: float = 11.0) -> dict:
    why = {"kind": "fan_out", "count": 3, "last": t, "peer": "198.51.100.10"}
    return {"type": "verdict", "t": t, "device": device, "name": None, "from": "normal", "to": to, "evidence": [why]}


def _accepted(message: str, t: float = 12.0) -> dict:
    return {"event": "accepted", "t": t, "id": f"{message}@lab.example"}


def _sent(device: str, message: str, t: float = 12.0) -> dict:
    return {"what": "sent", "t": t, "device": device, "message": message}


def _connect(device: str, source: str = "192.168.77.19", t: float = 10.0) -> dict:
    return {"t": t, "device": device, "from": source, "to": "198.51.100.10"}


def _right_run(books: Books) -> None:
    books.referee(_connect(BOT))
    books.referee(_connect(BOT, t=10.5))
    books.gateway(_verdict(BOT, "throttled", 10.75))
    books.gateway(_verdict(BOT, "quarantined", 11.0))
    books.server(_accepted("stick.1.1"))
    books.device(_sent("nas", "nas.1.1"))
    books.server(_accepted("nas.1.1"))


def test_the_summary_has_the_fixed_keys_in_their_order(books):
    _right_run(books)
    assert json.dumps(summarize(books, 60)) == json.dumps(
        {
            "type": "summary",
            "seconds": 60,
            "bots": [
                {
                    "name": "stick",
                    "kind": "parallel-mx",
                    "device": BOT,
                    "state": "quarantined",
                    "messages_accepted": 1,
                    "smtp_connects": 2,
                    "seconds_to_throttle": 0.75,
                }
            ],
            "legitimate": {"sent": 1, "delivered": 1, "bounced": 0, "late": 0},
            "wrong": [],
        }
    )


def test_a_right_run_has_no_fault(books):
    _right_run(books)
    assert faults(summarize(books, 60)) == []


def test_a_bot_that_never_tried_shows_nothing(books):
    assert "never connected" in faults(summarize(books, 60))[0]


def test_a_bot_that_nobody_stopped_is_not_contained(books):
    books.referee(_connect(BOT))
    summary = summarize(books, 60)
    assert summary["bots"][0]["seconds_to_throttle"] is None
    assert faults(summary) == ["stick (parallel-mx): not contained: 0 messages accepted, state normal"]


def test_five_messages_are_contained_and_six_are_not(books):
    _right_run(books)
    for number in range(2, 6):
        books.server(_accepted(f"stick.1.{number}"))
    assert faults(summarize(books, 60)) == []
    books.server(_accepted("stick.1.6"))
    assert "6 messages accepted" in faults(summarize(books, 60))[0]


def test_a_message_accepted_twice_leaks_twice_and_is_delivered_once(books):
    _right_run(books)
    for message in ("stick.1.1", "nas.1.1"):
        books.server(_accepted(message))
    summary = summarize(books, 60)
    assert summary["bots"][0]["messages_accepted"] == 2
    assert summary["legitimate"]["delivered"] == 1


def test_mail_that_is_lost_late_or_bounced_is_a_fault(books):
    _right_run(books)
    books.device(_sent("nas", "nas.1.2"))
    books.device({"what": "bounced", "t": 13.0, "device": "nas", "message": "nas.1.2"})
    books.device(_sent("nas", "nas.1.3", 12.0))
    books.server(_accepted("nas.1.3", 312.5))
    summary = summarize(books, 400)
    assert summary["legitimate"] == {"sent": 3, "delivered": 2, "bounced": 1, "late": 1}
    assert len(faults(summary)) == 3


def test_what_a_bot_sends_is_no_legitimate_mail(books):
    books.device(_sent("stick", "stick.1.1"))
    assert summarize(books, 60)["legitimate"]["sent"] == 0


def test_a_device_that_changes_state_and_should_not_is_named(books):
    books.gateway(_verdict(NAS, "watched"))
    books.gateway(_verdict(NAS, "normal"))
    books.gateway(_verdict(TABLET, "watched"))
    summary = summarize(books, 60)
    assert summary["wrong"] == [NAS]
    assert f"{NAS}: changed state" in faults(summary)[-1]


def test_a_verdict_about_nobody_we_know_is_wrong(books):
    _right_run(books)
    books.gateway(_verdict("02:99:99:99:99:99", "watched"))
    assert summarize(books, 60)["wrong"] == ["02:99:99:99:99:99"]


def test_devices_behind_one_mac_are_told_apart_by_their_address(books):
    books.referee(_connect("02:00:00:00:77:12", "192.168.77.201"))
    books.referee(_connect("02:00:00:00:77:12", "192.168.77.202"))
    assert books.accounts["tablet"].connects == 1


def test_the_table_and_the_lines_are_text_for_people(books):
    _right_run(books)
    console = Console(width=160, record=True, file=io.StringIO())
    console.print(table(books, 160), view(summarize(books, 60)), event_line(_verdict(BOT, "throttled"), books))
    text = console.export_text()
    assert "mailed three providers in ten minutes, or four in a day" in text
    assert "All 1 bots contained, 1 of their messages leaked" in text
    assert "stick is throttled: " in text
    assert event_line({"type": "start", "t": 1.0}, books) is None
    assert "disk full" in event_line({"type": "error", "t": 1.0, "text": "disk full"}, books).plain


def test_a_follower_reads_whole_lines_once(tmp_path):
    path = tmp_path / "log.jsonl"
    follower = Follower(path)
    assert list(follower.read()) == []
    path.write_bytes(b'{"a": 1}\nsome words\n{"a"')
    assert list(follower.read()) == [{"a": 1}]
    with path.open("ab") as log:
        log.write(b": 2}\n")
    assert list(follower.read()) == [{"a": 2}]
    assert follower.unreadable == 1


def test_every_kind_of_bot_lives_in_the_home():
    kinds = {resident.member.bot for resident in RESIDENTS if resident.member.bot}
    assert kinds == {"parallel-mx", "name-guesser", "hard-coded-resolver", "ipv6-rotator", "one-connection"}
