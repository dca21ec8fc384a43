"""Sources on the web: conditional requests, the cache, polite limits, and servers that do not behave."""

import datetime
import gzip
import ipaddress
import ssl
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from spamgate_tools.blocklist import fetch
from spamgate_tools.blocklist.fetch import Fetcher
from spamgate_tools.blocklist.source import Options, read_source
from spamgate_tools.errors import UserError

NAMES = "\n".join(f"n{number}.example" for number in range(500)).encode()
HOUR_S = 3600


class Site(ThreadingHTTPServer):
    """A web server that says what the test wants."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Page)
        self.asked: list[dict[str, str]] = []
        self.status = 200
        self.headers: dict[str, str] = {}
        self.body = NAMES
        self.endless = b""  # sent after the body until the client has gone
        self.pause_s = 0.0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/list.txt"


class _Page(BaseHTTPRequestHandler):
    server: Site

    def do_GET(self) -> None:
        site = self.server
        site.asked.append({key.lower(): value for key, value in self.headers.items()})
        self.send_response(site.status)
        for name, value in site.headers.items():
            self.send_header(name, value)
        if "Content-Length" not in site.headers and not site.endless:
            self.send_header("Content-Length", str(len(site.body)))
        self.end_headers()
        try:
            self.wfile.write(site.body)
            while site.endless:
                self.wfile.write(site.endless)
                time.sleep(site.pause_s)
        except OSError:
            pass

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def site() -> Iterator[Site]:
    with Site() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def options(tmp_path: Path) -> Options:
    return Options(cache=tmp_path / "cache")


class Clock:
    """The time of day, moved by hand."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_s = 1_800_000_000.0
        monkeypatch.setattr(Fetcher.__init__, "__defaults__", (*Fetcher.__init__.__defaults__[:-1], lambda: self.now_s))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def refusal(where: str, options: Options) -> str:
    with pytest.raises(UserError) as caught:
        read_source(where, options=options)
    assert caught.value.hint
    return str(caught.value).removeprefix(f"{where}: ")


# --- cache and manners ------------------------------------------------------------------------------


def test_a_server_is_asked_once_an_hour_and_then_only_for_news(site: Site, options: Options, clock: Clock) -> None:
    site.headers = {"ETag": '"one"', "Last-Modified": "Mon, 23 Nov 2026 01:00:00 GMT"}
    report = read_source(site.url, options=options)
    assert (report.origin, report.taken) == ("fetched", 500)
    assert site.asked[0]["user-agent"].startswith("spamgate/")
    clock.now_s += HOUR_S - 1
    assert read_source(site.url, options=options).origin == "asked lately"
    assert len(site.asked) == 1
    clock.now_s += 1
    site.status, site.body = 304, b""
    report = read_source(site.url, options=options)
    assert (report.origin, report.taken) == ("not changed", 500)
    assert site.asked[1]["if-none-match"] == '"one"'
    assert site.asked[1]["if-modified-since"] == "Mon, 23 Nov 2026 01:00:00 GMT"
    clock.now_s += HOUR_S - 1
    assert read_source(site.url, options=options).origin == "asked lately"
    clock.now_s += 1
    site.status, site.body = 200, NAMES + b"\nnew.example\n"
    report = read_source(site.url, options=options)
    assert (report.origin, report.taken) == ("fetched", 501)


def test_refresh_asks_at_once(site: Site, options: Options) -> None:
    read_source(site.url, options=options)
    assert read_source(site.url, options=Options(cache=options.cache, refresh=True)).origin == "fetched"
    assert len(site.asked) == 2


def test_a_packed_answer_is_unpacked(site: Site, options: Options) -> None:
    site.headers, site.body = {"Content-Encoding": "gzip"}, gzip.compress(NAMES)
    assert read_source(site.url, options=options).taken == 500
    assert site.asked[0]["accept-encoding"] == "gzip"
    assert read_source(site.url, options=options).origin == "asked lately"


def test_a_packed_file_is_unpacked_though_packed_again_for_the_way(site: Site, options: Options) -> None:
    site.headers, site.body = {"Content-Encoding": "gzip"}, gzip.compress(gzip.compress(NAMES))
    assert read_source(site.url, options=options).taken == 500


def test_a_broken_cache_is_fetched_anew(site: Site, options: Options) -> None:
    read_source(site.url, options=options)
    assert options.cache
    for path in options.cache.iterdir():
        path.write_bytes(path.read_bytes()[:-2])
    assert read_source(site.url, options=options).origin == "fetched"


def test_a_cache_that_cannot_be_written_is_no_hindrance(site: Site, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    options = Options(cache=tmp_path / "file" / "below")
    assert read_source(site.url, options=options).taken == 500


# --- what must not take the place of a good copy ------------------------------------------------------


@pytest.mark.parametrize(("status", "body", "says"), [
    (200, b"<html><title>Please wait</title></html>", "is a web page, not a list"),
    (200, b"", "is empty"),
    (200, b"a.example\nb.example\n", "has 2 entries, the last time 500"),
    (200, b"Bandwidth exceeded\n", "its format is none that is known"),
])  # fmt: skip
def test_what_is_no_list_leaves_the_copy_alone(
    site: Site, options: Options, clock: Clock, status: int, body: bytes, says: str
) -> None:
    read_source(site.url, options=options)
    clock.now_s += HOUR_S
    good, site.status, site.body = site.body, status, body
    assert refusal(site.url, options).startswith(says)
    site.status = 503
    clock.now_s += HOUR_S
    report = read_source(site.url, options=options)
    assert (report.origin, report.taken) == ("old copy", len(good.split()))


def test_force_takes_a_feed_that_shrank(site: Site, options: Options, clock: Clock) -> None:
    read_source(site.url, options=options)
    clock.now_s += HOUR_S
    site.body = b"a.example\nb.example\n"
    forced = Options(cache=options.cache, force=True)
    assert read_source(site.url, options=forced).taken == 2
    assert read_source(site.url, options=options).taken == 2


def test_a_server_that_is_away_is_stood_in_for_a_week(site: Site, options: Options, clock: Clock) -> None:
    read_source(site.url, options=options)
    site.status = 500
    clock.now_s += 5 * HOUR_S
    report = read_source(site.url, options=options)
    assert report.notes == ["cannot be fetched (500 Internal Server Error); the copy fetched 5 hours ago stands in"]
    asked = len(site.asked)
    report = read_source(site.url, options=options)  # and is not asked again at once
    assert report.notes == ["its server says 500 Internal Server Error; the copy of before stands in"]
    assert len(site.asked) == asked
    clock.now_s += 7 * 24 * HOUR_S
    assert refusal(site.url, options) == (
        "cannot be fetched: 500 Internal Server Error; look at the address, or fetch it by hand and name the file"
    )


# --- servers that do not behave -------------------------------------------------------------------------


def test_a_page_that_is_not_there_is_said_so(site: Site, options: Options) -> None:
    site.status = 404
    assert refusal(site.url, options).startswith("cannot be fetched: 404 Not Found")


def test_nobody_at_the_address_is_said_so(options: Options) -> None:
    assert "refused" in refusal("http://127.0.0.1:9/list.txt", options)


def test_an_answer_without_end_is_cut(site: Site, tmp_path: Path) -> None:
    site.endless = b"a.example\n" * 5000
    assert refusal(site.url, Options(cache=tmp_path, most_bytes=1 << 20)).startswith("is larger than 1 MB")


def test_a_packed_answer_without_end_is_cut(site: Site, tmp_path: Path) -> None:
    site.body = gzip.compress(bytes(64 << 20))
    assert refusal(site.url, Options(cache=tmp_path, most_bytes=1 << 20)).startswith("is larger than 1 MB")


def test_an_answer_that_drips_is_given_up(site: Site, options: Options, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "_WHOLE_PATIENCE_S", 0.3)
    site.endless, site.pause_s = b"a.example\n", 0.05
    assert refusal(site.url, options).startswith("cannot be fetched: took longer")


def test_a_server_that_says_nothing_is_given_up(site: Site, options: Options, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "_PATIENCE_S", 0.2)
    site.headers, site.body = {"Content-Length": "10"}, b""
    site.endless, site.pause_s = b"", 1.0
    assert refusal(site.url, options).startswith("cannot be fetched: ")


def test_an_answer_that_ends_early_is_no_list(site: Site, options: Options) -> None:
    site.headers = {"Content-Length": "99999"}
    assert refusal(site.url, options).startswith("cannot be fetched: ")


def test_a_circle_of_redirects_is_left(site: Site, options: Options) -> None:
    site.status, site.headers = 302, {"Location": site.url}
    assert refusal(site.url, options).startswith("cannot be fetched: ")
    assert len(site.asked) <= 12


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.1/x"])
def test_a_redirect_leads_to_web_servers_only(site: Site, options: Options, target: str) -> None:
    site.status, site.headers = 302, {"Location": target}
    assert refusal(site.url, options).startswith("cannot be fetched: ")


@pytest.mark.parametrize("url", ["http://", "http://[::1", "http://127.0.0.1:x/", "http://a b/", "http://" + "x" * 300])
def test_a_broken_address_is_said_so(options: Options, url: str) -> None:
    assert refusal(url, options)


# --- https ------------------------------------------------------------------------------------------------


def certificate(folder: Path) -> Path:
    """Return a file with a key and the certificate that it signed for itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "lists.example")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    pem = serialization.Encoding.PEM
    file = folder / "site.pem"
    file.write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain) + made.public_bytes(serialization.Encoding.PEM)
    )
    return file


@pytest.fixture
def sealed(site: Site, tmp_path: Path) -> str:
    """Let the site speak TLS; return its address."""
    file = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    site.socket = context.wrap_socket(site.socket, server_side=True)
    return site.url.replace("http:", "https:")


def test_a_certificate_that_nobody_vouches_for_is_refused(
    sealed: str, site: Site, options: Options, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "certificate verify failed" in refusal(sealed, options)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "site.pem"))
    assert read_source(sealed, options=options).taken == 500
    site.status, site.headers = 302, {"Location": "http://127.0.0.1:9/list.txt"}
    assert "points from https to http" in refusal(sealed + "2", options)
