"""The one place where CPython and MicroPython differ.

MicroPython's compiler folds `const()` by its name, wherever the name came from,
so a private `_NAME = const(1)` vanishes from a compiled module.
"""


def const(value: int) -> int:
    """Return `value`; what CPython uses, which has no constant folding to ask for."""
    return value


try:
    from micropython import const  # type: ignore[no-redef,import-not-found,unused-ignore]  # noqa: F401,F811
except ImportError:
    pass

LATER_S = 1 << 30  # taken from every UNIX time, so that it is a small integer until 2038
