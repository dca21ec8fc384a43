"""Readers and writers of bytes: no I/O, no clock; every read bounds-checked in `cursor`."""
