"""A zone made from a seed, with every shape of answer, and the questions that bring them about."""

import random
from dataclasses import dataclass

ORIGIN = "zone.example"
SOA = f"{ORIGIN}. 600 IN SOA ns.{ORIGIN}. hostmaster.{ORIGIN}. 1 3600 600 86400 60"
_SIGNATURE = "A 8 {labels} 600 20400101000000 20200101000000 12345 zone.example. " + "QUJD" * 43


@dataclass
class Question:
    """A name and type, and how to ask."""

    name: str
    qtype: str
    flags: int  # RD, and sometimes AD or CD
    payload: int  # 0: without EDNS
    do: bool


def zone_text(rng: random.Random) -> str:
    """Return the zone: 1,000 names with addresses, mail servers, texts, aliases and sets too big for UDP."""
    lines = [SOA, f"{ORIGIN}. 600 IN NS ns.{ORIGIN}.", f"ns.{ORIGIN}. 600 IN A 198.51.100.53"]
    for number in range(1000):
        lines += _records(rng, f"n{number}.{ORIGIN}.", number)
    return "\n".join(lines) + "\n"


def _records(rng: random.Random, owner: str, number: int) -> list[str]:
    shape = number % 10
    start = f"{owner} {rng.choice((30, 300, 3600, 86400))} IN"
    four = [f"{start} A 203.0.{rng.randrange(256)}.{index + 1}" for index in range(rng.choice((1, 1, 2, 8)))]
    if shape < 3:
        return four
    if shape == 3:
        return [f"{start} AAAA 2001:db8::{number:x}:{index:x}" for index in range(1, 1 + rng.randrange(1, 5))]
    if shape == 4:
        return [f"{start} MX {10 * index} mx{index}.n{number - 4}.{ORIGIN}." for index in range(1, 4)]
    if shape == 5:
        return [f'{start} TXT "{"x" * rng.randrange(1, 255)}" "v=spf1 -all"']
    if shape == 6:  # a chain of aliases down to addresses
        middle = [f"c{index}.{owner} 300 IN CNAME c{index + 1}.{owner}" for index in range(rng.randrange(1, 6))]
        return [f"{start} CNAME c0.{owner}", *middle, f"c{len(middle)}.{owner} 300 IN CNAME n{number - 6}.{ORIGIN}."]
    if shape == 7:  # too big for UDP
        return [f"{start} A 203.1.{index >> 8}.{index & 255}" for index in range(rng.choice((40, 100, 300)))]
    if shape == 8:
        return [*four, f"{start} RRSIG {_SIGNATURE.format(labels=3)}"]
    return [f"{start} HTTPS 1 . alpn=h2,h3 ipv4hint=203.0.113.{number % 256}"]


def questions(rng: random.Random) -> list[Question]:
    """Return a question for each name, and some for what does not exist."""
    made = []
    for number in range(1000):
        name = f"n{number}.{ORIGIN}"
        if number % 7 == 0:
            name = f"{rng.choice(('no', 'www', 'mail'))}.{name}"  # NXDOMAIN
        own_type = ("A", "A", "A", "AAAA", "MX", "TXT", "A", "A", "A", "HTTPS")[number % 10]
        qtype = own_type if number % 5 else rng.choice(("A", "AAAA", "MX", "SRV"))  # often NODATA
        flags = 0x0100 | rng.choice((0, 0, 0x20, 0x10))
        made.append(Question(_mixed(rng, name), qtype, flags, rng.choice((0, 512, 1232, 4096)), rng.random() < 0.3))
    return made


def _mixed(rng: random.Random, name: str) -> str:
    """Mix capitals in, as resolvers do that use 0x20."""
    return "".join(rng.choice((letter.lower(), letter.upper())) for letter in name)
