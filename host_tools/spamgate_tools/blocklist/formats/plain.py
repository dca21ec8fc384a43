"""Plain lists: one name a line, or one address, network or range; a JSON array of names is the same in other clothing.

`*.name` and `.name` mean what they mean to the programs that use such lists (dnscrypt-proxy, Squid): the name and
everything below it.  `=name` is dnscrypt-proxy's for the name only.
"""

import json

from spamgate_tools.blocklist.entry import EXACT
from spamgate_tools.blocklist.intake import Intake
from spamgate_tools.errors import UserError

SENSE = "a plain list names domains; each is taken with everything below it"
_COMMENTS = (b"#", b";", b"!", b"//")
_PATTERN_LETTERS = b"*?[]"


def read(intake: Intake) -> None:
    """Take every name and every address."""
    for line in intake.lines():
        if line.startswith(_COMMENTS):
            continue
        words = line.split(None, 1)
        if len(words) == 1 or words[1].startswith(_COMMENTS):
            read_word(intake, words[0])
        elif _is_range(line):
            intake.network(line.replace(b" ", b""))
        else:
            intake.skip("more than a name")


def read_json(intake: Intake) -> None:
    """Take the texts of a JSON array, as a plain list of them."""
    try:
        items = json.loads(intake.data)
    except (ValueError, RecursionError):
        items = None
    if not isinstance(items, list):
        raise UserError("is JSON, but no array of names", "take the names out of it, one a line")
    for intake.number, item in enumerate(items, 1):
        intake.raw = str(item)[:200].encode("utf-8", "replace")
        if isinstance(item, str) and item.strip():
            read_word(intake, item.strip().encode("utf-8", "replace"))
        else:
            intake.skip("not a name")


def read_word(intake: Intake, word: bytes) -> None:
    """Take one name, as it is or with one of the marks that such lists use."""
    if word[:1] == b"=":
        intake.block(word[1:], EXACT)
        return
    if word[:2] == b"*.":
        word = word[2:]
    elif word[:1] == b".":
        word = word[1:]
    if any(letter in _PATTERN_LETTERS for letter in word):
        intake.skip("pattern")
    elif b"://" in word or (b"/" in word and not _is_network(word)):
        intake.skip("address of a page")
    else:
        intake.block_host(word)


def _is_network(word: bytes) -> bool:
    address = word.partition(b"/")[0]
    return b":" in address or address.replace(b".", b"").isdigit()


def _is_range(line: bytes) -> bool:
    first, dash, last = line.partition(b" - ")
    return bool(dash) and first[:1].isdigit() and last[:1].isdigit()
