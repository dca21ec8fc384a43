"""Names in other scripts: IDNA 2008 after the mapping of UTS 46, as browsers send them to DNS.

Not transitional: the German sharp s stays what it is.  Labels in ASCII are left as they are, since DNS knows more of
them than IDNA allows.
"""

import idna


def to_ascii(text: str) -> str:
    """Return the name as DNS knows it; ValueError where IDNA has none."""
    mapped = idna.uts46_remap(text, std3_rules=False, transitional=False)
    return ".".join(label if label.isascii() else _label(label) for label in mapped.split("."))


def _label(label: str) -> str:
    return idna.alabel(label).decode("ascii")
