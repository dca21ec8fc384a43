"""The detection engine: no I/O, no clock of its own, integers only."""
