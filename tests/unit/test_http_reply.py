"""URLs and heads of answers: what servers may write is read, what could mislead us is refused."""

import unittest

from spamgate.wire.cursor import FormError
from spamgate.wire.http_reply import ReplyHead, Url, chunk_size


def head(*lines, status="200 OK"):
    return ReplyHead(("HTTP/1.1 %s\r\n%s\r\n\r\n" % (status, "\r\n".join(lines))).encode())


class Urls(unittest.TestCase):
    def test_parts(self):
        for text, parts in (
            ("http://lists.example/home.sgb", ("http", "lists.example", 80, "/home.sgb")),
            ("https://lists.example", ("https", "lists.example", 443, "/")),
            ("https://lists.example:8443/a/b.head?x=1#y", ("https", "lists.example", 8443, "/a/b.head?x=1")),
            ("http://[2001:db8::1]:81/x", ("http", "2001:db8::1", 81, "/x")),
            ("http://[2001:db8::1]/x", ("http", "2001:db8::1", 80, "/x")),
        ):
            url = Url(text)
            self.assertEqual((url.scheme, url.host, url.port, url.path), parts)
            self.assertEqual(url.text.partition("?")[0].rstrip("/"), text.partition("?")[0].rstrip("/"))

    def test_what_is_none(self):
        for text in (
            "",
            "home.sgb",
            "ftp://lists.example/",
            "file:///etc/passwd",
            "http://",
            "http:///x",
            "http://:80/",
            "http://lists.example:0/",
            "http://lists.example:65536/",
            "http://lists.example:8x/",
            "http://2001:db8::1/",
            "http://me:secret@lists.example/",
            "http://lists.example/a b",
            "http://lists.example/\r\nX: y",
            "http://lists.example/\u00fc",
            "http://lists.example/" + 1100 * "a",
        ):
            with self.assertRaises(FormError):
                Url(text)

    def test_redirects_lead_where_they_say(self):
        url = Url("https://lists.example/a/home.sgb?x=/y/z")
        for location, text in (
            ("other.sgb", "https://lists.example/a/other.sgb"),
            ("/other.sgb", "https://lists.example/other.sgb"),
            ("//cdn.example/h", "https://cdn.example/h"),
            ("http://cdn.example:81/h", "http://cdn.example:81/h"),
            ("/go?to=http://x/", "https://lists.example/go?to=http://x/"),
        ):
            self.assertEqual(url.joined(location).text, text)
        with self.assertRaises(FormError):
            url.joined("javascript://x")


class Heads(unittest.TestCase):
    def test_what_is_needed_is_found(self):
        told = head("Content-Length: 42", 'eTag:  "a:b" ', "X-Other: y", "Location: /x", "no header")
        self.assertEqual((told.status, told.length, told.is_chunked, told.begins_at), (200, 42, False, 0))
        self.assertEqual((told.get("etag"), told.get("location"), told.get("x-other")), ('"a:b"', "/x", ""))
        self.assertEqual(head(status="404 Not Found").status, 404)
        self.assertEqual(head(status="204").length, -1)

    def test_parts_and_chunks(self):
        self.assertEqual(head("Content-Range: bytes 4096-8191/9000", status="206 Partial").begins_at, 4096)
        self.assertTrue(head("Transfer-Encoding: Chunked").is_chunked)
        for wrong in ("Content-Range: lines 1-2/3", "Content-Range: bytes */9", "Content-Length: 5"):
            with self.assertRaises(FormError):
                head(wrong, status="206 Partial").begins_at  # noqa: B018
        for line, size in ((b"1f\r\n", 31), (b"0;name=value\r\n", 0), (b" A \r\n", 10)):
            self.assertEqual(chunk_size(line), size)
        for line in (b"\r\n", b"-1\r\n", b"0x10000000000\r\n", b"123456789\r\n", b"zz\r\n"):
            with self.assertRaises(FormError):
                chunk_size(line)

    def test_what_is_no_answer(self):
        for data in (b"", b"\r\n\r\n", b"HTTP/2 200\r\n\r\n", b"220 mail.example\r\n", b"HTTP/1.1 2x0 OK\r\n"):
            with self.assertRaises(FormError):
                ReplyHead(data)

    def test_what_could_mislead(self):
        with self.assertRaises(FormError):
            head("Content-Length: 5", "Content-Length: 6")
        for line in ("Content-Length: -5", "Content-Length: 5 5", "Content-Length: 99999999999999"):
            with self.assertRaises(FormError):
                head(line).length  # noqa: B018
        for line in ("Content-Encoding: gzip", "Transfer-Encoding: gzip, chunked"):
            with self.assertRaises(FormError):
                head(line).is_chunked  # noqa: B018
        self.assertEqual(head("ETag: \xff\x01x").get("etag"), "???x")


if __name__ == "__main__":
    unittest.main()
