"""Boards: what is known of them, what is written to their flash, and the writing."""
