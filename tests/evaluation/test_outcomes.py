"""A run comes down to what leaked until when, who was wronged, and which mail came late or never."""

import pytest

from spamgate_tools.corpus.facts import DAY_S, Home, Resident
from spamgate_tools.evaluation.ledger import DeviceRecord, Ending, HomeRecord
from spamgate_tools.evaluation.outcomes import Outcome, outcome_of

_US = 1000000
_HOUR_US = 3600 * _US


def _home(*residents: Resident, days: float = 10.0, counted_from_s: float = 0.0) -> Home:
    return Home("mx-120", 3, days * DAY_S, residents, lambda: iter(()), counted_from_s)


def _outcome(home: Home, devices: list[DeviceRecord], quiet: list[DeviceRecord] | None = None) -> Outcome:
    found = HomeRecord(home.kind, home.seed, "spamgate", devices)
    none = HomeRecord(home.kind, home.seed, "none", quiet or [DeviceRecord() for _ in devices])
    return outcome_of(home, found, none, "as shipped")


def _sender(**habits) -> Resident:
    return Resident("bot", "mx-120", is_sender=True, **habits)


def test_a_sender_leaks_what_its_worst_day_takes():
    hours = [0, 1, 2, 23, 24, 25, 26, 90]
    record = DeviceRecord(first_call_us=0, calls=20, calls_before=3, accepted_us=[_HOUR_US * hour for hour in hours])
    record.accepted_before, record.acted_us = 2, 90 * _US
    found = _outcome(_home(_sender()), [record]).sending
    assert (found.leaked, found.leaked_before, found.calls_before, found.seconds_before) == (4, 2, 3, 90.0)


def test_a_sender_that_is_never_acted_against_has_no_calls_until_then():
    record = DeviceRecord(first_call_us=5, calls=9, calls_before=9, accepted_us=[7], accepted_before=1)
    found = _outcome(_home(_sender()), [record]).sending
    assert (found.calls, found.calls_before, found.seconds_before) == (9, None, None)


def test_senders_of_one_home_are_one_bot_found_when_the_first_of_them_is():
    first = DeviceRecord(10 * _US, 4, 4, [11 * _US, 40 * _US], 2, acted_us=50 * _US)
    second = DeviceRecord(20 * _US, 6, 6, [21 * _US, 60 * _US], 2)
    third = DeviceRecord(70 * _US, 2, 2, [71 * _US], 1)
    found = _outcome(_home(_sender(), _sender(), _sender()), [first, second, third]).sending
    assert (found.leaked, found.leaked_before) == (5, 3)
    assert (found.calls, found.calls_before, found.seconds_before) == (12, 10, 40.0)


def test_mail_is_late_after_five_minutes_and_lost_if_given_up():
    def ending(minutes: float | None) -> Ending:
        return Ending(None if minutes is None else int(minutes * 60 * _US), True)

    quiet = {1: ending(0), 2: ending(0), 3: ending(0), 4: ending(None), 5: ending(1)}
    found = {1: ending(5), 2: ending(5.1), 3: ending(None), 4: ending(None), 5: ending(1)}
    home = _home(Resident("nas", "nas-25", uses_25=True))
    living = _outcome(home, [DeviceRecord(endings=found)], [DeviceRecord(endings=quiet)]).livings[0]
    assert (living.mails, living.late, living.lost) == (4, 1, 1)
    assert not living.is_wronged and not living.is_beside_sender


@pytest.mark.parametrize(("acted_day", "is_new"), [(2.0, False), (5.0, True), (11.9, True), (12.1, False)])
def test_a_device_is_new_for_a_week_from_when_it_joins(acted_day, is_new):
    home = _home(Resident("nas", "nas-25", joins_s=5 * DAY_S), days=30)
    living = _outcome(home, [DeviceRecord(acted_us=int(acted_day * DAY_S * _US))]).livings[0]
    assert (living.days, living.days_new) == (25, 7)
    assert living.is_wronged and living.is_wronged_new is is_new


def test_days_before_those_that_count_are_nobodys():
    home = _home(_sender(), Resident("tv", "television"), days=62, counted_from_s=60 * DAY_S)
    living = _outcome(home, [DeviceRecord(), DeviceRecord()]).livings[0]
    assert (living.days, living.days_new, living.is_beside_sender) == (2, 0, True)
