"""The one place where CPython and MicroPython differ.

MicroPython's compiler folds `const()` by its name, wherever the name came from,
so a private `_NAME = const(1)` vanishes from a compiled module.
"""

try:
    from micropython import const
except ImportError:

    def const(value: int) -> int:
        """Return `value`: CPython has no constant folding to ask for."""
        return value
