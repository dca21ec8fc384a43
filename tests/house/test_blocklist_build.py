"""What a build promises: the same bytes for the same entries, nothing lost, nobody in the universe hit by chance."""

import ipaddress
import random

import pytest

from spamgate.wire.list_file import ITSELF, NONE, PARENT
from spamgate.wire.list_writer import NameHasher, key_of
from spamgate_tools.blocklist.build import Built, Options, build_list
from spamgate_tools.blocklist.classes import (
    BOARD_CLASSES,
    LIST_CLASSES,
    body_bytes,
    most_body_bytes,
    most_names,
    range_bits,
)
from spamgate_tools.blocklist.cover import join_networks, suffixes
from spamgate_tools.blocklist.entry import CHILDREN, DOMAIN, EXACT, KINDS, Entries
from spamgate_tools.blocklist.hashing import hash_entries
from spamgate_tools.blocklist.names import wire_name
from spamgate_tools.blocklist.open_list import exceptions_in, hashes_in, reader_of
from spamgate_tools.blocklist.patient_reader import PatientReader
from spamgate_tools.errors import UserError

_SEED = 20261123
_NOBODY: frozenset[bytes] = frozenset()
_KIND_OF = {"": DOMAIN, "=": EXACT, "*.": CHILDREN}


class _Narrow(Options):
    """As an ordinary list, with so few bits that names collide all the time."""

    @property
    def bits(self) -> int:
        return 16


class _Narrowest(Options):
    """With the fewest bits that the format takes."""

    @property
    def bits(self) -> int:
        return 11


class _Measurable(Options):
    """With a rate of false hits that some thousand probes can measure."""

    @property
    def bits(self) -> int:
        return 24


def _entries(*blocked: str, allowed: tuple[str, ...] = (), networks: tuple[str, ...] = ()) -> Entries:
    """`x` is a name and all below it, `=x` that name only, `*.x` all below it only."""
    entries = Entries()
    for texts, names in ((blocked, entries.blocked), (allowed, entries.allowed)):
        for text in texts:
            mark = "*." if text.startswith("*.") else text[: text.startswith("=")]
            names[_KIND_OF[mark]].add(wire_name(text.removeprefix(mark).encode()))
    for network in map(ipaddress.ip_network, networks):
        entries.networks.add((network.network_address.packed, network.prefixlen))
    return entries


def _build(entries: Entries, universe: frozenset[bytes] = _NOBODY, options: Options | None = None) -> Built:
    return build_list(entries, universe, options or Options())


def _made_up(count: int, seed: int = _SEED) -> list[str]:
    """Names as lists have them: a few domains with many hosts, many domains with one."""
    rng = random.Random(seed)
    tops = ("com", "net", "example", "co.uk", "xyz")
    names = set()
    while len(names) < count:
        domain = f"{rng.choice(('bad', 'ads', 'track', 'x'))}{rng.randrange(count)}.{rng.choice(tops)}"
        host = f"{rng.choice(('www', 'cdn', 'a'))}{rng.randrange(9)}." if rng.random() < 0.4 else ""
        names.add(host + domain)
    return sorted(names)


def _is_listed(name: bytes, blocked: dict[int, set[bytes]]) -> bool:
    """Say it without any hash."""
    chain = suffixes(name)
    domains, exact, children = (blocked[kind] for kind in KINDS)
    return name in exact or any(it in domains for it in chain) or any(it in children for it in chain[1:])


def test_order_and_repetition_do_not_change_a_byte():
    names = _made_up(2000)
    first = _build(_entries(*names, networks=("192.0.2.0/25", "192.0.2.128/25", "2001:db8::/32")))
    random.Random(_SEED).shuffle(names)
    again = _entries(*names[:1200], networks=("2001:db8::/32", "192.0.2.0/24"))
    again.add(_entries(*names[900:], networks=("192.0.2.77/32",)))
    assert _build(again).file() == first.file()


@pytest.mark.parametrize(
    ("words", "same_as"),
    [
        (("a.example", "b.a.example", "=c.b.a.example", "*.a.example"), ("a.example",)),
        (("=a.example", "*.a.example"), ("a.example",)),
        (("*.a.example", "b.a.example", "=b.a.example", "*.b.a.example"), ("*.a.example",)),
        (("=a.example", "=b.a.example"), ("=b.a.example", "=a.example")),
        (("=a.example", "*.b.a.example"), ("*.b.a.example", "=a.example")),
    ],
)
def test_what_another_entry_covers_is_dropped(words, same_as):
    built = _build(_entries(*words))
    assert built.body == _build(_entries(*same_as)).body
    assert built.manifest["names"] == len(same_as)


def test_each_kind_lists_what_it_means():
    reader = reader_of(_build(_entries("a.example", "=b.example", "*.c.example", allowed=("ok.a.example",))).body)
    expected = {"a": ITSELF, "x.a": PARENT, "b": ITSELF, "x.b": NONE, "c": NONE, "x.c": PARENT, "y.x.c": PARENT}
    assert {name: reader.how(wire_name(f"{name}.example".encode())) for name in expected} == expected
    assert reader.how(wire_name(b"example")) == NONE
    assert reader.allowed(wire_name(b"x.ok.a.example")) and not reader.allowed(wire_name(b"x.a.example"))
    assert reader.listed(wire_name(b"ok.a.example"))


@pytest.mark.parametrize("list_class", LIST_CLASSES)
def test_no_listed_name_is_missed(list_class):
    names = [wire_name(name.encode()) for name in _made_up(5000)]
    entries = Entries()
    entries.blocked[DOMAIN].update(names)
    reader = reader_of(_build(entries, options=Options(list_class)).body)
    assert all(reader.listed(name) and reader.listed(b"\x03www" + name) for name in names)


def test_no_name_of_a_universe_is_hit_although_the_hashes_collide():
    blocked = _made_up(3000)
    entries = _entries(*blocked[::3], *(f"={it}" for it in blocked[1::3]), *(f"*.{it}" for it in blocked[2::3]))
    wanted = frozenset(wire_name(name.encode()) for name in _made_up(20_000, seed=_SEED + 1))
    bare = reader_of(_build(_entries(*blocked), options=_Narrow()).body)
    assert sum(bare.listed(name) for name in wanted) > 500, "they would collide without exceptions"

    built = _build(entries, wanted, _Narrow())
    reader = reader_of(built.body)
    truth = {name for name in wanted if _is_listed(name, entries.blocked)}
    assert 0 < len(truth) < 1000
    assert {name for name in wanted if reader.listed(name)} == truth == built.collisions.listed
    for kind in KINDS:
        asked = [b"\x03www" + name if kind == CHILDREN else name for name in entries.blocked[kind]]
        assert all(map(reader.listed, asked)), "an exception took a listed name along"
    assert reader.exceptions == len(exceptions_in(built.body)) > 100
    assert built.collisions.hit.isdisjoint(truth)
    patient = PatientReader(built.body)
    everyone = [*wanted, *entries.blocked[EXACT], *entries.blocked[DOMAIN]]
    assert [patient.how(name) for name in everyone] == [reader.how(name) for name in everyone]


def test_where_an_exception_would_spare_a_listed_name_another_seed_tells_them_apart():
    listed, wanted = wire_name(b"bad4193.example"), wire_name(b"good15819.example")
    hasher = NameHasher(0)
    assert key_of(hasher.full(listed), 11) == key_of(hasher.full(wanted), 11), "chosen to collide in all 31 bits"
    reader = reader_of(_build(_entries("bad4193.example"), frozenset((wanted,)), _Narrowest()).body)
    assert reader.seed == 1
    assert reader.listed(listed) and not reader.listed(wanted)


def test_other_names_hit_as_often_as_the_class_says():
    names = _made_up(16_000)
    built = _build(_entries(*names), options=_Measurable())
    reader = reader_of(built.body)
    probes = 60_000
    hits = sum(reader.listed(wire_name(b"free%d.example" % number)) for number in range(probes))
    by_design = probes * reader.names / (1 << 24)
    assert abs(hits - by_design) < 5 * by_design**0.5, (hits, by_design)


def test_two_processes_find_the_hashes_that_one_finds(monkeypatch):
    entries = _entries(*_made_up(3000), *(f"=exact{it}.example" for it in range(99)))
    alone = hash_entries(7, entries.blocked)
    monkeypatch.setattr("spamgate_tools.blocklist.hashing._WORTH_A_PROCESS", 1000)
    assert sorted(hash_entries(7, entries.blocked)) == sorted(alone)

    def no_process(*args: object, **kwargs: object) -> None:
        raise OSError("no semaphores here")

    monkeypatch.setattr("spamgate_tools.blocklist.hashing.ProcessPoolExecutor", no_process)
    assert list(hash_entries(7, entries.blocked)) == list(alone)


def test_networks_are_joined_as_ipaddress_joins_them():
    rng = random.Random(_SEED)
    for _ in range(200):
        networks = set()
        for size, base, spread in ((4, 10 << 24, 13), (16, 0x2001 << 112, 9)):
            for _ in range(rng.randrange(30)):
                length = 8 * size - rng.randrange(10)
                free = 8 * size - length
                address = (base | rng.randrange(1 << spread)) >> free << free
                networks.add((address.to_bytes(size, "big"), length))
        joined = join_networks(networks)
        for size in (4, 16):
            plain = [ipaddress.ip_network(it) for it in networks if len(it[0]) == size]
            expected = [(it.network_address.packed, it.prefixlen) for it in ipaddress.collapse_addresses(plain)]
            assert [it for it in joined if len(it[0]) == size] == expected


def test_a_list_of_addresses_alone_is_a_list():
    reader = reader_of(_build(_entries(networks=("192.0.2.0/24",))).body)
    assert reader.address(bytes((192, 0, 2, 9))) and not reader.address(bytes((192, 0, 3, 9)))
    assert reader.names == 0 and not reader.listed(wire_name(b"a.example"))


def test_nothing_to_list_is_no_list():
    with pytest.raises(UserError, match="no names and no addresses"):
        _build(_entries(allowed=("a.example",)))


@pytest.mark.parametrize("list_class", LIST_CLASSES)
@pytest.mark.parametrize("board_class", BOARD_CLASSES)
def test_what_a_list_may_have_fits_and_stays_as_sure_as_its_class(list_class, board_class):
    most, bits = most_names(list_class, board_class), range_bits(list_class, board_class)
    assert most / (1 << bits) <= 0.5 ** LIST_CLASSES[list_class]
    room = most_body_bytes(board_class)
    assert room is None or body_bytes(most, bits) <= room


def test_the_size_of_a_list_is_foretold():
    built = _build(_entries(*_made_up(60_000)))
    assert abs(body_bytes(built.manifest["names"], 40) / len(built.body) - 1) < 0.005
    assert len(hashes_in(built.body)) == built.manifest["names"]


def test_more_names_than_a_board_has_room_for_are_refused(monkeypatch):
    monkeypatch.setattr("spamgate_tools.blocklist.build.most_names", lambda how, board: 100 if how == "exact" else 200)
    with pytest.raises(UserError, match=r"101 names are more than the 100 .* --class compact, which holds up to 200"):
        _build(_entries(*_made_up(101)), options=Options("exact", "4MiB"))
    monkeypatch.setattr("spamgate_tools.blocklist.build.most_body_bytes", lambda board: 3000)
    with pytest.raises(UserError, match=r"a slot of 4MiB boards has 3,000"):
        _build(_entries(*_made_up(90)), options=Options("compact", "4MiB"))
