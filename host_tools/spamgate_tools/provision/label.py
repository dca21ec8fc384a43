"""What is stuck on a board: its serial and MAC for people, and as a QR code for scanners.  Never its key."""

import io
from pathlib import Path
from xml.sax.saxutils import escape

import segno

from spamgate_tools.errors import UserError
from spamgate_tools.provision.inventory import Record

FORMATS = ("svg", "png", "txt")

_MODULE_MM = 0.5
_MARGIN_MM = 2.0
_LINE_MM = 4.0
_LETTER_MM = 2.1  # a wide one, for serials are in capitals
_PNG_SCALE = 8


def payload(record: Record) -> str:
    """Return what the QR code says; in capitals, for which the code is smaller."""
    return f"SPAMGATE:{record.serial}:{record.mac.replace(':', '')}".upper()


def lines(record: Record) -> list[str]:
    """Return what people read."""
    made = f"Spamgate {record.done[:10] or 'not done'}"
    return [line for line in (record.serial, record.mac, record.board, record.site, made) if line]


def as_text(record: Record) -> str:
    """Return the label for a terminal or a receipt printer."""
    out = io.StringIO()
    _code(record).terminal(out, compact=True)
    return out.getvalue() + "\n".join(lines(record)) + "\n"


def as_svg(record: Record) -> str:
    """Return the label as a drawing in millimetres, the code left and the text right of it."""
    code = _code(record)
    side_mm = len(code.matrix) * _MODULE_MM
    height_mm = max(side_mm, _LINE_MM * len(lines(record))) + 2 * _MARGIN_MM
    left_mm = side_mm + 2 * _MARGIN_MM
    width_mm = left_mm + _LETTER_MM * max(map(len, lines(record))) + _MARGIN_MM
    modules = "".join(f"M{x} {y}h1v1h-1z" for y, row in enumerate(code.matrix) for x, dark in enumerate(row) if dark)
    text = "".join(
        f'<text x="{left_mm:g}" y="{_MARGIN_MM + _LINE_MM * (number + 0.75):g}" font-family="sans-serif"'
        f' font-size="3"{" font-weight=" + chr(34) + "bold" + chr(34) if number == 0 else ""}>{escape(line)}</text>'
        for number, line in enumerate(lines(record))
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width_mm:g}mm" height="{height_mm:g}mm"'
        f' viewBox="0 0 {width_mm:g} {height_mm:g}"><rect width="100%" height="100%" fill="#fff"/>'
        f'<path transform="translate({_MARGIN_MM:g} {_MARGIN_MM:g}) scale({_MODULE_MM:g})" d="{modules}"/>'
        f"{text}</svg>\n"
    )


def save(record: Record, folder: Path, form: str) -> Path:
    """Write the label of a board to SERIAL.FORM in a folder; a PNG holds the code alone."""
    path = folder / f"{record.serial}.{form}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if form == "png":
            _code(record).save(str(path), scale=_PNG_SCALE, border=4)
        else:
            path.write_text(as_svg(record) if form == "svg" else as_text(record), encoding="utf-8")
    except OSError as error:
        hint = "the board is recorded all the same: write it later with `spamgate inventory`"
        raise UserError(f"label {path}: cannot be written: {error.strerror}", hint) from None
    return path


def _code(record: Record) -> segno.QRCode:
    return segno.make(payload(record), error="m", micro=False)
