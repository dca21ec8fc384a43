"""What a count says about the rate behind it: exact intervals for shares and for rates, none of n included.

Clopper, Pearson: The Use of Confidence or Fiducial Limits Illustrated in the Case of the Binomial, Biometrika 26, 1934.
Garwood: Fiducial Limits for the Poisson Distribution, Biometrika 28, 1936.
"""

from collections.abc import Callable
from math import exp, lgamma, log

_STEPS = 60  # bisections: far below what a double can tell
_TWO_SIDED = 0.025
_ONE_SIDED = 0.05

Interval = tuple[float, float]


def share(count: int, of: int) -> Interval:
    """Return the 95 % interval (Clopper-Pearson) of a share."""
    if of == 0:
        return 0.0, 1.0
    low = 0.0 if count == 0 else _where(lambda p: 1 - _binomial(count - 1, of, p) > _TWO_SIDED, 0.0, 1.0)
    high = 1.0 if count == of else _where(lambda p: _binomial(count, of, p) < _TWO_SIDED, 0.0, 1.0)
    return low, high


def rate(count: int, exposure: float) -> Interval:
    """Return the 95 % interval (Garwood) of events for each unit of `exposure`."""
    if exposure <= 0:
        return 0.0, float("inf")
    most = 4.0 * count + 20.0
    low = 0.0 if count == 0 else _where(lambda mean: 1 - _poisson(count - 1, mean) > _TWO_SIDED, 0.0, most)
    high = _where(lambda mean: _poisson(count, mean) < _TWO_SIDED, 0.0, most)
    return low / exposure, high / exposure


def rate_bound(count: int, exposure: float) -> float:
    """Return the one-sided upper 95 % bound of a rate: 3.0 / exposure where nothing happened."""
    if exposure <= 0:
        return float("inf")
    return _where(lambda mean: _poisson(count, mean) < _ONE_SIDED, 0.0, 4.0 * count + 20.0) / exposure


def _where(is_beyond: Callable[[float], bool], low: float, high: float) -> float:
    """Return where, between `low` and `high`, `is_beyond` becomes true."""
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if is_beyond(middle):
            high = middle
        else:
            low = middle
    return (low + high) / 2


def _binomial(count: int, of: int, p: float) -> float:
    """Return P(at most `count` of `of`)."""
    if p <= 0 or p >= 1:
        return 1.0 if p <= 0 or count >= of else 0.0
    logs = log(p), log(1 - p)
    whole = lgamma(of + 1)
    return sum(
        exp(whole - lgamma(k + 1) - lgamma(of - k + 1) + k * logs[0] + (of - k) * logs[1]) for k in range(count + 1)
    )


def _poisson(count: int, mean: float) -> float:
    """Return P(at most `count`) where `mean` are expected."""
    if mean <= 0:
        return 1.0
    return sum(exp(k * log(mean) - mean - lgamma(k + 1)) for k in range(count + 1))
