"""A stranger's bytes in a meeting or a session are refused; and our counter mode is that of the library."""

import os

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from fakes.aes import make_aes
from hypothesis import given
from hypothesis import strategies as st

from spamgate.wire.link_auth import ANSWER_BYTES, HELLO_BYTES, PROOF_BYTES, Client, Server
from spamgate.wire.link_seal import LENGTH_BYTES, RECORD_BYTES, TAG_BYTES, TEXT_BYTES, AuthError, Mac, Seal

KEY, CIPHER_KEY, MAC_KEY = bytes(range(32)), b"k" * 32, b"m" * 32
SOMETHING = st.binary(max_size=100)
TEXTS = st.lists(st.binary(min_size=1, max_size=TEXT_BYTES), min_size=1, max_size=8)


def seal() -> Seal:
    return Seal(make_aes(CIPHER_KEY), Mac(MAC_KEY))


def sealed(sealing: Seal, text: bytes) -> bytes:
    record = bytearray(RECORD_BYTES)
    record[LENGTH_BYTES : LENGTH_BYTES + len(text)] = text
    return bytes(record[: sealing.seal(record, len(text))])


def opened(opening: Seal, record: bytes) -> bytes:
    text = bytearray(record.ljust(RECORD_BYTES, b"\0"))
    size = opening.open(text, len(record) - TAG_BYTES)
    return bytes(text[LENGTH_BYTES : LENGTH_BYTES + size])


@given(SOMETHING | st.binary(min_size=HELLO_BYTES, max_size=HELLO_BYTES), SOMETHING)
def test_no_stranger_gets_past_a_server(hello, proof):
    server = Server(KEY, os.urandom(32))
    try:
        server.answer(hello)
    except AuthError:
        server.answer(Client(KEY, os.urandom(32)).hello())
    with pytest.raises(AuthError):
        server.check(proof.ljust(PROOF_BYTES, b"\0")[:PROOF_BYTES])
    with pytest.raises(AuthError):
        server.check(proof)


@given(SOMETHING | st.binary(min_size=ANSWER_BYTES, max_size=ANSWER_BYTES))
def test_no_stranger_gets_a_proof_of_a_client(answer):
    with pytest.raises(AuthError):
        Client(KEY, os.urandom(32)).prove(answer)


@given(TEXTS)
def test_texts_come_back_and_are_encrypted_in_counter_mode(texts):
    ours, theirs = seal(), seal()
    records = [sealed(ours, text) for text in texts]
    library = Cipher(algorithms.AES(CIPHER_KEY), modes.CTR(bytes(16))).encryptor()
    assert [record[LENGTH_BYTES:-TAG_BYTES] for record in records] == [library.update(text) for text in texts]
    assert [opened(theirs, record) for record in records] == texts


@given(TEXTS, st.data())
def test_whatever_is_done_to_records_ends_the_session_there(texts, data):
    ours, theirs = seal(), seal()
    records = [sealed(ours, text) for text in texts]
    sent = list(records)
    at = data.draw(st.integers(0, len(sent) - 1))
    kind = data.draw(st.sampled_from(("flip", "double", "drop", "swap", "invent")))
    if kind == "flip":
        place = data.draw(st.integers(LENGTH_BYTES, len(sent[at]) - 1))
        flipped = bytes([sent[at][place] ^ 1 << data.draw(st.integers(0, 7))])
        sent[at] = sent[at][:place] + flipped + sent[at][place + 1 :]
    elif kind == "double":
        sent.insert(at, sent[at])
    elif kind == "drop":
        del sent[at]
    elif kind == "swap":
        sent.insert(0, sent.pop(at))
    else:
        sent.insert(at, data.draw(st.binary(min_size=LENGTH_BYTES + TAG_BYTES + 1, max_size=RECORD_BYTES)))
    read = []
    try:
        for record in sent:
            read.append(opened(theirs, record))
    except AuthError:
        pass
    as_sealed = 0  # records that come as they were made, in their places
    while as_sealed < min(len(sent), len(records)) and sent[as_sealed] == records[as_sealed]:
        as_sealed += 1
    assert read == texts[:as_sealed]
