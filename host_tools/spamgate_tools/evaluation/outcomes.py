"""What one detector's run of one home comes to, device by device: small enough to keep of thousands of homes."""

from dataclasses import dataclass

from spamgate_tools.corpus.catalogue import speaks_smtp
from spamgate_tools.corpus.facts import DAY_S, Home, Resident
from spamgate_tools.corpus.senders import SENDER_KINDS
from spamgate_tools.evaluation.ledger import DeviceRecord, HomeRecord

CONTAINED = 5  # messages accepted within any 24 hours (DESIGN: contained)
NEW_S = 7 * DAY_S  # for so long a device counts as newly installed

_LATE_US = 300 * 1000000
_US = 1000000


@dataclass(frozen=True, slots=True)
class Sending:
    """A sender of spam: what leaked in its worst 24 hours and until the detector acted, and what that took.

    `leaked` is of the whole home; `leaked_device` of its worst device, where a machine under many MACs is one.
    """

    kind: str
    seed: int
    leaked: int
    leaked_device: int
    leaked_before: int
    calls: int
    calls_before: int | None  # None: the detector never acted
    seconds_before: float | None  # from its first connection

    @property
    def is_contained(self) -> bool:
        """Did servers take no more than a few in any 24 hours, of any device of it?"""
        return self.leaked_device <= CONTAINED


@dataclass(frozen=True, slots=True)
class Living:
    """A clean device: for how many days it was there, whether it was wronged, and what became of its mail."""

    kind: str
    seed: int
    days: float
    days_new: float
    uses_25: bool
    speaks_smtp: bool
    is_apart: bool
    is_beside_sender: bool
    is_wronged: bool
    is_wronged_new: bool
    mails: int
    late: int
    lost: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """One home under one setting of one method; `sending` is all of its senders together, which are one bot."""

    method: str
    setting: str
    sending: Sending | None
    livings: tuple[Living, ...]


def outcome_of(home: Home, record: HomeRecord, quiet: HomeRecord, setting: str) -> Outcome:
    """Reduce a run to its outcome; `quiet` is the same home without a detector."""
    senders = [record.devices[at] for at, resident in enumerate(home.residents) if resident.is_sender]
    livings = tuple(
        _living(home, resident, bool(senders), record.devices[at], quiet.devices[at])
        for at, resident in enumerate(home.residents)
        if not resident.is_sender
    )
    return Outcome(record.method, setting, _sending(home, senders) if senders else None, livings)


def _sending(home: Home, senders: list[DeviceRecord]) -> Sending:
    record = _joined(senders)
    kind = SENDER_KINDS.get(home.kind)
    is_one = kind is None or kind.guise_s > 0
    is_acted = record.acted_us is not None
    seconds = None
    if record.acted_us is not None and record.first_call_us is not None:
        seconds = max(0.0, (record.acted_us - record.first_call_us) / _US)
    return Sending(
        kind=home.kind,
        seed=home.seed,
        leaked=record.most_in_a_day(),
        leaked_device=record.most_in_a_day() if is_one else max(sender.most_in_a_day() for sender in senders),
        leaked_before=record.accepted_before,
        calls=record.calls,
        calls_before=record.calls_before if is_acted else None,
        seconds_before=seconds,
    )


def _joined(records: list[DeviceRecord]) -> DeviceRecord:
    """Return what several devices did together: a swarm, or one machine under many MACs.  One found: all found."""
    if len(records) == 1:
        return records[0]
    acted = [record.acted_us for record in records if record.acted_us is not None]
    first = [record.first_call_us for record in records if record.first_call_us is not None]
    whole = DeviceRecord(
        first_call_us=min(first, default=None),
        calls=sum(record.calls for record in records),
        calls_before=sum(record.calls_before for record in records),
        accepted_us=sorted(at_us for record in records for at_us in record.accepted_us),
        acted_us=min(acted, default=None),
    )
    if whole.acted_us is not None:
        whole.accepted_before = sum(at_us < whole.acted_us for at_us in whole.accepted_us)
        whole.calls_before = sum(_calls_until(record, whole.acted_us) for record in records)
    return whole


def _calls_until(record: DeviceRecord, acted_us: int) -> int:
    """Return how many calls a device had made by then, at most: those until its own end if it had begun at all."""
    return record.calls_before if record.first_call_us is not None and record.first_call_us <= acted_us else 0


def _living(home: Home, resident: Resident, is_beside: bool, record: DeviceRecord, quiet: DeviceRecord) -> Living:
    from_s = max(resident.joins_s, home.counted_from_s)
    new_s = min(home.seconds, resident.joins_s + NEW_S) - from_s if resident.joins_s > 0 else 0.0
    acted_s = None if record.acted_us is None else record.acted_us / _US
    mails = late = lost = 0
    for number, ending in quiet.endings.items():
        if ending.done_us is None:
            continue
        mails += 1
        done_us = record.endings[number].done_us if number in record.endings else None
        lost += done_us is None
        late += done_us is not None and done_us - ending.done_us > _LATE_US
    return Living(
        kind=resident.kind,
        seed=home.seed,
        days=max(0.0, home.seconds - from_s) / DAY_S,
        days_new=max(0.0, new_s) / DAY_S,
        uses_25=resident.uses_25,
        speaks_smtp=speaks_smtp(resident.kind) or resident.uses_25,
        is_apart=resident.is_reported_apart,
        is_beside_sender=is_beside,
        is_wronged=acted_s is not None,
        is_wronged_new=acted_s is not None and from_s <= acted_s < from_s + new_s,
        mails=mails,
        late=late,
        lost=lost,
    )
