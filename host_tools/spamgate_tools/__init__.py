"""Spamgate's host tools.  Of the firmware they use `spamgate.core` and `spamgate.wire` only."""

from spamgate import VERSION

__version__ = VERSION
