"""What CPython needs to run functions that MicroPython makes machine code of.

MicroPython's compiler does so with a function below `@micropython.viper`, whose arguments are whole numbers or, as
`ptr8` and `ptr32`, the address of bytes or of 32-bit numbers; nobody checks an index there.  CPython runs the same
text; for a MicroPython without machine code whatever compiles it removes that line, which stands for itself.
"""

from spamgate.core.compat import const

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Any, TypeVar

    ptr8 = Any
    ptr32 = Any
    _Function = TypeVar("_Function")
else:
    ptr8 = ptr32 = None


class micropython:  # noqa: N801
    """What CPython makes of the decorators."""

    @staticmethod
    def viper(function: "_Function") -> "_Function":
        """Return the function as it is."""
        return function


try:
    import micropython  # type: ignore[no-redef,import-not-found,unused-ignore]  # noqa: F401,F811
except ImportError:
    pass
