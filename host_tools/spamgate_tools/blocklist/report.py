"""What became of one source: what was taken, what was skipped and why, as people and programs read it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from spamgate_tools.blocklist.entry import Entries
from spamgate_tools.blocklist.intake import Skipped


@dataclass
class SourceReport:
    """One source that was read: its entries, and what there is to say of them."""

    source: str
    format: str
    sense: str  # what an entry of this format means, in words
    origin: str  # where the bytes came from: "file", "fetched", "not changed", "asked lately", "old copy"
    size_bytes: int
    sha256: str
    entries: Entries
    lines: int = 0
    duplicates: int = 0
    skipped: dict[str, Skipped] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def taken(self) -> int:
        """How many different entries it gave."""
        return self.entries.total()

    def as_json(self) -> dict[str, Any]:
        """Return all of it but the entries."""
        return {
            "source": self.source,
            "format": self.format,
            "sense": self.sense,
            "origin": self.origin,
            "bytes": self.size_bytes,
            "sha256": self.sha256,
            "lines": self.lines,
            "taken": self.entries.counts(),
            "duplicates": self.duplicates,
            "skipped": [
                {
                    "reason": reason,
                    "count": skipped.count,
                    "examples": [{"line": line, "text": text} for line, text in skipped.examples],
                }
                for reason, skipped in self.by_count()
            ],
            "notes": self.notes,
        }

    def by_count(self) -> list[tuple[str, Skipped]]:
        """Return what was skipped, the most frequent reason first."""
        return sorted(self.skipped.items(), key=lambda item: (-item[1].count, item[0]))

    def as_lines(self) -> Iterator[str]:
        """Yield it for people: one line for what was taken, one for each reason to skip, one for each note."""
        counts = [f"{count:,} {word}" for word, count in self.entries.counts().items() if count]
        duplicates = f", {self.duplicates:,} more were there before" if self.duplicates else ""
        yield f"{self.source}: {self.format}, {self.origin}, {', '.join(counts) or 'nothing'}{duplicates}"
        yield f"  {self.sense}"
        for reason, skipped in self.by_count():
            line, text = skipped.examples[0]
            yield f"  skipped {skipped.count:,}: {reason} (line {line}: {text})"
        for note in self.notes:
            yield f"  {note}"
