"""Frozen into the emulated board's MicroPython: what comes before boot.py."""

freeze("$(BOARD_DIR)", "_boot.py")
