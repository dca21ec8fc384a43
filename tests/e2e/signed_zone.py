"""A small zone with real signatures (RFC 4034, RSA/SHA-256), so that a validating client says what the guard spoils."""

import base64
import hashlib
import random
import struct

import dns.dnssec
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype

ORIGIN = dns.name.from_text("signed.example")
_BITS = 512  # of each prime
_EXPONENT = 65537
_TTL = 300
_FROM, _UNTIL = 1577836800, 2209032000  # 2020 to 2040
_SHA256_INFO = bytes.fromhex("3031300d060960864801650304020105000420")  # RFC 8017 9.2


class Signer:
    """A key made from a seed, and what it signs."""

    def __init__(self, rng: random.Random) -> None:
        p, q = _prime(rng), _prime(rng)
        self._modulus = p * q
        self._private = pow(_EXPONENT, -1, (p - 1) * (q - 1))
        public = b"\3" + _EXPONENT.to_bytes(3, "big") + self._to_bytes(self._modulus)
        self.key = base64.b64encode(public).decode()
        self._dnskey = dns.rdata.from_text("IN", "DNSKEY", f"257 3 8 {self.key}")

    def zone_text(self, names: dict[str, str]) -> str:
        """Return the zone: `names` with an address each, signed."""
        records = {(ORIGIN, "SOA"): "ns hostmaster 1 3600 600 86400 60", (ORIGIN, "NS"): "ns"}
        records |= {(dns.name.from_text(name, ORIGIN), "A"): address for name, address in names.items()}
        lines = []
        for (owner, kind), text in {**records, (ORIGIN, "DNSKEY"): self._dnskey.to_text()}.items():
            rdata = dns.rdata.from_text("IN", kind, text, origin=ORIGIN)
            lines.append(f"{owner} {_TTL} IN {kind} {rdata.to_text()}")
            lines.append(f"{owner} {_TTL} IN RRSIG {self._signature(owner, rdata)}")
        return "\n".join(lines) + "\n"

    def _signature(self, owner: dns.name.Name, rdata: dns.rdata.Rdata) -> str:
        labels = len(owner.labels) - 1
        tag = dns.dnssec.key_id(self._dnskey)
        fields = struct.pack("!HBBIIIH", rdata.rdtype, 8, labels, _TTL, _UNTIL, _FROM, tag)
        data = rdata.to_digestable(ORIGIN)
        record = owner.to_digestable() + struct.pack("!HHIH", rdata.rdtype, 1, _TTL, len(data)) + data
        signature = base64.b64encode(self._sign(fields + ORIGIN.to_digestable() + record)).decode()
        return f"{dns.rdatatype.to_text(rdata.rdtype)} 8 {labels} {_TTL} {_UNTIL} {_FROM} {tag} {ORIGIN} {signature}"

    def _sign(self, data: bytes) -> bytes:
        size = len(self._to_bytes(self._modulus))
        info = _SHA256_INFO + hashlib.sha256(data).digest()
        padded = b"\0\1" + b"\xff" * (size - len(info) - 3) + b"\0" + info
        return pow(int.from_bytes(padded, "big"), self._private, self._modulus).to_bytes(size, "big")

    @staticmethod
    def _to_bytes(number: int) -> bytes:
        return number.to_bytes((number.bit_length() + 7) // 8, "big")


def _prime(rng: random.Random) -> int:
    while True:
        number = rng.getrandbits(_BITS) | 1 | 3 << (_BITS - 2)
        if number % _EXPONENT != 1 and all(_passes(number, rng.randrange(2, number - 1)) for _ in range(20)):
            return number


def _passes(number: int, witness: int) -> bool:
    """One round of Miller and Rabin."""
    odd = number - 1
    twos = (odd & -odd).bit_length() - 1
    power = pow(witness, odd >> twos, number)
    if power in (1, odd):
        return True
    for _ in range(twos - 1):
        power = power * power % number
        if power == odd:
            return True
    return False
