"""Read one source, a file or an address on the web, whatever its format; say what is wrong where it is no list."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from spamgate_tools.blocklist.detect import detect, is_web_page
from spamgate_tools.blocklist.fetch import DEFAULT_MOST_BYTES, Fetched, Fetcher, is_url, read_file
from spamgate_tools.blocklist.formats import FORMATS
from spamgate_tools.blocklist.intake import Intake
from spamgate_tools.blocklist.report import SourceReport
from spamgate_tools.errors import UserError

_SHRUNK = 10  # a feed that has less than a tenth of what it had is taken for broken
_SHRINKS_FROM = 50  # and one that was shorter than this may do as it likes
_UTF8_MARK = b"\xef\xbb\xbf"
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")

Progress = Callable[[str, str, int, int], None]  # source, "fetching" or "reading", how far, of how much (0: unknown)


@dataclass(frozen=True)
class Options:
    """How sources are read; the defaults are those of the command."""

    rpz: str = "auto"  # "exact": plain triggers mean the name only; "domain": with what is below; "auto": by the zone
    force: bool = False  # take a feed although it shrank
    refresh: bool = False  # ask for a feed although it was asked for within the hour
    former: Mapping[str, int] = field(default_factory=dict)  # how many entries each source had in the last build
    most_bytes: int = DEFAULT_MOST_BYTES
    cache: Path | None = None  # None: the user's
    progress: Progress | None = None


def read_source(where: str, format: str | None = None, options: Options | None = None) -> SourceReport:
    """Return the entries of a file or URL, and what became of each of its lines; UserError where it is no list."""
    options = options or Options()
    if format is not None and format not in FORMATS:
        raise UserError(f"{format}: is no format of lists", f"there are: {', '.join(FORMATS)}")
    progress = options.progress

    def heard(done: int, size: int) -> None:
        if progress:
            progress(where, "fetching", done, size)

    fetcher = Fetcher(options.cache, options.most_bytes, options.refresh, heard)
    fetched = fetcher.get(where) if is_url(where) else read_file(where, options.most_bytes)
    try:
        report = _read(where, fetched, format, options)
        _check_size(report, options.former.get(where, fetched.former), options.force)
    except UserError as error:
        raise UserError(f"{where}: {error.text}", error.hint) from None
    fetched.keep(report.taken)
    return report


def _read(where: str, fetched: Fetched, format: str | None, options: Options) -> SourceReport:
    data = _as_text(fetched.data)
    progress = options.progress
    heard = (lambda line: progress(where, "reading", line, 0)) if progress else None
    chosen = format or detect(data)
    intake = Intake(data, heard, options.rpz)
    FORMATS[chosen].read(intake)
    if format is None and chosen == "addresses" and "not an address" in intake.skipped:
        among_names = Intake(data)  # a plain list may begin with thousands of addresses
        FORMATS["plain"].read(among_names)
        if among_names.entries.total() > intake.entries.total():
            chosen, intake = "plain", among_names
    return _report(where, fetched, chosen, intake)


def _report(where: str, fetched: Fetched, format: str, intake: Intake) -> SourceReport:
    report = SourceReport(
        source=where,
        format=format,
        sense=FORMATS[format].sense,
        origin=fetched.origin,
        size_bytes=len(fetched.data),
        sha256=hashlib.sha256(fetched.data).hexdigest(),
        entries=intake.entries,
        lines=intake.data.count(b"\n") + (intake.data[-1:] != b"\n"),
        duplicates=intake.duplicates,
        skipped=intake.skipped,
        notes=fetched.notes + intake.notes,
    )
    if not report.taken:
        raise UserError(_why_nothing(report), "look at what it is, and name its format with --format if it is a list")
    return report


def _as_text(data: bytes) -> bytes:
    """Return the lines as they are meant, or say why there are none."""
    if data.startswith(_UTF16_MARKS):
        raise UserError("is text in UTF-16", "save it as UTF-8")
    data = data.removeprefix(_UTF8_MARK)
    if not data.strip():
        raise UserError("is empty", "the former list stays as it is; look where the source comes from")
    if is_web_page(data):
        hint = "open it in a browser: the list has moved, or its site wants something first"
        raise UserError("is a web page, not a list", hint)
    if b"\n" not in data and b"\r" in data:
        data = data.replace(b"\r", b"\n")
    return data


def _why_nothing(report: SourceReport) -> str:
    reasons = report.by_count()
    if not reasons:
        return f"holds no entry (read as {report.format})"
    reason, skipped = reasons[0]
    return f"holds no entry (read as {report.format}): {skipped.count} times {reason}"


def _check_size(report: SourceReport, former: int, force: bool) -> None:
    if former >= _SHRINKS_FROM and report.taken * _SHRUNK < former:
        if not force:
            problem = f"has {report.taken} entries, the last time {former}: that looks like a fault of the feed"
            raise UserError(problem, "the former list stays as it is; --force takes it all the same")
        report.notes.append(f"it has {report.taken} entries, the last time {former}; taken all the same")
