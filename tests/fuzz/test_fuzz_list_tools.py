"""Files that call themselves lists: whatever is in them, the host tools answer or say one line, and stop."""

import hashlib
import tempfile
from pathlib import Path

from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from spamgate.wire.list_manifest import HEAD_BYTES, LIST
from spamgate.wire.list_signing import encode_manifest, make_head
from spamgate_tools.blocklist.build import Options, build_list
from spamgate_tools.blocklist.entry import DOMAIN, Entries
from spamgate_tools.blocklist.names import wire_name
from spamgate_tools.cli import spamgate
from spamgate_tools.errors import UserError

_NAMES = [f"bad{number}.example" for number in range(300)]
_TEMPORARY = tempfile.TemporaryDirectory(prefix="spamgate-fuzz-")  # gone when this module is
_FOLDER = Path(_TEMPORARY.name)
_CHANGES = st.lists(st.tuples(st.integers(0, 47) | st.integers(0, 4000), st.integers(0, 255)), max_size=5)
_VERBS = st.sampled_from(("info", "query", "diff"))


def _whole() -> bytes:
    entries = Entries()
    entries.blocked[DOMAIN].update(wire_name(name.encode()) for name in _NAMES)
    entries.allowed[DOMAIN].add(wire_name(b"ok.example"))
    entries.networks.add((bytes((192, 0, 2, 0)), 24))
    return build_list(entries, frozenset(), Options("compact")).file()


_WHOLE = _whole()
(_FOLDER / "whole.sgb").write_bytes(_WHOLE)


def _ask(verb: str, data: bytes) -> None:
    """Run the verb on a file of these bytes; anything but an answer or a UserError is a failure."""
    path = _FOLDER / "bad.sgb"
    path.write_bytes(data)
    more = {"info": (), "query": (*_NAMES[:9], "192.0.2.1", "2001:db8::1"), "diff": (str(_FOLDER / "whole.sgb"),)}
    words = ["blocklist", verb, str(path), *more[verb], "--json"]
    try:
        done = CliRunner().invoke(spamgate, words, catch_exceptions=False)
    except UserError as error:
        assert "\n" not in str(error)
    else:
        assert done.exit_code == 0


@given(_VERBS, st.binary(max_size=200), st.integers(0, len(_WHOLE)))
def test_noise_and_cut_files_are_refused(verb, noise, size):
    _ask(verb, noise)
    _ask(verb, noise + _WHOLE[len(noise) :])
    _ask(verb, _WHOLE[:size])


@given(_VERBS, _CHANGES, st.integers(0, 4000) | st.none())
def test_made_up_bodies_under_an_honest_head_harm_nobody(verb, changes, size):
    body = bytearray(_WHOLE[HEAD_BYTES:])
    for at, byte in changes:
        body[at % len(body)] = byte
    body = body[:size]
    about = {"board_class": "any", "class": "compact", "format": 1, "id": "x", "names": 300, "size": len(body)}
    manifest = encode_manifest({**about, "sha256": hashlib.sha256(body).hexdigest()})
    _ask(verb, make_head(LIST, manifest) + body)
