"""Facts in any order, from any device, at any time: no crash, and what must always hold holds after each."""

import json

from fakes.home import Home, line_of
from hypothesis import given
from hypothesis import strategies as st

from spamgate.core import evidence, states
from spamgate.core.counters import DATA, PORT_25, SUBMISSION
from spamgate.core.devices import GRANT_MAIL_SERVER, GRANT_NONE, GRANT_SUBMISSION
from spamgate.core.engine import Limits
from spamgate.core.identity import Identity
from spamgate.core.score import H1, H3
from spamgate.core.states import NORMAL, QUARANTINED, RELEASED, THROTTLED, WATCHED
from spamgate.wire.events import write_device, write_verdict

LEGAL = {
    (NORMAL, WATCHED),
    (WATCHED, THROTTLED),
    (THROTTLED, QUARANTINED),
    (RELEASED, THROTTLED),
    (WATCHED, NORMAL),
    (THROTTLED, RELEASED),
    (QUARANTINED, RELEASED),
    (RELEASED, NORMAL),
}
SMALL = st.integers(0, 7)
WORDS = st.integers(0, 3) | st.integers(0, (1 << 30) - 1)


class Checked(Home):
    """A small home that checks each change of state as it happens."""

    def __init__(self, now_s: int = 0) -> None:
        limits = Limits()
        limits.devices = 5
        limits.suspects = 2
        limits.connections = 8
        limits.hosts = 16
        limits.distinct = 64
        limits.reply_codes = 16
        super().__init__(limits, now_s)
        self.state_of = [NORMAL] * limits.devices
        self.limits = limits

    def _changed(self, device, old, new):
        super()._changed(device, old, new)
        engine = self.engine
        assert (old, new) in LEGAL
        assert engine.devices.state[device] == new
        if new == QUARANTINED:
            assert engine.board.score(device) >= H3
            assert engine.board.is_proven(device, engine.now_s)
        assert json.loads(line_of(write_verdict, engine, device, old, new))["score"] == engine.board.score(device)


def devices(home: Checked, number: int) -> int:
    """Return the engine's number of one of eight identities: MACs, addresses, and addresses behind a MAC."""
    who = Identity()
    who.from_mac(bytes((2, 0, 0, 0, 0, number & 3)), 0)
    if number & 4:
        who.behind_relay(bytes((10, 0, 0, number)), 0, 4)
    return home.engine.device(who)


def sees(home: Checked, number: int, word: int) -> None:
    address = bytes((10, word & 1, word >> 1 & 3, number))
    home.engine.devices.seen(devices(home, number), home.now_s, address * (1 + 3 * (word & 1)), 0, 4 + 12 * (word & 1))


def waits(home: Checked, number: int, word: int) -> None:
    home.now_s += (0, 1, 59, 60, 3600, 86400, 8 * 86400, -86400)[number]
    home.engine.at(home.now_s, word % 1000000)


def ages(home: Checked, number: int, word: int) -> None:
    """Time passes, forwards only."""
    waits(home, min(number, 5), word)


def asks(home: Checked, number: int, word: int) -> None:
    lookups = home.engine.lookups
    device = devices(home, number)
    if lookups.asked(device, word, 15 if word & 1 else 1, word):
        lookups.judge(device, 15 if word & 1 else 1, word % 3, word)
    lookups.answered(device, word ^ (number & 1), (0, 3)[word & 1])


def learns(home: Checked, number: int, word: int) -> None:
    home.engine.providers.note_exchange(word, word >> 1, home.now_s)
    home.engine.providers.note_host(word, word >> 2, number, home.now_s)
    if number == 7:
        home.engine.lookups.serves(devices(home, word & 7))


def opens(home: Checked, number: int, word: int) -> None:
    home.engine.about(bytes((203, word & 255, word >> 8 & 255, 1)) * 4, 0, (4, 16)[word & 1])
    port = SUBMISSION if word % 5 == 4 else PORT_25
    first_seen = home.engine.mail.joined if word % 7 == 6 else home.engine.mail.opened
    first_seen(number, devices(home, word & 7), port, word, word % 11 == 10)


def goes_on(home: Checked, number: int, word: int) -> None:
    mail = home.engine.mail
    (mail.established, mail.refused, mail.closed)[word % 3](number)


def talks(home: Checked, number: int, word: int) -> None:
    mail = home.engine.mail
    if mail.device(number) < 0:
        return
    said = (
        lambda: mail.accepted(number),
        lambda: mail.rejected(number, 1 + (word >> 4) % 4),
        lambda: mail.rejected(number, 1),
        lambda: mail.logged_in(number),
        lambda: mail.login_failed(number, word),
        lambda: mail.count(number, DATA),
        lambda: home.engine.counters.add_reply(mail.device(number), mail.port(number), 200 + word % 400),
    )
    said[word % len(said)]()


def writes(home: Checked, number: int, word: int) -> None:
    dialogue = home.engine.mail.dialogue
    device = devices(home, number)
    dialogue.introduced(device, word % 3, word, word >> 1)
    for value in range(word % 8):
        dialogue.wrote_as(device, word + value)
        dialogue.wrote_to(device, word - value, word >> 1)
        dialogue.wrote_to_stranger(device, word - value, True)


def is_observed(home: Checked, number: int, word: int) -> None:
    home.engine.observe(devices(home, number), word % evidence.KINDS)


def is_decided(home: Checked, number: int, word: int) -> None:
    """The owner acts, or somebody outside opens a proxy port."""
    device = devices(home, number)
    if word & 3 == 3:
        home.engine.release(device)
    elif word & 3 == 2:
        home.engine.grant(device, (GRANT_NONE, GRANT_SUBMISSION, GRANT_MAIL_SERVER)[word // 4 % 3])
    else:
        home.engine.mail.proxied(device)


FORWARDS = (opens, goes_on, talks, asks, writes, learns, ages)
FACTS = (sees, waits, asks, learns, opens, goes_on, talks, writes, is_observed, is_observed, is_decided)


def check(home: Checked) -> None:
    """What must hold after every fact."""
    engine = home.engine
    board = engine.board
    for device in range(home.limits.devices):
        assert 0 <= board.score(device) < 1 << 30
        assert 0 <= board._lookups[device] <= H1
        assert engine.devices.state[device] < states.STATES
    rows = [row for row in board._rows if row]
    assert len(rows) == len(set(rows)) and all(row <= home.limits.suspects for row in rows)
    assert all(board._owners[board._rows[device]] == device for device in range(5) if board._rows[device])
    for table in (engine.lookups._domains, engine.counters._distinct, engine.mail.dialogue._seen):
        assert sum(map(bool, table._keys)) == table._used <= len(table._keys) * 3 // 4
    assert 0 in engine.counters._replies._keys
    assert sum(engine.devices._used) <= home.limits.devices
    assert sum(map(bool, engine.devices._index)) == sum(engine.devices._used) - 1


@given(st.lists(st.tuples(st.sampled_from(FACTS), SMALL, WORDS), max_size=60))
def test_any_facts_leave_the_engine_in_order(facts):
    home = Checked()
    for fact, number, word in facts:
        fact(home, number, word)
        check(home)
    for device in home.engine.devices.everyone():
        json.loads(line_of(write_device, home.engine, device))


@given(st.lists(st.tuples(st.sampled_from((asks, learns)), SMALL, WORDS), max_size=200))
def test_look_ups_alone_never_lead_beyond_watched(facts):
    home = Checked()
    for fact, number, word in facts:
        fact(home, number, word)
        if word % 9 == 8:
            waits(home, number, word)
    assert all(new in (NORMAL, WATCHED) for _, _, new in home.changes)


@given(st.lists(st.tuples(st.sampled_from(FORWARDS), SMALL, WORDS), max_size=100))
def test_the_clock_of_another_epoch_changes_no_verdict(facts):
    """The same facts in 1970, today and in 2037 lead to the same changes.

    In 1970 on the third day: the home's look-ups have been seen for two, which could not be before.
    """
    told = []
    for now_s in (-(1 << 30) + 2 * 86400 + 5, 0, (1 << 30) - 90000):
        home = Checked(now_s)
        for fact, number, word in facts:
            fact(home, number, word)
        told.append(home.changes)
    assert told[0] == told[1] == told[2]
