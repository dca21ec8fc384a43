"""Every error that Spamgate raises on purpose derives from one class."""


class SpamgateError(Exception):
    """Something outside is wrong; the text says what, where and what to do."""
