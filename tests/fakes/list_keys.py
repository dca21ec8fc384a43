"""Keys for tests, in the open: nothing that anybody trusts is signed with them.  Each is two primes of 1536 bits."""

import hashlib

from spamgate.wire.pss import unmask

_PRIMES = (
    "e3951ecfe9c89a7fe323ee88b2973d3986fc22d55814756e7533d6e755acf42e4030bd5a10454629b3c2f7d3be250050"
    "921eff68dda2c1f2071a6b3bdc8af973ff0e4ca3b52a05a0340c47700a194f52d855e25e7fc7b990be6f856187201273"
    "4ce5431e40feca7a155f7733c0162df5f2855b93cf492b2b442c4198a05de5da938c84e901f32c9c2897a431d01cc3ed"
    "21ccd9567a9a9610d093dcb14f8d74e15f5951517534d12e6e4809281db92315dbf33729eea1d00f48e7d42c8d135cdd",
    "c0e74427bfb6b00348ea5278e02ee4112097dd0f4217f59fd43a44dd173bfac20460e375158f8e210d4454b471d66d6d"
    "fa8d74b0fe94bcf0028deccb6c5e87f056422ccf43ec2e25ed272b6066f12a10d61de463389b5906e1f95c04d27ea1b3"
    "5a2b60ae8ce250e768da3b1c056e6f900e8ff5df42ce4659c7ee3e8336325573d0610ead841fe997bc509e38f937c9ed"
    "8168779985001a48aa4c1bac45a42d0b75439b452e605c287a725ce65885c09274f558c73fb19aac866e3e78081d538d",
    "f5c8578c710f593da3db02b87eed3ee0948c21846e0b3cb743e73d167ba5f2cb23dc92a41cf4ca8cb4341c55886ff39e"
    "04bcd1097aff88347eb66162725ffa12ce4b93cd2ae71634286d072392c0dbf42b8f36f043b18efd1fbc2e234970d802"
    "6066c79fdb467381ec6f8c7e2d3c3248ff27bf9dab051c60b78c90d54c70a236fc65e69e5b79ab2de12c4e581706c009"
    "9e934163dbedca0e2b8bea3d8a8a1219f81004146ed93c8a28ba0dbdda4909ec276502d9e93b51a81cf3fc6cd5e77c6b",
    "ba854648af9e6b65b091d3d6dd72aaf56161b87f2aae3ae73e14f1ce11aa9fcd58ef9d49a394559957a8413d7a1d4d0b"
    "532ae78049a1dd5dab1a569bd455a04ffea8005f9306259ebe53e9f6d5287e8a2d8558c36bda46e84a920b5eacd07e62"
    "9805dacd76ba71e275d832a07ad9a96ed8272ce43199f12f019577677585ba55382ea6084868e396c330e93f995a6164"
    "58a88fd44a7bfe26e43f0190b73f40b596edae8a83e40e5c165f353d4783de24651f3696d3d8cd5d9f6723b350b0bfed",
    "f62eca7733d7b05563097d3ff0d9f7c54dbd11bdf7ebfcf29cb17f83400e12ab9ab84567c51d13152d1052abcacc1e6e"
    "238c51d6b2d2a35923af71177c480d4454d493e9b16081455460daa76223557895cc756d4cccf483328b7eb385c6688a"
    "e5026bb03615755325a2a7418ad87dd3b46f677cb81cf20d2974d1bae9f01c3fde446537261e78ddfbbd79861c504f98"
    "4201d02b2ae53c9fecb4c762882f943fbeff6a9a1cbd11ce20aa8d7f01c9c76f8ef83ec19ce46fb42aecebd48ba5166f",
    "f5581fccb5ce6b8a98604daa4b72343c29ce2d057ff89ba35009b442c42549ee0e7e48b9d76f0692b025f815beba15f3"
    "69424abcceaf7b521a42ddc8f99a896b3b4f801702d16674dc640456614a15ba38b7ef2d949661b175387de9b01c6506"
    "8a79702d375e444702d913c2c80fd0bd98ed739e3271848c962bbdbb1eabae7fadfbc30d1805504a56294b2afd00578c"
    "56077702dfa4dfb7bc8dd2d02b2e2e518d209ffc2cf71286d2beedc49f068390d75d3f2fd9d996a3afe2ff8694dc3d8d",
)
_EXPONENT = 65537
_BYTES = 384
_DB_BYTES = 351


class Key:
    """A key that signs, by the Chinese remainder theorem as RFC 8017 (5.1.2) has it."""

    def __init__(self, number):
        self._p, self._q = (int(text, 16) for text in _PRIMES[2 * number : 2 * number + 2])
        self.modulus = (self._p * self._q).to_bytes(_BYTES, "big")
        self._dp = pow_inverse(_EXPONENT, self._p - 1)
        self._dq = pow_inverse(_EXPONENT, self._q - 1)
        self._inverse = pow_inverse(self._q, self._p)

    def sign(self, digest, salt=b"salt" * 8):
        """Return the RSASSA-PSS signature over a message with this SHA-256."""
        return self.power(encode(digest, salt))

    def power(self, encoded):
        """Return the encoded message to the power of the private exponent."""
        number = int.from_bytes(encoded, "big")
        first = pow(number % self._p, self._dp, self._p)
        second = pow(number % self._q, self._dq, self._q)
        number = second + self._q * ((first - second) * self._inverse % self._p)
        return number.to_bytes(_BYTES, "big")


def encode(digest, salt, trailer=0xBC, one=1, stray=None):
    """Return the encoded message (EMSA-PSS-ENCODE, RFC 8017, 9.1.1); or one that is wrong somewhere."""
    seed = hashlib.sha256(bytes(8) + digest + salt).digest()
    block = bytearray(bytes(_DB_BYTES - len(salt) - 1) + bytes((one,)) + salt)
    if stray is not None:
        block[stray] = 1
    unmask(block, seed)
    block[0] &= 0x7F
    return bytes(block) + seed + bytes((trailer,))


def pow_inverse(number, modulus):
    """Return the inverse: MicroPython's `pow` has none."""
    old, new, factor, next_factor = modulus, number % modulus, 0, 1
    while new:
        quotient = old // new
        old, new = new, old - quotient * new
        factor, next_factor = next_factor, factor - quotient * next_factor
    return factor % modulus
