"""Run unit test files on the interpreter that runs this: CPython or MicroPython.

The last line of output is the result; a file that ends without one has failed.
"""

import sys

_HERE = __file__.rsplit("/", 1)[0] if "/" in __file__ else "."
_ON_CPYTHON = sys.implementation.name == "cpython"


def _set_path():
    sys.path.insert(0, _HERE)
    sys.path.insert(0, _HERE + "/../firmware")
    if not _ON_CPYTHON:
        sys.path.insert(0, _HERE + "/shims")  # MicroPython has no unittest of its own


def _run(path):
    """Run one file's tests and return the counts: ran, failed, skipped."""
    import unittest

    folder, _, file = path.rpartition("/")
    sys.path.insert(0, folder or ".")
    module = __import__(file[:-3])
    suite = unittest.defaultTestLoader.loadTestsFromModule(module)
    result = unittest.TextTestRunner(verbosity=0).run(suite)
    return result.testsRun, len(result.failures) + len(result.errors), len(result.skipped)


def main(paths):
    """Run each file; return 1 when a test failed or there was none."""
    total = [0, 0, 0]
    for path in paths:
        for at, count in enumerate(_run(path)):
            total[at] += count
    sys.stderr.flush() if _ON_CPYTHON else None
    print("RESULT ran=%d failed=%d skipped=%d" % tuple(total))
    return 1 if total[1] or not total[0] else 0


if __name__ == "__main__":
    _set_path()
    sys.exit(main(sys.argv[1:]))
