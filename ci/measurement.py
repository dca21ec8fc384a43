"""What every measurement of the bench shares: how often it is made, and what it raises when there is no number."""

RUNS = 5  # the median of these is reported: the machine's noise is about 15 %


class NotRun(Exception):
    """A measurement that cannot be made on this machine or not yet; the text is the reason."""


class Broken(NotRun):
    """A measurement that should have worked; the text is what went wrong."""
