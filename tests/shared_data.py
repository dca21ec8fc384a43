"""Where the real captures and lists lie: beside the checkout, or where SPAMGATE_DATA points."""

import os
from pathlib import Path

_BESIDE_THE_CHECKOUT = Path(__file__).resolve().parents[2] / "shared" / "data"

NOT_THERE = "not run: no ../shared/data beside the checkout (or SPAMGATE_DATA=/path/to/it)"


def shared_data() -> Path | None:
    """Return the folder of shared data, or None where it is absent."""
    named = os.environ.get("SPAMGATE_DATA")
    folder = Path(named) if named else _BESIDE_THE_CHECKOUT
    return folder if folder.is_dir() else None
