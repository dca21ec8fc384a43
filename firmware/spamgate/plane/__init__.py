"""Data planes: one file a target, and what they all do with a frame."""
