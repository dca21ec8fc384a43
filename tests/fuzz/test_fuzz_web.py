"""What web servers may send, random and damaged: read, or FormError; and what is read is what was meant."""

from hypothesis import given
from hypothesis import strategies as st

from spamgate.wire.cursor import FormError
from spamgate.wire.http_reply import ReplyHead, Url, chunk_size

LINES = st.sampled_from(
    (
        b"HTTP/1.1 200 OK",
        b"HTTP/1.0 206 x",
        b"Content-Length: 4096",
        b"content-length:+7",
        b"Content-Range: bytes 5-9/10",
        b"Transfer-Encoding: chunked",
        b"ETag: \"x\"",
        b"Location: //h/%0d%0aX:y",
        b"",
    )
)
HEADS = st.lists(LINES | st.binary(max_size=40), max_size=9).map(b"\r\n".join)
PARTS = st.sampled_from(("http", "https", "ftp", "://", "//", "/", "?", "#", "@", ":", "[", "]", "::1", "80", "h.x"))
PLACES = st.lists(PARTS | st.text(max_size=5), max_size=8).map("".join)


@given(HEADS | st.binary(max_size=300))
def test_a_head_is_read_or_refused(data):
    try:
        head = ReplyHead(data)
        assert 0 <= head.status <= 999
        assert head.length >= -1
        assert head.begins_at >= 0
        assert head.is_chunked in (True, False)
    except FormError:
        return
    assert all(32 <= ord(letter) < 127 for name in ("etag", "location") for letter in head.get(name))


@given(st.binary(max_size=20) | st.integers(0, 1 << 40).map(lambda size: b"%x\r\n" % size))
def test_a_chunk_s_size_is_never_beyond_bounds(line):
    try:
        assert 0 <= chunk_size(line) < 1 << 32
    except FormError:
        pass


@given(PLACES, PLACES)
def test_a_url_is_read_or_refused_and_puts_no_second_line_into_a_request(text, location):
    try:
        urls = [Url(text)]
        urls.append(urls[0].joined(location))
    except FormError:
        urls = []
    for url in urls:
        assert url.scheme in ("http", "https")
        assert url.path.startswith("/")
        assert url.host
        assert 0 < url.port < 65536
        assert all(32 < ord(letter) < 127 for letter in url.text)
        assert "@" not in url.authority
