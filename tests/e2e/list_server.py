"""A web server of lists, honest or not: the first part of a path says how it behaves.

`list_server.py PORT FOLDER [CERTIFICATE KEY]` serves the folder's files over HTTP, or HTTPS.  What was asked goes to
standard output, a line a request: path, Range, If-None-Match, status.
"""

import hashlib
import http.server
import ssl
import sys
import time
from pathlib import Path

_PIECE = 65536


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves files with entity tags and ranges, as CDNs do; or misbehaves."""

    protocol_version = "HTTP/1.1"
    folder = Path()

    def do_GET(self) -> None:
        """Answer as the path says."""
        manner, _, name = self.path.strip("/").rpartition("/")
        getattr(self, f"serve_{manner}" if manner else "serve_file")(name)

    def _content(self, name: str) -> bytes | None:
        file = self.folder / name
        return file.read_bytes() if file.is_file() else None

    def _begin(self, status: int, **headers: object) -> None:
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key.replace("_", "-"), str(value))
        self.end_headers()
        told = (self.path, self.headers.get("Range"), self.headers.get("If-None-Match"), status)
        sys.stdout.write(" ".join(map(str, told)) + "\n")
        sys.stdout.flush()

    # --- honest ---

    def serve_file(self, name: str) -> None:
        """As any server of files does."""
        data = self._content(name)
        if data is None:
            page = b"<html>not found</html>"
            self._begin(404, Content_Length=len(page))
            self.wfile.write(page)
            return
        tag = f'"{hashlib.sha256(data).hexdigest()[:16]}"'
        if self.headers.get("If-None-Match") == tag:
            self._begin(304, ETag=tag)
            return
        asked = self.headers.get("Range", "")
        if asked.startswith("bytes="):
            first = int(asked[6:].split("-")[0])
            part = f"bytes {first}-{len(data) - 1}/{len(data)}"
            self._begin(206, ETag=tag, Content_Length=len(data) - first, Content_Range=part)
            self.wfile.write(data[first:])
            return
        self._begin(200, ETag=tag, Content_Length=len(data))
        self.wfile.write(data)

    def serve_chunked(self, name: str) -> None:
        """In chunks, and without ranges."""
        data = self._content(name)
        if data is None:
            self._begin(404, Content_Length=0)
            return
        self._begin(200, Transfer_Encoding="chunked")
        for at in range(0, len(data), 10000):
            part = data[at : at + 10000]
            self.wfile.write(b"%X;x=y\r\n%s\r\n" % (len(part), part))
        self.wfile.write(b"0\r\n\r\n")

    def serve_moved(self, name: str) -> None:
        """From another place."""
        self._begin(302, Location=f"/{name}", Content_Length=0)

    # --- not so ---

    def serve_loop(self, name: str) -> None:
        """From a place that leads to itself."""
        self._begin(302, Location=name, Content_Length=0)

    def serve_away(self, name: str) -> None:
        """From a place without TLS."""
        self._begin(302, Location=f"http://{self.headers['Host'].split(':')[0]}/{name}", Content_Length=0)

    def serve_html(self, name: str) -> None:
        """A page for people, as captive portals do."""
        page = b"<!DOCTYPE html><html>please log in</html>" * 500
        self._begin(200, Content_Length=len(page))
        self.wfile.write(page)

    def serve_longer(self, name: str) -> None:
        """The list, and then more, without end."""
        if name.endswith(".head"):
            self.serve_file(name)
            return
        self._begin(200, Connection="close")
        self.wfile.write(self._content(name) or b"")
        self._pour(b"\0")

    def serve_endless(self, name: str) -> None:
        """Bytes without end."""
        self._begin(200, Connection="close")
        self._pour(b"S")

    def serve_headers(self, name: str) -> None:
        """Headers without end."""
        self.send_response(200)
        self.flush_headers()
        self._pour(b"X-More: y\r\n")

    def serve_slow(self, name: str) -> None:
        """A byte now and then."""
        self._begin(200, Content_Length=4096)
        for byte in (self._content(name) or b"")[:4096]:
            self.wfile.write(bytes([byte]))
            time.sleep(0.5)

    def serve_cut(self, name: str) -> None:
        """Half of the list; the whole of its head."""
        data = self._content(name) or b""
        if name.endswith(".sgb") and "Range" not in self.headers:
            self._begin(200, Content_Length=len(data))
            self.wfile.write(data[: len(data) // 2])
            self.close_connection = True
        else:
            self.serve_file(name)

    def serve_coded(self, name: str) -> None:
        """Compressed, though nobody asked for that."""
        self._begin(200, Content_Encoding="gzip", Content_Length=4)
        self.wfile.write(b"\x1f\x8b\0\0")

    def _pour(self, what: bytes) -> None:
        piece = what * (_PIECE // len(what))
        while True:
            self.wfile.write(piece)

    def handle(self) -> None:
        """Whoever hangs up has had enough."""
        try:
            super().handle()
        except (OSError, ValueError):
            pass

    def log_message(self, *_: object) -> None:
        """What was asked is told already."""


def main(port: str, folder: str, *tls: str) -> None:
    """Serve until killed."""
    Handler.folder = Path(folder)
    server = http.server.ThreadingHTTPServer(("", int(port)), Handler)
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*tls)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
