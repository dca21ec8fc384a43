"""Signing a list's file: its head gets a version, dates and the signature; and checking one as devices do."""

import hashlib
import os
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa

from spamgate.wire.cursor import FormError
from spamgate.wire.list_manifest import DELTA, HEAD_BYTES, LIST, parse_manifest, signed_digest
from spamgate.wire.list_rules import VERSION_S, RefusedError, check_time
from spamgate.wire.list_signing import encode_manifest, make_head
from spamgate.wire.pss import verifies
from spamgate_tools.blocklist.keys import sign_manifest
from spamgate_tools.blocklist.list_head import manifest_in, read_head
from spamgate_tools.errors import UserError

HEAD_SUFFIX = ".head"

_DAY_S = 86400
_CHUNK_BYTES = 1 << 20


@dataclass
class Terms:
    """What signing adds to a manifest."""

    now_s: int
    days: int
    version: int | None = None
    next_key: str | None = None


def sign_file(path: Path, key: rsa.RSAPrivateKey, terms: Terms) -> dict[str, Any]:
    """Sign the list in a file, which gets its new head at once or not at all; return the manifest."""
    head = read_head(path)
    if head.magic != LIST:
        raise UserError(f"{path}: is a delta", "sign the list, then make the delta with `spamgate blocklist diff`")
    manifest = manifest_in(path, head, is_signed=False)
    problem = body_problem(path, manifest)
    if problem:
        raise UserError(f"{path}: {problem}", "build it again; a damaged list is not signed")
    manifest.pop("next_key", None)
    manifest.update(_dates(terms, max(_version_of(path), _version_of(path.with_suffix(HEAD_SUFFIX)))))
    text = encode_manifest(manifest)
    new = make_head(LIST, text, sign_manifest(key, text))
    _replace(path, new, with_body=True)
    _replace(path.with_suffix(HEAD_SUFFIX), new, with_body=False)
    return manifest


def _dates(terms: Terms, last: int) -> dict[str, Any]:
    """Return what signing adds: a version above `last`, which was signed before under this name.

    A version is no greater than the minutes since 1970 when the list was made (`wire/list_rules.py`); who signs twice
    within a minute is taken to sign a little later.
    """
    created = terms.now_s
    version = terms.version
    if version is None:
        version = max(created // VERSION_S, last + 1)
        created = max(created, version * VERSION_S)
    if created > terms.now_s + _DAY_S // 2:
        hint = "set this machine's clock; if it is right, build under another name"
        raise UserError(f"version {last} was signed before, far in the future", hint)
    if version > created // VERSION_S:
        hint = f"leave --version out: today's is {created // VERSION_S}"
        raise UserError(f"version {version} is ahead of its time, and devices would refuse it", hint)
    added: dict[str, Any] = {"created": created, "expires": created + terms.days * _DAY_S, "version": version}
    if terms.next_key:
        added["next_key"] = terms.next_key
    return added


@dataclass
class Judgement:
    """What is wrong with a file, in the order in which a device would find it; nothing: it is good."""

    manifest: dict[str, Any]
    is_delta: bool
    problems: list[str] = field(default_factory=list)


def judge_file(path: Path, modulus: bytes, now_s: int) -> Judgement:
    """Look at a list or delta as a device does that trusts this key."""
    head = read_head(path)
    manifest = manifest_in(path, head, is_signed=bool(head.signature))
    judgement = Judgement(manifest, head.magic == DELTA)
    problems = judgement.problems
    if not head.signature:
        problems.append("is not signed; `spamgate blocklist sign` does that")
    elif not verifies(modulus, head.signature, signed_digest(head.manifest)):
        problems.append("is not signed with this key, or was changed since")
    else:
        try:
            check_time(manifest, now_s)
        except RefusedError as error:
            problems.append(f"{error}; {error.hint}")
    problem = "" if judgement.is_delta else body_problem(path, manifest)
    if problem:
        problems.append(problem)
    return judgement


def body_problem(path: Path, manifest: dict[str, Any]) -> str:
    """Return how the body differs from what the manifest says of it, or an empty string."""
    size = path.stat().st_size - HEAD_BYTES
    if size != manifest["size"]:
        return f"its body has {size} bytes, and the manifest says {manifest['size']}"
    digest = hashlib.sha256()
    with path.open("rb") as file:
        file.seek(HEAD_BYTES)
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return "" if digest.hexdigest() == manifest["sha256"] else "its body has another digest than the manifest says"


def _version_of(path: Path) -> int:
    """Return which version was signed under this name, 0 where none was."""
    try:
        head = read_head(path)
        return int(parse_manifest(head.manifest)["version"]) if head.signature else 0
    except (UserError, FormError):
        return 0


def _replace(path: Path, head: bytes, with_body: bool) -> None:
    """Give a file another head, so that whoever reads it meanwhile has the old one or the new."""
    scratch = None
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=path.name, delete=False) as file:
            scratch = Path(file.name)
            file.write(head)
            if with_body:
                with path.open("rb") as old:
                    old.seek(HEAD_BYTES)
                    shutil.copyfileobj(old, file, _CHUNK_BYTES)
        mode = path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask()
        os.chmod(scratch, mode)
        os.replace(scratch, path)
    except OSError as error:
        if scratch is not None:
            scratch.unlink(missing_ok=True)
        raise UserError(f"{path}: cannot be written: {error.strerror}") from None


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
