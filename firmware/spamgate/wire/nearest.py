"""Which known word somebody meant."""

from spamgate.core.compat import const

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Iterable

_SHOWN = 60  # characters of a word that are looked at
_FAR = 4  # edits after which a name is no longer taken for a misspelt one


def nearest(word: str, known: "Iterable[str]") -> str:
    """Return the known word that `word` was meant to be, misspelt or only begun, or an empty string."""
    best = ""
    word = word[:_SHOWN]
    least = min(_FAR, (len(word) + 3) // 2)
    for candidate in known:
        far = min(_distance(word, candidate), _distance(word, candidate[: len(word)]) + 1)
        if far < least:
            least = far
            best = candidate
    return best


def _distance(first: str, second: str) -> int:
    """Return how many letters must be put in, taken out or replaced (Levenshtein)."""
    row = list(range(len(second) + 1))
    for at, letter in enumerate(first):
        before = row
        row = [at + 1]
        for to, other in enumerate(second):
            row.append(min(before[to] + (letter != other), before[to + 1] + 1, row[to] + 1))
    return row[-1]
