"""The part of `unittest` that our unit tests use, for MicroPython, which ships without one.

Same names and same results as CPython's, so that one test file runs on both.
"""

import sys


class SkipTest(Exception):
    """Raised by a test that does not apply here."""


class _Raises:
    """Context manager of `assertRaises`; `exception` holds what was caught."""

    def __init__(self, expected):
        self.expected = expected
        self.exception = None

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if kind is None:
            raise AssertionError("%r was not raised" % self.expected)
        self.exception = value
        return issubclass(kind, self.expected)


class _SubTest:
    """Context manager of `subTest`: a failure is noted and the test goes on."""

    def __init__(self, case, label):
        self.case = case
        self.label = label

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if kind is None:
            return False
        if not issubclass(kind, Exception) or issubclass(kind, SkipTest):
            return False
        self.case._result.note(self.case._test_name + " " + self.label, value)
        return True


class TestCase:
    """Base of all tests; asserts raise AssertionError with both values in the text."""

    def setUp(self):
        """Overridden by tests."""

    def tearDown(self):
        """Overridden by tests."""

    def subTest(self, msg=None, **parameters):
        return _SubTest(self, "%s %r" % (msg or "", parameters))

    def fail(self, msg=None):
        raise AssertionError(msg or "failed")

    def skipTest(self, reason):
        raise SkipTest(reason)

    def _check(self, held, text, msg):
        if not held:
            raise AssertionError("%s: %s" % (msg, text) if msg else text)

    def assertTrue(self, value, msg=None):
        self._check(value, "%r is not true" % (value,), msg)

    def assertFalse(self, value, msg=None):
        self._check(not value, "%r is not false" % (value,), msg)

    def assertEqual(self, first, second, msg=None):
        self._check(first == second, "%r != %r" % (first, second), msg)

    def assertNotEqual(self, first, second, msg=None):
        self._check(first != second, "%r == %r" % (first, second), msg)

    def assertIs(self, first, second, msg=None):
        self._check(first is second, "%r is not %r" % (first, second), msg)

    def assertIsNot(self, first, second, msg=None):
        self._check(first is not second, "%r is %r" % (first, second), msg)

    def assertIsNone(self, value, msg=None):
        self._check(value is None, "%r is not None" % (value,), msg)

    def assertIsNotNone(self, value, msg=None):
        self._check(value is not None, "unexpectedly None", msg)

    def assertIn(self, member, container, msg=None):
        self._check(member in container, "%r not in %r" % (member, container), msg)

    def assertNotIn(self, member, container, msg=None):
        self._check(member not in container, "%r in %r" % (member, container), msg)

    def assertIsInstance(self, value, kind, msg=None):
        self._check(isinstance(value, kind), "%r is no %r" % (value, kind), msg)

    def assertLess(self, first, second, msg=None):
        self._check(first < second, "%r >= %r" % (first, second), msg)

    def assertLessEqual(self, first, second, msg=None):
        self._check(first <= second, "%r > %r" % (first, second), msg)

    def assertGreater(self, first, second, msg=None):
        self._check(first > second, "%r <= %r" % (first, second), msg)

    def assertGreaterEqual(self, first, second, msg=None):
        self._check(first >= second, "%r < %r" % (first, second), msg)

    def assertRaises(self, expected, call=None, *arguments, **named):
        raises = _Raises(expected)
        if call is None:
            return raises
        with raises:
            call(*arguments, **named)
        return None


def skipUnless(condition, reason):
    """Decorate a test or a class: skip it when `condition` does not hold."""

    def decorate(thing):
        if condition:
            return thing
        if isinstance(thing, type):
            thing._skip_reason = reason
            return thing

        def skipped(self):
            raise SkipTest(reason)

        return skipped

    return decorate


def skipIf(condition, reason):
    """Decorate a test or a class: skip it when `condition` holds."""
    return skipUnless(not condition, reason)


def skip(reason):
    """Decorate a test or a class: never run it."""
    return skipUnless(False, reason)


class TestResult:
    """What happened: lists of (test, text) as in CPython."""

    def __init__(self):
        self.testsRun = 0
        self.failures = []
        self.errors = []
        self.skipped = []

    def wasSuccessful(self):
        return not self.failures and not self.errors

    def note(self, test, problem):
        """Record what went wrong and show where."""
        kind = self.failures if isinstance(problem, AssertionError) else self.errors
        kind.append((test, str(problem)))
        print("FAIL:", test)
        sys.print_exception(problem)


class _Loader:
    def loadTestsFromModule(self, module):
        """Return (class, method name) for each test of the module, in order of name."""
        found = []
        for class_name in sorted(dir(module)):
            thing = getattr(module, class_name)
            if isinstance(thing, type) and issubclass(thing, TestCase) and thing is not TestCase:
                found += [(thing, name) for name in sorted(set(dir(thing))) if name.startswith("test")]
        return found


class TextTestRunner:
    """Run tests one after another, each on an object of its own."""

    def __init__(self, verbosity=1):
        self.verbosity = verbosity

    def run(self, suite):
        result = TestResult()
        for kind, name in suite:
            result.testsRun += 1
            self._run_one(kind, name, result)
        return result

    def _run_one(self, kind, name, result):
        case = kind()
        case._result = result
        case._test_name = kind.__name__ + "." + name
        try:
            if hasattr(kind, "_skip_reason"):
                raise SkipTest(kind._skip_reason)
            case.setUp()
            try:
                getattr(case, name)()
            finally:
                case.tearDown()
        except SkipTest as reason:
            result.skipped.append((case._test_name, str(reason)))
        except Exception as problem:
            result.note(case._test_name, problem)


defaultTestLoader = _Loader()


def main():
    """Files are started by run_unit.py, which prints the result line."""
    raise RuntimeError("run this file with tests/run_unit.py")
