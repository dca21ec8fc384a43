"""The SMTP observer from random bytes and from dialogues put together at random.

Nothing may be raised, what is told is bounded and the same however the bytes were cut, and no part
of a line stays behind when a connection ends.
"""

from fakes.mail_wire import CLIENT, SERVER, SmtpLog, feed, observe
from hypothesis import given
from hypothesis import strategies as st

from spamgate.wire.smtp import SmtpObserver
from spamgate.wire.smtp_verbs import argument_at
from spamgate_tools.transactions import Session

LINE_BYTES = 24

COMMANDS = (
    b"HELO x", b"EHLO [1.2.3.4]", b"MAIL FROM:<a@b> SIZE=9", b"RCPT TO:<c@d>", b"DATA", b"BDAT 4", b"BDAT 9 LAST",
    b"BDAT 0 LAST", b"BDAT -1 LAST", b"BDAT 99999999999 LAST", b"RSET", b"QUIT", b"NOOP", b"AUTH LOGIN",
    b"AUTH PLAIN AGEAYg==", b"*", b"STARTTLS", b"VRFY x", b"Subject: x", b"", b".", b"..", b"x" * 60, b"\0\0\0",
)  # fmt: skip
REPLIES = (
    b"220 mx", b"250 ok", b"250-more", b"354 go", b"334 VXNl", b"235 ok", b"221 bye", b"421 idle", b"450 later",
    b"500 what", b"502 no", b"503 first", b"535 no", b"550-a", b"554 no", b"25", b"2500", b"text", b"x" * 60,
)  # fmt: skip
ENDS = (b"\r\n", b"\r\n", b"\r\n", b"\n", b"\r", b"\r\r\n", b"")
NOISE = (b"\x16\x03\x01", b"\r\n.\r\n", b"\n.\n", b"\r\n.", b"\r", b"\n", b"\0")


def lines(words):
    """Return a strategy for a few lines, whole or not."""
    line = st.builds(bytes.__add__, st.sampled_from(words), st.sampled_from(ENDS))
    return st.lists(st.one_of(line, line, line, st.sampled_from(NOISE), st.binary(max_size=8)), max_size=5).map(
        b"".join
    )


turns = st.one_of(
    st.tuples(st.just(CLIENT), lines(COMMANDS)),
    st.tuples(st.just(SERVER), lines(REPLIES)),
    st.tuples(st.integers(0, 1), st.binary(max_size=30)),
    st.tuples(st.integers(0, 1), st.integers(0, 30)),  # a gap
)
scripts = st.lists(turns, max_size=20)


@given(scripts, st.booleans(), st.integers(1, 9))
def test_however_cut_it_tells_the_same(script, midstream, size):
    whole = observe(script, 0, midstream, line_bytes=LINE_BYTES).events
    assert observe(script, 1, midstream, line_bytes=LINE_BYTES).events == whole
    assert observe(script, size, midstream, line_bytes=LINE_BYTES).events == whole


@given(scripts, st.booleans(), st.booleans())
def test_what_is_told_is_bounded(script, midstream, implicit_tls):
    log = observe(script, 0, midstream, implicit_tls, line_bytes=LINE_BYTES)
    said = [turn for turn in script if not isinstance(turn[1], int)]
    feeds = sum(text.count(b"\n") for _, text in said)
    assert len(log.commands()) + len(log.replies()) <= feeds
    for event in log.events:
        if isinstance(event, str):
            continue
        assert len(event[-1]) <= LINE_BYTES and b"\n" not in event[-1] and not event[-1].endswith(b"\r")
        if len(event) == 2:
            assert 1 <= event[0] <= 15
        else:
            assert 200 <= event[0] <= 599 and -1 <= event[1] <= 15
    assert log.count("accepted") <= len(log.replies())
    if implicit_tls:
        assert log.events in ([], ["encrypted"])


@given(st.lists(st.tuples(st.integers(0, 3), turns), max_size=40), st.integers(1, 3))
def test_many_connections_share_few_cells(script, cells):
    log = SmtpLog()
    observer = SmtpObserver(log, 4, cells, LINE_BYTES)
    for slot in range(4):
        observer.begin(slot, slot == 3, False)
    for slot, (side, said) in script:
        if isinstance(said, int):
            observer.gap(slot, side, said)
        else:
            feed(observer, side, said, slot)
        pool = observer._lines
        assert sum(1 for holder in pool._cell_of if 0 < holder < 255) == sum(1 for way in pool._way_of if way >= 0)
        assert all(size <= LINE_BYTES for size in pool._size)
    for slot in range(4):
        observer.end(slot)
    assert set(observer._lines._way_of) == {-1} and not any(observer._lines._cell_of)


@given(st.lists(st.binary(max_size=200), max_size=10), st.booleans())
def test_random_bytes(pieces, midstream):
    script = [(number & 1, piece) for number, piece in enumerate(pieces)]
    observe(script, 0, midstream)
    observe(script, 3, midstream, lines=1, line_bytes=1)


@given(st.binary(max_size=40).filter(lambda text: b"\r\n.\r\n" not in b"\r\n" + text + b"\r\n"))
def test_a_message_shows_nothing_within_and_hides_nothing_behind(text):
    go_ahead = [(CLIENT, b"HELO x\r\nDATA\r\n"), (SERVER, b"220 x\r\n250 x\r\n354 go\r\n"), (CLIENT, text)]
    assert observe(go_ahead).commands() == [1, 5]
    assert observe([*go_ahead, (CLIENT, b"\r\n.\r\nRSET\r\n")]).commands() == [1, 5, 7]


# --- transactions: the same however much the client pipelines ----------------------------------


class Mails(SmtpLog):
    """Leads what the observer tells into a session."""

    def __init__(self):
        super().__init__()
        self.session = Session("10.0.0.2", "192.0.2.25")

    def command(self, slot, verb, buf, start, end):
        self.session.hear_command(verb, bytes(buf[argument_at(verb, buf, start, end) : end]))

    def reply(self, slot, code, verb, buf, start, end):
        self.session.hear_reply(code, verb)

    def accepted(self, slot):
        self.session.hear_accepted()

    def encrypted(self, slot):
        self.session.hear_encrypted()


FATES = ("accepted", "refused", "no data", "reset", "dropped", "chunks")


@st.composite
def mail_sessions(draw):
    """Return a script and its transactions; the client waits where it must, and elsewhere if it likes."""
    script = [(SERVER, b"220 mx\r\n"), (CLIENT, b"EHLO me\r\n"), (SERVER, b"250 ok\r\n")]
    expected = []
    waiting = []  # replies that the server has not sent yet

    def say(line, reply, must_wait=False):
        script.append((CLIENT, line))
        waiting.append((SERVER, reply))
        if must_wait or draw(st.booleans()):
            script.extend(waiting)
            waiting.clear()

    for number, fate in enumerate(draw(st.lists(st.sampled_from(FATES), max_size=5))):
        recipients = [f"r{number}{place}@x" for place in range(draw(st.integers(1, 3)))]
        say(b"MAIL FROM:<s%d@y>\r\n" % number, b"250 ok\r\n")
        for recipient in recipients:
            say(b"RCPT TO:<%s>\r\n" % recipient.encode(), b"250 ok\r\n")
        last = 250
        if fate in ("accepted", "refused"):
            say(b"DATA\r\n", b"354 go\r\n", True)
            last = 250 if fate == "accepted" else 554
            say(b"MAIL FROM:<not@me>\r\n..\r\n.\r\n", b"%d done\r\n" % last)
        elif fate == "no data":
            last = 503
            say(b"DATA\r\n", b"503 no\r\n", True)
        elif fate == "reset":
            say(b"RSET\r\n", b"250 ok\r\n")
        elif fate == "chunks":
            say(b"BDAT 6\r\nQUIT\r\n", b"250 ok\r\n")
            say(b"BDAT 0 LAST\r\n", b"250 done\r\n")
        expected.append((f"s{number}@y", recipients, last, fate in ("accepted", "chunks")))
    return script + waiting, expected or [(None, [], 250, False)]


@given(mail_sessions(), st.integers(0, 3))
def test_transactions_are_the_same_however_much_is_pipelined(session, size):
    script, expected = session
    mails = Mails()
    observer = SmtpObserver(mails, 1)
    observer.begin(0, False, False)
    for side, said in script:
        for at in range(0, len(said), size or len(said)):
            feed(observer, side, said[at : at + (size or len(said))])
    mails.session.close()
    told = mails.session.take_done()
    assert [(of["mail_from"], of["rcpt_to"], of["last_reply"], of["accepted"]) for of in told] == expected
    assert all(of["helo"] == "me" and not of["tls"] and not of["auth"] for of in told)
